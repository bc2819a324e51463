"""Samples of `rules.decompositions`: no eigenvalue or singular value comes near another."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal


def _positive(*shape: int) -> np.ndarray:
    """Draw positive definite matrices, one triangle of which NumPy does not look at."""
    a = normal(*shape)
    return np.array(a @ a.swapaxes(-1, -2) + 2 * np.eye(shape[-1]))


def _spread(*shape: int) -> np.ndarray:
    """Draw matrices whose eigenvalues and singular values are far apart."""
    steps = np.eye(*shape[-2:]) * 2.0 ** np.arange(shape[-1])
    return np.array(steps + 0.3 * normal(*shape))


RULES: dict[str, list[Sample]] = {
    "cholesky": [
        call(_positive(3, 3)),
        call(_positive(3, 3), upper=True),
        call(_positive(2, 2, 2), upper=False),
        call(_positive(0, 2, 2)),
        call(_positive(1, 1)),
    ],
    "qr": [
        call(normal(4, 3)),
        call(normal(3, 3)),
        call(normal(2, 4)),
        call(normal(2, 3, 2)),
        call(normal(0, 3, 2)),
    ],
    "eigenvalues": [
        call(_spread(3, 3), None),
        call(_spread(2, 3, 3), None, UPLO="U"),
        call(_spread(0, 2, 2), None),
    ],
    "eigenvectors": [
        call(_spread(3, 3), None),
        call(_spread(2, 3, 3), None, UPLO="U"),
        call(_spread(0, 2, 2), None),
    ],
    "singular_values": [
        call(_spread(3, 3), None),
        call(_spread(2, 4, 3), None),
        call(_spread(2, 3), None),
        call(_spread(0, 2, 3), None),
    ],
    "left_vectors": [
        call(_spread(3, 3), None),
        call(_spread(2, 4, 3), None),
        call(_spread(2, 3), None),
        call(_spread(0, 2, 3), None),
    ],
    "right_vectors": [
        call(_spread(3, 3), None),
        call(_spread(2, 4, 3), None),
        call(_spread(2, 3), None),
        call(_spread(0, 2, 3), None),
    ],
}


def _product(factors: Any, *parts: int) -> Any:
    """Use factors together, so that each goes into the gradient, whatever the signs of vectors."""
    return sum(np.sum(np.square(np.square(factors[part]))) for part in parts)


DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.linalg.qr: [
        Call(lambda a: np.linalg.qr(a).Q, (normal(3, 2),)),
        Call(lambda a: np.linalg.qr(a)[1], (normal(2, 3),)),
        Call(lambda a: _product(np.linalg.qr(a), 0, 1), (normal(3, 2),)),
        Call(lambda a: np.linalg.qr(a, "r"), (normal(2, 3, 2),)),
        Call(lambda a: np.linalg.qr(a, mode="complete")[0], (normal(2, 3),)),
    ],
    np.linalg.eigh: [
        Call(lambda a: np.linalg.eigh(a)[0], (_spread(3, 3),)),
        Call(lambda a: np.square(np.linalg.eigh(a).eigenvectors), (_spread(2, 2, 2),)),
        Call(lambda a: _product(np.linalg.eigh(a, "U"), 0, 1), (_spread(3, 3),)),
    ],
    np.linalg.eigvalsh: [
        Call(np.linalg.eigvalsh, (_spread(3, 3),)),
        Call(lambda a: np.linalg.eigvalsh(a, UPLO="U"), (_spread(2, 2, 2),)),
    ],
    np.linalg.svd: [
        Call(lambda a: _product(np.linalg.svd(a), 0, 1, 2), (_spread(3, 3),)),
        Call(lambda a: np.square(np.linalg.svd(a, full_matrices=False).U), (_spread(3, 2),)),
        Call(lambda a: np.linalg.svd(a, False)[1], (_spread(2, 2, 3),)),
        Call(lambda a: np.square(np.linalg.svd(a, False).Vh), (_spread(2, 3, 2),)),
        Call(lambda a: np.linalg.svd(a, compute_uv=False), (_spread(2, 3),)),
        Call(lambda a: np.square(np.linalg.svd(a, hermitian=True)[0]), (-_spread(3, 3),)),
        Call(lambda a: np.linalg.svd(a, hermitian=True)[1], (-_spread(2, 3, 3),)),
        Call(lambda a: np.square(np.linalg.svd(a, hermitian=True)[2]), (-_spread(3, 3),)),
    ],
    np.linalg.svdvals: [Call(np.linalg.svdvals, (_spread(2, 3, 2),))],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "cholesky": np.linalg.cholesky,
    "qr": lambda a: np.concatenate(
        [np.linalg.qr(a).Q, np.linalg.qr(a).R.swapaxes(-1, -2)], axis=-2
    ),
    "eigenvalues": lambda a, found, UPLO="L": np.linalg.eigh(a, UPLO)[0],
    "eigenvectors": lambda a, found, UPLO="L": np.linalg.eigh(a, UPLO)[1],
    "singular_values": lambda a, found: np.linalg.svdvals(a),
    "left_vectors": lambda a, found: np.linalg.svd(a, full_matrices=False)[0],
    "right_vectors": lambda a, found: np.linalg.svd(a, full_matrices=False)[2],
}
