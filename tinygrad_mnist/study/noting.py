"""A copy of a graph that notes what a sweep does with it.

The copy's nodes have rules that note what they are given and what they return. So the sweep knows
nothing of it and costs nothing more where nobody traces, and the graph itself stays as it is for
whoever sweeps it meanwhile.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, NamedTuple

from ..engine import Node, Rule, freed
from ..engine.hooks import watch_of
from .tape import Tape

__all__ = ["Note", "noting_copies"]


class Note(NamedTuple):
    """What one vjp was given and what it returned."""

    node: Node
    place: int
    upstream: Any
    part: Any
    seconds: float


def noting_copies(tape: Tape, notes: list[Note]) -> dict[Any, Node]:
    """Copy a graph's operations, with rules that note; the leaves, where gradients land, stay."""
    copies: dict[Any, Node] = {}
    for node in tape.nodes:
        saved, parents = node.saved, node.parents  # in this order: a sweep frees the parents first
        if parents is None:
            raise freed(node)
        if node.rule is None:
            copies[node] = node
            continue
        copies[node] = copy = Node()
        if isinstance(parents, Node):
            count, copy.parents = node.place + 1, copies[parents]
        else:
            count, copy.parents = len(parents), tuple(copies.get(p, p) for p in parents)
        copy.rule, copy.saved = _Noting(node.rule, node, count, notes), saved
        copy.place, copy.time = node.place, node.time
        copy.shape, copy.dtype = node.shape, node.dtype
        if (watch := watch_of(node)) is not None:
            copy.watch = watch
    return copies


class _Noting(Rule):
    """A rule that does what another does, and notes it."""

    def __init__(self, rule: Rule, node: Node, count: int, notes: list[Note]) -> None:
        vars(self).update(vars(rule))
        self.vjps = [
            vjp and _noting(vjp, node, place, notes)
            for place, vjp in zip(range(count), rule.vjps, strict=False)
        ]


def _noting(vjp: Any, node: Node, place: int, notes: list[Note]) -> Any:
    def noting(g: Any, y: Any, *inputs: Any, **keywords: Any) -> Any:
        start = perf_counter()
        part = vjp(g, y, *inputs, **keywords)
        notes.append(Note(node, place, g, part, perf_counter() - start))
        return part

    return noting
