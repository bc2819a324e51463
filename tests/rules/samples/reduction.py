"""Samples of `rules.reduction`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, calls, mask, masked, reduced

_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])
_zeros = np.array([[0.5, 0.0, -1.5], [0.0, 2.0, 0.0], [1.0, 2.0, -0.5]])


def _initialled() -> list[Sample]:
    return [
        call(apart(2, 3), axis=0, initial=-0.16),
        call(apart(2, 3), initial=0.03, where=mask, keepdims=True),
        call(apart(3, 0), axis=1, initial=2.0),
    ]


RULES: dict[str, list[Sample]] = {
    "sum": [*reduced(), *masked(), *_initialled(), call(apart(2, 3), axis=0, dtype=np.float64)],
    "mean": [*reduced(), *masked(), call(apart(2, 3), axis=0, dtype=np.float64)],
    "prod": [
        *reduced(),
        *masked(),
        *_initialled(),
        call(apart(2, 3), axis=0, dtype=np.float64),
        call(_zeros),
        call(_zeros, axis=0),
        call(_zeros, axis=1, keepdims=True),
        call(_zeros, axis=1, initial=0.0),
        call(_zeros[:2], axis=-1, where=mask),
        call(_zeros.reshape(1, 3, 3), axis=(0, -1)),
        call(np.zeros(())),
    ],
    **{
        name: [*reduced(), call(apart(2, 3), axis=1, where=mask, initial=9.0), *_initialled()]
        for name in ("max", "amax", "min", "amin")
    },
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.ptp: [
        Call(np.ptp, (apart(2, 3),)),
        Call(lambda a: np.ptp(a, 0), (apart(2, 3),)),
        Call(lambda a: np.ptp(a, axis=(0, -1), keepdims=True), (apart(2, 3, 2),)),
        Call(np.ptp, (apart(),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.argmax, np.argmin, np.any, np.all, np.count_nonzero], _signed),
}

PLAIN: dict[str, Callable[..., Any]] = {}
