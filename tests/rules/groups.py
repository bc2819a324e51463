"""What reductions are tested with: groups of elements, masks, and numbers that tie."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

__all__ = ["few", "groups", "masks", "swept_groups"]


def few(shape: tuple[int, ...], dtype: Any = np.float64) -> st.SearchStrategy[np.ndarray]:
    """Draw arrays of few numbers, so that they tie, and 0 is among them."""
    return hnp.arrays(dtype, shape, elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]))


def masks(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    """Draw masks of the shape, and ones that broadcast to it."""
    stretched = tuple(n if i % 2 else 1 for i, n in enumerate(shape))
    return st.sampled_from([shape, shape[1:], stretched]).flatmap(lambda s: hnp.arrays(bool, s))


def groups(shape: tuple[int, ...], axis: Any) -> np.ndarray:
    """List the places of the elements that go into each element of the result, row by row."""
    every = range(len(shape)) if axis is None else np.atleast_1d(np.array(axis, np.intp))
    reduced = sorted(int(i) % len(shape) for i in every)
    kept = [i for i in range(len(shape)) if i not in reduced]
    count = int(np.prod([shape[i] for i in reduced]))
    results = int(np.prod([shape[i] for i in kept]))
    places = np.arange(int(np.prod(shape))).reshape(shape)
    return places.transpose(*kept, *reduced).reshape(results, count)


def swept_groups(
    slope: Callable[[np.ndarray], np.ndarray],
    a: np.ndarray,
    rows: np.ndarray,
    g: np.ndarray,
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """Sweep back through a reduction, whose slopes are known for the elements of a group."""
    expected = np.zeros(a.size)
    for places, weight in zip(rows, g.ravel(), strict=True):
        taking_part = places if chosen is None else places[chosen.ravel()[places]]
        expected[taking_part] = weight * slope(a.ravel()[taking_part])
    return expected.reshape(a.shape)
