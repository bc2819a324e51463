"""Functions that reduce as they go along an axis, and keep every step: cumulative sums, products.

Where `axis` is None the elements are taken in line, row by row. The gradient of `cumprod` is
right with zeros, too: where products can't be divided by their factors, it runs the recurrence
:math:`x_k = b_k + a_k x_{k-1}`, which is a rule of its own, backwards.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import in_one_piece
from .axes import axis_tuple, kept_shape, line_up, previous, put_back
from .reduction import checked, divisible
from .table import define, derive

Array = Any
Function = Callable[..., Any]


def _backwards_sum(g: Array, axis: int | None) -> Array:
    """Add up along an axis from the end."""
    (axis,) = axis_tuple(g.ndim, 0 if axis is None else axis)
    back = (*[slice(None)] * axis, slice(None, None, -1))
    return np.cumsum(g[back], axis=axis)[back]


define(
    np.cumsum,
    vjps=(lambda g, y, a, axis=None, dtype=None: _backwards_sum(g, axis).reshape(a.shape),),
    formula=(r"\bar a_i = \sum_{k \ge i} \bar y_k",),
    forward=checked(np.cumsum),
)


@in_one_piece
def _recurrence(b: Array, a: Array) -> Array:
    # Steps of one element are joined to steps of two, of four, and so on.
    x, factor, step = np.array(b), np.array(a), 1
    while step < len(x):
        x[step:] += factor[step:] * x[:-step]
        factor[step:] *= factor[:-step].copy()
        step *= 2
    return x


def _recurrence_back(g: Array, a: Array) -> Array:
    return _linear_recurrence(g[::-1], previous(a[::-1], 0))[::-1]


_linear_recurrence = define(
    _recurrence,
    vjps=(
        lambda g, y, b, a: _recurrence_back(g, a),
        lambda g, y, b, a: _recurrence_back(g, a) * previous(y, 0),
    ),
    formula=(
        r"\bar b_k = \bar y_k + a_{k+1} \bar b_{k+1}",
        r"\bar a_k = \bar b_k\, y_{k-1}",
    ),
    name="recurrence",
)


def _cumulative_product(
    g: Array, y: Array, a: Array, axis: int | None = None, dtype: Any = None
) -> Array:
    if divisible(y):
        return _backwards_sum(g * y, axis).reshape(a.shape) / a
    later = _recurrence_back(line_up(g, axis), line_up(a, axis).astype(g.dtype))
    return put_back(later * previous(line_up(y, axis), 1), a.shape, axis)


define(
    np.cumprod,
    vjps=(_cumulative_product,),
    formula=(r"\bar a_i = \sum_{k \ge i} \bar y_k \prod_{j \le k,\, j \ne i} a_j",),
    forward=checked(np.cumprod),
)

# --- as the array API standard has them ---------------------------------------------------


def _starting(name: str, scan: Function, first: int) -> Function:
    """Let a scan start with the value of no elements."""

    def cumulative(
        x: Array,
        /,
        *,
        axis: int | None = None,
        dtype: Any = None,
        include_initial: bool = False,
    ) -> Array:
        if axis is None and x.ndim != 1:
            raise ValueError(f"{name}: {x.shape}: expected an axis")
        y = scan(x, axis, dtype)
        if not include_initial:
            return y
        start = np.full(kept_shape(x.shape, axis), first, y.dtype)
        return np.concatenate([start, y], axis or 0)

    return cumulative


derive(
    np.cumulative_sum,
    _starting("cumulative_sum", np.cumsum, 0),
    r"y = \operatorname{cumsum} a, \text{ after } 0 \text{ if that is included}",
)
derive(
    np.cumulative_prod,
    _starting("cumulative_prod", np.cumprod, 1),
    r"y = \operatorname{cumprod} a, \text{ after } 1 \text{ if that is included}",
)
