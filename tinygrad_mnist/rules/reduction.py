"""Functions that reduce along axes: sums, products, extremes.

The largest element of `max`, the smallest of `min`: where several tie, they share the gradient
equally, and `initial` counts as one of them. A NaN, which wins over all numbers, is no
exception: the NaNs share. The gradient of `prod` is the product of all other elements, zeros or
not; it divides by nothing that is 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import is_known
from .axes import Axis, Shape, count, keep, line_up, previous, put_back, spread
from .table import constant, define, derive

__all__ = ["checked", "divisible", "extreme", "mean_back", "others"]

Array = Any


def checked(function: Callable[..., Array]) -> Callable[..., Array]:
    """Refuse a `dtype` that would cut a gradient off in silence."""

    def forward(a: Array, axis: Axis = None, dtype: Any = None, **keywords: Any) -> Array:
        if dtype is not None and np.dtype(dtype).kind != "f" and a.dtype.kind == "f":
            raise TypeError(f"dtype {np.dtype(dtype)} has no gradient; expected a floating one")
        return function(a, axis, dtype, **keywords)

    return forward


# --- sums ---------------------------------------------------------------------------------


def mean_back(g: Array, shape: Shape, axis: Axis, where: Any) -> Array:
    """Spread the gradient of a mean over the elements that take part.

    The count is an array, of integers: float16, which a number would become, ends at 65504.
    """
    n = np.asarray(count(shape, axis)) if where is True else count(shape, axis, where)
    return spread((keep(g, shape, axis) / n).astype(g.dtype), shape, axis, where)


define(
    np.sum,
    vjps=(
        lambda g, y, a, axis=None, dtype=None, *, keepdims=False, initial=0, where=True: spread(
            g, a.shape, axis, where
        ),
    ),
    formula=(r"\bar a_i = \bar y",),
    forward=checked(np.add.reduce),
)
define(
    np.mean,
    vjps=(
        lambda g, y, a, axis=None, dtype=None, *, keepdims=False, where=True: mean_back(
            g, a.shape, axis, where
        ),
    ),
    formula=(r"\bar a_i = \bar y / n",),
    forward=checked(np.mean),
)

# --- products -----------------------------------------------------------------------------


def divisible(y: Array) -> Any:
    """Tell whether products may be divided by their factors: none is 0, huge or tiny."""
    return is_known(y) and np.all(np.isfinite(y) & (np.abs(y) >= np.finfo(y.dtype).tiny))


def others(a: Array, axis: Axis, dtype: Any = None) -> Array:
    """Multiply for each element all others: those before it by those after it."""
    lines = line_up(a, axis)
    before = np.cumprod(previous(lines, 1), axis=0, dtype=dtype)
    after = np.cumprod(previous(lines[::-1], 1), axis=0, dtype=dtype)[::-1]
    return put_back(before * after, a.shape, axis)


def _product(
    g: Array,
    y: Array,
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: float = 1,
    where: Any = True,
) -> Array:
    if where is not True:
        a = np.where(where, a, 1)
    if divisible(y):
        part = keep(g * y, a.shape, axis) / a
    else:
        part = keep(g, a.shape, axis) * initial * others(a, axis, dtype)
    return part if where is True else np.where(where, part, 0)


define(
    np.prod,
    vjps=(_product,),
    formula=(r"\bar a_i = \bar y \prod_{j \ne i} a_j",),
    forward=checked(np.multiply.reduce),
)

# --- extremes -----------------------------------------------------------------------------


def extreme(
    g: Array,
    y: Array,
    a: Array,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    initial: float | None = None,
    where: Any = True,
) -> Array:
    """Share a gradient among the elements that equal the result, NaN being equal to NaN."""
    best = keep(y, a.shape, axis)
    hits = a == best
    missing = np.isnan(best)
    if not is_known(missing) or np.any(missing):
        hits = hits | (missing & np.isnan(a))
    if where is not True:
        hits = hits & where
    hits = hits.astype(g.dtype)
    ties = np.sum(hits, axis=axis, keepdims=True, dtype=np.result_type(g.dtype, np.float32))
    if initial is not None:
        ties = ties + ((best == initial) | (missing & np.isnan(initial)))
    if where is not True:
        ties = np.maximum(ties, 1)  # there may be none
    return hits * (keep(g, a.shape, axis) / ties).astype(g.dtype)


for _function, _ufunc in (
    (np.max, np.maximum),
    (np.amax, np.maximum),
    (np.min, np.minimum),
    (np.amin, np.minimum),
):
    define(
        _function,
        vjps=(extreme,),
        formula=(r"\bar a_i = \bar y\,[a_i = y] / \#\{j : a_j = y\}",),
        forward=lambda a, axis=None, _reduce=_ufunc.reduce, **keywords: _reduce(
            a, axis, **keywords
        ),
    )
derive(
    np.ptp,
    lambda a, axis=None, *, keepdims=False: (
        np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)
    ),
    r"y = \max a - \min a",
)

constant(np.argmax, np.argmin, np.any, np.all, np.count_nonzero)
