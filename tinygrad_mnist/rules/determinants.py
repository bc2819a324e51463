r"""Determinants: `numpy.linalg.det` and `numpy.linalg.slogdet`.

The gradient of a determinant is the matrix of cofactors. It is a polynomial, as the determinant
is, and exists for a singular matrix, too, whose inverse does not: it comes from the singular
values then, with nothing divided by. Its own derivative always does, so that first and second
derivatives are right for every matrix. Third ones need the inverse, and are refused without it.

The logarithm of the determinant has the transposed inverse for its gradient, which is nan for a
singular matrix. The sign has none.
"""

from typing import Any

import numpy as np

from ..engine import Rule, in_one_piece
from .matrices import column, row, transposed
from .reduction import others
from .table import define, derive

Array = Any


def _orientation(u: Array, vh: Array) -> Array:
    """Tell whether two rotations together reflect: 1 or -1, as a matrix to multiply with."""
    return column(column(np.sign(np.linalg.det(u) * np.linalg.det(vh))))


@in_one_piece
def _compute_cofactors(a: Array) -> Array:
    y = np.linalg.det(a)
    if np.all(y != 0):  # as far as LU decomposition, that of the inverse as well, can tell
        return column(column(y)) * transposed(np.linalg.inv(a))
    u, s, vh = np.linalg.svd(a)
    return _orientation(u, vh) * (u * row(others(s, -1))) @ vh


def _compute_bend(g: Array, a: Array) -> Array:
    """Differentiate the cofactors: the second derivative of the determinant, applied to `g`.

    Between the singular vectors the matrix is diagonal, and its determinant depends on the
    elements at (i, i) and (j, j), and those at (i, j) and (j, i), through the product of the
    other singular values.
    """
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    off = ~np.eye(n, dtype=bool)
    products = np.where(off, others(np.where(off, row(s), 1), -1), 0)
    inner = transposed(u) @ g @ transposed(vh)
    diagonal = np.einsum("...ij,...jj->...i", products, inner)
    bent = np.where(off, -products * transposed(inner), column(diagonal))
    return _orientation(u, vh) * (u @ bent @ vh)


def _bend_again(g: Array, y: Array, h: Array, a: Array) -> Array:
    """Differentiate the bend by the matrix: the third derivative of the determinant."""
    inverse = np.linalg.inv(a)
    identity = np.eye(a.shape[-1], dtype=g.dtype)
    p, q = inverse @ h, inverse @ g
    trace_p, trace_q, trace_pq = (
        column(column(np.sum(m * identity, axis=(-2, -1)))) for m in (p, q, p @ q)
    )
    inner = (trace_p * trace_q - trace_pq) * identity - trace_p * q - trace_q * p + p @ q + q @ p
    return column(column(np.linalg.det(a))) * transposed(inner @ inverse)


_bend: Rule = define(
    _compute_bend,
    vjps=(lambda g, y, h, a: _bend(g, a), _bend_again),
    formula=(
        r"\bar h = \operatorname{cofactors}'(a)[\bar y]",
        r"\bar a = \operatorname{cofactors}''(a)[h, \bar y]",
    ),
    name="cofactors_derivative",
)
_cofactors = define(
    _compute_cofactors,
    vjps=(lambda g, y, a: _bend(g, a),),
    formula=(r"\bar a = \operatorname{cofactors}'(a)[\bar y]",),
    name="cofactors",
)
define(
    np.linalg.det,
    vjps=(lambda g, y, a: column(column(g)) * _cofactors(a),),
    formula=(r"\bar a = \bar y \operatorname{cofactors}(a) = \bar y\, y\, a^{-\mathsf T}",),
)


def _log_slope(g: Array, y: Array, a: Array) -> Array:
    singular = column(column(y[..., 0] == 0))
    inverse = np.linalg.inv(np.where(singular, np.eye(a.shape[-1], dtype=g.dtype), a))
    return column(column(g[..., 1])) * np.where(singular, np.nan, transposed(inverse))


_slogdet_rule = define(
    lambda a: np.stack(np.linalg.slogdet(a), -1),
    vjps=(_log_slope,),
    formula=(r"\bar a = \bar y_1\, a^{-\mathsf T}",),
    name="slogdet",
)
_Result: Any = type(np.linalg.slogdet(np.eye(1)))


def _slogdet(a: Array) -> Any:
    y = _slogdet_rule(a)
    return _Result(y[..., 0], y[..., 1])


derive(
    np.linalg.slogdet,
    _slogdet,
    r"y = (\operatorname{sign} \det a,\; \ln \left| \det a \right|)",
)
