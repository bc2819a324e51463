"""From one type of numbers to another.

Python's numbers, and lists of them, take the dtype of the arrays that they meet.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine import ForeignArray, Traced, wrap
from .table import constant, define, derive

__all__ = [
    "an_array",
    "as_arrays",
    "as_tensors",
    "cast",
    "check_numbers",
    "doubled",
    "floating",
    "gathered",
]

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
    values = tuple(map(gathered, values))
    dtypes = (value.dtype for value in values if hasattr(value, "dtype"))
    dtype = next((dtype for dtype in dtypes if dtype.kind == "f"), None)
    found: list[Array] = []
    for value in values:
        if value is not None and not hasattr(value, "dtype"):
            value = np.asarray(value)
            value = value.astype(dtype) if dtype and value.dtype.kind in "fiu" else value
        found.append(value)
    return found


def gathered(value: Any) -> Any:
    """Stack a list that holds Tensors, at any depth; whatever else is given stays as it is."""
    if not isinstance(value, list | tuple):
        return value
    items = list(map(gathered, value))
    return np.stack(items) if any(isinstance(item, Traced) for item in items) else value


def check_numbers(name: str, arrays: list[Array]) -> None:
    """Refuse arrays of strings and the like; `name` is who asks."""
    for a in arrays:
        if a.dtype.kind not in "fiub":
            raise TypeError(f"{name}: one array is {a.dtype}; expected real numbers")


def as_tensors(name: str, *values: Any) -> list[Array]:
    """Make arrays as `as_arrays` does, one of which is a Tensor, and Tensors of the others.

    Those are copies: nobody else can write to them. `name` is who asks, for errors.
    """
    arrays = as_arrays(*values)
    check_numbers(name, arrays)
    kind = next(type(a) for a in arrays if isinstance(a, Traced))
    return [a if isinstance(a, Traced) else wrap(kind, np.array(a)) for a in arrays]


def an_array(a: Any) -> Array:
    """Make an array of a number; arrays of other types stay what they are."""
    return a if isinstance(a, ForeignArray) else np.asarray(a)


def floating(a: Any) -> Array:
    """Make an array of floating-point numbers of whatever is given: small integers wrap around."""
    a = an_array(a)
    return a if a.dtype.kind == "f" else a.astype(np.result_type(a.dtype, np.float32))


def doubled(a: Any) -> Array:
    """Bring an array to float64, for the functions that NumPy computes in nothing less."""
    (a,) = as_arrays(a)
    dtype = np.result_type(a.dtype, np.float64)
    return a if a.dtype == dtype else cast(a, dtype=dtype)
