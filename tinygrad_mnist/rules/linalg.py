"""Inverses, and solving equations: the part of `numpy.linalg` that divides by a matrix.

A matrix that has no inverse is an error, as in NumPy. The pseudo-inverse has a derivative as long
as the rank stays what it is: that of a matrix without full rank is the one along the matrices of
its own rank. Where `rcond` or `rtol` cut off singular values that are not 0, the gradient is nan.
"""

import operator
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .casting import as_arrays
from .matrices import column, row, rows_and_columns, transposed
from .table import constant, define, derive

Array = Any

_NOT_GIVEN: Any = object()  # None has a meaning of its own

# --- inverses -----------------------------------------------------------------------------

define(
    np.linalg.inv,
    vjps=(lambda g, y, a: -(transposed(y) @ g @ transposed(y)),),
    formula=(r"\bar a = -y^{\mathsf T} \bar y\, y^{\mathsf T}",),
)


def _cut_off(a: Array, inverse: Array) -> Array:
    """Tell which pseudo-inverses lack some of the rank of their matrix."""
    return np.linalg.matrix_rank(inverse) < np.linalg.matrix_rank(a)


def _pinv_slope(g: Array, y: Array, a: Array, rcond: Any, hermitian: bool) -> Array:
    if not a.size:
        return transposed(g)  # just as empty
    yt, gt = transposed(y), transposed(g)
    slope = (gt - a @ (y @ gt)) @ y @ yt + yt @ y @ (gt - (gt @ y) @ a) - yt @ g @ yt
    return np.where(column(column(_cut_off(a, y))), np.nan, slope)


_pinv_rule = define(
    lambda a, rcond, hermitian: np.linalg.pinv(a, rcond, hermitian),
    vjps=(_pinv_slope,),
    formula=(
        r"\bar a = (1 - a y)\, \bar y^{\mathsf T} y\, y^{\mathsf T}"
        r" + y^{\mathsf T} y\, \bar y^{\mathsf T} (1 - y a)"
        r" - y^{\mathsf T} \bar y\, y^{\mathsf T}",
    ),
    name="pinv",
)


def _pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _NOT_GIVEN) -> Array:
    if rcond is not None and rtol is not _NOT_GIVEN:
        raise ValueError("pinv: rcond and rtol are two names of one argument; give one of them")
    shape = rows_and_columns(a, "pinv")
    if hermitian:  # only the lower triangle is read
        a = np.where(np.tri(*shape) > 0, a, transposed(a))
    if rtol is None:
        rcond = max(shape) * np.finfo(a.dtype).eps
    elif rtol is not _NOT_GIVEN:
        rcond = rtol
    return _pinv_rule(a, rcond=rcond, hermitian=hermitian)


derive(np.linalg.pinv, _pinv, r"y = a^{+}")


def _tensorinv(a: Array, ind: int = 2) -> Array:
    if ind <= 0:
        raise ValueError(f"tensorinv: ind is {ind}; expected a positive number of axes")
    rows, columns = a.shape[:ind], a.shape[ind:]
    return np.linalg.inv(a.reshape((prod(rows), prod(columns)))).reshape((*columns, *rows))


derive(np.linalg.tensorinv, _tensorinv, r"y = a^{-1}")


def _matrix_power(a: Array, n: int) -> Array:
    rows, columns = rows_and_columns(a, "matrix_power")
    if rows != columns:
        raise ValueError(f"matrix_power: {a.shape}: expected square matrices")
    n = operator.index(n)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 0:
        return np.where(True, np.eye(a.shape[-1], dtype=a.dtype), a)
    y = None
    while True:
        if n % 2:
            y = a if y is None else y @ a
        n //= 2
        if not n:
            return y
        a = a @ a


derive(np.linalg.matrix_power, _matrix_power, r"y = a^n")

# --- equations ----------------------------------------------------------------------------


def _for_right_side(g: Array, y: Array, a: Array, b: Array) -> Array:
    if y.ndim < a.ndim:
        return np.linalg.solve(transposed(a), column(g))[..., 0]
    return np.linalg.solve(transposed(a), g)


