"""`Optimizer`, what all optimisers are: groups of parameters with their options, and a state.

A subclass lists its options, with what each may be, and says how one parameter moves. Everything
else is here: groups, checks, the way to the gradients, and the state as data.

Parameters are written to in place, and the write is noted, so that a graph that still needs the
old values says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from ..checks import Check, checked, not_negative
from ..engine import Leaf, Traced, live, recorder, wrote
from ..tensor import Tensor
from .blocks import Blocks, cut

__all__ = ["Array", "Group", "Moving", "Optimizer", "Place"]

Array = Any
Group = dict[str, Any]
Moving = tuple["Place", Array, Array]  # where, the values, the gradient


class Place:
    """A parameter, the blocks to move it by, and what the optimiser remembers about it."""

    __slots__ = ("blocks", "has_moved", "parameter", "scratch", "state")

    def __init__(self, parameter: Tensor, blocks: Blocks) -> None:
        self.parameter = parameter
        self.blocks = blocks
        self.scratch = blocks.scratch
        self.state: dict[str, Any] = {}
        self.has_moved = False

    def load(self, state: Mapping[str, Any] | None) -> None:
        """Remember what another place did, or with None nothing: arrays stay the same objects."""
        self.has_moved = state is not None
        for name, own in list(self.state.items()):
            if state is None and isinstance(own, np.ndarray):
                own[...] = 0
            elif state is None or name not in state:
                del self.state[name]
        for name, value in (state or {}).items():
            own = self.state.get(name)
            if isinstance(own, np.ndarray):
                own[...] = value
            else:
                self.state[name] = _copied(value)

    def notice_move(self) -> None:
        """Note that the parameter has moved once."""
        self.has_moved = True

    def zeros(self, name: str, values: Array) -> Array:
        """Return what is remembered under a name: an array of the parameter's shape, 0 at first."""
        array = self.state.get(name)
        if array is None:
            array = self.state[name] = np.zeros(values.shape, values.dtype)
        return live(array)


