"""Diagonals: reading them, writing them, and what lies above and below.

In a matrix that is laid out row by row, a diagonal is a slice: its elements are one more than a
row apart. Reading it is picking that slice, and writing it is scattering to it.
"""

from typing import Any

import numpy as np

from .picking import scatter
from .table import define, derive

Array = Any


def _slice(columns: int, offset: int) -> slice:
    """Make the slice that a diagonal is; a negative offset counts downwards."""
    start = offset if offset >= 0 else -offset * columns
    length = max(0, columns - max(0, offset))  # or less, where the last row comes first
    return slice(start, start + length * (columns + 1), columns + 1)


def _diagonal(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    if np.ndim(a) < 2:
        raise ValueError(f"diagonal: {np.shape(a)}: expected at least two axes")
    a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = a.shape[-2:]
    rows_in_a_row = np.reshape(a, (*a.shape[:-2], rows * columns))
    return rows_in_a_row[..., _slice(columns, offset)]


def _diag(v: Array, k: int = 0) -> Array:
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError(f"diag: {v.shape}: expected one axis, or two")
    n = len(v) + abs(k)
    return np.reshape(scatter(v, (n * n,), _slice(n, k)), (n, n))


def _trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


derive(np.diagonal, _diagonal, r"y = (a_{0,\, k},\ a_{1,\, k + 1},\ \dots)")
derive(
    np.linalg.diagonal,
    lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1),
    r"y = (x_{0,\, k},\ x_{1,\, k + 1},\ \dots)",
)
derive(np.diag, _diag, r"y = \operatorname{diag}(v, k)")
derive(np.diagflat, lambda v, k=0: np.diag(np.ravel(v), k), r"y = \operatorname{diag}(v, k)")
derive(np.trace, _trace, r"y = \sum_i a_{i,\, i + k}")
derive(
    np.linalg.trace,
    lambda x, /, *, offset=0: np.trace(x, offset, -2, -1),
    r"y = \sum_i x_{i,\, i + k}",
)


def _explain_triangle(m: Array, **_: Any) -> str:
    return "" if np.ndim(m) else "(): expected at least one axis"


define(
    np.tril,
    vjps=(lambda g, y, m, k=0: np.tril(g, k),),
    formula=(r"\bar m = \operatorname{tril}(\bar y, k)",),
    explain=_explain_triangle,
)
define(
    np.triu,
    vjps=(lambda g, y, m, k=0: np.triu(g, k),),
    formula=(r"\bar m = \operatorname{triu}(\bar y, k)",),
    explain=_explain_triangle,
)
