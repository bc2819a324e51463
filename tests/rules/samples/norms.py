"""Samples of `rules.norms`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.rules import DERIVED as _DERIVED_ROWS
from tinygrad_mnist.rules import RULES as _RULE_ROWS

from .draw import Call, Sample, apart, call, normal

_VECTOR_ORDERS: list[Any] = [None, 2, 1, np.inf, -np.inf, 0, 3, 2.5, 0.5, -1, -2]
_MATRIX_ORDERS: list[Any] = [None, "fro", 1, -1, np.inf, -np.inf]
if np.linalg.svd in _DERIVED_ROWS or np.linalg.svd in _RULE_ROWS:
    _MATRIX_ORDERS += [2, -2, "nuc"]


def _vectors(order: Any) -> list[Call]:
    return [
        Call(lambda x: np.linalg.norm(x, order), (apart(4),)),
        Call(lambda x: np.linalg.norm(x, order, 0), (apart(2, 3),)),
        Call(lambda x: np.linalg.norm(x, ord=order, axis=-2, keepdims=True), (apart(2, 3, 2),)),
    ]


def _matrices(order: Any) -> list[Call]:
    return [
        Call(lambda x: np.linalg.norm(x, order), (normal(3, 2),)),
        Call(lambda x: np.linalg.norm(x, order, (0, -1)), (normal(2, 3, 2),)),
        Call(lambda x: np.linalg.norm(x, order, axis=(2, 1), keepdims=True), (normal(2, 3, 3),)),
    ]


def _vector_norm(**keywords: Any) -> Call:
    return Call(lambda x: np.linalg.vector_norm(x, **keywords), (apart(2, 3, 2),))


RULES: dict[str, list[Sample]] = {
    "norm": [
        *(call(apart(2, 3), ord=order, axis=1) for order in _VECTOR_ORDERS),
        call(apart(2, 3), axis=(0, 1), keepdims=True),
        call(apart(2, 3, 2)),
        call(apart(0, 3), axis=1),
        call(apart(3, 0), axis=1),
        call(apart(0)),
        call(apart(4, 1, 2), ord=3, axis=-3, keepdims=True),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.linalg.norm: [
        *(sample for order in _VECTOR_ORDERS for sample in _vectors(order)),
        *(sample for order in _MATRIX_ORDERS for sample in _matrices(order)),
        Call(np.linalg.norm, (apart(2, 3, 2),)),
        Call(lambda x: np.linalg.norm(x, keepdims=True), (apart(2, 3, 2),)),
        Call(np.linalg.norm, (apart(),)),
    ],
    np.linalg.vector_norm: [
        _vector_norm(),
        _vector_norm(axis=1),
        _vector_norm(axis=(0, -1), ord=3),
        _vector_norm(axis=(2, 0), ord=np.inf, keepdims=True),
        _vector_norm(ord=1, keepdims=True),
    ],
    np.linalg.matrix_norm: [
        Call(np.linalg.matrix_norm, (apart(2, 3, 2),)),
        Call(lambda x: np.linalg.matrix_norm(x, ord=1, keepdims=True), (normal(2, 3, 2),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "norm": lambda x, **keywords: np.linalg.norm(x, **keywords),
}
