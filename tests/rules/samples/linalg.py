"""Samples of `rules.linalg`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, calls, normal

_EPS = 1e-14


def _regular(*shape: int) -> np.ndarray:
    """Draw matrices that are far from singular."""
    return normal(*shape) + 3 * np.eye(shape[-1])


RULES: dict[str, list[Sample]] = {
    "inv": [call(_regular(3, 3)), call(_regular(2, 1, 2, 2)), call(_regular(0, 2, 2))],
    "pinv": [
        call(normal(3, 2), rcond=_EPS, hermitian=False),
        call(normal(2, 3), rcond=_EPS, hermitian=False),
        call(normal(2, 3, 2), rcond=_EPS, hermitian=False),
        call(normal(0, 3, 2), rcond=_EPS, hermitian=False),
        call(normal(2, 0), rcond=_EPS, hermitian=False),
    ],
    "solve": [
        call(_regular(3, 3), normal(3)),
        call(_regular(3, 3), normal(3, 2)),
        call(_regular(2, 3, 3), normal(3)),
        call(_regular(2, 3, 3), normal(3, 2)),
        call(_regular(2, 1, 2, 2), normal(3, 2, 1)),
        call(_regular(0, 2, 2), normal(2)),
    ],
    "lstsq": [
        call(normal(4, 2), normal(4), rcond=_EPS),
        call(normal(4, 2), normal(4, 3), rcond=_EPS),
        call(normal(2, 4), normal(2), rcond=_EPS),
        call(_regular(3, 3), normal(3, 2), rcond=_EPS),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.linalg.pinv: [
        Call(np.linalg.pinv, (normal(3, 2),)),
        Call(lambda a: np.linalg.pinv(a, rtol=1e-10), (normal(2, 2, 3),)),
        Call(lambda a: np.linalg.pinv(a, rtol=None), (normal(2, 2),)),
        Call(lambda a: np.linalg.pinv(a, 1e-10, hermitian=True), (_regular(3, 3),)),
        Call(lambda a: np.linalg.pinv(a, hermitian=True), (_regular(2, 2, 2),)),
    ],
    np.linalg.matrix_power: [
        Call(lambda a, n=n: np.linalg.matrix_power(a, n), (_regular(*shape),))
        for n, shape in [
            *((n, (2, 2)) for n in (-4, -1, 0, 1, 2, 4, 5, 6, 7)),
            *((n, (2, 3, 3)) for n in (-2, 0, 2)),
        ]
    ],
    np.linalg.tensorinv: [
        Call(np.linalg.tensorinv, (_regular(6, 6).reshape(2, 3, 3, 2),)),
        Call(lambda a: np.linalg.tensorinv(a, ind=1), (_regular(4, 4).reshape(4, 2, 2),)),
    ],
    np.linalg.tensorsolve: [
        Call(np.linalg.tensorsolve, (_regular(6, 6).reshape(2, 3, 6), normal(2, 3))),
        Call(
            lambda a, b: np.linalg.tensorsolve(a, b, axes=(0, 2)),
            (_regular(6, 6).reshape(6, 2, 3).transpose(1, 0, 2), normal(6)),
        ),
    ],
    np.linalg.lstsq: [
        Call(lambda a, b: np.linalg.lstsq(a, b)[0], (normal(4, 2), normal(4))),
        Call(lambda a, b: np.linalg.lstsq(a, b, rcond=1e-10)[0], (normal(4, 2), normal(4, 3))),
    ],
    np.linalg.cond: [
        Call(np.linalg.cond, (_regular(3, 3),)),
        Call(np.linalg.cond, (normal(2, 4, 2),)),
        Call(lambda a: np.linalg.cond(a, -2), (_regular(2, 3, 3),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls(
        [np.linalg.matrix_rank], np.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]])
    ),
}

PLAIN: dict[str, Callable[..., Any]] = {
    "inv": np.linalg.inv,
    "pinv": np.linalg.pinv,
    "solve": np.linalg.solve,
    "lstsq": lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
}