def _for_matrix(g: Array, y: Array, a: Array, b: Array) -> Array:
    slope = _for_right_side(g, y, a, b)
    return -column(slope) * row(y) if y.ndim < a.ndim else -slope @ transposed(y)


define(
    np.linalg.solve,
    vjps=(_for_matrix, _for_right_side),
    formula=(r"\bar a = -\bar b\, y^{\mathsf T}", r"\bar b = a^{-\mathsf T} \bar y"),
)


def _tensorsolve(a: Array, b: Array, axes: Sequence[int] | None = None) -> Array:
    a, b = as_arrays(a, b)
    if axes is not None:
        last = [axis % a.ndim for axis in axes]
        a = np.transpose(a, [*(i for i in range(a.ndim) if i not in last), *last])
    shape = a.shape[b.ndim :]
    if a.size != prod(shape) ** 2 or b.size != prod(shape):
        raise ValueError(
            f"tensorsolve: {a.shape} and {b.shape}: expected as many equations as unknowns"
        )
    return np.linalg.solve(a.reshape((b.size, b.size)), b.reshape(-1)).reshape(shape)


derive(np.linalg.tensorsolve, _tensorsolve, r"y = a^{-1} b")

# --- least squares ------------------------------------------------------------------------


def _columns(*values: Array) -> list[Array]:
    return [column(value) if value.ndim == 1 else value for value in values]


def _fit_for_matrix(g: Array, y: Array, a: Array, b: Array, rcond: float) -> Array:
    g, x, b = _columns(g, y, b)
    inverse = np.linalg.pinv(a, rcond)
    onto = transposed(inverse)
    u = onto @ g
    slope = (
        (b - a @ x) @ transposed(inverse @ u)
        + (onto @ x) @ transposed(g - transposed(a) @ u)
        - u @ transposed(x)
    )
    return np.where(_cut_off(a, inverse), np.nan, slope)


_lstsq_rule = define(
    lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
    vjps=(
        _fit_for_matrix,
        lambda g, y, a, b, rcond: transposed(np.linalg.pinv(a, rcond)) @ g,
    ),
    formula=(
        r"\bar a = (b - a y)(a^{+} \bar b)^{\mathsf T}"
        r" + (a^{+})^{\mathsf T} y\, (\bar y - a^{\mathsf T} \bar b)^{\mathsf T}"
        r" - \bar b\, y^{\mathsf T}",
        r"\bar b = (a^{+})^{\mathsf T} \bar y",
    ),
    name="lstsq",
)


def _lstsq(a: Array, b: Array, rcond: float | None = None) -> tuple[Array, Array, int, Array]:
    a, b = as_arrays(a, b)
    if rcond is None:
        rcond = float(max(a.shape) * np.finfo(a.dtype).eps)
    x = _lstsq_rule(a, b, rcond=rcond)
    singular = np.linalg.svdvals(a)
    rank = int(np.sum(singular > rcond * singular[:1]))
    if rank == a.shape[1] < a.shape[0]:
        errors, fits = _columns(b, a @ x)
        residuals = np.sum(np.square(errors - fits), axis=0)
    else:
        residuals = x.reshape(-1)[:0]
    return x, residuals, rank, singular


derive(
    np.linalg.lstsq,
    _lstsq,
    r"y = (a^{+} b,\; \lVert b - a\, a^{+} b \rVert^2,\; \operatorname{rank} a,\; \sigma(a))",
)

# --- how close to singular ----------------------------------------------------------------


def _cond(x: Array, p: Any = None) -> Array:
    with np.errstate(all="ignore"):  # that of a singular matrix is infinite
        if p is None or p in (2, -2):
            s = np.linalg.svdvals(x)
            y = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        else:
            inverse = np.linalg.inv(x)
            y = np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(inverse, p, axis=(-2, -1))
    undefined = np.isnan(y) & ~np.any(np.isnan(x), axis=(-2, -1))
    return np.where(undefined, np.inf, y)


derive(np.linalg.cond, _cond, r"y = \lVert x \rVert\, \lVert x^{-1} \rVert")
constant(np.linalg.matrix_rank)
