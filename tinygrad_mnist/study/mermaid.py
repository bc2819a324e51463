"""Graphs in the language of Mermaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .graph import Graph, GraphNode, Group

__all__ = ["text"]


def text(graph: Graph) -> str:
    """Write a graph as a flow chart."""
    numbers = iter(range(len(graph.layers)))
    lines = ["flowchart BT", *_inside(graph.groups(), "  ", numbers)]
    lines += [f"  n{edge.source} --> n{edge.target}" for edge in graph.edges]
    leaves = [f"n{node.number}" for node in graph.nodes if node.is_leaf]
    if leaves:
        lines += ["  classDef leaf fill:#cfe3ff,color:#000", f"  class {','.join(leaves)} leaf"]
    return "\n".join([*lines, ""])


def _inside(group: Group, indent: str, numbers: Iterator[int]) -> Iterator[str]:
    for node in group.nodes:
        yield f"{indent}n{node.number}{_box(node)}"
    for inner in group.groups:
        yield f"{indent}subgraph layer{next(numbers)}[{_quoted(inner.title)}]"
        yield from _inside(inner, f"{indent}  ", numbers)
        yield f"{indent}end"


def _box(node: GraphNode) -> str:
    label = _quoted("\n".join(node.lines))
    if node.inside:
        return f"[[{label}]]"
    return f"([{label}])" if node.is_leaf else f"[{label}]"


def _quoted(text: str) -> str:
    """Write a string of Mermaid: what could be taken for its syntax, HTML or Markdown is a code."""
    plain = "_-.,:() \n"
    escaped = "".join(c if c.isalnum() or c in plain else f"#{ord(c)};" for c in text)
    return '"' + escaped.replace("\n", "<br>") + '"'
