"""Pictures of graphs, drawn layer by layer, in the colours of the page that they stand on."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Box", "layered"]

CHARACTER, LINE, PADDING = 7.2, 16, 12  # of the text in a box, in pixels
GAP, RISE = 22, 46  # between the boxes of a layer, and between layers


class Box(NamedTuple):
    """What a node of the graph shows: lines of text, the first in bold.

    One without lines is a place where a long edge passes a layer.
    """

    lines: Sequence[str]

    @property
    def width(self) -> float:
        """In pixels."""
        return CHARACTER * max(map(len, self.lines)) + 2 * PADDING if self.lines else 0

    @property
    def height(self) -> float:
        """In pixels."""
        return LINE * len(self.lines) + PADDING if self.lines else 0


def layered(boxes: Mapping[str, Box], edges: Mapping[str, Sequence[str]], label: str) -> str:
    """Draw an acyclic graph as SVG: every node above those that it points to.

    Parameters
    ----------
    boxes
        The nodes, by name.
    edges
        For each node those that it points to.
    label
        What the picture shows, for those who don't see it.
    """
    boxes, edges, layers = _laid_out(boxes, edges)
    height = max(box.height for box in boxes.values())
    total = max(_width(boxes, layer) for layer in layers)
    middle: dict[str, tuple[float, float]] = {}
    for depth, layer in enumerate(layers):
        x = (total - _width(boxes, layer)) / 2
        for name in layer:
            width = boxes[name].width
            middle[name] = (x + width / 2, height / 2 + 2 + depth * (height + RISE))
            x += width + GAP
    bottom = len(layers) * (height + RISE) - RISE + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 0 {total + 4:.0f} {bottom:.0f}" '
        f'role="img" aria-label="{escape(label)}" class="graph" '
        f'style="max-width: {total + 4:.0f}px">',
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor"/></marker>',
    ]
    for name, targets in edges.items():
        for target in targets:
            (x, y), (u, v) = middle[name], middle[target]
            y, v = y + boxes[name].height / 2, v - boxes[target].height / 2
            bend = (v - y) / 2
            tip = ' marker-end="url(#tip)"' if boxes[target].lines else ""
            parts.append(
                f'<path class="edge" d="M{x:.1f} {y:.1f} C{x:.1f} {y + bend:.1f} '
                f'{u:.1f} {v - bend:.1f} {u:.1f} {v:.1f}"{tip}/>'
            )
    parts += [_drawn(box, *middle[name]) for name, box in boxes.items() if box.lines]
    return "".join([*parts, "</svg>"])


def _drawn(box: Box, x: float, y: float) -> str:
    top = y - box.height / 2
    lines = [
        f'<tspan x="{x:.1f}" y="{top + LINE * (i + 1) + 2:.1f}">{escape(line)}</tspan>'
        for i, line in enumerate(box.lines)
    ]
    return (
        f'<g class="box"><rect x="{x - box.width / 2:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="6"/><text text-anchor="middle">{"".join(lines)}</text></g>'
    )


def _width(boxes: Mapping[str, Box], layer: Sequence[str]) -> float:
    return sum(boxes[name].width for name in layer) + GAP * (len(layer) - 1)


def _laid_out(
    boxes: Mapping[str, Box], edges: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Box], dict[str, list[str]], list[list[str]]]:
    """Put the nodes into layers, and a waypoint on every layer that an edge passes.

    Raises
    ------
    ValueError
        If the graph has a cycle.
    """
    height = _heights(edges)
    layers = [[n for n in boxes if height[n] == h] for h in range(max(height.values()), -1, -1)]
    boxes = dict(boxes)
    below: dict[str, list[str]] = {name: [] for name in boxes}
    for name, targets in edges.items():
        for target in targets:
            last = name
            for h in range(height[name] - 1, height[target], -1):
                waypoint = f"{name} to {target}, at {h}"
                boxes[waypoint], below[waypoint] = Box(()), []
                layers[-1 - h].append(waypoint)
                below[last].append(waypoint)
                last = waypoint
            below[last].append(target)
    above: dict[str, list[str]] = {name: [] for name in boxes}
    for name, targets in below.items():
        for target in targets:
            above[target].append(name)
    for near in (above, below) * 4:
        for layer in layers:
            place = {n: i / len(row) for row in layers for i, n in enumerate(row)}
            means = {n: _mean([place[m] for m in near[n]], place[n]) for n in layer}
            layer.sort(key=means.__getitem__)
    return boxes, below, layers


def _heights(edges: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Find how far each node is above the lowest one that it leads to."""
    height: dict[str, int] = {}
    while len(height) < len(edges):
        ready = [n for n in edges if n not in height and height.keys() >= set(edges[n])]
        if not ready:
            raise ValueError(f"these point at each other: {edges.keys() - height.keys()}")
        for name in ready:
            height[name] = 1 + max((height[below] for below in edges[name]), default=-1)
    return height


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
