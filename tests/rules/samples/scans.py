"""Samples of `rules.scans`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, normal

_zeros = np.array([[0.5, 0.0, -1.5, 2.0], [0.0, 2.0, 0.0, 1.0], [1.0, 2.0, -0.5, 0.5]])


def _scanned() -> list[Sample]:
    return [
        call(apart(2, 3)),
        call(apart(2, 3), axis=0),
        call(apart(2, 3, 2), axis=-2),
        call(apart()),
        call(apart(0, 3), axis=1),
        call(apart(3, 0), axis=1),
        call(apart(3), axis=None, dtype=np.float64),
    ]


def _plain_recurrence(b: Any, a: Any) -> Any:
    x = np.zeros(b.shape)
    for k in range(len(b)):
        x[k] = b[k] + a[k] * x[k - 1]
    return x


RULES: dict[str, list[Sample]] = {
    "cumsum": _scanned(),
    "cumprod": [
        *_scanned(),
        call(_zeros),
        call(_zeros, axis=0),
        call(_zeros, axis=1),
        call(np.zeros(3)),
    ],
    "recurrence": [
        call(normal(4, 2), normal(4, 2)),
        call(normal(5), normal(5)),
        call(normal(0, 2), normal(0, 2)),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    function: [
        Call(function, (apart(3),)),
        Call(lambda a, f=function: f(a, axis=0), (apart(2, 3),)),
        Call(lambda a, f=function: f(a, axis=-1, include_initial=True), (_zeros,)),
        Call(lambda a, f=function: f(a, include_initial=True), (apart(0),)),
    ]
    for function in (np.cumulative_sum, np.cumulative_prod)
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {"recurrence": _plain_recurrence}
