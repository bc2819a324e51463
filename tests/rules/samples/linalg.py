"""Samples of `rules.linalg`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

RULES: dict[str, list[Sample]] = {
    "matmul": [
        call(normal(2, 3), normal(3, 4)),
        call(normal(3), normal(3)),
        call(normal(3), normal(3, 2)),
        call(normal(2, 3), normal(3)),
        call(normal(2, 1, 2, 3), normal(4, 3, 2)),
        call(normal(4, 2, 3), normal(3)),
        call(normal(3), normal(4, 3, 2)),
        call(normal(0, 3), normal(3, 2)),
        call(normal(2, 0), normal(0, 3)),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.dot: [
        Call(np.dot, (normal(2, 3), normal(3, 4))),
        Call(np.dot, (normal(3), normal(3))),
        Call(np.dot, (normal(2, 3), normal(3))),
        Call(np.dot, (normal(), normal(2, 3))),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {}
