r"""Exponentials and logarithms, waves, angles and hyperbolas.

Where a value does not overflow, its gradient does not either. At a point without a gradient,
such as `hypot` and `arctan2` where both inputs are 0, it is the NaN or infinity that NumPy's
arithmetic gives. Equal infinities share the gradient of `logaddexp` equally.
"""

import math
from typing import Any

import numpy as np

from ..engine import Rule
from .activations import sigmoid
from .broadcasting import explain_broadcasting
from .table import define

Array = Any

_LN_2, _LN_10 = math.log(2), math.log(10)
_DEGREE = math.pi / 180

# --- exponentials and logarithms ----------------------------------------------------------

define(np.exp, vjps=(lambda g, y, a: g * y,), formula=(r"\bar a = \bar y\, y",))
define(np.exp2, vjps=(lambda g, y, a: g * y * _LN_2,), formula=(r"\bar a = \bar y\, y \ln 2",))
define(np.expm1, vjps=(lambda g, y, a: g * np.exp(a),), formula=(r"\bar a = \bar y\, e^a",))
define(np.log, vjps=(lambda g, y, a: g / a,), formula=(r"\bar a = \bar y / a",))
define(np.log2, vjps=(lambda g, y, a: g / a / _LN_2,), formula=(r"\bar a = \bar y / (a \ln 2)",))
define(np.log10, vjps=(lambda g, y, a: g / a / _LN_10,), formula=(r"\bar a = \bar y / (a \ln 10)",))
define(np.log1p, vjps=(lambda g, y, a: g / (1 + a),), formula=(r"\bar a = \bar y / (1 + a)",))


def _share(a: Array, b: Array, base: float = math.e) -> Array:
    """Compute which part of ``base ** a + base ** b`` the first of them is."""
    same = (a == b) & np.isinf(a)  # infinities have no difference
    return sigmoid((np.where(same, 0, a) - np.where(same, 0, b)) * math.log(base))


define(
    np.logaddexp,
    vjps=(lambda g, y, a, b: g * _share(a, b), lambda g, y, a, b: g * _share(b, a)),
    formula=(r"\bar a = \bar y\, e^{a - y}", r"\bar b = \bar y\, e^{b - y}"),
    explain=explain_broadcasting,
)
define(
    np.logaddexp2,
    vjps=(lambda g, y, a, b: g * _share(a, b, 2), lambda g, y, a, b: g * _share(b, a, 2)),
    formula=(r"\bar a = \bar y\, 2^{a - y}", r"\bar b = \bar y\, 2^{b - y}"),
    explain=explain_broadcasting,
)

# --- waves --------------------------------------------------------------------------------

define(np.sin, vjps=(lambda g, y, a: g * np.cos(a),), formula=(r"\bar a = \bar y \cos a",))
define(np.cos, vjps=(lambda g, y, a: -g * np.sin(a),), formula=(r"\bar a = -\bar y \sin a",))
define(np.tan, vjps=(lambda g, y, a: g * (1 + y * y),), formula=(r"\bar a = \bar y\,(1 + y^2)",))


