"""Rounding, remainders, and what floating-point numbers are made of.

What jumps from one value to another carries no gradient. What is left over when it is taken
away does: a remainder moves with the dividend, and against the divisor as many times as that
went into it. At the jumps the gradient is that of the side on which the value is.
"""

import operator
from typing import Any

import numpy as np

from ..engine import wrap
from .broadcasting import explain_broadcasting
from .table import constant, define, derive

Array = Any

constant(
    np.floor,
    np.ceil,
    np.trunc,
    np.fix,
    np.rint,
    np.round,
    np.around,
    np.floor_divide,
    np.spacing,
)

# --- remainders ---------------------------------------------------------------------------

define(
    np.remainder,
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b)),
    formula=(r"\bar a = \bar y", r"\bar b = -\bar y \lfloor a / b \rfloor"),
    forward=operator.mod,
    explain=explain_broadcasting,
)
# Rounding a / b towards 0 instead would be off by one where the quotient itself was rounded up.
define(
    np.fmod,
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: -g * np.rint((a - y) / b)),
    formula=(r"\bar a = \bar y", r"\bar b = -\bar y\,(a - y) / b"),
    explain=explain_broadcasting,
)
derive(
    np.divmod,
    lambda x1, x2: (np.floor_divide(x1, x2), np.remainder(x1, x2)),
    r"y = (\lfloor x_1 / x_2 \rfloor,\; x_1 \bmod x_2)",
)
_fraction = define(
    lambda a: np.modf(a)[0],
    vjps=(lambda g, y, a: g,),
    formula=(r"\bar a = \bar y",),
    name="fraction",
)


derive(
    np.modf,
    lambda x: (_fraction(x), np.trunc(x)),
    r"y = (x - \operatorname{trunc} x,\; \operatorname{trunc} x)",
)

# --- floating-point numbers ---------------------------------------------------------------

define(
    np.ldexp,
    vjps=(lambda g, y, a, b: np.ldexp(g, b), None),
    formula=(r"\bar a = \bar y\, 2^b", ""),
    explain=explain_broadcasting,
)


def _frexp(x: Array) -> tuple[Array, Array]:
    exponent = np.frexp(x._array)[1]
    return np.ldexp(x, -exponent), wrap(type(x), exponent)


derive(np.frexp, _frexp, r"y = (x / 2^e,\; e) \text{ with } \tfrac12 \le |x| / 2^e < 1")
define(
    np.nextafter,
    vjps=(lambda g, y, a, b: g, None),
    formula=(r"\bar a = \bar y", ""),
    explain=explain_broadcasting,
)
