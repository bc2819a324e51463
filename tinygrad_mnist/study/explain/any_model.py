"""The steps of any network: its layers one after another, and the sweep as the engine ran it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import nn
from ..parts import GraphNode
from ..trace import Contribution
from ..trace import Step as SweepStep
from .arrays import SIDE, Picture, pictured, stacked
from .digit import Digit
from .markup import Heat, Step, math, rule
from .shared import check_step, image_step, loss_step, softmax_step
from .turning import sampled_choices, turn_step

__all__ = ["AnyStory"]

_SMALL = "56px"  # the width of an image where there may be many


class AnyStory:
    """How a network read a digit, and how its gradients came about.

    Attributes
    ----------
    columns
        How many columns the map has.
    turn
        What the page needs to know to turn a weight.
    """

    def __init__(self, digit: Digit) -> None:
        self.digit = digit
        self.layers = len(digit.outputs)
        self.columns = self.layers + 3
        self.gradients: dict[str, list[tuple[NDArray[Any], Picture]]] = {}

    @cached_property
    def turn(self) -> dict[str, Any]:
        """What the page needs to know to turn a weight."""
        return sampled_choices(self.digit)

    def steps(self) -> list[Step]:
        """List the steps in the order in which they are told."""
        half = self.columns // 2
        return [
            image_step(self.digit, stacked("X", self.digit.pixels, (1, SIDE, SIDE))),
            *(self.layer(i) for i in range(self.layers)),
            softmax_step(self.digit, math("p"), self.layers + 1),
            loss_step(self.digit, math("L"), self.layers + 2),
            *(self.swept(step) for step in self.digit.trace),
            check_step(self.digit, 0, half),
            turn_step(self.turn, half, self.columns - half, ()),
        ]

    def layer(self, i: int) -> Step:
        """Show what a layer computed, and its parameters."""
        (place, layer), output = self.digit.parts[i], self.digit.outputs[i]
        kind = type(layer).__name__
        given = self.digit.outputs[i - 1] if i else self.digit.pixels
        body: list[Any] = [
            f"<p><code>{escape(' '.join(repr(layer).split()))}</code></p>",
            f"<p>It is given numbers of shape {_sizes(given.shape)} and computes numbers of shape "
            f"{_sizes(output.shape)}. The first size counts images, of which there is one.</p>",
        ]
        if isinstance(layer, nn.ReLU):
            dead = int((output == 0).sum())
            body.append(
                f"<p>ReLU replaces what is negative by 0: {dead:,} of its {output.size:,} units "
                "died for this digit.</p>"
            )
        body.append(
            Heat(
                pictured(f"output of layer {place}" if place else "output", output),
                "What it computed",
            )
        )
        for name, parameter in layer.named_parameters():
            name = f"{place}.{name}" if place else name
            shown = pictured(name, parameter.numpy())
            body.append(Heat(shown, f"Its <code>{name}</code>", tile=_SMALL))
        title = f"Layer {place}: {kind}" if place else f"The network: {kind}"
        return Step(f"layer-{i}", "down", place or math("f"), kind, title, body, i + 1)

    def swept(self, step: SweepStep) -> Step:
        """Show a step of the sweep: what came up to it, and what it passes on."""
        layer = self.digit.layers.get(step.node.number)
        operation = escape(step.operation)
        body: list[Any] = [
            f"<p>The sweep comes to <code>{operation}</code> with the gradient of the value that "
            f"it computed, of shape {_sizes(step.upstream.shape)}. Its rule makes of it the "
            "gradients of what went in; the legend below says how to read it.</p>",
            f'<div class="rules">{"".join(_card(step, part) for part in step.contributions)}</div>',
            Heat(self.gradient(step.node, step.upstream), "What came up"),
        ]
        for part in step.contributions:
            name = _leaf(part.input)
            caption = f"The gradient of <code>{name}</code>" if name else "What goes on up"
            body.append(Heat(self.gradient(part.input, part.array), caption, tile=_SMALL))
        name = step.operation.replace("_", " ")
        if layer is None:
            through, symbol, column, span = "the loss", "↑", self.layers + 1, 2
        else:
            place, _ = self.digit.parts[layer]
            through = f"layer {place}" if place else "the network"
            symbol, column, span = f"↑ {place}", layer + 1, 1
        title = f"Back through {through}: {name}"
        return Step(f"sweep-{step.number}", "up", symbol, name, title, body, column, span)

    def gradient(self, node: GraphNode, array: NDArray[Any]) -> Picture:
        """Show a gradient of a value: what a step passes on, which is what the next is given.

        Where a value was used more than once, there are also the parts that were added up.
        """
        name = f"gradient of {node.name or f'value {node.number}'}"
        shown = self.gradients.setdefault(name, [])
        for known, picture in shown:
            if np.array_equal(known, array):
                return picture
        key = name if not shown else f"{name}, {len(shown)}"
        shown.append((array, replace(pictured(name, array), key=key)))
        return shown[-1][1]


def _card(step: SweepStep, part: Contribution) -> str:
    name = _leaf(part.input)
    into = f"<code>{name}</code>" if name else f"The value of <code>{part.input.operation}</code>"
    facts = [(f"The rule <code>{escape(step.operation)}</code>", math(part.formula))]
    if part.axes:
        axes = ", ".join(map(str, part.axes))
        facts.append(("Summed", f"over axis {axes}, along which the value was broadcast"))
    if part.earlier is not None:
        facts.append(("Added", "to what came from later uses of the same value"))
    took = f"{1e6 * part.seconds:,.1f} µs, {part.unsummed.nbytes:,} bytes"
    return rule(into, [*facts, ("Took", took)])


def _leaf(node: GraphNode) -> str | None:
    """Name a parameter, and nothing else."""
    return escape(node.name) if node.is_leaf and node.name else None


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if shape else "one number"
