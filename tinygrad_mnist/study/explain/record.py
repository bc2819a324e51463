"""What the engine recorded of a digit: the graph, as a picture and as a table, and the sweep."""

from __future__ import annotations

from html import escape

from ..graph import DRAWABLE, LEGIBLE, Graph
from .digit import Digit
from .markup import math, table

__all__ = ["record"]


def record(digit: Digit) -> str:
    """Show the graph, and tabulate it and the sweep over it."""
    graph = digit.trace.graph
    into: dict[int, list[str]] = {}
    for edge in graph.edges:
        source = graph[edge.source]
        into.setdefault(edge.target, []).append(f"{source.number} {source.label}")
    nodes = [
        (
            str(node.number),
            escape(node.operation),
            escape(node.name or ""),
            escape(str(node.shape)),
            escape(", ".join(into.get(node.number, ()))),
        )
        for node in graph.nodes
    ]
    sweep = [
        (
            str(step.number + 1),
            escape(step.operation),
            escape(part.input.label),
            math(part.formula),
            escape(str(part.array.shape)),
            f"{1e6 * part.seconds:,.1f}",
            f"{part.unsummed.nbytes:,}",
        )
        for step in digit.trace
        for part in step.contributions
    ]
    shown = "" if digit.is_two_layer else " open"
    kinds = ["", "text", "text", "code", "code"]
    return (
        f"<details{shown}><summary>The graph: {len(nodes)} values that a gradient flows through"
        "</summary>"
        + _picture(graph)
        + table(
            "The graph",
            ["value", "operation", "name", "shape", "computed from"],
            nodes,
            kinds=kinds,
        )
        + f"</details><details><summary>The backward sweep: {len(digit.trace)} operations, "
        f"{1e6 * digit.trace.seconds:,.0f} µs, {digit.trace.bytes:,} bytes</summary>"
        + table(
            "The backward sweep",
            ["step", "operation", "gradient of", "by the formula", "shape", "µs", "bytes"],
            sweep,
            kinds=kinds,
        )
        + "</details>"
    )


def _picture(graph: Graph) -> str:
    """Draw the graph, a large one with its layers folded; or say why there is no picture."""
    shown = graph.fold() if len(graph) > LEGIBLE else graph
    if len(shown) > DRAWABLE:
        why = f"{len(shown):,} values are too many for one"
    else:
        try:
            drawn = shown.to_svg()
        except ImportError as missing:
            why = str(missing)
        else:
            label = "The graph as a picture"
            drawn = drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
            return (
                f'<div class="scroll" tabindex="0" role="group" aria-label="{label}">{drawn}</div>'
            )
    return f'<p class="note">There is no picture of the graph: {escape(why)}.</p>'
