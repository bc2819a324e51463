"""From one type of numbers to another."""

from typing import Any

import numpy as np

from ..engine import Traced
from .table import define

__all__ = ["cast", "doubled", "floating", "operand"]

Array = Any


def operand(a: Any) -> Array:
    """Make an array of numbers and lists, and leave what is traced as it is."""
    return a if isinstance(a, Traced) else np.asarray(a)


def floating(a: Any) -> Array:
    """Make an array of floating-point numbers of whatever is given: small integers wrap around."""
    a = np.asarray(a)
    return a if a.dtype.kind == "f" else a.astype(np.result_type(a.dtype, np.float32))


cast = define(
    lambda a, dtype: a.astype(dtype),
    vjps=(lambda g, y, a, dtype: g,),
    formula=(r"\bar a = \bar y",),
    name="astype",
)


def doubled(a: Any) -> Array:
    """Bring an array to float64, for the functions that NumPy computes in nothing less."""
    a = operand(a)
    dtype = np.result_type(a.dtype, np.float64)
    return a if a.dtype == dtype else cast(a, dtype=dtype)
