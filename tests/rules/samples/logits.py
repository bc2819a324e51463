"""Samples of `rules.logits`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal, reduced


def _softmax() -> list[Sample]:
    return [
        call(normal(2, 3)),
        call(normal(2, 3), axis=0),
        call(normal(2, 3, 2), axis=(0, -1)),
        call(normal(2, 3), axis=None),
        call(normal(3)),
        call(normal(0, 3)),
    ]


def _plain_logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.sum(np.exp(a), axis=axis, keepdims=keepdims))


def _plain_log_softmax(a: Any, axis: Any = -1) -> Any:
    return a - _plain_logsumexp(a, axis, keepdims=True)


RULES: dict[str, list[Sample]] = {
    "logsumexp": reduced(),
    "softmax": _softmax(),
    "log_softmax": _softmax(),
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "logsumexp": _plain_logsumexp,
    "softmax": lambda a, axis=-1: np.exp(_plain_log_softmax(a, axis)),
    "log_softmax": _plain_log_softmax,
}
