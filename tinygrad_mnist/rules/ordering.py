"""Functions of the order of the elements: sorting, medians, quantiles.

Sorting moves every element's gradient back to where the element came from; equal ones are
taken to keep their order. Medians and quantiles are made of elements at certain places of the
order: where several elements equal such a one, they share its gradient equally, as in `max`. A
line that contains NaN has the quantile NaN, and its NaNs share the gradient; the functions
that leave NaN out give it none.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..engine import ensure, in_one_piece, is_known
from .axes import axis_indices, keep, kept_shape, line_up
from .casting import as_arrays
from .places import bare
from .reduction import extreme
from .table import constant, define, derive

Array = Any
Function = Callable[..., Any]

# --- sorting ------------------------------------------------------------------------------


@in_one_piece
def _inverse(order: Array, axis: int) -> Array:
    """Invert permutations along an axis."""
    inverse = np.empty_like(order)
    shape = [1] * order.ndim
    shape[axis] = -1
    np.put_along_axis(inverse, order, np.arange(order.shape[axis]).reshape(shape), axis)
    return inverse


def _permute_back(g: Array, y: Array, a: Array, order: Array, axis: int) -> Array:
    return _permute(g, order=_inverse(order, axis), axis=axis)


_permute = define(
    lambda a, order, axis: np.take_along_axis(a, order, axis),
    vjps=(_permute_back,),
    formula=(r"\bar a_{p_k} = \bar y_k",),
    name="permute",
)


def _order(a: Array, axis: int) -> Array:
    return bare(np.argsort(a, axis=axis, kind="stable"))


def _unsorted(g: Array, a: Array, axis: int | None) -> Array:
    """Move the gradients of sorted elements back to where these stand in `a`."""
    lines, axis = (a.reshape(-1), 0) if axis is None else (a, axis)
    return _permute(g, order=_inverse(_order(lines, axis), axis), axis=axis).reshape(a.shape)


def _unpartitioned(
    g: Array, y: Array, a: Array, kth: Any, axis: int | None = -1, kind: str = "introselect"
) -> Array:
    line = 0 if axis is None else axis
    return _unsorted(_permute(g, order=_order(y, line), axis=line), a, axis)


define(
    np.sort,
    vjps=(lambda g, y, a, axis=-1, kind=None, *, stable=None: _unsorted(g, a, axis),),
    formula=(r"\bar a_{p_k} = \bar y_k \text{, where } y_k = a_{p_k}",),
)
define(
    np.partition,
    vjps=(_unpartitioned,),
    formula=(r"\bar a_{p_k} = \bar y_k \text{, where } y_k = a_{p_k}",),
)

# --- order statistics ---------------------------------------------------------------------


@in_one_piece
def _at(lines: Array, ranks: Array) -> Array:
    """Find the elements that would stand at the given places, were each line sorted."""
    several = ranks.ndim - lines.ndim + 1
    ranks = ranks.reshape(prod(ranks.shape[:several]), *ranks.shape[several:])
    return np.take_along_axis(np.partition(lines, np.unique(ranks), axis=0), ranks, axis=0)


def _share(g: Array, y: Array, lines: Array, ranks: Array) -> Array:
    parts = (extreme(g[k], y[k], lines, axis=0) for k in range(len(y)))
    return sum(parts, np.zeros(lines.shape, g.dtype))


_order_statistics = define(
    _at,
    vjps=(_share,),
    formula=(r"\bar a_i = \sum_k \bar y_k\,[a_i = y_k] / \#\{j : a_j = y_k\}",),
    name="order_statistics",
)


def _counts(lines: Array, skip: bool) -> tuple[Array, Array]:
    """Count the elements of each line that take part, and tell which results are NaN."""
    missing = bare(np.isnan(lines))
    counts = np.full((1,) * (lines.ndim - 1), len(lines))
    if is_known(missing) and not missing.any():
        return counts, counts < 1
    if not skip:
        return counts, missing.any(axis=0)
    counts = len(lines) - np.count_nonzero(missing, axis=0)
    return counts, counts < 1


def _statistics(lines: Array, ranks: Array, broken: Array, skip: bool) -> Array:
    """Find the elements at the given places: where the result is NaN, one that stands last."""
    y = _order_statistics(lines, ranks=np.where(broken, len(lines) - 1, ranks))
    return np.where(broken, np.nan, y) if skip and (not is_known(broken) or broken.any()) else y


def _median(name: str, skip: bool) -> Function:
    """Write a median, which may skip NaN."""

    def median(a: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
        axis = axis_indices(name, axis, a.shape)
        middle = lines = line_up(a, axis)
        if len(lines):
            counts, broken = _counts(lines, skip)
            middle = _statistics(lines, np.stack([(counts - 1) // 2, counts // 2]), broken, skip)
        y = np.mean(middle, axis=0)
        return keep(y, a.shape, axis) if keepdims else y

    return median


derive(
    np.median,
    _median("median", skip=False),
    r"y = \tfrac12 (a_{(\lfloor (n+1)/2 \rfloor)} + a_{(\lceil (n+1)/2 \rceil)})",
)
derive(
    np.nanmedian,
    _median("nanmedian", skip=True),
    r"y = \operatorname{median}\, \{a_i \ne \text{NaN}\}",
)

# The methods of quantiles that differ only in where they put the first and the last element.
_OFFSETS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
_ROUNDED = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}
_METHODS = ("linear", "midpoint", *_ROUNDED, *_OFFSETS)


def _place(q: Array, n: Array, method: str) -> Array:
    """Find where among `n` sorted elements, counted from 0, a quantile stands."""
    place = (n - 1) * q
    if method == "midpoint":
        return (np.floor(place) + np.ceil(place)) / 2
    if method in _ROUNDED:
        return _ROUNDED[method](place)
    if method in _OFFSETS:
        alpha, beta = _OFFSETS[method]
        place = n * q + (alpha + q * (1 - alpha - beta)) - 1
        return np.clip(place, 0, np.maximum(n - 1, 0))
    return place


def _quantile(name: str, whole: int, skip: bool) -> Function:
    """Write a quantile, given as a part of `whole`, which may skip NaN."""

    def quantile(
        a: Array, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False
    ) -> Array:
        if method not in _METHODS:
            known = ", ".join(_METHODS)
            raise ValueError(f"{name}: not supported for Tensors: {method=}; expected of {known}")
        a, _ = as_arrays(a, q)
        axis = axis_indices(name, axis, a.shape)
        lines = line_up(a, axis)
        if not len(lines):
            raise ValueError(f"{name}: {a.shape}: expected elements along the axes {axis}")
        parts = q if hasattr(q, "dtype") else np.asarray(q, np.float64)
        parts = parts / whole if whole != 1 else parts
        inside = np.all((parts >= 0) & (parts <= 1))
        given = f" is {q}" if is_known(inside) and not inside else ""
        ensure(inside, f"{name}: q{given}; expected numbers from 0 to {whole}")
        # Python's numbers take the dtype that they meet, but only after they have found a place.
        takes = not hasattr(q, "dtype") and a.dtype.kind == "f"
        parts_of_lines = parts.reshape((-1,) + (1,) * (lines.ndim - 1))
        y = _between(lines, parts_of_lines, method, skip, a.dtype if takes else None)
        return y.reshape(parts.shape + (kept_shape(a.shape, axis) if keepdims else lines.shape[1:]))

    return quantile


def _between(lines: Array, parts: Array, method: str, skip: bool, dtype: Any) -> Array:
    """Find the quantiles, between two elements of each line; `dtype` is that of the weights."""
    counts, broken = _counts(lines, skip)
    place = _place(parts, counts.astype(parts.dtype), method)
    floor = bare(np.floor(place))
    below = floor.astype(np.intp)
    above = below if method in _ROUNDED else np.minimum(below + 1, np.maximum(counts - 1, 0))
    t = place - floor if dtype is None else (place - floor).astype(dtype)
    both = _statistics(lines, np.concatenate([below, above]), broken, skip)
    low, high = both[: len(below)], both[len(below) :]
    step = high - low
    # From the nearer end, which is exact at both.
    return np.where(t < 0.5, low + step * t, high - step * (1 - t))


derive(
    np.quantile,
    _quantile("quantile", 1, skip=False),
    r"y = (1 - t)\, a_{(k)} + t\, a_{(k+1)}, \quad k + t = 1 + (n - 1)\, q",
)
derive(
    np.percentile,
    _quantile("percentile", 100, skip=False),
    r"y = \operatorname{quantile}(a, q / 100)",
)
derive(
    np.nanquantile,
    _quantile("nanquantile", 1, skip=True),
    r"y = \operatorname{quantile}(\{a_i \ne \text{NaN}\}, q)",
)
derive(
    np.nanpercentile,
    _quantile("nanpercentile", 100, skip=True),
    r"y = \operatorname{quantile}(\{a_i \ne \text{NaN}\}, q / 100)",
)

constant(np.argsort, np.argpartition, np.lexsort, np.searchsorted, np.digitize)
