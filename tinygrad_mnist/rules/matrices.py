"""What the rules for vectors and matrices have in common.

A matrix is the last two axes of an array, a vector its last one. The axes in front of them make
stacks, which NumPy goes through one by one, broadcasting one stack against another.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .axes import axis_index

__all__ = [
    "column",
    "moved",
    "row",
    "rows_and_columns",
    "to_triangle",
    "transposed",
    "under",
]

Array = Any


def rows_and_columns(a: Array, name: str) -> tuple[int, int]:
    """Look up the shape of a matrix; `name` is who asks, for errors."""
    if a.ndim < 2:
        raise ValueError(f"{name}: {a.shape}: expected a matrix, or a stack of them")
    return a.shape[-2], a.shape[-1]


def transposed(a: Array) -> Array:
    """Transpose each matrix of a stack."""
    return a.swapaxes(-1, -2)


def column(v: Array) -> Array:
    """Make a matrix of one column of each vector."""
    return np.expand_dims(v, -1)


def row(v: Array) -> Array:
    """Make a matrix of one row of each vector."""
    return np.expand_dims(v, -2)


def moved(a: Array, source: int, destination: int, name: str) -> Array:
    """Move one axis to another place; `name` is who asks, for errors."""
    places = (axis_index(name, axis, a.shape) for axis in (source, destination))
    return np.moveaxis(a, *places)


def under(shape: Sequence[int], dtype: Any) -> Array:
    """Make the mask that keeps a matrix below its diagonal, and half of the diagonal itself."""
    rows, columns = shape[-2:]
    return np.tril(np.ones((rows, columns), dtype)) - np.eye(rows, columns, dtype=dtype) / 2


def to_triangle(full: Array, upper: bool) -> Array:
    """Turn the gradient of a symmetric matrix into one of the triangle that NumPy reads of it.

    Each element off the diagonal stands for two, its own and its mirror image's, and gets the
    gradients of both. The other triangle gets none.
    """
    mask = under(full.shape, full.dtype)
    return (full + transposed(full)) * (mask.T if upper else mask)
