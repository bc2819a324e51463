"""Samples of `rules.casting`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

RULES: dict[str, list[Sample]] = {"astype": [call(normal(2, 3), dtype=np.float64)]}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {"astype": lambda a, dtype: np.array(a, dtype)}
