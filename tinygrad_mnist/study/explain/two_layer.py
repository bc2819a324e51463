"""The steps of the network whose gradients were derived by hand, in that derivation's notation.

Samples are columns here, as on paper: W1 is what the engine calls ``0.weight``, transposed.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import by_hand
from ..derivations import compare_by_hand
from .arrays import SIDE, Picture, stacked
from .digit import Digit
from .markup import (
    Heat,
    Step,
    beside,
    formula,
    math,
    number,
    rule,
    swatch,
    table,
)
from .shared import check_step, image_step, loss_step, softmax_step
from .turning import choices_on_paper, turn_step

__all__ = ["TwoLayerStory"]

Array = NDArray[Any]
UNITS = 10

# The derivation by hand, as the description of the network has it.
BY_HAND = {
    "dZ2": r"dZ^{[2]} = A^{[2]} - Y",
    "dW2": r"dW^{[2]} = \frac{1}{m}\, dZ^{[2]} A^{[1]\mathsf T}",
    "db2": r"dB^{[2]} = \frac{1}{m} \Sigma\, dZ^{[2]}",
    "dZ1": r"dZ^{[1]} = W^{[2]\mathsf T} dZ^{[2]} \mathbin{.*} g^{[1]\prime}(Z^{[1]})",
    "dW1": r"dW^{[1]} = \frac{1}{m}\, dZ^{[1]} A^{[0]\mathsf T}",
    "db1": r"dB^{[1]} = \frac{1}{m} \Sigma\, dZ^{[1]}",
}
CARRIED = r"W^{[2]\mathsf T} dZ^{[2]}"
# With one sample, m is 1 and Σ has one term, so that dZ is dB.
_HELD_AGAINST = {"dZ1": "db1", "dZ2": "db2"}


class TwoLayerStory:
    """How the two-layer network read a digit, and how its gradients came about.

    Attributes
    ----------
    columns
        How many columns the map has.
    turn
        What the page needs to know to turn a weight.
    """

    columns = 6

    def __init__(self, digit: Digit) -> None:
        self.digit = digit
        self.derivations = compare_by_hand(digit.model, digit.pixels, np.array([digit.label]))
        loss, second, relu, first = digit.trace
        self.passed = {
            "dZ2": (loss, loss.contributions[0]),
            **{
                name: (second, part)
                for name, part in zip(("dA1", "dW2", "db2"), second.contributions, strict=True)
            },
            "dZ1": (relu, relu.contributions[0]),
            **{
                name: (first, part)
                for name, part in zip(("dW1", "db1"), first.contributions, strict=True)
            },
        }
        W1, b1, W2, b2 = (parameter.numpy() for parameter in digit.model.parameters())
        Z1, A1, Z2 = digit.outputs
        as_rows = {"X": digit.pixels, "W1": W1, "b1": b1, "Z1": Z1, "A1": A1}
        as_rows |= {"W2": W2, "b2": b2, "Z2": Z2, "A2": digit.probabilities}
        as_rows |= {name: part.array for name, (_, part) in self.passed.items()}
        self.arrays: dict[str, Array] = {
            name: np.atleast_2d(array).T for name, array in as_rows.items()
        }
        self.arrays["Y"] = by_hand.one_hot(np.array([digit.label]), dtype=digit.pixels.dtype)
        self.dead = frozenset(np.flatnonzero(Z1 <= 0).tolist())
        self._pictures: dict[str, Picture] = {}

    @cached_property
    def turn(self) -> dict[str, Any]:
        """What the page needs to know to turn a weight."""
        return choices_on_paper(self.digit, self.arrays)

    def steps(self) -> list[Step]:
        """List the steps in the order in which they are told."""
        return [
            image_step(self.digit, self.picture("X")),
            self.first_layer(),
            self.relu(),
            self.second_layer(),
            softmax_step(self.digit, math("A^{[2]}"), 4),
            loss_step(self.digit, math("L"), 5),
            self.back_through_loss(),
            self.back_through_second_layer(),
            self.back_through_relu(),
            self.back_through_first_layer(),
            check_step(self.digit, 0, 3, on_paper="W1"),
            turn_step(self.turn, 3, 3, [self.units("dW1", pick=True), self.heat("dW2", pick=True)]),
        ]

    # --- pieces ---------------------------------------------------------------------------

    def numbers(self, name: str) -> list[float]:
        """List the numbers of a column."""
        return [float(value) for value in self.arrays[name][:, 0]]

    def picture(self, name: str, *, lying: bool = False) -> Picture:
        """Show the array of this name; a column may lie, so that it fits those of a matrix."""
        key = f"{name} lying" if lying else name
        if key not in self._pictures:
            array = self.arrays[name]
            rows, columns = array.shape[::-1] if lying else array.shape
            size = {
                (SIDE * SIDE, 1): (1, SIDE, SIDE),
                (UNITS, SIDE * SIDE): (UNITS, SIDE, SIDE),
            }.get((rows, columns), (1, rows, columns))
            self._pictures[key] = stacked(name, array, size, key)
        return self._pictures[key]

    def heat(self, name: str, caption: str = "", **options: Any) -> Heat:
        """Show an array, by itself."""
        return Heat(self.picture(name), caption or math(_latex(name)), **options)

    def units(self, name: str, **options: Any) -> Heat:
        """Show weights of the first layer, or their gradients, as an image a unit."""
        backward = name == "dW1"
        dead = self.dead if backward else frozenset()
        below = "dZ1" if backward else "Z1"
        notes = [
            f"unit {i}<br>{'dead' if i in dead else number(value)}"
            for i, value in enumerate(self.numbers(below))
        ]
        caption = f"{math(_latex(name))}, one image a unit, with its {math(_latex(below))} below"
        return self.heat(name, caption, notes=notes, dead=dead, **options)

    def around(self, above: str, left: str, matrix: str, right: str) -> list[Any]:
        """Lay a matrix out with a column lying above it, and one at each side."""

        def fitted(name: str, lying: bool = False) -> Heat:
            return Heat(self.picture(name, lying=lying), cell="var(--square)")

        def label(text: str) -> str:
            return f'<span class="label">{text}</span>'

        def symbol(name: str) -> str:
            return math(_latex(name))

        return [
            '<div class="product"><span></span>',
            label(f"{symbol(above)}, lying"),
            "<span></span><span></span>",
            fitted(above, lying=True),
            "<span></span>",
            label(symbol(left)),
            label(f"{symbol(matrix)}: a row for each digit"),
            label(symbol(right)),
            fitted(left),
            fitted(matrix),
            fitted(right),
            "</div>",
        ]

    def card(self, name: str, target: str, note: str = "") -> str:
        """Put the engine's rule and the derivation by hand side by side."""
        step, part = self.passed[name]
        hand = BY_HAND["dZ1" if name == "dA1" else name]
        facts = [
            (f"The engine's rule <code>{step.operation}</code>", math(part.formula)),
            (f"By hand{note}", math(hand)),
        ]
        if name != "dA1":
            found = self.derivations[_HELD_AGAINST.get(name, name)]
            if name == found.name:
                facts.append((f"by_hand.py, line {found.line}", f"<code>{found.code}</code>"))
            apart = found.difference
            agree = (
                "in every bit the same"
                if apart == 0
                else f"at most {number(apart, 2)} apart: rounding"
            )
            facts.append(("Engine and hand", agree))
        return rule(target, facts)

    # --- values go down -------------------------------------------------------------------

    def first_layer(self) -> Step:
        """Show what each hidden unit looks at, and what it sees."""
        chosen = int(np.argmax(self.numbers("Z1")))
        choices = "".join(
            f'<label class="choice"><input type="radio" name="unit" value="{i}"'
            f"{' checked' if i == chosen else ''}><span>{i}</span></label>"
            for i in range(UNITS)
        )

        def factor(part: str, label: str) -> Heat:
            words = f'aria-label="{label}" data-part="{part}"'
            return Heat(self.picture("X"), label, attributes=words, filled_in=part != "pixels")

        body = [
            "<p>Each of the ten hidden units has a weight for every pixel. It multiplies each "
            "pixel with its weight, adds everything up, and adds its bias. In the rows of "
            f"{math('W^{[1]}')} below, ink on <span class='plus'>orange</span> excites the unit, "
            "ink on <span class='minus'>blue</span> inhibits it.</p>",
            formula("Z^{[1]} = W^{[1]} X + b^{[1]}"),
            self.units("W1"),
            f'<div class="unit"><fieldset><legend>Look at unit</legend>{choices}</fieldset>'
            '<div class="equation">',
            factor("weights", "its weights"),
            '<span class="sign" role="img" aria-label="times, pixel by pixel">⊙</span>',
            factor("pixels", "the image"),
            '<span class="sign" role="img" aria-label="gives">=</span>',
            factor("product", "what each pixel adds"),
            "</div>",
            "<p aria-live='polite'>Unit <span data-word='unit'></span>: all pixels together add "
            "<strong data-word='sum'></strong>, the bias adds "
            f"<strong data-word='bias'></strong>, which makes {math('z')} = "
            "<strong data-word='z'></strong>.</p></div>",
            '<div class="side">',
            Heat(self.picture("b1", lying=True), f"the biases {math('b^{[1]}')}, one a unit"),
            Heat(self.picture("Z1", lying=True), f"the sums {math('Z^{[1]}')}, one a unit"),
            "</div>",
        ]
        title = "The first layer: ten weighted sums"
        return Step("layer-1", "down", math("Z^{[1]}"), "layer 1", title, body, 1)

    def relu(self) -> Step:
        """Show which units died."""
        dead = len(self.dead)
        rows = [
            (
                str(i),
                swatch(z),
                swatch(a),
                "died" if i in self.dead else "lives",
            )
            for i, (z, a) in enumerate(zip(self.numbers("Z1"), self.numbers("A1"), strict=True))
        ]
        words = [
            "<p>ReLU lets through what is positive and replaces the rest by 0. For this digit "
            f"{dead} of the {UNITS} units {'has' if dead == 1 else 'have'} died: what comes out is "
            "0, they say nothing about this digit, and on the way back no gradient will pass "
            "them.</p>",
            formula(r"A^{[1]} = g_{\text{ReLU}}(Z^{[1]}) = \max(Z^{[1]}, 0)"),
        ]
        shown = table(
            "The units before and after ReLU",
            ["unit", math("Z^{[1]}"), math("A^{[1]}"), "what happened"],
            rows,
            kinds=["", "", "", "text"],
            row_kinds=self.dead_rows(),
        )
        body = beside(words, shown)
        title = "ReLU: what is negative dies"
        return Step("relu", "down", math("A^{[1]}"), "ReLU", title, body, 2)

    def dead_rows(self) -> list[str]:
        """List the classes of the rows of a table of the units."""
        return ["dead" if i in self.dead else "" for i in range(UNITS)]

    def second_layer(self) -> Step:
        """Show how the units are weighed against each other."""
        scores, label = self.numbers("Z2"), self.digit.label
        best = int(np.argmax(scores))
        verdict = (
            "which is right"
            if best == label
            else f"but this is a {label}, which gets {number(scores[label])}"
        )
        words = [
            "<p>The second layer weighs the ten units against each other: a row of "
            f"{math('W^{[2]}')} belongs to a digit, a column to a hidden unit. What comes out, the "
            "logits, are scores that may have any size and sign.</p>",
            formula("Z^{[2]} = W^{[2]} A^{[1]} + b^{[2]}"),
            f"<p>The highest score, {number(scores[best])}, goes to {best}, {verdict}.</p>",
        ]
        body = beside(words, *self.around("A1", "b2", "W2", "Z2"))
        title = "The second layer: ten logits"
        return Step("layer-2", "down", math("Z^{[2]}"), "layer 2", title, body, 3)

    # --- gradients come up ----------------------------------------------------------------

    def back_through_loss(self) -> Step:
        """Show the difference that all learning begins with."""
        columns = (self.numbers("A2"), self.numbers("Y"), self.numbers("dZ2"))
        rows = [
            (str(k), swatch(p), number(y), swatch(g))
            for k, (p, y, g) in enumerate(zip(*columns, strict=True))
        ]
        mine = ["mine" if k == self.digit.label else "" for k in range(len(rows))]
        words = [
            "<p>Now gradients come up by the stairs that values went down. The sweep begins with "
            "1, the gradient of the loss for itself. Softmax and logarithm, differentiated "
            "together, leave nothing but a difference: what the network said, less what it should "
            "have said. A step against it raises the right digit's logit and lowers the others, "
            "each by as much as it was believed. The legend below the steps says how to read the "
            "formulas, and how the engine's are those by hand.</p>",
            '<div class="rules">',
            self.card("dZ2", f"The logits {math('Z^{[2]}')}"),
            "</div>",
        ]
        head = ["digit", math("A^{[2]}"), math("Y"), math("dZ^{[2]}")]
        body = beside(words, table("Probabilities, truth and gradient", head, rows, row_kinds=mine))
        title = "Back through softmax and loss"
        return Step("back-loss", "up", math("dZ^{[2]}"), "softmax, loss", title, body, 4, span=2)

    def back_through_second_layer(self) -> Step:
        """Show the three gradients of the second layer."""
        body = [
            "<p>The second layer has a rule for its weights, one for its bias, and one for what it "
            "was given. A weight was multiplied by what its unit said, so its gradient is the "
            f"product of the two ends of its row and column: {math('dZ^{[2]}')} at the left and "
            f"{math('A^{[1]}')} above. The columns of dead units are empty.</p>",
            '<div class="rules">',
            self.card("dW2", f"The weights {math('W^{[2]}')}, <code>2.weight</code>"),
            self.card("db2", f"The bias {math('b^{[2]}')}, <code>2.bias</code>"),
            self.card(
                "dA1",
                f"What came in, {math('A^{[1]}')}",
                f": the factor {math(CARRIED)}; the other is ReLU's",
            ),
            "</div>",
            *self.around("A1", "dZ2", "dW2", "db2"),
            Heat(
                self.picture("dA1", lying=True),
                f"What goes on to the ten hidden units: {math(CARRIED)}",
            ),
        ]
        title = "Back through the second layer"
        return Step("back-layer-2", "up", math("dW^{[2]}"), "layer 2", title, body, 3)

    def back_through_relu(self) -> Step:
        """Show which gradients pass."""
        columns = (self.numbers("dA1"), self.numbers("dZ1"))
        rows = [
            (
                str(i),
                swatch(upstream),
                "0" if i in self.dead else "1",
                swatch(g),
                "stopped" if i in self.dead else "passes",
            )
            for i, (upstream, g) in enumerate(zip(*columns, strict=True))
        ]
        head = [math(latex) for latex in (CARRIED, r"g^{[1]\prime}(Z^{[1]})", "dZ^{[1]}")]
        words = [
            "<p>ReLU is a switch: where a unit was alive, its gradient passes unchanged; where it "
            "was dead, nothing comes through, and its weights learn nothing from this digit.</p>",
            '<div class="rules">',
            self.card("dZ1", f"The sums {math('Z^{[1]}')}"),
            "</div>",
        ]
        shown = table(
            "The gradients of the units before and after ReLU",
            ["unit", *head, "what happened"],
            rows,
            kinds=["", "", "", "", "text"],
            row_kinds=self.dead_rows(),
        )
        body = beside(words, shown)
        title = "Back through ReLU"
        return Step("back-relu", "up", math("dZ^{[1]}"), "ReLU", title, body, 2)

    def back_through_first_layer(self) -> Step:
        """Show the gradients of the weights as images."""
        body = [
            "<p>A weight of the first layer was multiplied by its pixel, so its gradient is the "
            "pixel times what came up to its unit: the gradient of a unit's weights is the image "
            "itself, in the strength and sign of the unit's gradient. A training step takes these "
            f"pictures, times the learning rate, from {math('W^{[1]}')}.</p>",
            '<div class="rules">',
            self.card("dW1", f"The weights {math('W^{[1]}')}, <code>0.weight</code>"),
            self.card("db1", f"The bias {math('b^{[1]}')}, <code>0.bias</code>"),
            "</div>",
            self.units("dW1"),
            Heat(self.picture("db1", lying=True), f"{math('dB^{[1]}')}, one number a unit"),
            "<p class='note'>The image gets no gradient: nobody needs it, so the engine never "
            "computes it.</p>",
        ]
        title = "Back through the first layer"
        return Step("back-layer-1", "up", math("dW^{[1]}"), "layer 1", title, body, 1)


def _latex(name: str) -> str:
    """Write the name of an array as on paper: dW1 as dW^{[1]}, where the biases are B."""
    if name == "X":
        return name
    letters, layer = name[:-1], name[-1]
    return f"{letters.replace('db', 'dB')}^{{[{layer}]}}"
