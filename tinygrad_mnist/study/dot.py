"""Graphs in the language of Graphviz, and drawn by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..extras import need
from .parts import GraphEdge, GraphNode, Group

__all__ = ["svg", "text"]

_HEAD = """\
digraph {
  rankdir=TB; bgcolor="transparent"; fontname="sans-serif"; fontsize=11; fontcolor="#808080"
  node [shape=box, style="rounded,filled", fillcolor="#eeeeee", fontname="sans-serif", fontsize=11]
  edge [color="#808080", arrowsize=0.7]"""


def text(groups: Group, edges: Iterable[GraphEdge]) -> str:
    """Write a graph in DOT."""
    lines = [_HEAD, *_inside(groups, "  ")]
    lines += [f"  n{edge.source} -> n{edge.target}" for edge in edges]
    return "\n".join([*lines, "}", ""])


def svg(text: str) -> str:
    """Draw a graph that is written in DOT.

    Raises
    ------
    ImportError
        If the package `graphviz` or Graphviz' program `dot` is not installed.
    """
    graphviz = need("graphviz", "study", "drawing a graph")
    try:
        drawn = graphviz.Source(text).pipe(format="svg", encoding="utf-8")
    except graphviz.ExecutableNotFound:
        raise ImportError(
            "drawing a graph needs Graphviz' program dot, which the system's package graphviz "
            "brings (apt install graphviz, brew install graphviz, winget install graphviz); "
            "to_mermaid() works without"
        ) from None
    return str(drawn[drawn.index("<svg") :])


def _inside(group: Group, indent: str) -> Iterator[str]:
    for node in group.nodes:
        yield f"{indent}n{node.number} [{_look(node)}]"
    for inner in group.groups:
        yield f"{indent}subgraph {_quoted(f'cluster {inner.name}')} {{"
        yield f'{indent}  label={_quoted(inner.title)}; style="rounded"; color="#808080"'
        yield from _inside(inner, f"{indent}  ")
        yield f"{indent}}}"


def _look(node: GraphNode) -> str:
    shown = f"label={_quoted(chr(10).join(node.lines))}"
    if node.is_leaf:
        return f'{shown}, fillcolor="#cfe3ff"'
    return f'{shown}, fillcolor="#ffe9c7", peripheries=2' if node.inside else shown


def _quoted(text: str) -> str:
    """Write a string of DOT, in which a backslash begins an escape, and ``&`` one of HTML."""
    text = text.replace("&", "&amp;").replace("\\", "\\\\")
    escaped = text.replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
