r"""The elementwise functions between the layers of a network.

At their kinks `relu` and `leaky_relu` have the slope of what is below 0, and `elu` has `alpha`.
A choice between two formulas is written as a product with 0 or 1: NumPy multiplies many times
faster than it chooses.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from .casting import an_array, floating
from .error_function import bell, erfc
from .table import define

__all__ = ["elu", "gelu", "leaky_relu", "relu", "sigmoid", "silu", "softplus"]

Array = Any


@cache
def _zero(dtype: np.dtype[Any]) -> Array:
    """Make a zero that NumPy compares with faster than with Python's."""
    zero = np.zeros((), dtype)
    zero.flags.writeable = False
    return zero


# --- rectifiers ---------------------------------------------------------------------------


def _relu(a: Array) -> Array:
    a = an_array(a)
    return np.maximum(a, _zero(a.dtype))


# The result is never negative, so its sign is 1 where the gradient passes and 0 elsewhere.
relu = define(
    _relu,
    vjps=(lambda g, y, a: g * np.sign(y),),
    formula=(r"\bar a = \bar y\,[a > 0]",),
    name="relu",
)


def _leaky_slope(a: Array, negative_slope: float) -> Array:
    positive = (a > 0).astype(a.dtype)
    return positive + negative_slope * (1 - positive)


def _leaky_relu(a: Array, negative_slope: float = 0.01) -> tuple[Array, Array]:
    a = floating(a)
    slope = _leaky_slope(a, negative_slope)
    return a * slope, slope


leaky_relu = define(
    _leaky_relu,
    vjps=(
        lambda g, y, a, *, negative_slope=0.01, kept: (
            g * (_leaky_slope(a, negative_slope) if kept is None else kept)
        ),
    ),
    formula=(r"\bar a = \bar y\,([a > 0] + s\,[a \le 0])",),
    keeps=True,
    name="leaky_relu",
)


def _elu(a: Array, alpha: float = 1.0) -> Array:
    a = floating(a)
    zero = _zero(a.dtype)
    return np.maximum(a, zero) + alpha * np.expm1(np.minimum(a, zero))


def _elu_slope(a: Array, alpha: float) -> Array:
    positive = (a > 0).astype(a.dtype)
    return positive + (1 - positive) * (alpha * np.exp(np.minimum(a, 0)))


elu = define(
    _elu,
    vjps=(lambda g, y, a, *, alpha=1.0: g * _elu_slope(a, alpha),),
    formula=(r"\bar a = \bar y\,([a > 0] + \alpha e^a\,[a \le 0])",),
    name="elu",
)

# --- the sigmoid and what is made of it ---------------------------------------------------


def _sigmoid(a: Array) -> Array:
    a = floating(a)
    return np.exp(np.minimum(a, _zero(a.dtype))) / (1 + np.exp(-np.abs(a)))  # never overflows


sigmoid = define(
    _sigmoid,
    vjps=(lambda g, y, a: g * y * (1 - y),),
    formula=(r"\bar a = \bar y\, y\,(1 - y)",),
    name="sigmoid",
)


def _check_softplus(beta: float, threshold: float) -> str:
    if not 0 < beta < math.inf:
        return f"beta is {beta}; expected a positive number"
    if not threshold >= 0:
        return f"threshold is {threshold}; expected 0 or more"
    return ""


def _softplus(a: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    if _check_softplus(beta, threshold):
        raise ValueError
    a = floating(a)
    bend = np.log1p(np.exp(-beta * np.abs(a))) * (beta * a <= threshold)
    return np.maximum(a, _zero(a.dtype)) + bend / beta


def _softplus_slope(a: Array, beta: float, threshold: float) -> Array:
    straight = (beta * a > threshold).astype(a.dtype)
    return straight + (1 - straight) * sigmoid(beta * a)


softplus = define(
    _softplus,
    vjps=(lambda g, y, a, *, beta=1.0, threshold=20.0: g * _softplus_slope(a, beta, threshold),),
    formula=(r"\bar a = \bar y\,(\sigma(\beta a)\,[\beta a \le t] + [\beta a > t])",),
    explain=lambda a, beta=1.0, threshold=20.0: _check_softplus(beta, threshold),
    name="softplus",
)

# --- a times a function that rises from 0 to 1 --------------------------------------------


def _silu(a: Array) -> tuple[Array, Array]:
    a = floating(a)
    part = _sigmoid(a)
    return a * part, part


def _silu_vjp(g: Array, y: Array, a: Array, *, kept: Array | None) -> Array:
    part = sigmoid(a) if kept is None else kept
    return g * (part + y * (1 - part))


silu = define(
    _silu,
    vjps=(_silu_vjp,),
    formula=(r"\bar a = \bar y\,(\sigma(a) + y\,(1 - \sigma(a)))",),
    keeps=True,
    name="silu",
)

_ROOT_HALF, _ROOT_2_PI = math.sqrt(0.5), math.sqrt(2 * math.pi)
_LINEAR, _CUBIC = math.sqrt(8 / math.pi), math.sqrt(8 / math.pi) * 0.044715
_END = 40.0  # from here on, the part of `a` is 0 or 1 in any precision


def _part(a: Array, approximate: str) -> Array:
    """Compute the normal distribution's Φ(a), or the sigmoid that comes near it.

    Where the paper has the tanh of a number, this is the sigmoid of twice the number.
    """
    if approximate == "tanh":
        a = np.clip(a, -_END, _END)
        return sigmoid(a * (_LINEAR + _CUBIC * (a * a)))
    return 0.5 * erfc(-_ROOT_HALF * a)


def _part_slope(a: Array, part: Array, approximate: str) -> Array:
    """Compute the derivative of `_part`."""
    if approximate == "tanh":
        a = np.clip(a, -_END, _END)
        return part * (1 - part) * (_LINEAR + 3 * _CUBIC * (a * a))
    return bell(_ROOT_HALF * a) / _ROOT_2_PI


def _gelu(a: Array, approximate: str = "none") -> tuple[Array, Array]:
    if approximate not in ("none", "tanh"):
        raise ValueError
    a = floating(a)
    part = _part(a, approximate)
    return a * part, part


def _gelu_vjp(
    g: Array, y: Array, a: Array, *, approximate: str = "none", kept: Array | None
) -> Array:
    part = _part(a, approximate) if kept is None else kept
    return g * (part + a * _part_slope(a, part, approximate))


gelu = define(
    _gelu,
    vjps=(_gelu_vjp,),
    formula=(r"\bar a = \bar y\,(\Phi(a) + a\, \Phi'(a))",),
    keeps=True,
    explain=lambda a, approximate="none": (
        f"approximate is {approximate!r}; expected 'none' or 'tanh'"
    ),
    name="gelu",
)
