"""NumPy's functions that leave NaN out: they reduce as if the elements that are NaN took no part.

Those elements get the gradient 0.
"""

from typing import Any

import numpy as np

from .axes import Axis, count, keep, spread
from .reduction import checked, extreme
from .statistics import deviation, variance
from .table import constant, define, derive

__all__: list[str] = []

Array = Any


def _filled(a: Array, value: float) -> Array:
    return np.where(np.isnan(a), value, a)


derive(
    np.nansum,
    lambda a, axis=None, dtype=None, *, keepdims=False, initial=0, where=True: np.sum(
        _filled(a, 0), axis, dtype, keepdims=keepdims, initial=initial, where=where
    ),
    r"y = \sum_{a_i \ne \text{NaN}} a_i",
)
derive(
    np.nanprod,
    lambda a, axis=None, dtype=None, *, keepdims=False, initial=1, where=True: np.prod(
        _filled(a, 1), axis, dtype, keepdims=keepdims, initial=initial, where=where
    ),
    r"y = \prod_{a_i \ne \text{NaN}} a_i",
)
derive(
    np.nancumsum,
    lambda a, axis=None, dtype=None: np.cumsum(_filled(a, 0), axis, dtype),
    r"y = \sum_{i \le k,\, a_i \ne \text{NaN}} a_i",
)
derive(
    np.nancumprod,
    lambda a, axis=None, dtype=None: np.cumprod(_filled(a, 1), axis, dtype),
    r"y = \prod_{i \le k,\, a_i \ne \text{NaN}} a_i",
)


def _mean(
    g: Array,
    y: Array,
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    where: Any = True,
) -> Array:
    present = ~np.isnan(a) & where
    return spread(keep(g, a.shape, axis) / count(a.shape, axis, present), a.shape, axis, present)


define(
    np.nanmean,
    vjps=(_mean,),
    formula=(r"\bar a_i = \bar y\,[a_i \ne \text{NaN}] / \#\{j : a_j \ne \text{NaN}\}",),
    forward=checked(np.nanmean),
)


def _variance(
    g: Array,
    y: Array,
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Array:
    present = ~np.isnan(a) & where
    return variance(g, y, a, axis, ddof=ddof, where=present, mean=mean, correction=correction)


def _deviation(
    g: Array,
    y: Array,
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Array:
    present = ~np.isnan(a) & where
    return deviation(g, y, a, axis, ddof=ddof, where=present, mean=mean, correction=correction)


define(
    np.nanvar,
    vjps=(_variance,),
    formula=(
        r"\bar a_i = \bar y \,\frac{2}{n - d} (a_i - \operatorname{nanmean} a)"
        r"\,[a_i \ne \text{NaN}]",
    ),
    forward=checked(np.nanvar),
)
define(
    np.nanstd,
    vjps=(_deviation,),
    formula=(
        r"\bar a_i = \frac{\bar y}{(n - d)\, y} (a_i - \operatorname{nanmean} a)"
        r"\,[a_i \ne \text{NaN}]",
    ),
    forward=checked(np.nanstd),
)


def _extreme(
    g: Array,
    y: Array,
    a: Array,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    initial: float | None = None,
    where: Any = True,
) -> Array:
    return extreme(g, y, a, axis, initial=initial, where=~np.isnan(a) & where)


for _function in (np.nanmax, np.nanmin):
    define(
        _function,
        vjps=(_extreme,),
        formula=(r"\bar a_i = \bar y\,[a_i = y] / \#\{j : a_j = y\}",),
    )

constant(np.nanargmax, np.nanargmin)
