"""Samples of `rules.transcendental`."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, binary, call, normal, positive, unary


def _inside(*shape: int) -> np.ndarray:
    """Draw numbers between -1 and 1, and not too near to them."""
    return np.array(np.tanh(normal(*shape)) * 0.9)


def _above(*shape: int) -> np.ndarray:
    """Draw numbers greater than 1."""
    return np.array(positive(*shape) + 1)


def _sinc_derivative(x: Any, order: int) -> Any:
    """Sum the power series without rounding."""

    def exact(z: float) -> float:
        terms = [
            (-1) ** ((order + m) // 2) * Fraction(z) ** m / (math.factorial(m) * (order + m + 1))
            for m in range(order % 2, 80, 2)
        ]
        return float(sum(terms))

    return math.pi**order * np.vectorize(exact, otypes=[float])(math.pi * x)


_around_zero = np.array([-1e-3, -1e-9, 0.0, 1e-7, 0.01, 0.45, 0.5, -0.64, 1.0, -2.5])

RULES: dict[str, list[Sample]] = {
    "exp": unary(normal),
    "exp2": unary(normal),
    "expm1": unary(normal),
    "log": unary(positive),
    "log2": unary(positive),
    "log10": unary(positive),
    "log1p": [*unary(positive), call(-positive(3) / 4)],
    "logaddexp": [*binary(normal), call(np.zeros(2), np.array([0.0, -30.0]))],
    "logaddexp2": [*binary(normal), call(np.zeros(2), np.array([0.0, -30.0]))],
    "sin": unary(normal),
    "cos": unary(normal),
    "tan": unary(_inside),
    "sinc": [*unary(normal), call(_around_zero), call(np.zeros(()))],
    "sinc_derivative": [
        call(a, order=order) for order in (1, 2, 3) for a in (normal(2, 3), _around_zero, normal())
    ]
    + [call(normal(0, 3), order=1), call(np.linspace(-3, 3, 9), order=6)],
    "arcsin": unary(_inside),
    "arccos": unary(_inside),
    "arctan": unary(normal),
    "arctan2": [
        *binary(apart),
        call(np.zeros(2), np.array([0.5, 1.5])),
        call(np.array([-1.5, 1.5]), np.zeros(2)),
    ],
    "hypot": [*binary(positive), call(np.zeros(2), positive(2)), call(-positive(2), np.zeros(2))],
    "deg2rad": unary(normal),
    "radians": unary(normal),
    "rad2deg": unary(normal),
    "degrees": unary(normal),
    "unwrap": [
        call(normal(2, 5) * 4),
        call(normal(5, 2) * 4, discont=4.0, axis=0),
        call(normal(4), period=1.0),
    ],
    "sinh": unary(normal),
    "cosh": unary(normal),
    "tanh": unary(normal),
    "arcsinh": unary(normal),
    "arccosh": unary(_above),
    "arctanh": unary(_inside),
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {"sinc_derivative": _sinc_derivative}
