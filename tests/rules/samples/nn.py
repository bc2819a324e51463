"""Samples of `nn.functional`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

RULES: dict[str, list[Sample]] = {
    "affine": [
        call(normal(4, 3), normal(3, 2), normal(2)),
        call(normal(0, 3), normal(3, 2), normal(2)),
    ],
    "softmax_cross_entropy": [
        call(normal(4, 3), labels=np.array([0, 2, 2, 1])),
        call(normal(1, 3), labels=np.array([1], np.uint8)),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "affine": lambda x, weight, bias: x @ weight + bias,
    "softmax_cross_entropy": lambda logits, labels: (
        -np.mean(np.choose(labels, np.log(np.exp(logits).T / np.exp(logits).sum(axis=1))))
    ),
}
