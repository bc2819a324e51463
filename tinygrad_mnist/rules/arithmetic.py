r"""Arithmetic: sums, products, powers and roots, signs.

- `absolute`, `fabs` and `copysign` have the gradient 0 at 0, where they have a kink.
- A power of the base 0 counts as the same for all exponents that are not negative: its
  derivative by the exponent is 0 there. By the base, :math:`a^0` has the derivative 0
  everywhere, at 0 too.
- The roots are steep at 0: their gradient there is infinite.
"""

import math
import operator
from typing import Any

import numpy as np

from .broadcasting import explain_broadcasting
from .casting import doubled
from .table import constant, define, derive

Array = Any

# Python's operators compute what NumPy's functions do, and much faster where there are no axes.

define(
    np.add,
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: g),
    formula=(r"\bar a = \bar y", r"\bar b = \bar y"),
    forward=operator.add,
    explain=explain_broadcasting,
)
define(
    np.subtract,
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: -g),
    formula=(r"\bar a = \bar y", r"\bar b = -\bar y"),
    forward=operator.sub,
    explain=explain_broadcasting,
)
define(
    np.multiply,
    vjps=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    formula=(r"\bar a = \bar y\, b", r"\bar b = \bar y\, a"),
    forward=operator.mul,
    explain=explain_broadcasting,
)
define(
    np.divide,
    vjps=(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b),
    formula=(r"\bar a = \bar y / b", r"\bar b = -\bar y\, y / b"),
    forward=operator.truediv,
    explain=explain_broadcasting,
)
define(
    np.reciprocal,
    vjps=(lambda g, y, a: -g * y * y,),
    formula=(r"\bar a = -\bar y\, y^2",),
)
define(
    np.negative,
    vjps=(lambda g, y, a: -g,),
    formula=(r"\bar a = -\bar y",),
    forward=operator.neg,
)
define(np.positive, vjps=(lambda g, y, a: g,), formula=(r"\bar a = \bar y",))

# --- powers and roots ---------------------------------------------------------------------


def _power_base(g: Array, y: Array, a: Array, b: Array) -> Array:
    if isinstance(b, int | float) and b != 0:
        return g * (b * a ** (b - 1))
    # 0 ** 0 is 1 whatever happens to the exponent, so that its base may stand as any number.
    # The exponent has Python's 1.0 taken off because unsigned integers would wrap around at 1.
    return g * b * np.where((a == 0) & (b == 0), 1, a) ** (b - 1.0)


def _power_exponent(g: Array, y: Array, a: Array, b: Array) -> Array:
    if isinstance(a, int | float) and a > 0:
        return g * (y * math.log(a))
    return g * y * np.log(np.where((a == 0) & (b >= 0), 1.0, a))


define(
    np.power,
    vjps=(_power_base, _power_exponent),
    formula=(r"\bar a = \bar y\, b\, a^{b-1}", r"\bar b = \bar y\, y \ln a"),
    forward=operator.pow,
    explain=explain_broadcasting,
)
derive(
    np.float_power,
    lambda x1, x2: np.power(doubled(x1), doubled(x2)),
    r"y = x_1^{x_2} \text{ in double precision}",
)
define(np.square, vjps=(lambda g, y, a: g * (2 * a),), formula=(r"\bar a = 2 \bar y\, a",))
define(np.sqrt, vjps=(lambda g, y, a: g / (2 * y),), formula=(r"\bar a = \bar y / 2y",))
define(np.cbrt, vjps=(lambda g, y, a: g / (3 * y * y),), formula=(r"\bar a = \bar y / 3y^2",))

# --- signs --------------------------------------------------------------------------------

for _function in (np.absolute, np.fabs):
    define(
        _function,
        vjps=(lambda g, y, a: g * np.sign(a),),
        formula=(r"\bar a = \bar y \operatorname{sign} a",),
    )
define(
    np.copysign,
    vjps=(lambda g, y, a, b: g * (np.sign(a) * np.sign(y)), None),
    formula=(r"\bar a = \bar y \operatorname{sign} a \operatorname{sign} b", ""),
    explain=explain_broadcasting,
)
constant(np.sign, np.signbit)

# --- the parts of complex numbers, of real ones -------------------------------------------

define(np.conjugate, vjps=(lambda g, y, a: g,), formula=(r"\bar a = \bar y",))
define(np.real, vjps=(lambda g, y, val: g,), formula=(r"\overline{\mathrm{val}} = \bar y",))
define(np.real_if_close, vjps=(lambda g, y, a, tol=100: g,), formula=(r"\bar a = \bar y",))
constant(np.imag, np.angle, np.isreal, np.iscomplex, np.isrealobj, np.iscomplexobj)
