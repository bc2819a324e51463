"""Numbers from a start to a stop: evenly spaced, or by equal factors.

Both ends have a gradient: each number between them is a mixture of the two.
"""

from typing import Any

import numpy as np

from ..engine import ensure
from .casting import as_arrays
from .table import derive

Array = Any


def _linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    start, stop = as_arrays(start, stop)
    y = _mixed(start, stop, num, endpoint, axis, lambda a, b, t: a * (1 - t) + b * t, dtype)
    if not retstep:
        return y
    intervals = num - 1 if endpoint else num
    return y, (stop - start) / intervals if intervals > 0 else (stop - start) * np.nan


def _logspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    base: Array = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    start, stop, base = as_arrays(start, stop, base)
    if base.ndim:
        start, stop, base = np.broadcast_arrays(start, stop, base)
        base = np.expand_dims(base, axis)
    y = base ** _linspace(start, stop, num, endpoint, axis=axis)
    return y if dtype is None else y.astype(dtype)


def _geomspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    start, stop = as_arrays(start, stop)
    ensure(
        np.all(np.sign(start) * np.sign(stop) > 0),
        "geomspace: expected a start and a stop of the same sign, and not 0",
    )
    return _mixed(start, stop, num, endpoint, axis, lambda a, b, t: a * (b / a) ** t, dtype)


def _mixed(
    start: Array, stop: Array, num: int, endpoint: bool, axis: int, mix: Any, dtype: Any
) -> Array:
    """Go from the start to the stop along a new axis."""
    kind = np.result_type(start, stop)
    steps = np.linspace(0, 1, num, endpoint, dtype=kind if kind.kind == "f" else None)
    start, stop = np.broadcast_arrays(start, stop)
    axis = axis % (start.ndim + 1)
    t = steps.reshape((-1,) + (1,) * (start.ndim - axis))
    y = mix(np.expand_dims(start, axis), np.expand_dims(stop, axis), t)
    return y if dtype is None else y.astype(dtype)


derive(np.linspace, _linspace, r"y = (1 - t)\, a + t\, b, \quad t_k = k / (n - 1)")
derive(np.logspace, _logspace, r"y = \text{base}^{\operatorname{linspace}(a, b)}")
derive(np.geomspace, _geomspace, r"y = a\,(b / a)^t, \quad t_k = k / (n - 1)")
