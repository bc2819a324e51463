"""The backward sweep, step by step, with everything that it computes on its way.

The sweep that runs is the engine's own, over a copy of the graph whose rules note what they do: see
`noting`. What was noted is sorted out into steps when somebody looks at them.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any, overload

import numpy as np

from ..engine import Leaf, Node, fitted, swept, wrap
from .graph import Graph, build, formula_of
from .names import Names, find_names, variables_of
from .noting import Note, noting_copies
from .parts import GraphNode
from .tables import markdown, table
from .tape import Tape, hooked_among, recorded

__all__ = ["Contribution", "Step", "Trace", "trace"]


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """What one step adds to the gradient of one of its inputs.

    Attributes
    ----------
    place
        Which input it is, from 0.
    input
        The input.
    formula
        Its gradient in LaTeX, as the rule has it.
    unsummed
        What the rule returned, of the shape to which the input was broadcast.
    axes
        The axes of `unsummed` that were summed, because broadcasting had stretched the input along
        them; empty where it had not.
    array
        What is added to the input's gradient, of the input's shape and dtype.
    earlier
        What later uses of the input had contributed before, which `array` is added to; None where
        this is the first to arrive.
    seconds
        How long the rule took.
    """

    place: int
    input: GraphNode
    formula: str
    unsummed: np.ndarray
    axes: tuple[int, ...]
    array: np.ndarray
    earlier: np.ndarray | None
    seconds: float

    @property
    def total(self) -> np.ndarray:
        """The input's gradient as far as it is known after this step."""
        return self.array if self.earlier is None else self.earlier + self.array


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operation that the sweep passes.

    Attributes
    ----------
    number
        Its place in the sweep, from 0.
    node
        The operation and its value.
    upstream
        The gradient of its value, complete by now, as the rule was given it.
    contributions
        What it passes on, one an input that needs a gradient.
    hooked
        Whether a hook changed the gradient: `upstream` is then what the hook made of what arrived.
    """

    number: int
    node: GraphNode
    upstream: np.ndarray
    contributions: tuple[Contribution, ...]
    hooked: bool = False

    @property
    def operation(self) -> str:
        """The operation's name."""
        return self.node.operation

    @property
    def formulas(self) -> tuple[str, ...]:
        """The gradients that it computes in LaTeX, one a contribution."""
        return tuple(contribution.formula for contribution in self.contributions)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the inputs that it contributes to."""
        return tuple(contribution.input.shape for contribution in self.contributions)

    @property
    def seconds(self) -> float:
        """How long its rules took, without what tracing adds."""
        return sum(contribution.seconds for contribution in self.contributions)

    @property
    def bytes(self) -> int:
        """The size of the arrays that its rules returned."""
        return sum(contribution.unsummed.nbytes for contribution in self.contributions)


class Trace(Sequence[Step]):
    """A backward sweep as a sequence of steps, in the order in which it ran.

    ``trace[0]`` is a step, and ``trace["0.weight"]`` the trace of those steps through which that
    gradient came, with those contributions only. It prints as a table, in which ``1: relu`` is the
    value of the relu whose gradient step 1 passes on.
    """

    def __init__(self, sweep: _Sweep, target: GraphNode | None = None) -> None:
        self._sweep = sweep
        self._target = target

    @property
    def graph(self) -> Graph:
        """The graph that was swept."""
        return self._sweep.graph

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps."""
        steps = self._sweep.steps
        return steps if self._target is None else tuple(_leading_to(self._target, steps))

    @property
    def gradients(self) -> dict[str, np.ndarray]:
        """The gradients of the named leaves at which the sweep ended, by name."""
        found = self._sweep.gradients
        target = self._target
        return found if target is None else {k: g for k, g in found.items() if k == target.name}

    @property
    def hooked(self) -> tuple[str, ...]:
        """The names of those `gradients` that a hook changed: they are not what arrived."""
        return tuple(name for name in self.gradients if name in self._sweep.hooked)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @overload
    def __getitem__(self, key: int) -> Step: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Step, ...]: ...
    @overload
    def __getitem__(self, key: str) -> Trace: ...

    def __getitem__(self, key: int | slice | str) -> Any:
        return Trace(self._sweep, self.graph[key]) if isinstance(key, str) else self.steps[key]

    @property
    def seconds(self) -> float:
        """How long the rules took."""
        return sum(step.seconds for step in self.steps)

    @property
    def bytes(self) -> int:
        """The size of the arrays that the rules returned."""
        return sum(step.bytes for step in self.steps)

    def __repr__(self) -> str:
        notes = (f"a hook changed the gradient of {name}" for name in self.hooked)
        return "\n".join([table(_HEAD, self._rows(), right=(0, 7, 8)), *notes])

    def _repr_markdown_(self) -> str:
        """Show the table in a notebook, with its formulas typeset."""
        notes = (f"\na hook changed the gradient of {name}" for name in self.hooked)
        rows = ((*row[:4], _typeset(row[4]), *row[5:]) for row in self._rows())
        return "\n".join([markdown(_HEAD, rows), *notes])

    def _rows(self) -> Iterator[tuple[str, ...]]:
        numbers = {step.node.number: step.number for step in self._sweep.steps}
        return (row for step in self.steps for row in _rows(step, numbers))


