"""Samples of what slides windows over images: `nn.convolution` and `nn.pooling`."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from tinygrad_mnist.nn.windows import Windows

from .draw import Call, Sample, apart, call, normal

PLAIN_WINDOWS = Windows((2, 2))
UNEVEN = Windows((3, 2), stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2))
OVERLAPPING = Windows((2, 3), stride=(1, 2), padding=((1, 1), (1, 1)))
WIDE = Windows((3, 1), stride=(1, 3), padding=((2, 2), (0, 0)), dilation=(2, 1))
POINTS = Windows((1, 1), stride=(2, 1), padding=((1, 0), (0, 1)))

SIZES = [(PLAIN_WINDOWS, (3, 3)), (UNEVEN, (4, 3)), (WIDE, (3, 4)), (POINTS, (3, 2))]


def _count(windows: Windows, size: tuple[int, int]) -> tuple[int, int]:
    return windows.fit("a sample", (1, 1, *size))


def _convolved() -> Iterator[tuple[Sample, Sample, Sample]]:
    """Draw samples of a convolution and of its two gradients, with two groups and with one."""
    for groups, (windows, size) in product((1, 2), SIZES):
        image = (2, groups, *size)
        weight = (2, 1, *windows.kernel)
        result = (2, 2, *_count(windows, size))
        keywords = {"windows": windows, "groups": groups}
        yield (
            call(normal(*image), normal(*weight), normal(2), **keywords),
            call(normal(*result), normal(*weight), size=size, **keywords),
            call(normal(*image), normal(*result), **keywords),
        )


FORWARD, BY_INPUT, BY_WEIGHT = map(list, zip(*_convolved(), strict=True))
WITHOUT_BIAS = call(normal(1, 2, 3, 3), normal(3, 2, 2, 2), None, windows=PLAIN_WINDOWS, groups=1)
EMPTY = call(normal(0, 1, 3, 3), normal(2, 1, 2, 2), normal(2), windows=PLAIN_WINDOWS, groups=1)

POOLED = [
    (Windows((2, 2), stride=(2, 2)), (4, 5)),
    (OVERLAPPING, (2, 3)),
    (Windows((2, 2), dilation=(2, 1)), (3, 3)),
]
# Behind the image is more than before it: what a last window takes, which counts for nothing.
AVERAGED = [*POOLED, (Windows((3, 2), stride=(2, 2), padding=((1, 2), (1, 1))), (5, 2))]
DIVISORS: list[dict[str, int]] = [{}, {"divisor": 3}]


def _winners(windows: Windows, size: tuple[int, int]) -> np.ndarray:
    """Choose a tap of every window, one after the other, as rows."""
    down, across = _count(windows, size)
    shape = down, 2, across, 1
    number = windows.kernel[0] * windows.kernel[1]
    return (np.arange(np.prod(shape)) % number).astype(np.uint8).reshape(shape)


RULES: dict[str, list[Sample]] = {
    "convolution": [*FORWARD, WITHOUT_BIAS, EMPTY],
    "convolution_by_input": BY_INPUT,
    "convolution_by_weight": BY_WEIGHT,
    "max_of_windows": [
        *(call(apart(1, 2, *size), windows=windows) for windows, size in POOLED),
        call(normal(0, 2, 2, 2), windows=PLAIN_WINDOWS),
    ],
    "put_to_winners": [
        call(
            normal(1, 2, *_count(windows, size)),
            winners=_winners(windows, size),
            size=size,
            windows=windows,
        )
        for windows, size in POOLED
    ],
    "take_winners": [
        call(normal(1, 2, *size), winners=_winners(windows, size), windows=windows)
        for windows, size in POOLED
    ],
    "mean_of_windows": [
        call(normal(1, 2, *size), windows=windows, count_include_pad=padded, **divisor)
        for windows, size in AVERAGED
        for padded in (True, False)
        for divisor in DIVISORS
    ],
    "share_among_windows": [
        call(
            normal(1, 2, *_count(windows, size)),
            size=size,
            windows=windows,
            count_include_pad=padded,
            **divisor,
        )
        for windows, size in AVERAGED
        for padded in (True, False)
        for divisor in DIVISORS
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}


# --- the same, an element at a time -------------------------------------------------------


def _places(windows: Windows, size: tuple[int, int]) -> Iterator[tuple[int, ...]]:
    """List, for every window and every tap: both their places, and the image's place there."""
    taps = product(range(windows.kernel[0]), range(windows.kernel[1]))
    (top, _), (left, _) = windows.padding
    down, across = _count(windows, size)
    for (i, j), y, x in product(taps, range(down), range(across)):
        row = y * windows.stride[0] + i * windows.dilation[0] - top
        column = x * windows.stride[1] + j * windows.dilation[1] - left
        if 0 <= row < size[0] and 0 <= column < size[1]:
            yield y, x, i, j, row, column


