"""What was recorded behind a value: its nodes, from the oldest to the newest."""

from __future__ import annotations

from typing import Any

from ..engine import Node, freed, never_captured
from ..tensor import Tensor

__all__ = ["formula", "inputs", "recorded"]


def recorded(loss: Any, caller: str) -> list[Node]:
    """List the nodes that a value was computed from, and its own, oldest first.

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
    root = loss._node
    if root is None:
        raise RuntimeError(
            f"{caller}: this Tensor has no history: it needs no gradient, and was computed from "
            f"nothing that does; make the values to differentiate by with requires_grad=True"
        )
    found = {root}
    stack = [root]
    while stack:
        node = stack.pop()
        if node.parents is None:
            raise freed(node)
        new = [parent for parent in node.followed if parent not in found]
        found.update(new)
        stack += new
    return sorted(found, key=lambda node: node.time)


def inputs(node: Node) -> list[tuple[int, Node]]:
    """List the inputs of an operation that get a gradient from it: their places and nodes."""
    rule, parents = node.rule, node.parents
    if rule is None:
        return []
    if isinstance(parents, Node):
        return [(node.place, parents)]
    return [
        (place, parent)
        for place, (parent, vjp) in enumerate(zip(parents, rule.vjps, strict=False))
        if parent is not None and vjp is not None
    ]


def formula(node: Node, place: int) -> str:
    """Write the gradient of an input in LaTeX; some rules have one formula for all inputs."""
    formulas = node.rule.formula if node.rule else ("",)
    return formulas[min(place, len(formulas) - 1)]