_HEAD = ("step", "operation", "upstream", "to", "formula", "summed", "added to", "µs", "bytes")


def _typeset(formula: str) -> str:
    """Mark LaTeX in Markdown, without the bars that would end a cell."""
    plain = formula.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    return f"${plain}$" if plain else ""


def _rows(step: Step, numbers: Mapping[int, int]) -> Iterator[tuple[str, ...]]:
    """Write a step as rows of a table, one a contribution.

    The values of other steps are called by these numbers, too: several may come from operations of
    one name.
    """
    upstream = f"{step.node.shape}, by a hook" if step.hooked else str(step.node.shape)
    first: tuple[str, ...] = (str(step.number), step.operation, upstream)
    for part in step.contributions:
        summed = f"{part.unsummed.shape} over {part.axes}" if part.axes else ""
        place = numbers.get(part.input.number)
        number = "" if place is None else f"{place}: "
        yield (
            *first,
            f"{number}{part.input.label} {part.input.shape}",
            part.formula,
            summed,
            "" if part.earlier is None else "earlier uses",
            f"{part.seconds * 1e6:.1f}",
            f"{part.unsummed.nbytes:,}",
        )
        first = ("", "", "")


def _leading_to(target: GraphNode, steps: Sequence[Step]) -> list[Step]:
    """Keep of the steps what contributes to the gradient of one value."""
    leading = {target.number}
    found: list[Step] = []
    for step in reversed(steps):
        kept = tuple(part for part in step.contributions if part.input.number in leading)
        if kept:
            leading.add(step.node.number)
            found.append(replace(step, contributions=kept))
    return found[::-1]


def trace(loss: Any, model: Any = None, *, gradient: Any = None) -> Trace:
    """Run the backward sweep and note every step of it.

    It is the engine's own sweep, with hooks and all. But nothing is left behind: no ``grad`` is
    touched, and the graph is kept, so that it can be swept again.

    Parameters
    ----------
    loss
        What to sweep from: a Tensor that needs a gradient.
    model
        As for `graph`: where the names come from. If not given, the caller's variables.
    gradient
        What to start with, of the Tensor's shape; 1 if not given, for a scalar.

    Returns
    -------
    The steps. Their arrays can't be written to.

    Raises
    ------
    RuntimeError
        If the Tensor has no history, if its graph was already swept and freed, or if it is not a
        scalar and no `gradient` is given.

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> from tinygrad_mnist import study
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> steps = study.trace((x * x).sum())
    >>> [step.operation for step in steps]
    ['sum', 'multiply']
    >>> [part.array.tolist() for part in steps[1].contributions]
    [[1.0, 2.0], [1.0, 2.0]]
    >>> steps.gradients["x"]
    array([2., 4.], dtype=float32)
    """
    tape = recorded(loss, "study.trace")
    names = find_names(model, variables_of(sys._getframe(1)), tape.nodes)
    notes: list[Note] = []
    hooked = hooked_among(tape)
    root = wrap(type(loss), loss._array, noting_copies(tape, notes)[loss._node])
    landed = swept(root, gradient, None, retain_graph=True, create_graph=False)
    start = None if gradient is None else np.array(gradient)
    return Trace(_Sweep(tape, names, notes, landed, start, hooked))


