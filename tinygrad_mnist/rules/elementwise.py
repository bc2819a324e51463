"""Functions of one element at a time: arithmetic, exponentials, choosing, activations.

Their inputs are broadcast against each other, which the engine undoes on the way back. Where
two inputs of `maximum` or `minimum` tie, each gets half of the gradient; `abs` and `relu`
have the gradient 0 at 0, and `clip` passes the gradient on at its bounds.
"""

import operator
from functools import cache
from typing import Any

import numpy as np

from .casting import floating
from .table import constant, define, derive

__all__ = ["relu", "sigmoid"]

Array = Any


def _explain(*inputs: Any, **_: Any) -> str:
    shapes = [np.shape(value) for value in inputs if value is not None]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return f"shapes {' and '.join(map(str, shapes))} do not broadcast"
    return ""


# --- arithmetic ---------------------------------------------------------------------------

# Python's operators compute what NumPy's functions do, and much faster where there are no axes.

define(
    np.add,
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: g),
    formula=(r"\bar a = \bar y", r"\bar b = \bar y"),
    forward=operator.add,
    explain=_explain,
)
define(
    np.subtract,
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: -g),
    formula=(r"\bar a = \bar y", r"\bar b = -\bar y"),
    forward=operator.sub,
    explain=_explain,
)
define(
    np.multiply,
    vjps=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    formula=(r"\bar a = \bar y\, b", r"\bar b = \bar y\, a"),
    forward=operator.mul,
    explain=_explain,
)
define(
    np.divide,
    vjps=(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b),
    formula=(r"\bar a = \bar y / b", r"\bar b = -\bar y\, y / b"),
    forward=operator.truediv,
    explain=_explain,
)
define(
    np.remainder,
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b)),
    formula=(r"\bar a = \bar y", r"\bar b = -\bar y \lfloor a / b \rfloor"),
    forward=operator.mod,
    explain=_explain,
)


def _power_base(g: Array, y: Array, a: Array, b: Array) -> Array:
    # 0 ** 0 is 1 whatever happens to the exponent, so that its base may stand as any number.
    return g * b * np.power(np.where((a == 0) & (b == 0), 1, a), b - 1)


def _power_exponent(g: Array, y: Array, a: Array, b: Array) -> Array:
    return g * y * np.log(np.where(a == 0, 1, a))


define(
    np.power,
    vjps=(_power_base, _power_exponent),
    formula=(r"\bar a = \bar y\, b\, a^{b-1}", r"\bar b = \bar y\, y \ln a"),
    forward=operator.pow,
    explain=_explain,
)
define(
    np.negative,
    vjps=(lambda g, y, a: -g,),
    formula=(r"\bar a = -\bar y",),
    forward=operator.neg,
)
define(np.positive, vjps=(lambda g, y, a: g,), formula=(r"\bar a = \bar y",))
define(
    np.absolute,
    vjps=(lambda g, y, a: g * np.sign(a),),
    formula=(r"\bar a = \bar y \operatorname{sign} a",),
)
define(np.square, vjps=(lambda g, y, a: g * (2 * a),), formula=(r"\bar a = 2 \bar y\, a",))
define(np.sqrt, vjps=(lambda g, y, a: g / (2 * y),), formula=(r"\bar a = \bar y / 2y",))

# --- exponentials, waves -----------------------------------------------------------------------

define(np.exp, vjps=(lambda g, y, a: g * y,), formula=(r"\bar a = \bar y\, y",))
define(np.log, vjps=(lambda g, y, a: g / a,), formula=(r"\bar a = \bar y / a",))
define(np.sin, vjps=(lambda g, y, a: g * np.cos(a),), formula=(r"\bar a = \bar y \cos a",))
define(np.cos, vjps=(lambda g, y, a: -g * np.sin(a),), formula=(r"\bar a = -\bar y \sin a",))
define(
    np.tanh,
    vjps=(lambda g, y, a: g * (1 - y * y),),
    formula=(r"\bar a = \bar y\,(1 - y^2)",),
)

