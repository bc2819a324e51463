r"""Norms of vectors and of matrices.

A norm has no derivative where it is 0. Its gradient there is 0, the smallest of those that fit
below it, and so are the higher derivatives. So it is for an element that is 0 where the order is
less than 1; a negative order makes the norm 0 then, and the others have no slope. The largest or
smallest elements, sums or singular values that a norm picks out share its gradient equally where
several tie.
"""

from typing import Any

import numpy as np

from .axes import Axis, axis_indices, keep, line_up
from .casting import doubled
from .reduction import extreme
from .table import define, derive

__all__ = ["inverse_or_0"]

Array = Any
Order = Any  # a number, 'fro', 'nuc' or None


def inverse_or_0(y: Array) -> Array:
    """Divide 1 by a norm: by 0 that gives 0, for the convention's sake."""
    zero = y == 0
    return np.where(zero, 0, 1 / np.where(zero, 1, y))


def _value(x: Array, ord: Order = None, axis: Axis = None, keepdims: bool = False) -> Array:
    return np.linalg.norm(x, ord, axis, keepdims)


def _norm_back(
    g: Array, y: Array, x: Array, ord: Order = None, axis: Axis = None, keepdims: bool = False
) -> Array:
    if ord in (None, "fro", 2):
        return keep(g * inverse_or_0(y), x.shape, axis) * x
    if ord in (np.inf, -np.inf):
        return extreme(g, y, np.abs(x), axis) * np.sign(x)
    if ord == 0:
        return np.zeros(x.shape, g.dtype)
    slopes = keep(g, x.shape, axis) * np.sign(x)
    if ord == 1:
        return slopes
    parts = np.abs(x) * keep(inverse_or_0(y), x.shape, axis)
    if ord < 1:
        smooth = (x != 0) & keep(y != 0, x.shape, axis)
        return np.where(smooth, slopes * np.where(smooth, parts, 1) ** (ord - 1), 0)
    return slopes * parts ** (ord - 1)


_norm_rule = define(
    _value,
    vjps=(_norm_back,),
    formula=(r"\bar a_i = \bar y \operatorname{sign} a_i \left(\frac{|a_i|}{y}\right)^{p - 1}",),
    name="norm",
)


def _norm(x: Array, ord: Order = None, axis: Any = None, keepdims: bool = False) -> Array:
    if x.dtype.kind != "f":
        x = doubled(x)
    if axis is None and (ord is None or (x.ndim == 1) or (x.ndim == 2 and ord == "fro")):
        return _norm_rule(x, ord=ord, axis=None, keepdims=keepdims)
    axes = axis_indices("norm", axis, x.shape)
    if len(axes) > 2:
        raise ValueError(f"norm: {x.shape}: axis is {axis}; expected one axis, or two")
    if len(axes) == 2 and ord in _MATRIX_NORMS:
        y = _MATRIX_NORMS[ord](x, *axes)
        return keep(y, x.shape, axes) if keepdims else y
    return _norm_rule(x, ord=ord, axis=axes if len(axes) == 2 else axes[0], keepdims=keepdims)


def _sums(x: Array, summed: int, other: int) -> tuple[Array, int]:
    """Add up absolute values along one axis, and tell where the other one is now."""
    return np.sum(np.abs(x), axis=summed), other - (other > summed)


def _singular_values(x: Array, row: int, column: int) -> Array:
    others = [i for i in range(x.ndim) if i not in (row, column)]
    return np.linalg.svd(np.transpose(x, (*others, row, column)), compute_uv=False)


_MATRIX_NORMS = {
    1: lambda x, row, column: np.max(*_sums(x, row, column)),
    -1: lambda x, row, column: np.min(*_sums(x, row, column)),
    np.inf: lambda x, row, column: np.max(*_sums(x, column, row)),
    -np.inf: lambda x, row, column: np.min(*_sums(x, column, row)),
    2: lambda x, row, column: np.max(_singular_values(x, row, column), axis=-1),
    -2: lambda x, row, column: np.min(_singular_values(x, row, column), axis=-1),
    "nuc": lambda x, row, column: np.sum(_singular_values(x, row, column), axis=-1),
}

derive(np.linalg.norm, _norm, r"y = \left(\sum_i |a_i|^p\right)^{1 / p}")


def _vector_norm(x: Array, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Array:
    axes = axis_indices("vector_norm", axis, x.shape)
    y = _norm_rule(line_up(x, axes), ord=ord, axis=0)
    return keep(y, x.shape, axes) if keepdims else y


derive(np.linalg.vector_norm, _vector_norm, r"y = \left(\sum_i |a_i|^p\right)^{1 / p}")


def _matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Order = "fro") -> Array:
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


derive(
    np.linalg.matrix_norm,
    _matrix_norm,
    r"y = \operatorname{norm}(a) \text{ of the last two axes}",
)
