"""Layers and losses name the argument that makes no sense, and what was expected."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_mnist import nn

WHOLE, COUNT = "a whole number", "a whole number, 1 or more"
FINITE, NOT_NEGATIVE = "a finite number", "a finite number, 0 or more"
SHARE, GENERATOR = "a number from 0 to 1", "a numpy.random.Generator"

# What makes the layer; then its name, the argument, what it is, and what was expected.
NONSENSE: list[tuple[Callable[..., Any], str, str, Any, str]] = [
    *((nn.LeakyReLU, "LeakyReLU", "negative_slope", x, FINITE) for x in (math.nan, "a", None)),
    *((nn.ELU, "ELU", "alpha", x, FINITE) for x in (math.nan, math.inf, None)),
    *((nn.Softplus, "Softplus", "beta", x, "a finite number above 0") for x in ("a", 0, math.nan)),
    (lambda x: nn.Softplus(1.0, x), "Softplus", "threshold", -1, "a number, 0 or more"),
    *((nn.LogSoftmax, "LogSoftmax", "dim", x, WHOLE) for x in (1.5, "a", None)),
    (lambda x: nn.Softmax(axis=x), "Softmax", "axis", 1.5, WHOLE),
    (lambda x: nn.Linear(x, 1), "Linear", "in_features", 2.5, COUNT),
    (lambda x: nn.Linear(1, x), "Linear", "out_features", "a", COUNT),
    (lambda x: nn.Linear(1, 1, rng=x), "Linear", "rng", 5, GENERATOR),
    (lambda x: nn.Dropout(rng=x), "Dropout", "rng", 5, GENERATOR),
    (lambda x: nn.Embedding(2, 2, rng=x), "Embedding", "rng", 5, GENERATOR),
    (lambda x: nn.Conv2d(1, 1, 1, rng=x), "Conv2d", "rng", 5, GENERATOR),
    (lambda x: nn.Conv2d(1, 1, 1, groups=x), "Conv2d", "groups", 1.0, COUNT),
    (lambda x: nn.Conv2d(1, x, 1), "Conv2d", "out_channels", 2.5, COUNT),
    (nn.BatchNorm1d, "BatchNorm1d", "num_features", 2.5, COUNT),
    *((lambda x: nn.BatchNorm1d(2, x), "BatchNorm1d", "eps", x, NOT_NEGATIVE) for x in ("a", -1)),
    (lambda x: nn.BatchNorm2d(2, 1e-5, x), "BatchNorm2d", "momentum", "a", f"{SHARE}, or None"),
    (lambda x: nn.LayerNorm(2, x), "LayerNorm", "eps", "a", NOT_NEGATIVE),
    *((nn.Dropout, "Dropout", "p", x, SHARE) for x in ("a", None, 2)),
    (lambda x: nn.Embedding(x, 3), "Embedding", "num_embeddings", 2.5, COUNT),
    (lambda x: nn.Embedding(4, 3, x), "Embedding", "padding_idx", 1.5, f"{WHOLE}, or None"),
    (nn.Flatten, "Flatten", "start_dim", 1.5, WHOLE),
    (lambda x: nn.Unflatten(x, (1, 2)), "Unflatten", "dim", 1.5, WHOLE),
    *(
        (lambda x: nn.Unflatten(1, x), "Unflatten", "unflattened_size", x, "several lengths, of .*")
        for x in (5, (), (2.5,), (-1, -1))
    ),
    (
        lambda x: nn.CrossEntropyLoss(label_smoothing=x),
        *("CrossEntropyLoss", "label_smoothing", "a", SHARE),
    ),
    (
        lambda x: nn.CrossEntropyLoss(ignore_index=x),
        *("CrossEntropyLoss", "ignore_index", 1.5, WHOLE),
    ),
    (lambda x: nn.NLLLoss(ignore_index=x), "NLLLoss", "ignore_index", 1.5, WHOLE),
    (lambda x: nn.SmoothL1Loss(beta=x), "SmoothL1Loss", "beta", "a", NOT_NEGATIVE),
    (
        lambda x: nn.functional.batch_norm(np.ones((2, 2)), None, None, training=True, momentum=x),
        *("batch_norm", "momentum", "a", SHARE),
    ),
    (
        lambda x: nn.functional.cross_entropy(np.ones((2, 2)), [0, 1], label_smoothing=x),
        *("cross_entropy", "label_smoothing", "a", SHARE),
    ),
]


@pytest.mark.parametrize(("make", "name", "argument", "value", "expected"), NONSENSE)
def test_an_argument_that_makes_no_sense_is_named(
    make: Callable[..., Any], name: str, argument: str, value: Any, expected: str
) -> None:
    shown = repr(value).translate({ord(c): f"\\{c}" for c in "()"})
    with pytest.raises(ValueError, match=rf"^{name}: {argument} is {shown}; expected {expected}$"):
        make(value)


def test_arguments_become_pythons_own() -> None:
    layer = nn.Dropout(np.float32(0.5))  # type: ignore[arg-type]
    assert (type(layer.p), layer.p) == (float, 0.5)
    linear = nn.Linear(np.int64(2), np.uint8(1))  # type: ignore[arg-type]
    assert (type(linear.in_features), repr(linear)) == (int, "Linear(2, 1)  # 3 parameters")