# --- choosing -----------------------------------------------------------------------------

define(
    np.maximum,
    vjps=(
        lambda g, y, a, b: np.where(a > b, g, np.where(a < b, 0, g / 2)),
        lambda g, y, a, b: np.where(b > a, g, np.where(b < a, 0, g / 2)),
    ),
    formula=(
        r"\bar a = \bar y\,([a > b] + \tfrac12 [a = b])",
        r"\bar b = \bar y\,([b > a] + \tfrac12 [a = b])",
    ),
    explain=_explain,
)
define(
    np.minimum,
    vjps=(
        lambda g, y, a, b: np.where(a < b, g, np.where(a > b, 0, g / 2)),
        lambda g, y, a, b: np.where(b < a, g, np.where(b > a, 0, g / 2)),
    ),
    formula=(
        r"\bar a = \bar y\,([a < b] + \tfrac12 [a = b])",
        r"\bar b = \bar y\,([b < a] + \tfrac12 [a = b])",
    ),
    explain=_explain,
)


def _where(condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition, x, y)


define(
    np.where,
    vjps=(
        None,
        lambda g, y, condition, x, other: np.where(condition, g, 0),
        lambda g, y, condition, x, other: np.where(condition, 0, g),
    ),
    formula=("", r"\bar x = \bar y\,[c]", r"\bar y' = \bar y\,[\lnot c]"),
    forward=_where,
    explain=_explain,
)


def _raised(y: Array, a: Array, low: Array) -> Array:
    """Tell where the lower bound of `clip` is the result."""
    return (y > a) & (y == low)


clip = define(
    np.clip,
    vjps=(
        lambda g, y, a, low, high: np.where(y == a, g, 0),
        lambda g, y, a, low, high: np.where(_raised(y, a, low), g, 0),
        lambda g, y, a, low, high: np.where((y == a) | _raised(y, a, low) | np.isnan(y), 0, g),
    ),
    formula=(
        r"\bar a = \bar y\,[l \le a \le h]",
        r"\bar l = \bar y\,[a < l]",
        r"\bar h = \bar y\,[a > h]",
    ),
    explain=_explain,
)


def _clip(
    a: Array, a_min: Array = None, a_max: Array = None, *, min: Array = None, max: Array = None
) -> Array:
    return clip(a, a_min if min is None else min, a_max if max is None else max)


derive(np.clip, _clip, r"y = \min(\max(a, l), h)")

# --- activations --------------------------------------------------------------------------


def _sigmoid(a: Array) -> Array:
    a = floating(a)
    small = np.exp(-np.abs(a))  # never overflows
    return np.where(a >= 0, 1, small) / (1 + small)


sigmoid = define(
    _sigmoid,
    vjps=(lambda g, y, a: g * y * (1 - y),),
    formula=(r"\bar a = \bar y\, y\,(1 - y)",),
    name="sigmoid",
)


@cache
def _zero(dtype: np.dtype[Any]) -> Array:
    """Make a zero that NumPy compares with faster than with Python's."""
    return np.zeros((), dtype)


def _relu(a: Array) -> Array:
    a = np.asarray(a)
    return np.maximum(a, _zero(a.dtype))


# The result is never negative, so its sign is 1 where the gradient passes and 0 elsewhere.
relu = define(
    _relu,
    vjps=(lambda g, y, a: g * np.sign(y),),
    formula=(r"\bar a = \bar y\,[a > 0]",),
    name="relu",
)

constant(
    np.equal,
    np.not_equal,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
    np.logical_and,
    np.logical_or,
    np.logical_xor,
    np.logical_not,
    np.bitwise_and,
    np.bitwise_or,
    np.bitwise_xor,
    np.invert,
    np.floor_divide,
    np.sign,
    np.signbit,
    np.floor,
    np.ceil,
    np.trunc,
    np.rint,
    np.round,
    np.isnan,
    np.isinf,
    np.isfinite,
    np.isclose,
    np.zeros_like,
    np.ones_like,
    np.empty_like,
)
