"""Sliding one sequence along another: `numpy.convolve` and `numpy.correlate`.

`mode` says which part of the whole result is kept: ``"full"`` is all of it, ``"valid"`` the part
where the shorter sequence lies fully within the longer one, and ``"same"`` a part as long as the
longer one. It is always the middle part. What is cut off has no gradient, so that on the way back
zeros stand there.
"""

from typing import Any

import numpy as np

from .picking import scatter
from .table import define

Array = Any


def _whole(g: Array, a: int, v: int, reverse: bool = False) -> Array:
    """Put zeros around a gradient, where the results of sequences of two lengths were cut off.

    Where the two ends differ by one, the longer one is the last; with `reverse`, the first.
    """
    cut = a + v - 1 - g.size
    if not cut:
        return g
    start = (cut + reverse) // 2
    return scatter(g, (a + v - 1,), slice(start, start + g.size))


def _line(a: Array) -> Array:
    """Make a sequence of one element of a number."""
    return np.reshape(a, -1)


define(
    np.convolve,
    vjps=(
        lambda g, y, a, v, mode="full": np.correlate(
            _whole(g, a.size, np.size(v)), _line(v), "valid"
        ).reshape(a.shape),
        lambda g, y, a, v, mode="full": np.correlate(
            _whole(g, np.size(a), v.size), _line(a), "valid"
        ).reshape(v.shape),
    ),
    formula=(r"\bar a_i = \sum_j \bar y_{i+j}\, v_j", r"\bar v_j = \sum_i \bar y_{i+j}\, a_i"),
)

# NumPy correlates the longer sequence with the shorter one, and reverses the result if it had to
# swap them for that: `v.size > a.size`.
define(
    np.correlate,
    vjps=(
        lambda g, y, a, v, mode="valid": np.convolve(
            _whole(g, a.size, v.size, v.size > a.size), v, "valid"
        ),
        lambda g, y, a, v, mode="valid": np.correlate(
            _whole(g, a.size, v.size, v.size > a.size), a, "valid"
        )[::-1],
    ),
    formula=(
        r"\bar a_i = \sum_k \bar y_k\, v_{i-k+m-1}",
        r"\bar v_j = \sum_k \bar y_k\, a_{j+k-m+1}",
    ),
)
