"""Serve samples in batches: pick, shuffle, scale.

The data set stays as it is, one byte a pixel; only the batch at hand becomes ``float32``. `Batches`
is what a training loop iterates over, once an epoch.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Batches", "scale"]

_WHITE = np.float32(255)


def scale(images: NDArray[Any]) -> NDArray[np.floating]:
    """Bring pixels from bytes to numbers in [0, 1].

    Parameters
    ----------
    images
        Of any shape. Pixels of uint8, 0 to 255, are scaled; floating-point images are taken to be
        scaled already.

    Returns
    -------
    numpy.ndarray
        For uint8, a new float32 array: each value is the float32 nearest to pixel / 255. For a
        floating dtype, ``images`` itself.

    Raises
    ------
    TypeError
        If the pixels are neither uint8 nor floating.

    Examples
    --------
    >>> scale(np.array([0, 51, 255], np.uint8))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    if images.dtype == np.uint8:
        scaled: NDArray[np.float32] = np.divide(images, _WHITE)
        return scaled
    if images.dtype.kind == "f":
        return images
    raise TypeError(f"images must be uint8 or floating-point, not {images.dtype}")


class Batches:
    """The samples of a data set, batch by batch.

    Each iteration goes once through all samples; ``len()`` is the number of batches. The arrays
    it yields are new, so that the receiver may change them.

    Parameters
    ----------
    images
        Shape (samples, ...), uint8 or floating.
    labels
        Shape (samples, ...), any dtype; yielded as they are.
    batch_size
        Samples in a batch. The last batch holds what is left. 0 puts everything into one batch.
    rng
        Shuffles the samples anew for each iteration. Without it they come in order.

    Raises
    ------
    TypeError
        If an argument has a type that is not listed above.
    ValueError
        If there are no samples, not as many labels as images, or the batch size is negative.

    Examples
    --------
    >>> images, labels = np.zeros((5, 784), np.uint8), np.arange(5)
    >>> for x, y in Batches(images, labels, 2):
    ...     print(x.shape, x.dtype, y)
    (2, 784) float32 [0 1]
    (2, 784) float32 [2 3]
    (1, 784) float32 [4]
    >>> len(Batches(images, labels, 2, np.random.default_rng(0)))
    3
    """

    def __init__(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        batch_size: int,
        rng: np.random.Generator | None = None,
    ) -> None:
        # `take` would copy an array that is not contiguous as a whole, for every batch.
        images, labels = np.ascontiguousarray(images), np.ascontiguousarray(labels)
        if len(images) != len(labels):
            raise ValueError(
                "expected as many labels as images, "
                f"found images of shape {images.shape} and labels of shape {labels.shape}"
            )
        if len(images) == 0:
            raise ValueError(f"expected at least one sample, found images of shape {images.shape}")
        scale(images[:0])  # raises if the pixels are of a wrong type
        if operator.index(batch_size) < 0:
            raise ValueError(f"batch_size must be 0 (everything) or more, not {batch_size}")
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a numpy.random.Generator, not {type(rng).__name__}")
        self._images = images
        self._labels = labels
        self._size = batch_size or len(images)
        self._rng = rng

    def __len__(self) -> int:
        return -(-len(self._images) // self._size)

    def __iter__(self) -> Iterator[tuple[NDArray[np.floating], NDArray[Any]]]:
        samples = len(self._images)
        order = None if self._rng is None else self._rng.permutation(samples)
        for start in range(0, samples, self._size):
            stop = start + self._size
            if order is None:
                x = scale(self._images[start:stop])
                # Scaled bytes are new; floating pixels are still the data set's own memory.
                yield x if x.base is None else x.copy(), self._labels[start:stop].copy()
            else:
                chosen = order[start:stop]
                # `take` gathers rows of bytes in two thirds of the time that indexing needs.
                yield scale(self._images.take(chosen, axis=0)), self._labels.take(chosen, axis=0)
