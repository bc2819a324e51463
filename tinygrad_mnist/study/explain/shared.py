"""The steps that the page has for every network: image, probabilities, loss, and a check."""

from __future__ import annotations

import math as m

import numpy as np

from ..check import check
from .arrays import Picture
from .digit import Digit
from .markup import Heat, Step, beside, formula, math, number, swatch, table

__all__ = ["check_step", "image_step", "loss_step", "softmax_step"]


def image_step(digit: Digit, picture: Picture) -> Step:
    """Show the image, and what the model makes of it."""
    p = digit.probabilities
    sure = f"a probability of {percent(p[digit.answer])}"
    if digit.label_is_guess:
        verdict = (
            f"The network takes this one for a <strong>{digit.answer}</strong>, with {sure}. "
            "Nobody said what it shows, so the loss and its gradients are those of this answer."
        )
    elif digit.answer == digit.label:
        verdict = (
            f"This one shows a <strong>{digit.label}</strong>. The network sees that, and gives it "
            f"{sure}."
        )
    else:
        verdict = (
            f"This one shows a <strong>{digit.label}</strong>. The network takes it for a "
            f"{digit.answer}, with {sure}; the right answer gets {percent(p[digit.label])}. The "
            "gradients will say what would have to change."
        )
    words = [
        "<p>An image is 28 × 28 grey levels from 0, the background, to 1, full ink. The network "
        f"knows nothing of rows and columns: it gets the {picture.values.size} numbers one after "
        f"the other.</p><p>{verdict}</p>",
    ]
    body = beside(words, Heat(picture))
    return Step("image", "down", math("X"), "image", "The image", body, 0)


def softmax_step(digit: Digit, symbol: str, column: int) -> Step:
    """Show how the logits become probabilities."""
    logits = digit.outputs[-1][0]
    powers = np.exp(logits - logits.max())
    rows = [
        (
            str(k),
            swatch(z),
            swatch(e),
            f'{swatch(p)}<span class="level" style="width: {100 * p:.4g}%"></span>',
        )
        for k, (z, e, p) in enumerate(zip(logits, powers, digit.probabilities, strict=True))
    ]
    words = [
        "<p>Softmax makes every logit positive with the exponential function and divides by the "
        "sum, so that the ten add up to 1. The largest logit is subtracted first: it cancels, and "
        "keeps the exponential from overflowing.</p>",
        formula(r"\operatorname{softmax}(z)_k = \frac{e^{z_k - \max z}}{\sum_j e^{z_j - \max z}}"),
    ]
    shown = table(
        "Logits and probabilities",
        ["digit", "logit", math(r"e^{z - \max z}"), "probability"],
        rows,
        row_kinds=["mine" if k == digit.label else "" for k in range(len(rows))],
    )
    body = beside(words, shown)
    title = "Softmax: scores become probabilities"
    return Step("softmax", "down", symbol, "softmax", title, body, column)


def loss_step(digit: Digit, symbol: str, column: int) -> Step:
    """Show the loss on the curve of the logarithm."""
    p, loss = float(digit.probabilities[digit.label]), digit.loss.item()
    words = [
        "<p>The loss is the surprise at the truth: the negative logarithm of the probability that "
        f"the right digit got. The {digit.label} got {percent(p)}, so the loss is "
        f"<strong>{number(loss)}</strong>. Being sure would have cost nothing, and guessing among "
        f"ten {number(m.log(10), 3)}.</p>",
        formula(
            rf"L = -\frac{{1}}{{m}} \sum Y \log A^{{[2]}} = -\log\, {number(p)} = {number(loss)}"
            if digit.is_two_layer
            else rf"L = -\log p_{{{digit.label}}} = -\log\, {number(p)} = {number(loss)}"
        ),
    ]
    body = beside(words, _logarithm(p, loss))
    title = "The loss: how surprised the network is"
    return Step("loss", "down", symbol, "loss", title, body, column)


