"""Serve samples in batches: pick, shuffle, distort, scale.

The data set stays as it is, one byte a pixel and on the disk if it is mapped from there; only the
batch at hand becomes ``float32``. `Batches` is what a training loop iterates over, once an epoch.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Augment = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]
    Batch = tuple[NDArray[np.floating], NDArray[Any]]

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
        Draws the seed of an `epoch` for each iteration. Without it the samples come in order.
    augment
        Distorts the images of a batch before they are scaled: called with them and with a
        Generator, it returns images of the same shape and dtype; `RandomAffine` and
        `ElasticTransform` are such, for images of shape (height, width).

    Raises
    ------
    TypeError
        If an argument has a type that is not listed above.
    ValueError
        If there are no samples, not as many labels as images, or the batch size is negative;
        when iterating, if there is something to draw and no ``rng``, or ``augment`` returns
        something else.

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
        *,
        augment: Augment | None = None,
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
        if augment is not None and not callable(augment):
            raise TypeError(f"augment must be callable, not {type(augment).__name__}")
        self._images = images
        self._labels = labels
        self._size = batch_size or len(images)
        self._rng = rng
        self._augment = augment

    def __len__(self) -> int:
        return -(-len(self._images) // self._size)

    def __iter__(self) -> Iterator[Batch]:
        if self._rng is not None:
            return self.epoch(int(self._rng.integers(2**63)))
        if self._augment is not None:
            raise ValueError(
                "augment needs random numbers: give Batches an rng, or use epoch(seed)"
            )
        return self._in_order()

    def epoch(self, seed: int, start: int = 0) -> Iterator[Batch]:
        """Go once through all samples, in an order of their own.

        The order depends on the seed alone, and the distortions of a batch on the seed and the
        batch's number, so that an epoch can be taken up where it was left, with the same bits.

        Parameters
        ----------
        seed
            0 or more.
        start
            The batch to begin with, from 0 to the number of batches.

        Raises
        ------
        TypeError
            If an argument is not an integer.
        ValueError
            If an argument is out of range; when iterating, if ``augment`` returns something else
            than images of the same shape and dtype.

        Examples
        --------
        >>> batches = Batches(np.zeros((5, 784), np.uint8), np.arange(5), 2)
        >>> whole = [y.tolist() for _, y in batches.epoch(seed=7)]
        >>> [y.tolist() for _, y in batches.epoch(seed=7, start=1)] == whole[1:]
        True
        """
        if operator.index(seed) < 0:
            raise ValueError(f"seed must be 0 or more, not {seed}")
        if not 0 <= operator.index(start) <= len(self):
            raise ValueError(f"start must be a batch from 0 to {len(self)}, not {start}")
        return self._shuffled(seed, start)

    def _in_order(self) -> Iterator[Batch]:
        for start in range(0, len(self._images), self._size):
            stop = start + self._size
            x = scale(self._images[start:stop])
            # Scaled bytes are new; floating pixels are still the data set's own memory.
            yield x if x.base is None else x.copy(), self._labels[start:stop].copy()

    def _shuffled(self, seed: int, start: int) -> Iterator[Batch]:
        order = np.random.default_rng(seed).permutation(len(self._images))
        for number in range(start, len(self)):
            chosen = order[number * self._size : (number + 1) * self._size]
            # `take` gathers rows of bytes in two thirds of the time that indexing needs.
            x = self._images.take(chosen, axis=0)
            if self._augment is not None:
                x = self._augmented(self._augment, x, seed, number)
            yield scale(x), self._labels.take(chosen, axis=0)

    @staticmethod
    def _augmented(augment: Augment, images: NDArray[Any], seed: int, number: int) -> NDArray[Any]:
        # A spawn key makes streams that meet neither each other nor that of the order.
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        result = augment(images, rng)
        expected = images.shape, images.dtype
        if not isinstance(result, np.ndarray) or (result.shape, result.dtype) != expected:
            found = (
                f"{result.dtype} of shape {result.shape}"
                if isinstance(result, np.ndarray)
                else type(result).__name__
            )
            raise ValueError(
                f"augment must return images like those it is given, {images.dtype} of shape "
                f"{images.shape}; found {found}"
            )
        return result
