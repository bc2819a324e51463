"""Samples of the rows of `nn`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal, positive

RULES: dict[str, list[Sample]] = {
    "affine": [
        call(normal(4, 3), normal(3, 2), normal(2)),
        call(normal(0, 3), normal(3, 2), normal(2)),
    ],
    "softmax_cross_entropy": [
        call(normal(4, 3), labels=np.array([0, 2, 2, 1])),
        call(normal(1, 3), labels=np.array([1], np.uint8)),
    ],
    "weighted_cross_entropy": [
        call(normal(4, 3), positive(4, 3), summed=True),
        call(normal(4, 3), positive(4, 3), summed=False),
        call(normal(0, 3), positive(0, 3), summed=True),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}


def _plain_weighted(logits: Any, shares: Any, summed: bool) -> Any:
    p = np.exp(logits).T / np.exp(logits).sum(axis=1)
    losses = -(shares * np.log(p.T)).sum(axis=1)
    return losses.sum() if summed else losses


PLAIN: dict[str, Callable[..., Any]] = {
    "affine": lambda x, weight, bias: x @ weight + bias,
    "softmax_cross_entropy": lambda logits, labels: (
        -np.mean(np.choose(labels, np.log(np.exp(logits).T / np.exp(logits).sum(axis=1))))
    ),
    "weighted_cross_entropy": _plain_weighted,
}
