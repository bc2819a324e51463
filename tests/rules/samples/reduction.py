"""Samples of `rules.reduction`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, calls, normal, reduced

_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])


def _softmax() -> list[Sample]:
    return [call(normal(2, 3)), call(normal(2, 3), axis=0), call(normal(3)), call(normal(0, 3))]


def _plain_logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.sum(np.exp(a), axis=axis, keepdims=keepdims))


def _plain_log_softmax(a: Any, axis: int = -1) -> Any:
    return a - _plain_logsumexp(a, axis, keepdims=True)


RULES: dict[str, list[Sample]] = {
    "sum": reduced(),
    "mean": reduced(),
    "var": [*reduced(), call(apart(2, 3), axis=1, ddof=1), call(apart(4), ddof=1)],
    "max": reduced(),
    "min": reduced(),
    "logsumexp": reduced(),
    "softmax": _softmax(),
    "log_softmax": _softmax(),
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.argsort, np.argmax, np.argmin, np.any, np.all, np.count_nonzero], _signed),
}

PLAIN: dict[str, Callable[..., Any]] = {
    "logsumexp": _plain_logsumexp,
    "softmax": lambda a, axis=-1: np.exp(_plain_log_softmax(a, axis)),
    "log_softmax": _plain_log_softmax,
}
