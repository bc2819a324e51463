"""Samples of `rules.determinants`: regular matrices and, where there are derivatives, singular."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

_rank_2 = normal(4, 2) @ normal(2, 4)
_rank_1 = np.array([[1.0, 2.0, -1.0], [2.0, 4.0, -2.0], [-1.0, -2.0, 1.0]])
_stacked = np.stack([normal(3, 3), _rank_1])


def _plain_cofactors(a: np.ndarray) -> np.ndarray:
    """Strike out each row and column in turn."""
    n = a.shape[-1]
    y = np.ones(a.shape)
    for i, j in np.ndindex(n, n) if n > 1 else ():
        minor = np.delete(np.delete(a, i, -2), j, -1)
        y[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return y


def _plain_derivative(h: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Take the quotient of a polynomial's differences, which is exact for the first powers."""
    y = np.zeros(np.broadcast_shapes(h.shape, a.shape))
    for i, j in np.ndindex(a.shape[-2:]):
        moved = np.zeros(a.shape[-2:])
        moved[i, j] = 0.5
        slope = _plain_cofactors(a + moved) - _plain_cofactors(a - moved)
        y[..., i, j] = np.sum(h * slope, axis=(-2, -1))
    return y


RULES: dict[str, list[Sample]] = {
    "det": [
        call(normal(3, 3)),
        call(normal(2, 2, 2)),
        call(_rank_1),
        call(_stacked),
        call(np.zeros((2, 2))),
        call(np.diag([1.0, 0.0, 2.0])),
        call(np.eye(3)),
        call(normal(1, 1)),
        call(normal(0, 3, 3)),
        call(normal(0, 0)),
    ],
    "slogdet": [call(normal(3, 3)), call(normal(2, 2, 2)), call(normal(0, 3, 3))],
    "cofactors": [
        call(normal(3, 3)),
        call(normal(2, 2, 2)),
        call(normal(1, 1)),
        call(normal(0, 2, 2)),
    ],
    "cofactors_derivative": [  # whose own derivative goes by the inverse: none near singular
        call(normal(3, 3), normal(3, 3) + 3 * np.eye(3)),
        call(normal(2, 4, 4), normal(4, 4) + 3 * np.eye(4)),
        call(normal(0, 2, 2), normal(0, 2, 2)),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.linalg.slogdet: [
        Call(lambda a: np.linalg.slogdet(a)[1], (normal(3, 3),)),
        Call(lambda a: np.linalg.slogdet(a).sign, (normal(2, 3, 3),)),
        Call(lambda a: np.linalg.slogdet(a).logabsdet, (normal(0, 2, 2),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "det": np.linalg.det,
    "slogdet": lambda a: np.stack(np.linalg.slogdet(a), -1),
    "cofactors": _plain_cofactors,
    "cofactors_derivative": _plain_derivative,
}
