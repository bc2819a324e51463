"""Making an array after the model of another: copies, and arrays of one value."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine import Traced
from .table import constant, define, derive

Array = Any

define(
    np.copy,
    vjps=(lambda g, y, a, order="K": g,),
    formula=(r"\bar a = \bar y",),
)


def _full_like(
    a: Array, fill_value: Any, dtype: DTypeLike | None = None, *, shape: Any = None
) -> Array:
    if not isinstance(fill_value, Traced):
        fill_value = np.zeros_like(a, dtype, shape=np.shape(fill_value)) + fill_value
    value = fill_value.astype(a.dtype if dtype is None else dtype)
    return np.copy(np.broadcast_to(value, a.shape if shape is None else shape))


derive(np.full_like, _full_like, r"y = (v, v, \dots)")
constant(np.zeros_like, np.ones_like, np.empty_like)
constant(np.shares_memory, np.may_share_memory)
