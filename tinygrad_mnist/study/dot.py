"""Graphs in the language of Graphviz, and drawn by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..extras import need

if TYPE_CHECKING:
    from .graph import Graph, GraphNode, Group

__all__ = ["svg", "text"]

_HEAD = """\
digraph {
  rankdir=BT; bgcolor="transparent"; fontname="sans-serif"; fontsize=11
  node [shape=box, style="rounded,filled", fillcolor="#f4f4f4", fontname="sans-serif", fontsize=11]
  edge [color="#777777", arrowsize=0.7]"""


def text(graph: Graph) -> str:
    """Write a graph in DOT."""
    lines = [_HEAD, *_inside(graph.groups(), "  ")]
    lines += [f"  n{edge.source} -> n{edge.target}" for edge in graph.edges]
    return "\n".join([*lines, "}", ""])


def svg(graph: Graph) -> str:
    """Draw a graph."""
    graphviz = need("graphviz", "study", "drawing a graph")
    try:
        return str(graphviz.Source(text(graph)).pipe(format="svg", encoding="utf-8"))
    except graphviz.ExecutableNotFound:
        raise ImportError(
            "drawing a graph needs Graphviz' program dot, which the system's package graphviz "
            "brings (apt install graphviz, brew install graphviz, winget install graphviz); "
            "to_mermaid() works without"
        ) from None


def _inside(group: Group, indent: str) -> Iterator[str]:
    for node in group.nodes:
        yield f"{indent}n{node.number} [{_look(node)}]"
    for inner in group.groups:
        yield f"{indent}subgraph {_quoted(f'cluster {inner.name}')} {{"
        yield f'{indent}  label={_quoted(inner.title)}; style="rounded"; color="#999999"'
        yield from _inside(inner, f"{indent}  ")
        yield f"{indent}}}"


def _look(node: GraphNode) -> str:
    shown = f"label={_quoted(chr(10).join(node.lines))}"
    if node.is_leaf:
        return f'{shown}, fillcolor="#cfe3ff"'
    return f'{shown}, fillcolor="#ffe9c7", peripheries=2' if node.inside else shown


def _quoted(text: str) -> str:
    """Write a string of DOT: a backslash would begin an escape, and so is doubled."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
