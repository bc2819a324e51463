"""The graph of a computation as data: what was computed from what."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from html import escape
from typing import Any

from . import dot, mermaid
from .layers import layers_of
from .names import Names, UnknownName, find_names, outwards, variables_of
from .parts import GraphEdge, GraphNode, Group
from .tables import table
from .tape import Tape, recorded

__all__ = ["Graph", "build", "formula_of", "graph"]

LEGIBLE = 24  # nodes; larger graphs are shown with their layers folded
DRAWABLE = 400  # nodes; to draw more of them takes Graphviz very long


class Graph:
    """The graph of a computation, from the leaves to the result.

    In a notebook it shows itself as a picture: a large one with its layers folded, and below it
    each of them to open.

    Attributes
    ----------
    nodes
        Those that are visible, in the order in which they were computed.
    edges
        Between these.
    layers
        Of each module that an operation belongs to, by its name, the class and arguments.
    folded
        The names of the layers that are shown as one node.
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

    def __getitem__(self, key: str | int) -> GraphNode:
        """Find a visible node by its name or its number."""
        if key not in self._found:
            known = [name for name in self._found if isinstance(name, str)]
            raise UnknownName(key, "no value of this graph is called", known)
        return self._found[key]

    @cached_property
    def _found(self) -> dict[str | int, GraphNode]:
        named: dict[str | int, GraphNode] = {node.name: node for node in self.nodes if node.name}
        return named | {node.number: node for node in self.nodes}

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges)"

    def __str__(self) -> str:
        sources: dict[int, list[int]] = {}
        for edge in self.edges:
            sources.setdefault(edge.target, []).append(edge.source)
        rows = (
            (
                str(node.number),
                node.operation,
                node.name or "",
                str(node.shape),
                str(node.dtype),
                node.layer or "",
                ", ".join(map(str, sources.get(node.number, ()))),
            )
            for node in self.nodes
        )
        head = ("node", "operation", "name", "shape", "dtype", "layer", "from")
        return table(head, rows, right=[0])

    def groups(self) -> Group:
        """Sort the visible nodes into the modules that they belong to."""
        top = Group(None, "", [], [])
        groups: dict[str, Group] = {}

        def group(name: str) -> Group:
            if name not in groups:
                groups[name] = Group(name, self.layers[name], [], [])
                outer = self._outer[name]
                (top if outer is None else group(outer)).groups.append(groups[name])
            return groups[name]

        for node in self.nodes:
            (top if node.layer is None else group(node.layer)).nodes.append(node)
        return top

    # --- folding --------------------------------------------------------------------------

    def fold(self, depth: int = 1) -> Graph:
        """Show each layer as one node.

        Parameters
        ----------
        depth
            How deep to look into the model: with 1 its parts are nodes, with 2 the parts of these;
            with 0 the whole model is one.

        Raises
        ------
        ValueError
            If the depth is negative.
        """
        if depth < 0:
            raise ValueError(f"fold: depth is {depth}; expected 0 or more")
        folded, containing = set(), set(self._outer.values())
        for layer in self.layers:
            way = [layer, *self._around(layer)][::-1]
            if len(way) > depth:
                folded.add(way[depth])
            elif layer not in containing:  # it has no parts
                folded.add(layer)
        return self._with(folded)

    def open(self, layer: str) -> Graph:
        """Show what is inside of a folded layer; the parts of it that are layers stay folded.

        Raises
        ------
        KeyError
            If no layer of this name is folded.
        """
        if layer not in self.folded:
            raise UnknownName(layer, "no folded layer is called", self.folded)
        inner = {name for name, outer in self._outer.items() if outer == layer}
        return self._with(self.folded - {layer} | inner)

    @cached_property
    def _outer(self) -> dict[str, str | None]:
        """Name for each layer the next one around it."""
        return {
            layer: next((name for name in outwards(layer) if name in self.layers), None)
            for layer in self.layers
        }

    def _around(self, layer: str | None) -> Iterator[str]:
        """List the layers around a layer, innermost first."""
        while layer is not None and (layer := self._outer[layer]) is not None:
            yield layer

    def _with(self, folded: Collection[str]) -> Graph:
        """Fold the layers of these names, and no others."""
        whole = self._whole
        box_of: dict[int, str] = {}
        for node in whole.nodes:
            around = [] if node.layer is None else [node.layer, *self._around(node.layer)]
            if boxes := [layer for layer in around if layer in folded]:
                box_of[node.number] = boxes[-1]
        inside: dict[str, list[GraphNode]] = {}
        for number, box in box_of.items():
            inside.setdefault(box, []).append(whole.nodes[number])
        shown = [
            replace(
                nodes[-1],
                operation=self.layers[name],
                name=name,
                layer=self._outer[name],
                formulas=(),
                inside=tuple(node.number for node in nodes),
            )
            for name, nodes in inside.items()
        ]
        place = {node.number: node.number for node in whole.nodes}
        place |= {number: box.number for box in shown for number in box.inside}
        nodes = [node for node in whole.nodes if node.number not in box_of] + shown
        between = dict.fromkeys(
            (place[edge.source], place[edge.target], 0 if edge.target in box_of else edge.place)
            for edge in whole.edges
            if place[edge.source] != place[edge.target]
        )
        return Graph(
            sorted(nodes, key=lambda node: node.number),
            [GraphEdge(*edge) for edge in between],
            whole.layers,
            whole,
            frozenset(inside),
        )

    # --- pictures -------------------------------------------------------------------------

    def to_dot(self) -> str:
        """Write the graph in the language of Graphviz, with a frame around every layer."""
        return dot.text(self.groups(), self.edges)

    def to_mermaid(self) -> str:
        """Write the graph in the language of Mermaid, which GitHub and many editors draw."""
        return mermaid.text(self.groups(), self.edges)

    def to_svg(self) -> str:
        """Draw the graph with Graphviz.

        Raises
        ------
        ImportError
            If the package `graphviz` or Graphviz' program `dot` is not installed.
        """
        return dot.svg(self.to_dot())

    def _repr_svg_(self) -> str | None:
        """Show the graph in a notebook."""
        shown = self._legible()
        try:
            return shown.to_svg() if len(shown) <= DRAWABLE else None
        except ImportError:
            return None  # the HTML says what is missing

    def _repr_html_(self) -> str:
        """Show the graph in a notebook, with folded layers that open."""
        return self._legible()._html(self._whole.layers)

    def _html(self, layers: Collection[str]) -> str:
        """Draw the graph, and below it the insides of those of some layers that are folded."""
        if len(self) > DRAWABLE:
            return f"<p>{self!r}: too many for a picture; print() lists them</p>"
        try:
            picture = self.to_svg()
        except ImportError as missing:
            return f"<p>{escape(str(missing))}:</p><pre>{escape(self.to_mermaid())}</pre>"
        folded = [n for n in self.nodes if len(n.inside) > 1 and n.name in layers]
        opened = (
            f"<details><summary>{escape(node.lines[0])}</summary>{inside}</details>"
            for node, inside in zip(folded, map(self._inside, folded), strict=True)
        )
        return f'<div style="overflow:auto">{picture}</div>{"".join(opened)}'

    def _inside(self, box: GraphNode) -> str:
        """Draw what a folded layer has inside, and the nodes next to it."""
        layer, own = box.name or "", set(box.inside)
        opened = self.open(layer)
        edges = [edge for edge in opened.edges if own & {edge.source, edge.target}]
        near = {end for edge in edges for end in (edge.source, edge.target)}
        nodes = [node for node in opened.nodes if node.number in own | near]
        part = Graph(nodes, edges, self.layers, self._whole, opened.folded)
        return part._html([name for name in self.layers if layer in self._around(name)])

    def _legible(self) -> Graph:
        return self.fold() if len(self) > LEGIBLE and not self.folded else self