class _Sweep:
    """What was noted of a sweep. It is sorted out when somebody looks at it."""

    def __init__(
        self,
        tape: Tape,
        names: Names,
        notes: list[Note],
        landed: dict[Node, Any],
        start: Any,
        hooked: Collection[Node],
    ) -> None:
        self._tape, self._names, self._notes = tape, names, notes
        self._start, self._hooked = start, hooked
        self._landed = {
            node: (name, _frozen(landed[node]))
            for node in tape.nodes
            if isinstance(node, Leaf) and node in landed and (name := names.of(node)) is not None
        }
        self.gradients = dict(self._landed.values())

    @cached_property
    def graph(self) -> Graph:
        """The graph that was swept."""
        return build(self._tape, self._names)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, each with all that one node passed on."""
        return self._sorted_out[0]

    @cached_property
    def hooked(self) -> set[str]:
        """The names of the leaves whose gradients a hook changed."""
        arrived = self._sorted_out[1]
        return {
            name
            for node, (name, gradient) in self._landed.items()
            if self._changed(node, arrived, gradient)
        }

    @cached_property
    def _sorted_out(self) -> tuple[tuple[Step, ...], dict[Node, Any]]:
        """The steps, and what arrived at each node."""
        values = dict(zip(self._tape.nodes, self.graph.nodes, strict=True))
        root = self._tape.nodes[-1]
        arrived: dict[Node, Any] = {
            root: np.ones(root.shape) if self._start is None else self._start
        }
        steps: list[Step] = []
        for node, notes in groupby(self._notes, key=lambda note: note.node):
            parents = dict(self._tape.inputs[node])
            parts = []
            for note in notes:
                parent = parents[note.place]
                parts.append(_contribution(note, parent, values[parent], arrived.get(parent)))
                arrived[parent] = parts[-1].total
            upstream = _frozen(note.upstream)
            changed = self._changed(node, arrived, upstream)
            steps.append(Step(len(steps), values[node], upstream, tuple(parts), changed))
        return tuple(steps), arrived

    def _changed(self, node: Node, arrived: Mapping[Node, Any], gradient: np.ndarray) -> bool:
        """Tell whether a hook made another gradient of what arrived at a node."""
        if node not in self._hooked:
            return False
        return not np.array_equal(arrived[node].astype(node.dtype), gradient, equal_nan=True)


def _contribution(note: Note, parent: Node, value: GraphNode, earlier: Any) -> Contribution:
    rule: Any = note.node.rule
    array = unsummed = _frozen(note.part)
    axes: tuple[int, ...] = ()
    if array.shape != parent.shape or array.dtype != parent.dtype:
        array = _frozen(fitted(note.part, parent, rule))
        axes = _summed_axes(unsummed.shape, parent.shape)
    formula, earlier = formula_of(rule, note.place), None if earlier is None else _frozen(earlier)
    return Contribution(note.place, value, formula, unsummed, axes, array, earlier, note.seconds)


def _summed_axes(stretched: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    extra = len(stretched) - len(shape)
    pairs = enumerate(zip(stretched[extra:], shape, strict=True), extra)
    return (*range(extra), *(axis for axis, (n, own) in pairs if n != own))


def _frozen(array: Any) -> np.ndarray:
    """Look at an array without being able to write to it."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
