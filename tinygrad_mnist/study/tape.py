"""What was recorded behind a value, as it is now: a sweep may free the graph later."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..engine import Node, freed, hooks, never_captured
from ..tensor import Tensor

__all__ = ["Edge", "Tape", "hooked_among", "recorded"]

Edge = tuple[int, Node]  # the place of an input, and its node


class Tape(NamedTuple):
    """The nodes that a value was computed from, and its own.

    Attributes
    ----------
    nodes
        Oldest first.
    inputs
        For each node the inputs that get a gradient from it.
    """

    nodes: list[Node]
    inputs: dict[Node, list[Edge]]


def recorded(loss: Any, caller: str) -> Tape:
    """Read what was recorded behind a value.

    Parameters
    ----------
    loss
        A Tensor that needs a gradient.
    caller
        What errors say who asked.

    Raises
    ------
    TypeError
        If it is not a Tensor.
    RuntimeError
        If it has no history, or if its graph, or a part of it, was swept and freed.
    """
    never_captured(f"{caller} looks at the graph of one step, and would do so only once")
    if not isinstance(loss, Tensor):
        raise TypeError(f"{caller}: takes a Tensor, not {type(loss).__name__}")
    if loss._node is None:
        raise RuntimeError(
            f"{caller}: this Tensor has no history: it needs no gradient, and was computed from "
            f"nothing that does; make the values to differentiate by with requires_grad=True"
        )
    inputs: dict[Node, list[Edge]] = {loss._node: []}
    stack = [loss._node]
    while stack:
        node = stack.pop()
        inputs[node] = edges = _inputs(node)
        for _, parent in edges:
            if parent not in inputs:
                inputs[parent] = []
                stack.append(parent)
    return Tape(sorted(inputs, key=_age), inputs)


def hooked_among(tape: Tape) -> set[Node]:
    """List the nodes with hooks, which may change gradients on their way."""
    if not hooks.ever_used:
        return set()
    watched = ((node, hooks.watch_of(node)) for node in tape.nodes)
    return {node for node, watch in watched if watch is not None and watch.hooks}


def _age(node: Node) -> int:
    return node.time


def _inputs(node: Node) -> list[Edge]:
    """List the inputs that get a gradient from an operation."""
    rule, parents = node.rule, node.parents
    if rule is None:
        return []
    if parents is None:
        raise freed(node)
    if isinstance(parents, Node):
        return [(node.place, parents)]
    return [
        (place, parent)
        for place, (parent, vjp) in enumerate(zip(parents, rule.vjps, strict=False))
        if parent is not None and vjp is not None
    ]
