"""What a step can reach: the models, optimisers, Tensors and generators that its function uses.

A captured step is right as long as these stay the same objects. So what was found is also what is
looked at before each replay, by `Reach.holds`: a parameter that was replaced, a layer that was
exchanged or switched to evaluation is noticed then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..engine import Node
from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor

__all__ = ["Reach", "item"]

_PLAIN = (bool, int, float, str, type(None))
_OWN = __name__.partition(".")[0]
_LIBRARIES = {"numpy", "builtins", "functools", "math", _OWN}


class Reach:
    """What a function can reach by its global and closure variables, and from there.

    Parameters
    ----------
    function
        The step.

    Attributes
    ----------
    tensors
        Every Tensor, by a name such as ``"0.weight"``; each once.
    modules
        Every module by its name, outermost ones first.
    optimisers
        Every optimiser.
    generators
        Where modules hold random number generators: the module and the attribute.
    arrays
        Bare arrays, by the names of the variables that hold them.
    loose_generators
        Generators that no module holds.
    containers
        Lists, dicts and the attributes of objects, each with its name.
    variables
        Other places where something is held: each is something with items, and a key.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.modules: dict[str, Module] = {}
        self.optimisers: list[Optimizer] = []
        self.generators: list[tuple[Module, str]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.loose_generators: dict[str, np.random.Generator] = {}
        self.containers: list[tuple[str, list[Any] | dict[Any, Any]]] = []
        self.variables: list[tuple[Any, Any]] = []
        self._seen: dict[int, Any] = {}  # the objects, so that no number is given out again
        self._classes: set[int] = set()
        self._items: list[tuple[Any, Any, Any]] = []
        self._lengths: list[tuple[Any, int]] = []
        self._step = function
        self._enter("", function)
        self._nodes: list[tuple[Tensor, Any, Node | None]] = [
            (tensor, tensor._array, tensor._node) for tensor in self.tensors.values()
        ]

    def holds(self) -> bool:
        """Tell whether everything is still the same objects."""
        try:
            for container, key, expected in self._items:
                now = container[key]
                if now is not expected and not _equal(now, expected):
                    return False
        except (KeyError, IndexError, ValueError, AttributeError):
            return False
        for container, length in self._lengths:
            if len(container) != length:
                return False
        for tensor, array, node in self._nodes:
            if tensor._array is not array or tensor._node is not node:
                return False
        return True

    def change(self) -> str:
        """Name what is not the same any more."""
        for container, key, expected in self._items:
            now = container.get(key) if isinstance(container, dict) else item(container, key)
            if now is not expected and not _equal(now, expected):
                return f"{key!r} was {_brief(expected)} and is {_brief(now)}"
        for container, length in self._lengths:
            if len(container) != length:
                return f"a list had {length} items and has {len(container)}"
        for name, tensor in self.tensors.items():
            for known, array, node in self._nodes:
                if known is tensor and (tensor._array is not array or tensor._node is not node):
                    return f"{name} holds another array, or needs a gradient where it did not"
        return "nothing"

    # --- the search -----------------------------------------------------------------------

    def _enter(self, name: str, thing: Any) -> None:
        if isinstance(thing, _PLAIN) or id(thing) in self._seen:
            return
        self._seen[id(thing)] = thing
        if isinstance(thing, Tensor):
            self.tensors[name] = thing
        elif isinstance(thing, np.ndarray):
            self.arrays[name] = thing
        elif isinstance(thing, np.random.Generator):
            self.loose_generators[name] = thing
        elif isinstance(thing, Module):
            self._enter_module(name, thing)
        elif isinstance(thing, Optimizer):
            self._enter_optimiser(name, thing)
        elif isinstance(thing, FunctionType):
            self._enter_function(thing)
        elif isinstance(thing, type):
            self._enter_class(name, thing)
        elif isinstance(thing, MethodType):
            self._enter(name, thing.__self__)
            self._enter(name, thing.__func__)
        elif isinstance(thing, partial):
            for part in (thing.func, thing.args, thing.keywords):
                self._enter(name, part)
        elif hasattr(thing, "__wrapped__"):
            self._enter(name, thing.__wrapped__)
        elif isinstance(thing, list | tuple):
            self._lengths.append((thing, len(thing)))
            if isinstance(thing, list):
                self.containers.append((name, thing))
            for i, part in enumerate(thing):
                self._look_at(f"{name}.{i}", thing, i, part)
        elif isinstance(thing, dict):
            self._lengths.append((thing, len(thing)))
            self.containers.append((name, thing))
            for key, part in thing.items():
                self._look_at(f"{name}.{key}", thing, key, part)
        elif _module_of(type(thing)) not in _LIBRARIES:
            self._enter_class(name, type(thing))
            attributes = getattr(thing, "__dict__", {})
            self.containers.append((name, attributes))
            for key, part in attributes.items():
                self._look_at(f"{name}.{key}", attributes, key, part)
            slots = _Slots(thing)
            for key in slots.names:
                self.variables.append((slots, key))
                self._look_at(f"{name}.{key}", slots, key, slots[key])

    def _look_at(self, name: str, container: Any, key: Any, part: Any) -> None:
        """Remember what a container holds under a key, and enter it."""
        if isinstance(part, np.random.Generator | np.random.SeedSequence):
            self._enter(name, part)
            return
        self._items.append((container, key, part))
        self._enter(name, part)

    def _enter_function(self, function: FunctionType) -> None:
        if function is not self._step and _module_of(function) in _LIBRARIES:
            return
        code, namespace = function.__code__, function.__globals__
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        found: list[tuple[Any, str, Any]] = [
            (_Cell(cell), key, cell.cell_contents) for key, cell in cells
        ]
        found += [
            (namespace, k, namespace[k]) for k in dict.fromkeys(_names(code)) if k in namespace
        ]
        # Those come first that know the best names of what is inside of them.
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._enter(function.__name__, default)
        self._items.append((_Attributes(function), "__defaults__", function.__defaults__))
        for part in [each[2] for each in found]:
            if isinstance(part, ModuleType) and _module_of_module(part) not in _LIBRARIES:
                own = vars(part)
                found += [(own, f"{k}", own[k]) for k in dict.fromkeys(_names(code)) if k in own]
        found.sort(
            key=lambda each: (
                0 if isinstance(each[2], Module) else isinstance(each[2], Optimizer) + 1
            )
        )
        for container, key, part in found:
            self.variables.append((container, key))
            self._look_at(key, container, key, part)

    def _enter_class(self, name: str, kind: type) -> None:
        """Enter the methods and attributes of a class of the user's."""
        for owner in kind.__mro__:
            if _module_of(owner) in _LIBRARIES or id(owner) in self._classes:
                continue
            self._classes.add(id(owner))
            for key, part in vars(owner).items():
                if key.startswith("__") and not isinstance(part, FunctionType):
                    continue
                function = getattr(part, "fget", None) or getattr(part, "__func__", part)
                self._look_at(f"{name}.{key}", _Attributes(owner), key, function)

    def _enter_module(self, name: str, module: Module) -> None:
        self.modules[name] = module
        self.containers.append((name, vars(module)))
        self._enter_class(name, type(module))
        self._items.append((_Training(module), "training", module.training))
        for key, part in vars(module).items():
            if isinstance(part, np.random.Generator):
                self.generators.append((module, key))
            if key != "training":
                self._items.append((vars(module), key, part))
        for key, part in module.parts():
            if not isinstance(part, np.random.Generator):
                self._enter(f"{name}.{key}", part)
        for part in vars(module).values():
            if isinstance(part, list | dict):
                self.containers.append((name, part))
                self._lengths.append((part, len(part)))
                pairs = part.items() if isinstance(part, dict) else enumerate(part)
                self._items.extend((part, key, each) for key, each in pairs)

    def _enter_optimiser(self, name: str, optimiser: Optimizer) -> None:
        self.optimisers.append(optimiser)
        self._lengths.append((optimiser.param_groups, len(optimiser.param_groups)))
        for i, group in enumerate(optimiser.param_groups):
            for key, part in group.items():
                if key in ("momentum", "betas"):  # schedules change them, but not to 0 and back
                    self._items.append((_Truth(group), key, bool(part)))
                elif key not in ("lr", "initial_lr"):
                    self._items.append((group, key, part))
            for j, parameter in enumerate(group["params"]):
                self._enter(f"{name}.{i}.{j}", parameter)

    def remember_state(self) -> None:
        """Look at the optimisers' own arrays as well, once they are there."""
        for optimiser in self.optimisers:
            for state in optimiser.states():
                self._items.extend(
                    (state, key, part)
                    for key, part in state.items()
                    if isinstance(part, np.ndarray)
                )


class _Cell:
    """A closure's variable, as a container."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def __getitem__(self, key: str) -> Any:
        return self._cell.cell_contents

    def __setitem__(self, key: str, part: Any) -> None:
        self._cell.cell_contents = part


class _Attributes:
    """The attributes of a class or function, as a container."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def __getitem__(self, key: str) -> Any:
        part = vars(self._owner)[key] if isinstance(self._owner, type) else None
        if part is None:
            return getattr(self._owner, key)
        return getattr(part, "fget", None) or getattr(part, "__func__", part)


class _Slots:
    """The attributes of an object that its classes name in ``__slots__``, as a container."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        parts = ((key, part) for kind in type(owner).__mro__ for key, part in vars(kind).items())
        self.names = [key for key, part in parts if isinstance(part, MemberDescriptorType)]

    def __getitem__(self, key: str) -> Any:
        return getattr(self._owner, key, None)

    def __setitem__(self, key: str, part: Any) -> None:
        setattr(self._owner, key, part)


class _Truth:
    """Whether what a container holds is not 0, as a container."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getitem__(self, key: str) -> bool:
        return bool(self._container[key])


class _Training:
    """A module's mode, which may be its own or its class's, as a container."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def __getitem__(self, key: str) -> Any:
        return self._module.training


def _names(code: CodeType) -> Iterator[str]:
    """List the global names of a function, and of those inside."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _module_of(thing: Any) -> str:
    return str(getattr(thing, "__module__", None) or "").partition(".")[0]


def _equal(now: Any, expected: Any) -> bool:
    """Tell whether two numbers, strings, or tuples of them are the same."""
    return (
        type(now) is type(expected)
        and isinstance(expected, (*_PLAIN, tuple))
        and repr(now) == repr(expected)
    )


def _module_of_module(module: ModuleType) -> str:
    return module.__name__.partition(".")[0]


def item(container: Any, key: Any) -> Any:
    """Return what a container holds under a key; None if that is nothing."""
    try:
        return container[key]
    except (KeyError, IndexError, ValueError, AttributeError):
        return None


def _brief(thing: Any) -> str:
    if isinstance(thing, _PLAIN):
        return repr(thing)
    if isinstance(thing, Tensor):
        return f"a Tensor of shape {thing.shape}"
    return f"a {type(thing).__name__}" if thing is not None else "nothing"
