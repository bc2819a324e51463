"""Samples of `rules.statistics`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, mask, masked, normal, positive, reduced


def _freedom() -> list[Sample]:
    return [
        call(apart(2, 3), axis=1, ddof=1),
        call(apart(4), ddof=1),
        call(apart(2, 3), axis=0, correction=0.5),
        call(apart(2, 3), axis=1, ddof=1, where=mask),
        call(apart(2, 3), axis=1, mean=0.3),
        call(apart(2, 3), axis=1, mean=0.3, where=mask, keepdims=True),
        call(apart(2, 3), axis=0, dtype=np.float64),
    ]


def _average(axis: Any = None, keepdims: bool = False) -> Callable[..., Any]:
    return lambda a, weights: np.average(a, axis, weights, keepdims=keepdims)


def _both(a: Any, weights: Any) -> Any:
    return np.concatenate(np.average(a, 1, weights, returned=True))


RULES: dict[str, list[Sample]] = {
    "var": [*reduced(), *masked(), *_freedom()],
    "std": [
        call(apart(2, 3)),
        call(apart(2, 3), axis=0),
        call(apart(2, 3), axis=-1, keepdims=True),
        call(apart(2, 3, 2), axis=(0, -1)),
        call(apart(0, 3), axis=1),
        *masked(),
        *_freedom(),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.average: [
        Call(np.average, (normal(2, 3),)),
        Call(lambda a: np.average(a, (0, -1), keepdims=True), (normal(2, 3, 2),)),
        Call(_average(), (normal(2, 3), positive(2, 3))),
        Call(_average(0), (normal(2, 3), positive(2))),
        Call(_average(-1, keepdims=True), (normal(2, 3), positive(3))),
        Call(_average((2, 0)), (normal(2, 3, 4), positive(4, 2))),
        Call(lambda a: np.average(a, weights=[1.0, 2.0, 0.5]), (normal(3),)),
        Call(lambda w: np.average([1.0, 2.0, 4.0], weights=w), (positive(3),)),
        Call(_both, (normal(2, 3), positive(3))),
        Call(lambda a: np.concatenate(np.average(a, 1, returned=True)), (normal(2, 3),)),
    ],
    np.cov: [
        Call(np.cov, (normal(2, 4),)),
        Call(np.cov, (normal(4),)),
        Call(lambda m: np.cov(m, rowvar=False, bias=True), (normal(4, 2),)),
        Call(lambda m: np.cov(m, ddof=0), (normal(2, 4),)),
        Call(lambda m, y: np.cov(m, y), (normal(4), normal(4))),
        Call(lambda m, y: np.cov(m, y, False), (normal(4, 2), normal(4, 1))),
        Call(lambda m: np.cov(m, fweights=[1, 2, 1, 3]), (normal(2, 4),)),
        Call(lambda m, w: np.cov(m, aweights=w), (normal(2, 4), positive(4))),
        Call(lambda m, w: np.cov(m, fweights=[1, 2, 1], aweights=w), (normal(2, 3), positive(3))),
    ],
    np.corrcoef: [
        Call(np.corrcoef, (normal(3, 4),)),
        Call(lambda x, y: np.corrcoef(x, y), (normal(4), normal(4))),
        Call(lambda x: np.corrcoef(x, rowvar=False), (normal(4, 2),)),
        Call(np.corrcoef, (normal(4),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {}
