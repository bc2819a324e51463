"""A forward pass anew, from what the graph kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine import Node, Rule
from ..engine.uses import places
from .tape import Edge, Tape

__all__ = ["replay"]

Array = Any


def replay(tape: Tape, leaves: Mapping[Node, Array]) -> Array:
    """Compute a value anew from its leaves.

    Parameters
    ----------
    tape
        What was recorded behind the value.
    leaves
        The leaves' values. If they are float64, so is what is computed from them, unless an
        operation insists on another dtype.

    Raises
    ------
    ValueError
        If an operation took an array that its rule does not look at on the way back: the graph has
        not kept it.
    """
    values: dict[Node, Array] = dict(leaves)
    for node in tape.nodes:
        if node.rule is not None:
            given = _given(node, node.rule, tape.inputs[node], values)
            keywords = dict(node.saved[2]) if node.saved else {}
            keywords.pop("kept", None)
            result = node.rule.forward(*given, **keywords)
            values[node] = result[0] if node.rule.keeps else result
    return values[tape.nodes[-1]]


def _given(
    node: Node, rule: Rule, inputs: Sequence[Edge], values: Mapping[Node, Array]
) -> list[Array]:
    """List an operation's inputs: those that were computed anew, and those that it has kept."""
    saved = node.saved[0] if node.saved else ()
    needed = 0
    for place, _ in inputs:
        needed |= rule.uses[place]
    known = {place: saved[place] for place in places(needed, len(saved))}
    known |= {place: values[parent] for place, parent in inputs}
    count = rule.arity or len(saved)
    for place in range(count):
        if place not in known:
            raise ValueError(
                f"{node.name}: input {place} has no gradient and does not matter for that of the "
                f"others, so the graph has not kept its value, like the targets of a squared "
                f"error; give a function instead that computes the loss anew, as in "
                f"study.check(lambda: loss_fn(model(x), y), ...)"
            )
    return [known[place] for place in range(count)]