def graph(loss: Any, model: Any = None) -> Graph:
    """Make the graph of a value as data: every value that a gradient passes on the way back.

    That is what the engine records. What needs no gradient is not in it: data, constants, frozen
    parameters, and what was computed from nothing else.

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
    ValueError
        If the model has parameters, but none that is in the graph.

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
    tape = recorded(loss, "study.graph")
    return build(tape, find_names(model, variables_of(sys._getframe(1)), tape.nodes))


def build(tape: Tape, names: Names) -> Graph:
    """Make the graph of what was recorded."""
    layers = layers_of(tape, names)
    numbers = {node: number for number, node in enumerate(tape.nodes)}
    nodes = [
        GraphNode(
            number,
            node.name,
            node.shape,
            node.dtype,
            names.of(node),
            layers.get(node),
            tuple(formula_of(node.rule, place) for place, _ in tape.inputs[node]),
        )
        for node, number in numbers.items()
    ]
    edges = [
        GraphEdge(numbers[parent], number, place)
        for node, number in numbers.items()
        for place, parent in tape.inputs[node]
    ]
    return Graph(nodes, edges, _described(set(layers.values()), names))


def formula_of(rule: Any, place: int) -> str:
    """Take the formula of an input's gradient; some rules have one for all inputs."""
    formulas = rule.formula
    return formulas[min(place, len(formulas) - 1)] if formulas else ""


def _described(used: Iterable[str], names: Names) -> dict[str, str]:
    """Write the class and arguments of each module that is used, and of those around it."""
    around = {name for layer in used for name in (layer, *outwards(layer))}
    return {
        name: f"{type(module).__name__}({module.extra_repr()})".removesuffix("()")
        for name, module in names.modules.items()
        if name in around
    }
