"""Samples of `rules.ranges`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, normal, positive

RULES: dict[str, list[Sample]] = {}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.linspace: [
        Call(lambda a, b: np.linspace(a, b, 5), (normal(), normal())),
        Call(lambda a, b: np.linspace(a, b, 4, endpoint=False), (normal(2), normal(3, 1))),
        Call(lambda a, b: np.linspace(a, b, 3, axis=-1), (normal(2, 3), normal(3))),
        Call(lambda a, b: np.linspace(a, b, 3, axis=1), (normal(2, 3), normal(2, 3))),
        Call(lambda a: np.linspace(a, 2.0, 3, retstep=True)[1], (normal(2),)),
        Call(lambda a, b: np.linspace(a, b, 1), (normal(2), normal(2))),
        Call(lambda a, b: np.linspace(a, b, 0), (normal(2), normal(2))),
    ],
    np.logspace: [
        Call(lambda a, b: np.logspace(a, b, 4), (normal(), normal())),
        Call(lambda a, b: np.logspace(a, b, 3, base=2.0, axis=-1), (normal(2), normal(2))),
        Call(lambda a, b, base: np.logspace(a, b, 3, base=base), (normal(), normal(), positive(2))),
    ],
    np.geomspace: [
        Call(lambda a, b: np.geomspace(a, b, 4), (positive(), positive())),
        Call(lambda a, b: np.geomspace(-a, -b, 3, axis=1), (positive(2), positive(3, 1))),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {}
