r"""Interpolation between given points.

The slope at a knot is that of the piece to its right; beyond the last knot, and at it, the
function is flat. As NumPy does, this computes in float64 whatever it is given.
"""

from typing import Any

import numpy as np

from .casting import an_array, doubled
from .picking import scatter, take
from .places import bare
from .table import define, derive

Array = Any


def _piece(x: Array, xp: Array, fp: Array) -> tuple[Array, Array, Array, Array]:
    """Find the knots on both sides of each `x`, how far between them it is, and the slope there.

    Beyond the first and the last knot both are the same one.
    """
    after = an_array(bare(np.searchsorted(xp, x, "right")))
    left, right = (np.clip(i, 0, xp.size - 1) for i in (after - 1, after))
    outside = left == right
    width = np.where(outside, 1, take(xp, right) - take(xp, left))
    way = np.where(outside, 0, x - take(xp, left)) / width
    return left, right, way, (take(fp, right) - take(fp, left)) / width


def _interp_x(g: Array, y: Array, x: Array, xp: Array, fp: Array) -> Array:
    return g * _piece(x, xp, fp)[3]


def _interp_xp(g: Array, y: Array, x: Array, xp: Array, fp: Array) -> Array:
    left, right, way, slope = _piece(x, xp, fp)
    return _shared(-g * slope, left, right, way, xp.shape)


def _interp_fp(g: Array, y: Array, x: Array, xp: Array, fp: Array) -> Array:
    left, right, way, _ = _piece(x, xp, fp)
    return _shared(g, left, right, way, fp.shape)


def _shared(g: Array, left: Array, right: Array, way: Array, shape: tuple[int, ...]) -> Array:
    """Share a gradient between the knots on both sides, the more the nearer they are."""
    return scatter(g * (1 - way), shape, left) + scatter(g * way, shape, right)


_interp_rule = define(
    lambda x, xp, fp: np.interp(x, xp, fp).astype(np.result_type(x, xp, fp)),
    vjps=(_interp_x, _interp_xp, _interp_fp),
    formula=(
        r"\bar x = \bar y\, s, \text{ the slope } s = (f_{k+1} - f_k) / (x_{k+1} - x_k)",
        r"\bar x_k \mathrel{+}= -\bar y\, s\,(1 - t),\; \bar x_{k+1} \mathrel{+}= -\bar y\, s\, t",
        r"\bar f_k \mathrel{+}= \bar y\,(1 - t),\; \bar f_{k+1} \mathrel{+}= \bar y\, t"
        r" \text{ with } t = (x - x_k) / (x_{k+1} - x_k)",
    ),
    name="interp",
)


def _interp(
    x: Array, xp: Array, fp: Array, left: Array = None, right: Array = None, period: Array = None
) -> Array:
    x, xp, fp = doubled(x), doubled(xp), doubled(fp)
    if period is not None:
        if period == 0:
            raise ValueError("interp: the period is 0")
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate((xp[-1:] - period, xp, xp[:1] + period))
        fp = np.concatenate((fp[-1:], fp, fp[:1]))
    y = _interp_rule(x, xp, fp)
    if left is not None:
        y = np.where(x < xp[0], left, y)
    if right is not None:
        y = np.where(x > xp[-1], right, y)
    return y


derive(np.interp, _interp, r"y = f_k + (f_{k+1} - f_k) (x - x_k) / (x_{k+1} - x_k)")
