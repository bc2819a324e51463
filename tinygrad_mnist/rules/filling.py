"""Making an array after the model of another: copies, conversions, and arrays of one value."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine import Traced
from .table import constant, define, derive

__all__: list[str] = []

Array = Any

define(
    np.copy,
    vjps=(lambda g, y, a, order="K": g,),
    formula=(r"\bar a = \bar y",),
)


def _astype(x: Array, dtype: DTypeLike, /, *, copy: bool = True) -> Array:
    return x.astype(dtype) if copy or x.dtype != dtype else x


def _full_like(
    a: Array, fill_value: Any, dtype: DTypeLike | None = None, *, shape: Any = None
) -> Array:
    if not isinstance(fill_value, Traced):
        fill_value = np.zeros_like(a, dtype, shape=np.shape(fill_value)) + fill_value
    value = fill_value.astype(a.dtype if dtype is None else dtype)
    return np.copy(np.broadcast_to(value, a.shape if shape is None else shape))


if hasattr(np, "astype"):  # since NumPy 2.1
    derive(np.astype, _astype, r"y = x")
derive(np.full_like, _full_like, r"y = (v, v, \dots)")
constant(np.zeros_like, np.ones_like, np.empty_like)
