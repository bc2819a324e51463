"""Derivatives by central differences: what the exact ones are held against."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# The error of a difference is about STEP ** 2 from the curvature and 1e-16 / STEP from
# rounding: 1e-10 each, far below the 1e-6 that the tests ask for.
STEP = 1e-5


def central_differences(
    scalar: Callable[..., Any], arrays: Sequence[np.ndarray], place: int
) -> np.ndarray:
    """Differentiate ``scalar(*arrays)`` by every element of one of its float64 arrays."""
    slopes = np.empty(arrays[place].shape)
    for index in np.ndindex(slopes.shape):
        above, below = (
            float(scalar(*arrays[:place], moved, *arrays[place + 1 :]))
            for moved in (_moved(arrays[place], index, STEP), _moved(arrays[place], index, -STEP))
        )
        slopes[index] = (above - below) / (2 * STEP)
    return slopes


def _moved(array: np.ndarray, index: tuple[int, ...], step: float) -> np.ndarray:
    moved = array.copy()
    moved[index] += step
    return moved
