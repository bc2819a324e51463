"""What the gradients of slices, of picked elements and of repeated ones cost.

Each is a ratio of two times that are measured in turn, in one process, so that a slow moment of
the machine strikes both; and they are the processor's times, so that what else it does doesn't
count. What is timed is the rule itself on bare arrays, as the sweep calls it.
"""

import operator
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from report import Row, median_row

from tinygrad_mnist.rules import RULES

TURNS = 41
TURN_SECONDS = 0.01
ROWS, WIDTH = 20_000, 32
# Once is promised; a tenth is for the call of the rule, the rest for the noise of the memory.
SLICE_LIMITS = {100_000: None, 1_000_000: 1.25}

Array = Any
Work = Callable[[], Any]


def rows() -> Iterator[Row]:
    """Measure slices, then elements picked several times, then repetitions."""
    for size in SLICE_LIMITS:
        yield from _slices(size)
    rng = np.random.default_rng(0)
    for times in (0, 1, 100):
        yield from _picked(rng, times)
    yield from _repeated()


def _ratios(work: Work, other: Work) -> list[float]:
    """Let two take turns, and divide the first one's time by the other's, turn by turn."""
    calls = max(1, round(TURN_SECONDS / max(_seconds(other, 3), 1e-7)))
    pairs = [(_seconds(work, calls), _seconds(other, calls)) for _ in range(TURNS)]
    return [mine / others for mine, others in pairs[1:]]


def _seconds(work: Work, calls: int) -> float:
    begin = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - begin) / calls


def _gradient(function: Any, a: Array, **keywords: Any) -> Work:
    """Make the call of a rule's vjp, with a gradient for the result."""
    rule = RULES[function]
    y = rule.forward(a, **keywords)
    g = np.ones(y.shape, y.dtype)
    return lambda: rule.vjps[0](g, y, a, **keywords)


def _slices(size: int) -> Iterator[Row]:
    a = np.ones(size, np.float32)

    def written() -> Array:
        copy = np.empty(size, np.float32)
        copy[...] = a
        return copy

    cuts = {"the first half": slice(size // 2), "all but one": slice(1, None)}
    for name, cut in cuts.items():
        ratios = _ratios(_gradient(operator.getitem, a, index=cut), written)
        what = f"gradient of a slice, {name} of {size:,} ÷ writing the array"
        yield median_row(what, ratios, "×", at_most=SLICE_LIMITS[size])


def _picked(rng: np.random.Generator, times: int) -> Iterator[Row]:
    """Pick rows of a table, each not more than once, about once, about a hundred times."""
    table = np.ones((max(ROWS // max(times, 1), 1), WIDTH), np.float32)
    index = rng.permutation(ROWS) if times == 0 else rng.integers(0, len(table), ROWS)
    g = np.ones((ROWS, WIDTH), np.float32)

    def added_at() -> Array:
        found = np.zeros_like(table)
        np.add.at(found, index, g)
        return found

    often = {0: "once each", 1: "at random", 100: "100 times each"}[times]
    gradient = _gradient(np.take, table, indices=index, axis=0)
    what = f"gradient of take, {ROWS:,} rows of {WIDTH}, {often}"
    yield median_row(f"{what} ÷ np.add.at", _ratios(gradient, added_at), "×", at_most=1)
    yield median_row(f"{what} ÷ forward", _ratios(gradient, lambda: table[index]), "×")
    elements, places = np.ones(len(table), np.float32), index
    gradient = _gradient(operator.getitem, elements, index=places)
    what = f"gradient of getitem, {ROWS:,} elements, {often}"
    yield median_row(f"{what} ÷ forward", _ratios(gradient, lambda: elements[places]), "×")


def _repeated() -> Iterator[Row]:
    a = np.ones((1000, 100), np.float32)
    for axis in (0, 1):
        for name, repeats in (("3", 3), ("0 to 3", np.resize([0, 1, 2, 3], a.shape[axis]))):
            gradient = _gradient(np.repeat, a, repeats=repeats, axis=axis)

            def forward(repeats: Any = repeats, axis: int = axis) -> Array:
                return np.repeat(a, repeats, axis)

            what = f"gradient of repeat, {name} times along axis {axis} ÷ forward"
            yield median_row(what, _ratios(gradient, forward), "×")
