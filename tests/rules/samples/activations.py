"""Samples of `rules.activations`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, normal, unary

RULES: dict[str, list[Sample]] = {"sigmoid": unary(normal), "relu": unary(apart)}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.where(a > 0, a, 0.0),
}
