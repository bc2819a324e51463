"""Samples of `rules.activations` and `rules.error_function`."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, normal, unary

RULES: dict[str, list[Sample]] = {
    "sigmoid": unary(normal),
    "relu": unary(apart),
    "leaky_relu": [
        *unary(apart),
        call(apart(2, 3), negative_slope=0.2),
        call(apart(2, 3), negative_slope=-1.5),
    ],
    "elu": [*unary(apart), call(apart(2, 3), alpha=0.5)],
    "softplus": [
        *unary(normal),
        call(normal(2, 3), beta=2.5),
        call(apart(3, 4), beta=2.0, threshold=0.3),
    ],
    "silu": unary(normal),
    "gelu": [*unary(normal), *(call(a, approximate="tanh") for a in (normal(2, 3), normal()))],
    "erf": [*unary(normal), call(3 * normal(2, 3))],
    "erfc": [*unary(normal), call(3 * normal(2, 3))],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

_erf, _erfc = np.vectorize(math.erf, [float]), np.vectorize(math.erfc, [float])


def _plain_gelu(a: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * a * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)))
    return 0.5 * a * (1 + _erf(a / np.sqrt(2)))


def _plain_softplus(a: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    return np.where(beta * a > threshold, a, np.log(1 + np.exp(beta * a)) / beta)


PLAIN: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "leaky_relu": lambda a, negative_slope=0.01: np.where(a > 0, a, negative_slope * a),
    "elu": lambda a, alpha=1.0: np.where(a > 0, a, alpha * (np.exp(a) - 1)),
    "softplus": _plain_softplus,
    "silu": lambda a: a / (1 + np.exp(-a)),
    "gelu": _plain_gelu,
    "erf": _erf,
    "erfc": _erfc,
}
