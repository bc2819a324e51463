"""A forward pass anew, from what the graph kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..engine import Node, Rule
from ..engine.uses import places
from .tape import inputs

__all__ = ["replay", "widened"]

Array = Any


def replay(nodes: Sequence[Node], leaves: Mapping[Node, Array]) -> Array:
    """Compute the newest of some nodes' values from those of the leaves.

    Arrays that were inputs beside Tensors with a gradient take part in float64, as the leaves may.

    Parameters
    ----------
    nodes
        What was recorded, oldest first.
    leaves
        Their values.

    Raises
    ------
    ValueError
        If an operation took an array that its rule does not look at on the way back: the graph has
        not kept it.
    """
    values: dict[Node, Array] = dict(leaves)
    for node in nodes:
        rule = node.rule
        if rule is None:
            continue
        keywords = node.saved[2] if node.saved else {}
        result = rule.forward(
            *_given(node, rule, values), **{k: v for k, v in keywords.items() if k != "kept"}
        )
        values[node] = result[0] if rule.keeps else result
    return values[nodes[-1]]


def widened(value: Any) -> Any:
    """Make float64 of floating-point arrays, and leave everything else as it is."""
    if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f":
        return value.astype(np.float64)
    return value


def _given(node: Node, rule: Rule, values: Mapping[Node, Array]) -> list[Array]:
    """List an operation's inputs: those that were computed anew, and those that it has kept."""
    parents, saved = node.parents, node.saved[0] if node.saved else ()
    if isinstance(parents, Node):
        count = len(saved) or rule.arity
        parents = [parents if place == node.place else None for place in range(count)]
    needed = 0
    for place, _ in inputs(node):
        needed |= rule.uses[place]
    kept = places(needed, len(saved))
    for place, parent in enumerate(parents):
        if parent is None and place not in kept:
            raise ValueError(
                f"{node.name}: input {place} has no gradient and does not matter for that of the "
                f"others, so the graph has not kept its value; give a function instead that "
                f"computes the loss anew"
            )
    return [
        widened(saved[place]) if parent is None else values[parent]
        for place, parent in enumerate(parents)
    ]
