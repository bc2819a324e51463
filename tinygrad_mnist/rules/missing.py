"""NumPy's functions that leave NaN out: they reduce as if the elements that are NaN took no part.

Those elements get the gradient 0.
"""

from typing import Any

import numpy as np

from .reduction import checked, extreme, mean_back
from .statistics import vjps_of_spread
from .table import constant, define, derive

Array = Any


def _present(a: Array, where: Any) -> Array:
    """Make the mask of the elements that take part."""
    present = ~np.isnan(a)
    return present if where is True else present & where


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
# A mask would do for these as well, but NumPy adds up masked elements less exactly.
define(
    np.nanmean,
    vjps=(
        lambda g, y, a, axis=None, dtype=None, *, keepdims=False, where=True: mean_back(
            g, a.shape, axis, _present(a, where)
        ),
    ),
    formula=(r"\bar a_i = \bar y\,[a_i \ne \text{NaN}] / \#\{j : a_j \ne \text{NaN}\}",),
    forward=checked(np.nanmean),
)
_variance, _deviation = vjps_of_spread(_present)
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
for _function in (np.nanmax, np.nanmin):
    define(
        _function,
        vjps=(
            lambda g, y, a, axis=None, *, keepdims=False, initial=None, where=True: extreme(
                g, y, a, axis, initial=initial, where=_present(a, where)
            ),
        ),
        formula=(r"\bar a_i = \bar y\,[a_i = y] / \#\{j : a_j = y\}",),
    )

constant(np.nanargmax, np.nanargmin)
