"""Graphs in the language of Mermaid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from .parts import GraphEdge, GraphNode, Group

__all__ = ["text"]


def text(groups: Group, edges: Iterable[GraphEdge]) -> str:
    """Write a graph as a flow chart."""
    lines = ["flowchart TB", *_inside(groups, "  ", count())]
    lines += [f"  n{edge.source} --> n{edge.target}" for edge in edges]
    return "\n".join([*lines, "  classDef leaf fill:#cfe3ff,color:#000", ""])


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
    return f"([{label}]):::leaf" if node.is_leaf else f"[{label}]"


def _quoted(text: str) -> str:
    """Write a string of Mermaid: what could be taken for its syntax, HTML or Markdown is a code."""
    plain = "_.,:() \n"
    escaped = "".join(c if c.isalnum() or c in plain else f"#{ord(c)};" for c in text)
    return '"' + escaped.replace("\n", "<br>") + '"'
