"""Large arrays, block by block, so that a chain of functions passes over memory once.

A step is a handful of NumPy functions on the same few arrays. Of arrays that are larger than the
processor's cache, each function would fetch every element anew; so they are run on some rows at a
time, which stay in the cache from one function to the next. What is computed on the way needs
memory for a block only.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..engine import ForeignArray

__all__ = ["Blocks", "constant", "cut"]

Array = Any

# Elements. Adam takes a tenth longer on 784 x 800 where a block is all, or where it is a sixteenth
# of this: calls then take more time than the cache saves.
BLOCK = 1 << 18


class Blocks:
    """How arrays of one shape are cut into blocks of rows.

    Parameters
    ----------
    shape
        The shape of the arrays.
    scratches
        Flat memory for what is computed on the way, `scratch_size` of the shape or more each.
    """

    __slots__ = ("_length", "_rows", "_scratches")

    def __init__(self, shape: tuple[int, ...], scratches: Sequence[Array]) -> None:
        self._length = shape[0] if shape else 1
        self._rows = _rows(shape)
        whole = (self._rows, *shape[1:]) if shape else ()
        size = scratch_size(shape)
        self._scratches = tuple(scratch[:size].reshape(whole) for scratch in scratches)

    @property
    def scratch(self) -> Array | None:
        """Memory to compute with where one block is all; None where there are several."""
        return self._scratches[0] if self._rows == self._length else None

    def of(self, *arrays: Array) -> Sequence[tuple[Array, ...]]:
        """Return, for each block, that part of every array, and then the scratches."""
        rows, length = self._rows, self._length
        if isinstance(arrays[0], ForeignArray):
            return ((*arrays, *(np.empty_like(arrays[0]) for _ in self._scratches)),)
        if rows == length:  # the usual case, in which every tenth of a microsecond counts
            return (arrays + self._scratches,)
        return [
            (
                *(array[first : first + rows] for array in arrays),
                *(scratch[: length - first] for scratch in self._scratches),
            )
            for first in range(0, length, rows)
        ]


def cut(arrays: Sequence[Array], scratches: int) -> list[Blocks]:
    """Cut each array, and those of its shape, into blocks; all share so many scratches."""
    sizes: dict[np.dtype[Any], int] = {}
    for array in arrays:
        sizes[array.dtype] = max(sizes.get(array.dtype, 0), scratch_size(array.shape))
    memory = {
        dtype: [np.empty(size, dtype) for _ in range(scratches)] for dtype, size in sizes.items()
    }
    return [Blocks(array.shape, memory[array.dtype]) for array in arrays]


def scratch_size(shape: tuple[int, ...]) -> int:
    """Count the elements of a block of an array of this shape."""
    return _rows(shape) * math.prod(shape[1:])


def _rows(shape: tuple[int, ...]) -> int:
    """Count the rows of a block: as many as fit, but one at least where there are any."""
    if not shape:
        return 1
    return min(shape[0], max(1, BLOCK // max(1, math.prod(shape[1:]))))


@lru_cache(maxsize=64)
def constant(value: float, dtype: np.dtype[Any]) -> Array:
    """Make an array of a number: NumPy computes faster with those than with Python's numbers."""
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array
