"""From one type of numbers to another.

Python's numbers, and lists of them, take the dtype of the arrays that they meet.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .table import constant, define, derive

__all__ = ["as_arrays", "cast", "doubled", "floating"]

Array = Any

cast = define(
    lambda a, dtype: a.astype(dtype),
    vjps=(lambda g, y, a, dtype: g,),
    formula=(r"\bar a = \bar y",),
    name="astype",
)


def _astype(x: Array, dtype: DTypeLike, /, *, copy: bool = True) -> Array:
    return x.astype(dtype) if copy or x.dtype != dtype else x


derive(np.astype, _astype, r"y = x")
constant(np.result_type, np.common_type, np.min_scalar_type, np.can_cast)


def as_arrays(*values: Any) -> list[Array]:
    """Make arrays of numbers and lists, of the dtype of the first array of floats among them.

    Arrays stay as they are, and so does None, for what was not given.
    """
    dtypes = (value.dtype for value in values if hasattr(value, "dtype"))
    dtype = next((dtype for dtype in dtypes if dtype.kind == "f"), None)
    found: list[Array] = []
    for value in values:
        if value is not None and not hasattr(value, "dtype"):
            value = np.asarray(value)
            value = value.astype(dtype) if dtype and value.dtype.kind in "fiu" else value
        found.append(value)
    return found


def floating(a: Any) -> Array:
    """Make an array of floating-point numbers of whatever is given: small integers wrap around."""
    a = np.asarray(a)
    return a if a.dtype.kind == "f" else a.astype(np.result_type(a.dtype, np.float32))


def doubled(a: Any) -> Array:
    """Bring an array to float64, for the functions that NumPy computes in nothing less."""
    (a,) = as_arrays(a)
    dtype = np.result_type(a.dtype, np.float64)
    return a if a.dtype == dtype else cast(a, dtype=dtype)
