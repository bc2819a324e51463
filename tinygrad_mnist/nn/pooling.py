r"""Pooling: the largest, or the mean, of what lies in each of the windows that slide over images.

Taking the mean is linear, and so is taking the winner of every window once it is known which of the
taps it lies under. Each of the two has a counterpart that goes the other way, into the windows, and
is its gradient; theirs is the way back again.

Of several elements of a window that are the largest, the first gets the gradient, as in PyTorch; of
several that are NaN, the last. `numpy.max` shares it among them; but behind a ReLU, where ties are
common, they tie at 0, where no gradient passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import arguments, optional
from ..checks import count as positive_count
from ..engine import Rule, apply, in_one_piece
from ..rules import define
from .windows import Pair, Windows, check_images, images, pair, rows

__all__ = ["avg_pool2d", "check_windows", "max_pool2d"]

Array = Any


def _count(windows: Windows, shape: tuple[int, ...]) -> tuple[int, int]:
    return windows.fit("pooling", shape)


# --- the largest --------------------------------------------------------------------------


@in_one_piece
def _largest(x: Array, *, windows: Windows) -> tuple[Array, Array]:
    """Take the largest of each window, and keep under which tap it lies, as rows."""
    frame = windows.frame(rows(x), -np.inf)
    first, *others = windows.taps(frame, _count(windows, x.shape))
    y = first.copy()
    winners = np.zeros(y.shape, np.min_scalar_type(len(others)))
    for number, tap in enumerate(others, 1):
        np.maximum(winners, (tap > y) * winners.dtype.type(number), out=winners)
        np.maximum(y, tap, out=y)
    if not y.min(initial=np.inf) > -np.inf:  # somewhere it is NaN, or what the padding is
        winners = _extreme_winners(frame, windows, _count(windows, x.shape), x.shape[2:])
    return images(y), winners


def _extreme_winners(
    frame: Array, windows: Windows, count: tuple[int, int], size: tuple[int, int]
) -> Array:
    """Find the winners with more care: NaN wins, the last of several, and padding never does."""
    within = windows.frame(np.ones((size[0], 1, size[1], 1), bool), False)
    taps = zip(windows.taps(frame, count), windows.taps(within, count), strict=True)
    shape = count[0], frame.shape[1], count[1], frame.shape[3]
    best, any_within = np.full(shape, -np.inf, frame.dtype), np.False_
    winners = np.zeros(shape, np.min_scalar_type(windows.kernel[0] * windows.kernel[1] - 1))
    for number, (tap, inside) in enumerate(taps):
        better = inside & (~any_within | (tap > best) | np.isnan(tap))
        np.copyto(best, tap, where=better)
        np.copyto(winners, winners.dtype.type(number), where=better)
        any_within = any_within | inside
    return winners


@in_one_piece
def _to_winners(a: Array, *, winners: Array, size: tuple[int, int], windows: Windows) -> Array:
    """Put what belongs to each window to the tap that won it, and add up."""
    frame_size = windows.framed_size(size)
    frame = np.zeros((frame_size[0], a.shape[1], frame_size[1], len(a)), a.dtype)
    above = np.ascontiguousarray(rows(a))
    for number, tap in enumerate(windows.taps(frame, a.shape[2:])):
        if windows.are_apart:
            np.multiply(above, winners == number, out=tap)
        else:
            tap += above * (winners == number)
    return images(windows.unframed(frame))


@in_one_piece
def _of_winners(x: Array, *, winners: Array, windows: Windows) -> Array:
    """Take what lies under the tap that won each window."""
    taps = windows.taps(windows.frame(rows(x)), _count(windows, x.shape))
    y = np.zeros(winners.shape, x.dtype)
    for number, tap in enumerate(taps):
        np.copyto(y, tap, where=winners == number)
    return images(y)


_max_of_windows = define(
    _largest,
    vjps=(
        lambda g, y, x, *, windows, kept: _put_to_winners(
            g,
            winners=_largest(x.numpy(), windows=windows)[1] if kept is None else kept,
            size=x.shape[2:],
            windows=windows,
        ),
    ),
    formula=(r"\bar x_{w(i)} \mathrel{+}= \bar y_i, \text{ where } y_i = x_{w(i)}",),
    keeps=True,
    name="max_of_windows",
)

_put_to_winners: Rule = define(
    _to_winners,
    vjps=(
        lambda g, y, a, *, winners, size, windows: _take_winners(
            g, winners=winners, windows=windows
        ),
    ),
    formula=(r"\bar a_i = \bar y_{w(i)}",),
    name="put_to_winners",
)

_take_winners: Rule = define(
    _of_winners,
    vjps=(
        lambda g, y, x, *, winners, windows: _put_to_winners(
            g, winners=winners, size=x.shape[2:], windows=windows
        ),
    ),
    formula=(r"\bar x_{w(i)} \mathrel{+}= \bar y_i",),
    name="take_winners",
)

# --- the mean -----------------------------------------------------------------------------


def _sizes(
    size: tuple[int, int],
    count: tuple[int, int],
    windows: Windows,
    padded: bool,
    divisor: int | None,
    dtype: Any,
) -> Array:
    """Tell what to divide the sum of every window by: the number of its elements, as rows.

    Those of the padding count only where `padded`, and what there is more of it behind the image
    than before, for a last window, never does. A `divisor` is taken as it is.
    """
    (top, bottom), (left, right) = windows.padding
    if divisor is not None or (padded and (top, left) == (bottom, right)):
        return np.array(divisor or windows.kernel[0] * windows.kernel[1], dtype)
    if padded:
        size = size[0] + 2 * top, size[1] + 2 * left
        windows = windows._replace(padding=((0, bottom - top), (0, right - left)))
    inside = windows.frame(np.ones((size[0], 1, size[1], 1), dtype))
    return sum(windows.taps(inside, count))


@in_one_piece
def _mean(
    x: Array, *, windows: Windows, count_include_pad: bool, divisor: int | None = None
) -> Array:
    count = _count(windows, x.shape)
    first, *others = windows.taps(windows.frame(rows(x)), count)
    y = first.copy()
    for tap in others:
        y += tap
    y /= _sizes(x.shape[2:], count, windows, count_include_pad, divisor, x.dtype)
    return images(y)


@in_one_piece
def _shares(
    a: Array,
    *,
    size: tuple[int, int],
    windows: Windows,
    count_include_pad: bool,
    divisor: int | None = None,
) -> Array:
    """Share what belongs to each window among its taps, and add up."""
    count = a.shape[2:]
    share = rows(a) / _sizes(size, count, windows, count_include_pad, divisor, a.dtype)
    frame = np.zeros((*windows.framed_size(size), *share.shape[1::2]), a.dtype).swapaxes(1, 2)
    for tap in windows.taps(frame, count):
        tap += share
    return images(windows.unframed(frame))


_mean_of_windows = define(
    _mean,
    vjps=(
        lambda g, y, x, *, windows, count_include_pad, divisor=None: _share_among_windows(
            g,
            size=x.shape[2:],
            windows=windows,
            count_include_pad=count_include_pad,
            divisor=divisor,
        ),
    ),
    formula=(r"\bar x_j = \sum_{i \ni j} \bar y_i / n_i",),
    name="mean_of_windows",
)

_share_among_windows: Rule = define(
    _shares,
    vjps=(
        lambda g, y, a, *, size, windows, count_include_pad, divisor=None: _mean_of_windows(
            g, windows=windows, count_include_pad=count_include_pad, divisor=divisor
        ),
    ),
    formula=(r"\bar a_i = \tfrac{1}{n_i} \sum_{j \in i} \bar y_j",),
    name="share_among_windows",
)

# --- what people call ---------------------------------------------------------------------


def check_windows(name: str, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Windows:
    """Read the arguments of pooling as PyTorch does."""
    size = pair(f"{name}: kernel_size", kernel, 1)
    step = size if stride is None else pair(f"{name}: stride", stride, 1)
    down, across = pair(f"{name}: padding", padding, 0)
    if 2 * down > size[0] or 2 * across > size[1]:
        raise ValueError(
            f"{name}: padding is {padding!r} for windows of {kernel!r}; expected at most half"
        )
    spread = pair(f"{name}: dilation", dilation, 1)
    return Windows(size, step, ((down, down), (across, across)), spread)


def _fitted(name: str, x: Any, windows: Windows, ceil_mode: bool) -> Windows:
    """Check that the images are such as the windows go over, and add what rounding up takes."""
    check_images(name, x.shape)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: images are floating-point, not {x.dtype}")
    windows = windows.rounded_up(x.shape[2:]) if ceil_mode else windows
    windows.fit(name, x.shape)
    return windows


def max_pool2d(
    x: Any,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Any:
    """Take the largest element of each window; NaN counts as the largest.

    Of several that are the largest, the first gets the gradient; of several NaN, the last.

    Parameters
    ----------
    x
        Images, of shape (N, C, H, W), floating-point.
    kernel_size
        The size of the windows: one number, or one for each direction, as all that follow.
    stride
        The distance from one window to the next; if not given, the windows' size.
    padding
        How much is put around the images, at each side; it never wins.
    dilation
        The distance between the elements of a window.
    ceil_mode
        Whether a last window may end behind the padded image, if it begins within the image or
        the padding before it.

    Returns
    -------
    Images of shape (N, C, H', W'), with
    H' = ⌊(H + 2 padding - dilation (kernel_size - 1) - 1) / stride⌋ + 1, or with `ceil_mode`
    rounded up.

    Raises
    ------
    ValueError
        If the input is not images, a window is larger than the padded image, the padding more than
        half of the window, or a number makes no sense.
    TypeError
        If the images are not floating-point, or another argument is not made of integers.

    Examples
    --------
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    windows = check_windows("max_pool2d", kernel_size, stride, padding, dilation)
    windows = _fitted("max_pool2d", x, windows, ceil_mode)
    return apply(_max_of_windows, (x,), {"windows": windows}, False)


def avg_pool2d(
    x: Any,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Take the mean of each window.

    Parameters
    ----------
    x, kernel_size, stride
        As for `max_pool2d`.
    padding
        How many zeros are put around the images, at each side.
    count_include_pad
        Whether these zeros count as elements, of which the mean is taken.
    ceil_mode
        As for `max_pool2d`. What is behind the padding never counts.
    divisor_override
        What to divide the sum of a window by, instead of the number of its elements.

    Returns
    -------
    Images of shape (N, C, H', W'), with H' = ⌊(H + 2 padding - kernel_size) / stride⌋ + 1, or with
    `ceil_mode` rounded up.

    Raises
    ------
    ValueError, TypeError
        As `max_pool2d` does.

    Examples
    --------
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    (divisor,) = arguments(
        "avg_pool2d", divisor_override=(optional(positive_count), divisor_override)
    )
    windows = check_windows("avg_pool2d", kernel_size, stride, padding)
    windows = _fitted("avg_pool2d", x, windows, ceil_mode)
    keywords = {"windows": windows, "count_include_pad": count_include_pad}
    if divisor is not None:
        keywords["divisor"] = divisor
    return apply(_mean_of_windows, (x,), keywords, False)
