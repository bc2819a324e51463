"""Samples of `rules.diagonals`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

RULES: dict[str, list[Sample]] = {
    name: [
        call(normal(3, 3)),
        call(normal(2, 2, 3), k=1),
        call(normal(3, 2), k=-1),
        call(normal(3)),
        call(normal(0, 2)),
    ]
    for name in ("tril", "triu")
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.diagonal: [
        Call(np.diagonal, (normal(3, 3),)),
        Call(lambda a: np.diagonal(a, 1), (normal(2, 3),)),
        Call(lambda a: np.diagonal(a, offset=-1, axis1=-1, axis2=0), (normal(3, 2, 2),)),
        Call(lambda a: np.diagonal(a, 5), (normal(2, 3),)),
        Call(np.diagonal, (normal(0, 2),)),
    ],
    np.linalg.diagonal: [
        Call(np.linalg.diagonal, (normal(2, 3, 2),)),
        Call(lambda x: np.linalg.diagonal(x, offset=-1), (normal(3, 2),)),
    ],
    np.diag: [
        Call(np.diag, (normal(3),)),
        Call(lambda v: np.diag(v, -2), (normal(2),)),
        Call(lambda v: np.diag(v, k=1), (normal(3, 3),)),
        Call(np.diag, (normal(0),)),
    ],
    np.diagflat: [
        Call(np.diagflat, (normal(2, 2),)),
        Call(lambda v: np.diagflat(v, 1), (normal(),)),
    ],
    np.trace: [
        Call(np.trace, (normal(3, 3),)),
        Call(lambda a: np.trace(a, 1, 1, 2), (normal(2, 2, 3),)),
        Call(lambda a: np.trace(a, axis1=2, axis2=0), (normal(2, 0, 3),)),
    ],
    np.linalg.trace: [Call(lambda x: np.linalg.trace(x, offset=-1), (normal(2, 3, 2),))],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {}
