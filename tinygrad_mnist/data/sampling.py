"""Sample images at places between their pixels, quickly: what `augment` does to every batch.

The arithmetic is a row of simple NumPy operations on blocks of images. It writes into arrays that
each thread keeps from one block to the next: fresh ones would come from the system page by page,
and that takes longer than the arithmetic.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["sample", "scratch"]


def sample(
    images: NDArray[Any], y: NDArray[np.floating], x: NDArray[np.floating], out: NDArray[Any]
) -> None:
    """Sample images by bilinear interpolation; outside of them there is background, 0.

    Parameters
    ----------
    images
        uint8 or floating, shape (n, height, width).
    y, x
        Where to look, in rows and columns: numbers, for every pixel of the result. They are
        overwritten. The arithmetic has their precision.
    out
        Where to put the result, in the shape and dtype of the images; uint8 is rounded to nearest.

    Examples
    --------
    >>> images = np.array([[[0, 100, 200]]], np.uint8)
    >>> out = np.empty_like(images)
    >>> sample(images, np.zeros((1, 1, 3)), np.array([[[0.25, 1.25, 2.25]]]), out)
    >>> out
    array([[[ 25, 125, 150]]], dtype=uint8)
    """
    count, height, width = images.shape
    # A frame of background, one pixel before and two behind, gives every place on the frame four
    # neighbours. Places beyond it are brought to it.
    rows, columns = height + 3, width + 3
    framed = scratch("framed", (count, rows, columns), y.dtype)
    framed.fill(0)
    framed[:, 1:-2, 1:-2] = images
    places = _pixels_before(y, height, "rows")
    places *= columns
    places += _pixels_before(x, width, "columns")
    first = columns + 1  # the image's own first pixel within the frame
    places += (first + rows * columns * np.arange(count, dtype=np.int32))[:, None, None]
    indices = scratch("indices", places.shape, np.intp)
    indices[...] = places

    def corner(name: str, offset: int) -> NDArray[Any]:
        values = scratch(name, y.shape, y.dtype)
        # No index is out of range; "wrap" is the mode that loses the least time on that.
        return framed.reshape(-1)[offset:].take(indices, out=values, mode="wrap")

    # Arrays that are done with serve again: the fewer there are, the more stay in the cache.
    above = _between(corner("floor", 0), corner("rows", 1), x)
    below = _between(corner("floor", columns), corner("columns", columns + 1), x)
    values = _between(above, below, y)
    if out.dtype == np.uint8:
        np.rint(values, out=values)
    np.copyto(out, values, casting="unsafe")  # the numbers are in range


def _pixels_before(places: NDArray[Any], size: int, name: str) -> NDArray[np.int32]:
    """Return the pixel before each place, from -1 to size, and leave the fraction beyond."""
    np.clip(places, -1, size, out=places)
    floor = np.floor(places, out=scratch("floor", places.shape, places.dtype))
    places -= floor
    pixels = scratch(name, places.shape, np.int32)
    np.copyto(pixels, floor, casting="unsafe")
    return pixels


def _between(a: NDArray[Any], b: NDArray[Any], share: NDArray[Any]) -> NDArray[Any]:
    """Interpolate in place of b: exact at share 0, and where a and b are equal."""
    b -= a
    b *= share
    b += a
    return b


_kept = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of the thread's own, with anything in it: the last one of this name.

    Examples
    --------
    >>> scratch("thoughts", (2, 3), np.float32).shape
    (2, 3)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    buffer = _kept.__dict__.get(name)
    if buffer is None or len(buffer) < size:
        buffer = _kept.__dict__[name] = np.empty(size, np.uint8)
    return np.ndarray(shape, dtype, buffer)
