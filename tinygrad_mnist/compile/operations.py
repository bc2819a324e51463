"""The operations that programs are made of, beyond NumPy's own functions.

NumPy has many ways to say the same. In a program

- an elementwise function is the ufunc, with nothing but its inputs;
- a reduction is the ufunc's `reduce`, with `axis` and `keepdims`;
- what gives an array another shape is `numpy.reshape`, and another order of its axes
  `numpy.transpose`, both with all lengths and axes written out; `numpy.broadcast_to` stretches it;
- what looks at parts of an array is `getitem`, and writing to a part makes a new array: `setitem`;
- everything else is as it was called.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["CompileError", "astype", "ensured", "getitem", "random", "setitem"]

Array = Any


class CompileError(Exception):
    """A step can't be captured; the message says what is in the way, and where."""


def getitem(a: Array, index: Any) -> Array:
    """Pick elements: a view where the index is made of integers and slices."""
    return a[index]


def setitem(a: Array, index: Any, value: Any) -> Array:
    """Copy an array with other elements at some places; of equal places, the last counts."""
    y = a.copy(order="K")
    y[index] = value
    return y


def astype(a: Array, dtype: DTypeLike) -> Array:
    """Convert the elements to another dtype."""
    return a.astype(dtype)


def random(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    """Draw numbers evenly from 0 up to less than 1."""
    return rng.random(shape, dtype)


def ensured(condition: Any, message: str) -> Array:
    """Raise an error unless a condition holds; the result is of no account."""
    if not condition:
        raise ValueError(message)
    return np.True_