def _pairs(outputs: int, inputs: int, groups: int) -> Iterator[tuple[int, int, int]]:
    """List the channels out and in that meet, and the place of the latter in the weight."""
    for o in range(outputs):
        for c in range(inputs // groups):
            yield o, o * groups // outputs * (inputs // groups) + c, c


def convolution(x: Any, weight: Any, bias: Any, *, windows: Windows, groups: int) -> Any:
    result = np.zeros((len(x), len(weight), *_count(windows, x.shape[2:])))
    for y, z, i, j, row, column in _places(windows, x.shape[2:]):
        for o, c, k in _pairs(len(weight), x.shape[1], groups):
            result[:, o, y, z] += x[:, c, row, column] * weight[o, k, i, j]
    return result if bias is None else result + bias.reshape(-1, 1, 1)


def convolution_by_input(
    a: Any, weight: Any, *, size: tuple[int, int], windows: Windows, groups: int
) -> Any:
    result = np.zeros((len(a), weight.shape[1] * groups, *size))
    for y, z, i, j, row, column in _places(windows, size):
        for o, c, k in _pairs(len(weight), result.shape[1], groups):
            result[:, c, row, column] += a[:, o, y, z] * weight[o, k, i, j]
    return result


def convolution_by_weight(x: Any, a: Any, *, windows: Windows, groups: int) -> Any:
    result = np.zeros((a.shape[1], x.shape[1] // groups, *windows.kernel))
    for y, z, i, j, row, column in _places(windows, x.shape[2:]):
        for o, c, k in _pairs(a.shape[1], x.shape[1], groups):
            result[o, k, i, j] += np.sum(x[:, c, row, column] * a[:, o, y, z])
    return result


def max_of_windows(x: Any, *, windows: Windows) -> Any:
    result = np.full((*x.shape[:2], *_count(windows, x.shape[2:])), -np.inf)
    for y, z, _, _, row, column in _places(windows, x.shape[2:]):
        result[:, :, y, z] = np.maximum(result[:, :, y, z], x[:, :, row, column])
    return result


def _won(winners: Any, windows: Windows, place: tuple[int, ...]) -> Any:
    """Tell for every channel and sample whether a tap has won a window: (N, C) of 0 and 1."""
    y, x, i, j, _, _ = place
    return (winners[y, :, x, :] == i * windows.kernel[1] + j).T


def put_to_winners(a: Any, *, winners: Any, size: tuple[int, int], windows: Windows) -> Any:
    result = np.zeros((*a.shape[:2], *size))
    for place in _places(windows, size):
        y, x, _, _, row, column = place
        result[:, :, row, column] += a[:, :, y, x] * _won(winners, windows, place)
    return result


def take_winners(x: Any, *, winners: Any, windows: Windows) -> Any:
    result = np.zeros((*x.shape[:2], *_count(windows, x.shape[2:])))
    for place in _places(windows, x.shape[2:]):
        y, z, _, _, row, column = place
        result[:, :, y, z] += x[:, :, row, column] * _won(winners, windows, place)
    return result


def _numbers(windows: Windows, size: tuple[int, int], padded: bool, divisor: Any) -> Any:
    """Count the elements of each window, the padding among them that is at both sides."""
    numbers = np.zeros(_count(windows, size))
    if padded:
        size = tuple(n + 2 * before for n, (before, _) in zip(size, windows.padding, strict=True))
        windows = windows._replace(padding=tuple((0, b - a) for a, b in windows.padding))
    for y, x, *_ in _places(windows, size):
        numbers[y, x] += 1
    return numbers if divisor is None else np.full_like(numbers, divisor)


def mean_of_windows(
    x: Any, *, windows: Windows, count_include_pad: bool, divisor: Any = None
) -> Any:
    result = np.zeros((*x.shape[:2], *_count(windows, x.shape[2:])))
    for y, z, _, _, row, column in _places(windows, x.shape[2:]):
        result[:, :, y, z] += x[:, :, row, column]
    return result / _numbers(windows, x.shape[2:], count_include_pad, divisor)


def share_among_windows(
    a: Any,
    *,
    size: tuple[int, int],
    windows: Windows,
    count_include_pad: bool,
    divisor: Any = None,
) -> Any:
    result = np.zeros((*a.shape[:2], *size))
    shares = a / _numbers(windows, size, count_include_pad, divisor)
    for y, x, _, _, row, column in _places(windows, size):
        result[:, :, row, column] += shares[:, :, y, x]
    return result


PLAIN: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        convolution,
        convolution_by_input,
        convolution_by_weight,
        max_of_windows,
        put_to_winners,
        take_winners,
        mean_of_windows,
        share_among_windows,
    )
}
