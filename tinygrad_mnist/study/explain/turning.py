"""Turning one weight: which ones are offered, and how the loss depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import nn
from ...engine import no_grad
from ...tensor import Tensor
from .digit import Digit
from .markup import Heat, Step

__all__ = ["choices_on_paper", "sampled_choices", "turn_step"]

REACH = 2.0  # how far a weight is turned, in both directions
MARKS = 50  # places of the slider on each side, where the page computes the loss
SAMPLES = 20  # the same where the engine computes it beforehand

Array = NDArray[Any]


def turn_step(turn: Mapping[str, Any], column: int, span: int, pickable: Sequence[Heat]) -> Step:
    """Show the slider, its curve and its numbers.

    `turn` is what the page's script gets to know; `pickable` are pictures of gradients, in which
    another weight can be picked.
    """
    numbers = "".join(
        f'<div class="{kind}"><dt>{name}</dt><dd id="turn-{key}"></dd></div>'
        for key, name, kind in (
            ("change", "change", ""),
            ("value", "the weight is then", ""),
            ("loss", "the loss", "is-actual"),
            ("tangent", "the tangent predicts", "is-predicted"),
            ("apart", "loss less prediction", ""),
            ("gradient", "the gradient", ""),
        )
    )
    how = (
        "Choose a weight here, or pick any in the pictures of the gradients below."
        if pickable
        else "Of each array of weights there is the one with the largest gradient; the engine "
        "computed the loss at every mark of the slider."
    )
    body = [
        "<p>A gradient is a promise: turn this weight a little, and the loss moves along the "
        "tangent. Turn it farther, and the true curve leaves the tangent; that is why training "
        f"takes small steps. {how}</p>",
        '<div class="turn"><label for="weight">Weight</label><select id="weight"></select>'
        '<svg id="chart" class="chart" role="img" aria-label="The loss against the weight"></svg>'
        '<label for="amount">Turn it</label>'
        f'<input type="range" id="amount" min="-{turn["marks"]}" max="{turn["marks"]}" step="1" '
        f'value="0"><dl class="turn-numbers">{numbers}</dl></div>',
        *pickable,
    ]
    title = "Turn a weight yourself"
    return Step("turn", "after", "↻", "turn", title, body, column, span)


def choices_on_paper(digit: Digit, arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Offer weights of the two-layer network that have something to tell.

    The page computes the loss itself, from the arrays that it shows.

    Parameters
    ----------
    digit
        The digit.
    arrays
        Z1 and the gradients, with samples as columns, by their names on paper.
    """

    def choice(name: str, index: Sequence[Any], words: str) -> dict[str, Any]:
        places = [int(place) for place in index]
        return {"name": name, "index": places, "label": f"{name}{places}: {words}"}

    def steepest(name: str, words: str) -> dict[str, Any]:
        gradient = arrays[f"d{name}"]
        place = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
        return choice(name, place, words)

    offered = [
        steepest("W1", "the largest gradient of the first layer"),
        steepest("W2", "the largest gradient of the second layer"),
        steepest("b1", "the largest gradient of the first bias"),
        steepest("b2", "the largest gradient of the second bias"),
    ]
    sums = arrays["Z1"][:, 0]
    alive, dead = np.flatnonzero(sums > 0), np.flatnonzero(sums <= 0)
    ink, paper = int(digit.pixels.argmax()), np.flatnonzero(digit.pixels == 0)
    if dead.size:
        nearest = dead[sums[dead].argmax()]  # the first to live
        offered.append(choice("W1", (nearest, ink), "a weight of a dead unit, on ink"))
    if alive.size and paper.size:
        offered.append(choice("W1", (alive[0], paper[0]), "a weight of a pixel without ink"))
    network = ["X", "W1", "b1", "W2", "b2"]
    return {
        "reach": REACH,
        "marks": MARKS,
        "label": digit.label,
        "network": network,
        "choices": offered,
    }


def sampled_choices(digit: Digit) -> dict[str, Any]:
    """Offer the weight with the largest gradient of each array, with the loss around it.

    The engine computes the loss at each mark.
    """
    model = deepcopy(digit.model)
    parameters = dict(model.named_parameters())
    offered = []
    for name in digit.weights:
        parameter = parameters[name]
        gradient = digit.trace.gradients[name]
        place = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
        index = tuple(map(int, place))
        offered.append(
            {
                "name": name,
                "index": list(index),
                "label": f"{name}{list(index)}: the largest gradient of {name}",
                "value": float(parameter.numpy()[index]),
                "gradient": float(gradient[index]),
                "losses": _losses(digit, model, parameter, index),
            }
        )
    return {"reach": REACH, "marks": SAMPLES, "choices": offered}


def _losses(
    digit: Digit, model: nn.Module, parameter: Tensor, index: tuple[int, ...]
) -> list[float]:
    """Compute the loss with one number of the model changed, at every mark; it is set back."""
    before = parameter.numpy()[index]
    losses = []
    with no_grad():
        for mark in range(-SAMPLES, SAMPLES + 1):
            parameter[index] = before + mark * REACH / SAMPLES
            losses.append(digit.loss_of(model).item())
        parameter[index] = before
    return losses