def _logarithm(p: float, loss: float) -> str:
    """Draw −log p with a dot where the digit is; farther up than 6 it leaves the picture."""
    top, left, width, height = 6.0, 34, 290, 170

    def x(probability: float) -> float:
        return left + width * probability

    def y(value: float) -> float:
        return 12 + height * (1 - min(value, top) / top)

    points = [m.exp(-top) ** (i / 80) for i in range(80, -1, -1)]
    path = " L".join(f"{x(q):.1f} {y(-m.log(q)):.1f}" for q in points)
    marks = "".join(
        f'<line class="grid" x1="{left}" y1="{y(v):.1f}" x2="{left + width}" y2="{y(v):.1f}"/>'
        f'<text x="{left - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v}</text>'
        for v in (0, 2, 4, 6)
    ) + "".join(
        f'<text x="{x(v / 4):.1f}" y="{height + 30}" text-anchor="middle">{25 * v} %</text>'
        for v in range(5)
    )
    words = f"The curve of the loss against the probability; this digit is at {percent(p)}"
    beyond = ", which is beyond the scale" if loss > top else ""
    return (
        f'<figure><svg class="chart small" viewBox="0 0 350 {height + 40}" role="img" '
        f'aria-label="{words}, loss {number(loss)}">{marks}<path class="curve" d="M{path}"/>'
        f'<circle class="actual" cx="{x(p):.1f}" cy="{y(loss):.1f}" r="7"/></svg>'
        "<figcaption>The loss against the probability of the right digit; the dot is where this "
        f"one is{beyond}.</figcaption>"
        "</figure>"
    )


def check_step(digit: Digit, column: int, span: int, on_paper: str = "") -> Step:
    """Hold the largest gradient of the first weights against central differences.

    `on_paper` is what the weights are called where samples are columns.
    """
    name = digit.weights[0]
    gradient = digit.trace.gradients[name]
    place = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
    found = check(lambda: digit.loss_of(digit.model), name, [int(i) for i in place], digit.model)
    index = ", ".join(map(str, found.index))
    called = f"<code>{name}[{index}]</code>"
    if on_paper:
        turned = ", ".join(map(str, found.index[::-1]))
        called = f"<code>{on_paper}[{turned}]</code> (in the engine {called})"
    size = (
        "they agree to the last bit"
        if found.relative == 0
        else (f"they differ by {number(found.relative, 2)} of their size")
    )
    rows = [
        ("loss with the weight moved up", f"{found.above:.12f}"),
        ("loss with the weight moved down", f"{found.below:.12f}"),
        ("how far it was moved", number(found.step)),
        ("the difference quotient", f"{number(found.numeric, 9)}"),
        ("the gradient of the sweep", f"{number(found.autodiff, 9)}"),
    ]
    words = [
        "<p>Is the gradient true? A derivative says how the loss changes when one number moves a "
        f"little. So the weight {called}, whose gradient is the largest of its layer, is moved "
        f"from {number(found.value)} a little up and a little down, and the whole network is "
        "computed twice more, in double precision.</p>",
        formula(
            r"\frac{\partial L}{\partial w} \approx "
            r"\frac{L(w + \varepsilon) - L(w - \varepsilon)}{2 \varepsilon}"
        ),
        f"<p>The two were found in quite different ways: {size}. For all "
        f"{sum(g.size for g in digit.trace.gradients.values()):,} gradients of this network that "
        "would take two runs each; the sweep found all of them in one.</p>",
    ]
    body = beside(words, table("The check", ["quantity", "number"], rows, kinds=["text"]))
    return Step("check", "after", "✓", "check", "One gradient, checked", body, column, span)


def percent(p: float) -> str:
    """Write a probability in per cent, never rounded to a certainty that isn't there."""
    value = 100 * float(p)
    if value > 99.99:
        return "more than 99.99 %"
    return f"{value:.2f} %" if value >= 0.01 else f"{number(value, 2)} %"