class Optimizer:
    """What all optimisers are.

    Parameters
    ----------
    params
        The Tensors to learn; or groups of them, dicts of ``"params"`` and of the options that
        are others in that group.
    defaults
        The options of the groups that have none of their own.

    Attributes
    ----------
    param_groups
        One dict for each group: its ``"params"``, a tuple, and all options, which may be changed
        between steps.

    Raises
    ------
    ValueError
        If there is nothing to learn, a parameter is not a leaf or is listed twice, or an option
        is unknown or makes no sense.
    """

    options: ClassVar[Mapping[str, Check]]
    """What each option may be."""
    remembers: ClassVar[frozenset[str]]
    """What the state of a parameter that has moved always holds."""
    may_remember: ClassVar[frozenset[str]] = frozenset()
    """What it holds with some options only."""
    scratches: ClassVar[int] = 1
    """How many arrays `move` computes with on the way."""

    def __init__(
        self, params: Iterable[Tensor] | Iterable[Mapping[str, Any]], defaults: Mapping[str, Any]
    ) -> None:
        self.defaults = self._checked(defaults)
        self.param_groups: list[Group] = []
        self._places: list[list[Place]] = []
        if isinstance(params, Tensor):
            raise ValueError(f"{self._name}: expected a list of parameters, not a single Tensor")
        groups = list(params)
        if not (groups and all(isinstance(group, Mapping) for group in groups)):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)  # type: ignore[arg-type]

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Learn more parameters, with options of their own.

        Parameters
        ----------
        group
            The ``"params"``, and the options that are not the optimiser's defaults.

        Raises
        ------
        ValueError
            As for the constructor.
        """
        given = dict(group)
        params = given.pop("params", ())
        parameters = [params] if isinstance(params, Tensor) else list(params)
        options = self._checked({**self.defaults, **given})
        if not parameters:
            raise ValueError(f"{self._name}: no parameters to learn")
        known = {id(place.parameter) for places in self._places for place in places}
        for parameter in parameters:
            if not (isinstance(parameter, Tensor) and parameter.is_leaf):
                raise ValueError(f"{self._name}: {parameter!r} is not a leaf Tensor")
            if id(parameter) in known:
                raise ValueError(
                    f"{self._name}: a parameter is listed twice, and would be moved twice"
                )
            known.add(id(parameter))
        blocks = cut([parameter.writable() for parameter in parameters], self.scratches)
        self.param_groups.append({"params": tuple(parameters), **options})
        self._places.append([Place(*pair) for pair in zip(parameters, blocks, strict=True)])

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for places in self._places:
            for place in places:
                node = place.parameter._node
                if type(node) is Leaf:
                    node.grad = None

    def step(self) -> None:
        """Move every parameter that has a gradient.

        Raises
        ------
        ValueError
            If a group's learning rate is not a finite number, 0 or more.
        """
        capture = recorder.get()
        if capture is not None:
            capture.moves(self)
        written: list[Array] = []
        try:
            for group, places in zip(self.param_groups, self._places, strict=True):
                moving = []
                for place in places:
                    node, values = place.parameter._node, place.parameter._array
                    if type(node) is Leaf and (g := node.grad) is not None:
                        moving.append((place, values, g._array if isinstance(g, Traced) else g))
                        written.append(values)
                self.move(moving, group)
        finally:
            wrote(*written)

    def lr_of(self, group: Group) -> float:
        """Return the learning rate of a group, if it makes sense."""
        lr: float = group["lr"]
        return lr if 0 <= lr < math.inf else self._checked({"lr": lr})["lr"]

    def move(self, moving: list[Moving], group: Group) -> None:
        """Move parameters of a group: their values, by their gradients, which are only read."""
        raise NotImplementedError

    # --- its state ------------------------------------------------------------------------

    def parameters(self) -> list[Tensor]:
        """List the parameters of all groups."""
        return [place.parameter for places in self._places for place in places]

    def states(self) -> list[dict[str, Any]]:
        """List what is remembered about each parameter: the dicts themselves, not copies."""
        return [place.state for places in self._places for place in places]

    def bookmark(self) -> Callable[[], None]:
        """Return what goes back to here with all that is remembered but for arrays' contents."""
        before = [
            (place, dict(place.state), place.has_moved) for own in self._places for place in own
        ]

        def go_back() -> None:
            for place, state, has_moved in before:
                place.state.clear()
                place.state.update(state)
                place.has_moved = has_moved

        return go_back

    def state_dict(self) -> dict[str, Any]:
        """Copy all that it takes to continue, in PyTorch's form.

        Returns
        -------
        dict
            ``"state"`` has, by the parameters' numbers, what is remembered about each: copies of
            arrays, and integers. ``"param_groups"`` are the groups, with numbers for parameters.
        """
        places = [place for group in self._places for place in group]
        numbers = {id(place): i for i, place in enumerate(places)}
        return {
            "state": {
                i: {name: _copied(value) for name, value in place.state.items()}
                for i, place in enumerate(places)
                if place.state and place.has_moved
            },
            "param_groups": [
                {
                    **{name: value for name, value in group.items() if name != "params"},
                    "params": [numbers[id(place)] for place in own],
                }
                for group, own in zip(self.param_groups, self._places, strict=True)
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, options included.

        Raises
        ------
        ValueError
            If it belongs to other groups, or something is missing, unknown, of another shape or
            dtype, or makes no sense. Nothing is changed then.
        """
        places = [place for group in self._places for place in group]
        options, states = self._checked_state(state, [place.parameter for place in places])
        for group, own in zip(self.param_groups, options, strict=True):
            group.update(own)
        for i, place in enumerate(places):
            place.load(states.get(i))

    def _checked_state(
        self, state: Mapping[str, Any], parameters: list[Tensor]
    ) -> tuple[list[Group], Mapping[int, Mapping[str, Any]]]:
        """Return the options of each group and the state of each parameter, if all is well."""
        what = f"{self._name}: load_state_dict"
        if state.keys() != {"state", "param_groups"}:
            raise ValueError(f"{what}: expected 'state' and 'param_groups', not {list(state)}")
        sizes = [len(group["params"]) for group in state["param_groups"]]
        own_sizes = [len(group["params"]) for group in self.param_groups]
        if sizes != own_sizes:
            raise ValueError(f"{what}: groups of {sizes} parameters where {own_sizes} was expected")
        options = []
        for group in state["param_groups"]:
            given = {name: value for name, value in group.items() if name != "params"}
            missing = sorted(self.options.keys() - given.keys())
            if missing:
                raise ValueError(f"{what}: a group without {', '.join(missing)}")
            options.append(self._checked(given))
        for i, values in state["state"].items():
            if i not in range(len(parameters)):
                raise ValueError(f"{what}: parameter {i!r} of {len(parameters)}")
            self._check_values(f"{what}: parameter {i}", values, parameters[i])
        return options, state["state"]

    def _check_values(self, what: str, values: Mapping[str, Any], parameter: Tensor) -> None:
        """Refuse a state that is not what a parameter like this would have."""
        missing = sorted(self.remembers - values.keys())
        unknown = sorted(values.keys() - self.remembers - self.may_remember)
        if missing or unknown:
            words = [f"{name} is missing" for name in missing]
            raise ValueError(
                f"{what}: {'; '.join(words + [f'{name} is unknown' for name in unknown])}"
            )
        for name, value in values.items():
            if name == "step":
                if not (isinstance(value, int) and value >= 1):
                    raise ValueError(f"{what}: step is {value!r}; expected a count, 1 or more")
                continue
            found = np.asarray(value)
            if (found.shape, found.dtype) != (parameter.shape, parameter.dtype):
                raise ValueError(
                    f"{what}: {name} is {found.dtype} of shape {found.shape} where "
                    f"{parameter.dtype} of shape {parameter.shape} was expected"
                )

    # --- its options ----------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return options as Python's numbers, if they make sense.

        Schedules note in a group the learning rate that it began with, as `initial_lr`.
        """
        known = {**self.options, "initial_lr": not_negative}
        options = checked(self._name, known, given)
        self._check_together(options)
        return options

    def _check_together(self, options: Mapping[str, Any]) -> None:
        """Refuse options that do not go together."""

    def __repr__(self) -> str:
        groups = [
            ", ".join(
                [f"{len(group['params'])} parameters"]
                + [f"{name}={value}" for name, value in group.items() if name != "params"]
            )
            for group in self.param_groups
        ]
        return f"{self._name}({'; '.join(groups)})"


def _copied(value: Any) -> Any:
    return value if isinstance(value, int) else np.array(value)
