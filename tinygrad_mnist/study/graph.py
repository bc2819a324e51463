"""The graph of a computation as data: what was computed from what."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..engine import Node
from . import dot, mermaid
from .layers import layers_of, within
from .names import Names, find_names, variables_of
from .tape import formula, inputs, recorded

__all__ = ["Graph", "GraphEdge", "GraphNode", "build", "graph"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A value of the graph and the operation that computed it, or a folded layer.

    Attributes
    ----------
    number
        Its place in the order in which the values were made, from 0. That of a folded layer is
        its last operation's.
    operation
        The name of the operation; ``"leaf"`` for what the user made, and the class of a folded
        layer.
    shape, dtype
        Those of the value, which a folded layer gives on.
    name
        What the model or a variable calls it, such as ``"0.weight"``; None if nothing does.
    layer
        The module that it belongs to, by its name in the model, ``""`` for the model itself; None
        where it belongs to none.
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
            return (f"{self.name}: {self.operation}".lstrip(": "), f"{len(self.inside)} values")
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
        Which of the target's inputs it is, from 0.
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
        The module's name and class; None and ``""`` for the whole graph.
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


class Graph:
    """The graph of a computation, from the leaves to the result.

    Attributes
    ----------
    nodes
        Those that are visible, in the order in which they were computed.
    edges
        Between these.
    layers
        The class of every module that has a visible or folded node, by the module's name.
    """

    def __init__(
        self,
        nodes: Sequence[GraphNode],
        edges: Sequence[GraphEdge],
        layers: Mapping[str, str],
        whole: Graph | None = None,
        folded: frozenset[str] = frozenset(),
    ) -> None:
        self.nodes = tuple(nodes)
        self.edges = tuple(edges)
        self.layers = dict(layers)
        self.folded = folded
        self._whole = whole or self

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, name: str | int) -> GraphNode:
        """Find a visible node by its name or its number."""
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(name) from None

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges)"

    @cached_property
    def _by_name(self) -> dict[str | int, GraphNode]:
        numbers: dict[str | int, GraphNode] = {node.number: node for node in self.nodes}
        return numbers | {node.name: node for node in self.nodes if node.name}

    def groups(self) -> Group:
        """Sort the visible nodes into the modules that they belong to."""
        top = Group(None, "", [], [])
        groups: dict[str, Group] = {}

        def group(name: str) -> Group:
            if name not in groups:
                around = name
                while around:
                    around = around.rpartition(".")[0]
                    if around in self.layers:
                        break
                outer = group(around) if name and around in self.layers else top
                groups[name] = Group(name, self.layers[name], [], [])
                outer.groups.append(groups[name])
            return groups[name]

        for node in self.nodes:
            (top if node.layer is None else group(node.layer)).nodes.append(node)
        return top

    # --- folding --------------------------------------------------------------------------

    def fold(self, depth: int = 1) -> Graph:
        """Show each layer as one box.

        Parameters
        ----------
        depth
            How deep to look into the model: with 1 its parts are boxes, with 2 the parts of these;
            with 0 the whole model is one.
        """
        folded = {
            ".".join(layer.split(".")[:depth]) for layer in self._whole.layers if layer or not depth
        }
        return self._whole._with(frozenset(folded))

    def open(self, layer: str) -> Graph:
        """Show what is inside of a folded layer; the parts of it that are layers stay folded.

        Raises
        ------
        KeyError
            If there is no folded layer of this name.
        """
        if layer not in self.folded:
            raise KeyError(f"no folded layer {layer!r}; there are {sorted(self.folded)}")
        start = f"{layer}." if layer else ""
        inner = {
            start + name.removeprefix(start).split(".")[0]
            for name in self._whole.layers
            if name != layer and name.startswith(start)
        }
        return self._whole._with(self.folded - {layer} | inner)

    def _with(self, folded: frozenset[str]) -> Graph:
        """Fold the layers of these names."""
        if not folded:
            return self
        boxes: dict[str, list[GraphNode]] = {}
        box_of: dict[int, str] = {}
        for node in self.nodes:
            if node.layer is None:
                continue
            box = next((box for box in folded if within(node.layer, box)), None)
            if box is not None:
                boxes.setdefault(box, []).append(node)
                box_of[node.number] = box
        shown = {
            box: replace(
                inside[-1],
                operation=self.layers.get(box, "layer"),
                name=box,
                layer=box.rpartition(".")[0] if box else None,
                formulas=(),
                inside=tuple(node.number for node in inside),
            )
            for box, inside in boxes.items()
        }
        place = {node.number: node.number for node in self.nodes}
        place |= {number: shown[box].number for number, box in box_of.items()}
        nodes = [node for node in self.nodes if node.number not in box_of] + list(shown.values())
        edges = {
            (place[e.source], place[e.target]): replace(
                e, source=place[e.source], target=place[e.target]
            )
            for e in self.edges
            if place[e.source] != place[e.target]
        }
        nodes.sort(key=lambda node: node.number)
        return Graph(nodes, list(edges.values()), self.layers, self, frozenset(boxes))

    # --- pictures -------------------------------------------------------------------------

    def to_dot(self) -> str:
        """Write the graph in the language of Graphviz, with a frame around every layer."""
        return dot.text(self)

    def to_mermaid(self) -> str:
        """Write the graph in the language of Mermaid, which GitHub and many editors draw."""
        return mermaid.text(self)

    def to_svg(self) -> str:
        """Draw the graph with Graphviz.

        Raises
        ------
        ImportError
            If the package `graphviz` or Graphviz' program `dot` is not installed.
        """
        return dot.svg(self)


def graph(loss: Any, model: Any = None) -> Graph:
    """Make the graph of a value as data: every value that it depends on, and how.

    Parameters
    ----------
    loss
        A Tensor that needs a gradient, of any shape. Its graph stays as it is.
    model
        The module whose names the parameters have; or a dict or list of Tensors and modules. If
        not given, modules and Tensors are looked for in the caller's variables.

    Raises
    ------
    RuntimeError
        If the Tensor has no history, or its graph was already swept and freed.

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> from tinygrad_mnist import study
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> g = study.graph((x * x).sum())
    >>> [(node.operation, node.name, node.shape) for node in g.nodes]
    [('leaf', 'x', (2,)), ('multiply', None, (2,)), ('sum', None, ())]
    >>> [(edge.source, edge.target, edge.place) for edge in g.edges]
    [(0, 1, 0), (0, 1, 1), (1, 2, 0)]
    """
    nodes = recorded(loss, "study.graph")
    return build(nodes, find_names(model, variables_of(sys._getframe(1)), nodes))


def build(nodes: Sequence[Node], names: Names) -> Graph:
    """Make the graph of what was recorded, oldest first."""
    layers = layers_of(nodes, names)
    numbers = {node: number for number, node in enumerate(nodes)}
    made: list[GraphNode] = []
    edges: list[GraphEdge] = []
    for number, node in enumerate(nodes):
        own = inputs(node)
        edges += [GraphEdge(numbers[parent], number, place) for place, parent in own]
        formulas = tuple(formula(node, place) for place, _ in own)
        made.append(
            GraphNode(
                number,
                node.name,
                node.shape,
                node.dtype,
                names.of(node),
                layers.get(node),
                formulas,
            )
        )
    return Graph(made, edges, _classes(layers.values(), names))


def _classes(used: Iterable[str], names: Names) -> dict[str, str]:
    """Name the class of each module that is used, and of those around it."""
    found = set(used)
    for layer in list(found):
        while layer:
            layer = layer.rpartition(".")[0]
            found.add(layer)
    return {name: type(module).__name__ for name, module in names.modules.items() if name in found}
