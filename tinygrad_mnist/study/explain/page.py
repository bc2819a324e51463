"""The page itself: steps, numbers, style and script put into one file that needs nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from numpy.typing import NDArray

from .any_model import AnyStory
from .arrays import cropped, scale_of
from .digit import Digit, follow
from .markup import Heat, Step, number
from .notation import notation
from .record import record
from .two_layer import TwoLayerStory

__all__ = ["explain_page"]

NUMBERS = 170_000  # in all pictures; in base64 each takes 5 1/3 bytes
CROWD = 9  # more columns than so many in the map are made narrow
SCRIPTS = ("colours.js", "heat.js", "story.js", "turn.js")
# Nothing may be loaded from anywhere: the browser sees to it.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
LANES = {
    "down": "Forward: values go down",
    "up": "Backward: gradients come up",
    "after": "What comes of it",
}


def explain_page(
    model: Any, image: NDArray[Any], label: int | None = None, source: str = "This digit"
) -> str:
    """Make a page that steps through one digit, forward and back.

    The page is one HTML file without a reference to anything outside of it. For the two-layer
    network 784-10-10 it shows the derivation by hand beside the rules of the engine; for another
    network, its layers and the engine's sweep alone.

    Parameters
    ----------
    model
        A module from 784 pixels to the logits of ten digits. It stays as it is. A Sequential is
        shown layer by layer, another module as one.
    image
        uint8 (0 is the background, 255 full ink) or floating (0 to 1), of 784 pixels.
    label
        Which digit it shows, 0 to 9; by default, what the model takes it for.
    source
        What the page calls the digit, such as ``"Test digit 8"``.

    Returns
    -------
    The page.

    Raises
    ------
    TypeError
        If the model isn't a module, or the image neither uint8 nor floating.
    ValueError
        If the model doesn't take such an image or answer with ten logits, a pixel is out of range,
        a number on the way isn't finite, or there is no such label.
    ImportError
        If latex2mathml is not installed, which typesets the formulas.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.models import mlp
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> page = explain_page(model, np.ones((28, 28)), label=3)
    >>> page[:15], len(page) < 1_500_000
    ('<!DOCTYPE html>', True)
    """
    digit = follow(model, image, label)
    story = TwoLayerStory(digit) if digit.is_two_layer else AnyStory(digit)
    steps = story.steps()
    heats = [part for step in steps for part in step.body if isinstance(part, Heat)]
    pictures = cropped([heat.picture for heat in heats], NUMBERS)
    scale = scale_of(pictures.values())
    data = {
        "scale": scale,
        "pictures": {key: picture.data() for key, picture in pictures.items()},
        "turn": story.turn,
    }

    def html(step: Step) -> str:
        parts = (
            part.html(pictures[part.picture.key]) if isinstance(part, Heat) else part
            for part in step.body
        )
        title = escape(step.title)
        return (
            f'<section class="step {step.lane}" id="step-{step.key}" '
            f'aria-labelledby="title-{step.key}">'
            f'<p class="lane">{LANES[step.lane]}</p>'
            f'<h2 id="title-{step.key}">{title}</h2>{"".join(parts)}</section>'
        )

    return Template(_file("page.html")).substitute(
        title="One digit, forward and back",
        policy=POLICY,
        style=_file("page.css"),
        introduction=_introduction(digit, source),
        columns=story.columns,
        crowd=' class="many"' if story.columns > CROWD else "",
        chips=_map(steps),
        steps="\n".join(map(html, steps)),
        scale_words=f"Colours from {number(-scale['largest'], 3)} to {number(scale['largest'], 3)}",
        notation=notation(by_hand=digit.is_two_layer),
        record=record(digit),
        data=_for_script(data),
        script="\n".join(map(_file, SCRIPTS)),
    )


def _introduction(digit: Digit, source: str) -> str:
    what = (
        f"{escape(source)} is taken for a {digit.answer} by the network"
        if digit.label_is_guess
        else f"{escape(source)} is a {digit.label}; the network takes it for a {digit.answer}"
    )
    words = (
        f"<p>{what}. Step by step, this page shows every value on the way to the loss and every "
        "gradient on the way back, as the engine computed them.</p>"
    )
    if digit.is_two_layer:
        return words
    return (
        words + '<p class="note">Only the two-layer network 784-10-10 was differentiated by hand, '
        "too; for this one the page leaves the derivation by hand out.</p>"
    )


def _map(steps: Sequence[Step]) -> str:
    """Lay the steps out as buttons: lanes below each other, steps that share a column stacked."""
    taken = Counter((step.lane, step.column) for step in steps)
    highest = max(n for (lane, _), n in taken.items() if lane == "up")
    first_row = {"down": 1, "up": 2, "after": 2 + highest}
    above: Counter[tuple[str, int]] = Counter()
    lines = []
    for count, step in enumerate(steps, 1):
        row = first_row[step.lane] + above[step.lane, step.column]
        kinds = f"{step.lane} stacked" if above[step.lane, step.column] else step.lane
        above[step.lane, step.column] += 1
        lines.append(
            f'<li class="{kinds}" '
            f'style="grid-area: {row} / {step.column + 1} / auto / span {step.span}">'
            f'<button type="button" title="{escape(step.title)}">'
            f'<span class="unseen">Step {count}: </span><span class="symbol">{step.symbol}</span>'
            f'<span class="name">{_breakable(step.name)}</span></button></li>'
        )
    return "\n".join(lines)


def _breakable(name: str) -> str:
    """Let a name such as BatchNorm2d be broken where its words begin."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "<wbr>", escape(name))


def _for_script(data: Any) -> str:
    """Write JSON that can't end the script element that it stands in, whatever is in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _file(name: str) -> str:
    folder = resources.files(__package__)
    return (folder / "assets" / name).read_text(encoding="utf-8")
