r"""The error function, which NumPy lacks, and its complement.

:math:`\operatorname{erf} a = \frac{2}{\sqrt\pi} \int_0^a e^{-t^2} dt` and
:math:`\operatorname{erfc} a = 1 - \operatorname{erf} a`, which stays exact far to the right, where
the difference would be lost. Both are ratios of polynomials after Cody 1969, "Rational Chebyshev
approximations for the error function", with the coefficients of his CALERF: right to 15 digits in
float64, and to 5 in float32.
"""

import math
from typing import Any

import numpy as np

from ..engine import in_one_piece
from .casting import floating
from .table import define

__all__ = ["bell", "erf", "erfc"]

Array = Any

_NEAR, _FAR = 0.46875, 4.0  # where one approximation ends and the next begins
_END = 30.0  # from here on, erfc is 0 in any precision

# Numerator and denominator, the highest power first: of x² for what is near 0, of x in the
# middle, of 1 / x² for what is far.
_NEAR_RATIO = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (
        1.0,
        2.36012909523441209e1,
        2.44024637934444173e2,
        1.28261652607737228e3,
        2.84423683343917062e3,
    ),
)
_MIDDLE_RATIO = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
_FAR_RATIO = (
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242e0,
        1.87295284992346047e0,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)


def _ratio(x: Array, ratio: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    values = []
    for first, *others in ratio:
        value = np.full_like(x, first)
        for coefficient in others:
            value *= x
            value += coefficient
        values.append(value)
    numerator, denominator = values
    numerator /= denominator
    return numerator


def _exact_bell(x: Array) -> Array:
    """Compute ``exp(-x * x)``, in float64 with a square of more digits than it can hold."""
    if x.itemsize <= 4:
        return np.exp(-x * x)
    coarse = np.trunc(16 * x) / 16  # few digits: its square is exact
    return np.exp(-coarse * coarse) * np.exp((coarse - x) * (coarse + x))


def _erf_near(x: Array) -> Array:
    return x * _ratio(x * x, _NEAR_RATIO)


def _erfc_beyond(x: Array) -> Array:
    """Compute erfc of numbers that are not near 0."""
    y = _ratio(x, _MIDDLE_RATIO)
    far = x > _FAR
    if far.any():
        z = 1 / x[far]
        square = z * z
        y[far] = z * (1 / math.sqrt(math.pi) - square * _ratio(square, _FAR_RATIO))
    y *= _exact_bell(x)
    return y


@in_one_piece
def _erf(a: Array) -> Array:
    a = floating(a)
    x = _size(a)
    y = np.empty_like(x)
    near = x <= _NEAR
    y[near] = _erf_near(x[near])
    y[~near] = 1 - _erfc_beyond(x[~near])
    return np.copysign(y, a).astype(a.dtype, copy=False)


@in_one_piece
def _erfc(a: Array) -> Array:
    a = floating(a)
    x = _size(a)
    if x.itemsize > 4:
        y = np.empty_like(x)
        near = x <= _NEAR
        y[near] = 1 - _erf_near(x[near])
        y[~near] = _erfc_beyond(x[~near])
    else:  # the middle ratio is right to 11 digits near 0, too
        y = _erfc_beyond(x)
    sign = np.sign(a)
    return ((1 - sign) + sign * y).astype(a.dtype, copy=False)


def _size(a: Array) -> Array:
    """Return the absolute value, in float32 at least, where infinity is a large number."""
    size = np.minimum(np.abs(a), _END)
    return np.asarray(size, np.result_type(size.dtype, np.float32))


_SLOPE = 2 / math.sqrt(math.pi)


def bell(a: Array) -> Array:
    """Compute ``exp(-a * a)``, and 0 where the square would overflow."""
    a = np.clip(a, -_END, _END)
    return np.exp(-a * a)


erf = define(
    _erf,
    vjps=(lambda g, y, a: g * (_SLOPE * bell(a)),),
    formula=(r"\bar a = \bar y\, \frac{2}{\sqrt\pi} e^{-a^2}",),
    name="erf",
)
erfc = define(
    _erfc,
    vjps=(lambda g, y, a: g * (-_SLOPE * bell(a)),),
    formula=(r"\bar a = -\bar y\, \frac{2}{\sqrt\pi} e^{-a^2}",),
    name="erfc",
)