def _compute_sinc_derivative(x: Array, order: int) -> Array:
    r"""Compute the derivative of the given order of `numpy.sinc`.

    As :math:`\operatorname{sinc}(z / \pi) = \int_0^1 \cos zt\, dt`, its derivatives are
    :math:`I_n = \int_0^1 t^n \cos(zt + n\pi/2)\, dt`, and integrating by parts makes each of
    the one before. Near 0 that cancels, but the power series converges fast.
    """
    z = math.pi * x
    near = np.abs(z) < 1 + order / 2
    far = np.where(near, 1, z)
    sine, cosine = np.sin(far), np.cos(far)
    waves = (sine, cosine, -sine, -cosine)
    integral = sine / far
    for n in range(1, order + 1):
        integral = (waves[n % 4] - n * integral) / far
    series = np.zeros(2 * order + 24)
    for m in range(order % 2, len(series), 2):
        sign = (-1) ** ((order + m) // 2)
        series[m] = sign / (math.factorial(m) * (order + m + 1))
    small = np.polynomial.polynomial.polyval(np.where(near, z, 0), series)
    return (math.pi**order * np.where(near, small, integral)).astype(x.dtype)


_sinc_derivative: Rule = define(
    _compute_sinc_derivative,
    vjps=(lambda g, y, x, order: g * _sinc_derivative(x, order=order + 1),),
    formula=(r"\bar x = \bar y \operatorname{sinc}^{(n + 1)} x",),
    name="sinc_derivative",
)
define(
    np.sinc,
    vjps=(lambda g, y, x: g * _sinc_derivative(x, order=1),),
    formula=(r"\bar x = \bar y\,(\cos \pi x - y) / x",),
)

# --- angles -------------------------------------------------------------------------------

define(
    np.arcsin,
    vjps=(lambda g, y, a: g / np.sqrt((1 - a) * (1 + a)),),
    formula=(r"\bar a = \bar y / \sqrt{1 - a^2}",),
)
define(
    np.arccos,
    vjps=(lambda g, y, a: -g / np.sqrt((1 - a) * (1 + a)),),
    formula=(r"\bar a = -\bar y / \sqrt{1 - a^2}",),
)


def _arctan(g: Array, y: Array, a: Array) -> Array:
    r = np.hypot(1, a)  # the square of a might overflow
    return g / r / r


define(np.arctan, vjps=(_arctan,), formula=(r"\bar a = \bar y / (1 + a^2)",))


def _arctan2(g: Array, y: Array, a: Array, b: Array) -> Array:
    r = np.hypot(a, b)
    return g * (b / r) / r


def _arctan2_below(g: Array, y: Array, a: Array, b: Array) -> Array:
    r = np.hypot(a, b)
    return -g * (a / r) / r


define(
    np.arctan2,
    vjps=(_arctan2, _arctan2_below),
    formula=(r"\bar a = \bar y\, b / (a^2 + b^2)", r"\bar b = -\bar y\, a / (a^2 + b^2)"),
    explain=explain_broadcasting,
)
define(
    np.hypot,
    vjps=(lambda g, y, a, b: g * (a / y), lambda g, y, a, b: g * (b / y)),
    formula=(r"\bar a = \bar y\, a / y", r"\bar b = \bar y\, b / y"),
    explain=explain_broadcasting,
)
for _to_radians in (np.deg2rad, np.radians):
    define(
        _to_radians,
        vjps=(lambda g, y, a: g * _DEGREE,),
        formula=(r"\bar a = \bar y\, \pi / 180",),
    )
for _to_degrees in (np.rad2deg, np.degrees):
    define(
        _to_degrees,
        vjps=(lambda g, y, a: g / _DEGREE,),
        formula=(r"\bar a = \bar y\, 180 / \pi",),
    )
define(
    np.unwrap,
    vjps=(lambda g, y, p, discont=None, axis=-1, *, period=math.tau: g,),
    formula=(r"\bar p = \bar y",),
)

# --- hyperbolas ---------------------------------------------------------------------------

define(np.sinh, vjps=(lambda g, y, a: g * np.cosh(a),), formula=(r"\bar a = \bar y \cosh a",))
define(np.cosh, vjps=(lambda g, y, a: g * np.sinh(a),), formula=(r"\bar a = \bar y \sinh a",))
define(
    np.tanh,
    vjps=(lambda g, y, a: g * (1 - y * y),),
    formula=(r"\bar a = \bar y\,(1 - y^2)",),
)
define(
    np.arcsinh,
    vjps=(lambda g, y, a: g / np.hypot(1, a),),
    formula=(r"\bar a = \bar y / \sqrt{a^2 + 1}",),
)
define(
    np.arccosh,
    vjps=(lambda g, y, a: g / (np.sqrt(a - 1) * np.sqrt(a + 1)),),
    formula=(r"\bar a = \bar y / \sqrt{a^2 - 1}",),
)
define(
    np.arctanh,
    vjps=(lambda g, y, a: g / ((1 - a) * (1 + a)),),
    formula=(r"\bar a = \bar y / (1 - a^2)",),
)
