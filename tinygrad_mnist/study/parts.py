"""What a graph is made of: nodes, edges, and the modules that they are grouped in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["GraphEdge", "GraphNode", "Group"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A value of the graph and the operation that computed it, or a folded layer.

    Attributes
    ----------
    number
        Its place in the order in which the values were made, from 0. That of a folded layer is
        its last operation's.
    operation
        The name of the operation; ``"leaf"`` for what the user made, and the class and
        arguments of a folded layer.
    shape, dtype
        Those of the value, which a folded layer gives on.
    name
        What the model or a variable calls it, such as ``"0.weight"``; None if nothing does.
    layer
        The innermost module that it is known to belong to, by its name in the model, ``""`` for
        the model itself; None where it belongs to none.
    formulas
        The gradients of the operation's inputs in LaTeX.
    inside
        The numbers of the nodes that are folded into it.
    """

    number: int
    operation: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    name: str | None = None
    layer: str | None = None
    formulas: tuple[str, ...] = ()
    inside: tuple[int, ...] = ()

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it: here gradients land."""
        return self.operation == "leaf"

    @property
    def label(self) -> str:
        """What to call it: its name, else its operation."""
        return self.name or self.operation

    @property
    def lines(self) -> tuple[str, ...]:
        """What a picture writes into its box."""
        size = f"{self.shape} {self.dtype}"
        if self.inside:
            values = f"{len(self.inside)} values" if len(self.inside) > 1 else "1 value"
            return (f"{self.name}: {self.operation}".removeprefix(": "), values, size)
        if self.is_leaf:
            return (self.name or "leaf", size)
        return (self.operation, self.name, size) if self.name else (self.operation, size)


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A value that went into an operation, and to which its gradient comes back.

    Attributes
    ----------
    source, target
        The numbers of the value and of what was computed from it.
    place
        Which of the target's inputs it is, from 0; always 0 for a folded layer.
    """

    source: int
    target: int
    place: int


@dataclass(frozen=True, slots=True)
class Group:
    """A module's part of the graph: a frame in a picture.

    Attributes
    ----------
    name, kind
        The module's name, and its class and arguments; None and ``""`` for the whole graph.
    nodes
        Those in it that are in none of its groups.
    groups
        The modules inside.
    """

    name: str | None
    kind: str
    nodes: list[GraphNode]
    groups: list[Group]

    @property
    def title(self) -> str:
        """What a picture writes at the frame."""
        return f"{self.name}: {self.kind}" if self.name else self.kind
