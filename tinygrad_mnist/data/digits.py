"""Labelled digits, and how to set some of them apart."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Digits", "split"]


class Digits(NamedTuple):
    """Digits with their labels.

    Attributes
    ----------
    images
        Shape (digits, 28, 28), uint8 or floating.
    labels
        Shape (digits,), integers from 0 to 9.
    """

    images: NDArray[Any]
    labels: NDArray[Any]


def split(digits: Digits, count: int) -> tuple[Digits, Digits]:
    """Set the last digits apart, to validate what is learned from the others.

    Parameters
    ----------
    digits
        At least two.
    count
        How many to set apart; at least one, and not all.

    Returns
    -------
    tuple of Digits
        The first digits, and the last ``count``. Both share memory with what was given.

    Raises
    ------
    TypeError
        If ``count`` is not an integer.
    ValueError
        If ``count`` is out of range, or there are not as many labels as images.

    Examples
    --------
    >>> import numpy as np
    >>> first, last = split(Digits(np.zeros((5, 28, 28)), np.arange(5)), 2)
    >>> first.labels, last.labels
    (array([0, 1, 2]), array([3, 4]))
    """
    images, labels = digits
    if len(images) != len(labels):
        raise ValueError(
            "expected as many labels as images, "
            f"found images of shape {images.shape} and labels of shape {labels.shape}"
        )
    kept = len(labels) - operator.index(count)
    if not 0 < kept < len(labels):
        raise ValueError(
            f"count must be at least 1 and less than the {len(labels):,} digits, not {count}"
        )
    return Digits(images[:kept], labels[:kept]), Digits(images[kept:], labels[kept:])
