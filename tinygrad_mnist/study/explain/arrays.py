"""Arrays as the page shows them: stacks of images of numbers, written so that no bit is lost."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .markup import number

__all__ = ["PIXELS", "SIDE", "Picture", "cropped", "pictured", "scale_of", "stacked"]

SIDE = 28
PIXELS = SIDE * SIDE
_MOST_IMAGES = 144  # of one array; more would be too many to look at
_WIDEST = 28  # numbers in a row, where a vector may be broken into rows as one likes


@dataclass(frozen=True, eq=False)
class Picture:
    """An array as a stack of images.

    Attributes
    ----------
    name
        What the page calls the array, such as ``"W1"``.
    values
        float32 of shape (images, height, width); what isn't a number is no part of the array.
    shape
        That of the array, in whose indices a reader thinks.
    strides
        How far a step to the next image, row and column goes in the array, in elements.
    key
        The page's key for it: the name, if that has only one picture.
    whole
        How many images, or rows if there is one image, there are without cropping.
    """

    name: str
    values: NDArray[np.float32]
    shape: tuple[int, ...]
    strides: tuple[int, int, int]
    key: str
    whole: int

    @property
    def shown(self) -> int:
        """How many images, or rows if there is one image, are left of the `whole`."""
        count, height, _ = self.values.shape
        return height if count == 1 else count

    @property
    def words(self) -> str:
        """Say what a reader sees at a glance: the size, and the range of the numbers."""
        size = f"shape {' × '.join(map(str, self.shape))}" if self.shape else "one number"
        if not self.values.size:
            return f"{self.name}, {size}"
        cell = np.unravel_index(int(np.nanargmax(np.abs(self.values))), self.values.shape)
        flat = sum(place * step for place, step in zip(cell, self.strides, strict=True))
        place = np.unravel_index(int(flat), self.shape) if self.shape else ()
        index = f"[{', '.join(map(str, map(int, place)))}]" if place else ""
        return (
            f"{self.name}, {size}, from {number(float(np.nanmin(self.values)))} to "
            f"{number(float(np.nanmax(self.values)))}, largest in size at {self.name}{index}"
        )

    def data(self) -> dict[str, Any]:
        """Write it for JSON, the numbers as little-endian float32 in base64."""
        return {
            "name": self.name,
            "size": list(self.values.shape),
            "shape": list(self.shape),
            "strides": list(self.strides),
            "values": base64.b64encode(self.values.astype("<f4").tobytes()).decode("ascii"),
        }


def stacked(
    name: str, array: NDArray[Any], size: tuple[int, int, int] | None = None, key: str | None = None
) -> Picture:
    """Show an array as it lies in memory, cut into images of some height and width.

    Parameters
    ----------
    name, array
        The array and what to call it.
    size
        Images, height and width; by default one image, of the array's two dimensions.
    key
        The page's key for it, if the array has more than one picture.

    Examples
    --------
    >>> W1 = np.zeros((10, 784), np.float32)
    >>> stacked("W1", W1, (10, 28, 28)).strides
    (784, 28, 1)
    """
    values = np.ascontiguousarray(array, np.float32).reshape(size or (1, *array.shape))
    count, height, width = values.shape
    whole = height if count == 1 else count
    return Picture(name, values, array.shape, (height * width, width, 1), key or name, whole)


def pictured(name: str, array: NDArray[Any]) -> Picture:
    """Choose how an array is best seen.

    The first axis is left out if it is a batch of one. Weights of the pixels become an image a
    unit, maps and filters an image each; a matrix lies on its longer side, and a long vector is
    broken into rows.

    Examples
    --------
    >>> shape = lambda *sizes: pictured("a", np.zeros(sizes)).values.shape
    >>> shape(784, 10), shape(6, 1, 5, 5), shape(1, 16, 10, 10)
    ((10, 28, 28), (6, 5, 5), (16, 10, 10))
    >>> shape(400, 120), shape(1, 10), shape(1, 120), shape()
    ((1, 120, 400), (1, 1, 10), (1, 5, 24), (1, 1, 1))
    """
    shape = array.shape
    if array.ndim == 2 and shape[0] == PIXELS:
        units = shape[1]
        images = stacked(name, array.T, (units, SIDE, SIDE))
        return replace(images, shape=shape, strides=(1, SIDE * units, units))
    if array.ndim >= 3:
        return stacked(name, array, (math.prod(shape[:-2]), *shape[-2:]))
    if array.ndim == 2 and shape[0] > 1:
        if shape[0] <= shape[1]:
            return stacked(name, array)
        return replace(stacked(name, array.T), shape=shape, strides=(0, 1, shape[1]))
    return _in_rows(name, array)


def _in_rows(name: str, array: NDArray[Any]) -> Picture:
    """Break a vector into rows, the last of which may have places to spare."""
    length = array.size
    whole_rows = (n for n in range(_WIDEST, _WIDEST // 3, -1) if length % n == 0)
    width = length if length <= _WIDEST else next(whole_rows, _WIDEST)
    height = -(-length // width) if length else 0
    values = np.full(height * width, np.nan, np.float32)
    values[:length] = array.ravel()
    lines = stacked(name, values, (1, height, width))
    return replace(lines, shape=array.shape)


def cropped(pictures: Iterable[Picture], budget: int) -> dict[str, Picture]:
    """Leave out the last of very many images, and of the largest pictures until all fit in.

    Parameters
    ----------
    pictures
        What the page shows; pictures with one key must be the same.
    budget
        How many numbers there may be in all.

    Returns
    -------
    dict
        The pictures by their keys.

    Examples
    --------
    >>> few, many = stacked("b", np.zeros((1, 100))), pictured("W", np.zeros((784, 300)))
    >>> [one.values.shape for one in cropped([few, many], 100_000).values()]
    [(1, 1, 100), (115, 28, 28)]
    """
    by_key: dict[str, Picture] = {}
    for one in pictures:
        if by_key.setdefault(one.key, one) is not one:
            raise ValueError(f"two pictures have the key {one.key!r}")
    by_key = {k: replace(one, values=one.values[:_MOST_IMAGES]) for k, one in by_key.items()}
    limit = max((one.values.size for one in by_key.values()), default=0)
    while sum(min(one.values.size, limit) for one in by_key.values()) > budget:
        limit = limit * 4 // 5
    return {key: _at_most(one, limit) for key, one in by_key.items()}


def _at_most(one: Picture, limit: int) -> Picture:
    count, height, width = one.values.shape
    if one.values.size <= limit:
        return one
    if count > 1:
        return replace(one, values=one.values[: max(1, limit // (height * width))])
    return replace(one, values=one.values[:, : max(1, limit // width)])


def scale_of(pictures: Iterable[Picture]) -> dict[str, float]:
    """Choose the colour scale that all pictures share.

    The strength of a colour is log(1 + |v| / linear) / log(1 + largest / linear). Up to `linear` it
    grows like the number itself, beyond like its logarithm. `linear` is a tenth of the largest
    number of the faintest picture, so that this one, too, has something to show.

    Examples
    --------
    >>> weak, strong = stacked("g", np.array([[0.03, 0]])), stacked("z", np.array([[5.0, -9]]))
    >>> {name: round(value, 4) for name, value in scale_of([weak, strong]).items()}
    {'largest': 9.0, 'linear': 0.003}
    """
    peaks = [float(np.nanmax(np.abs(one.values))) for one in pictures if one.values.size]
    peaks = [peak for peak in peaks if peak > 0] or [1.0]
    return {"largest": max(peaks), "linear": min(peaks) / 10}
