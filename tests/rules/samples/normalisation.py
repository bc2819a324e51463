"""Samples of `nn.normalisation`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal


def _along(axes: tuple[int, ...]) -> dict[str, Any]:
    return {"axes": axes, "eps": 0.1, "observed": []}


RULES: dict[str, list[Sample]] = {
    "normalise": [
        call(normal(4, 3), normal(3), normal(3), **_along((0,))),
        call(normal(3, 2, 2), normal(2), normal(2), **_along((0, 2))),
        call(normal(2, 2, 1, 3), normal(2), normal(2), **_along((0, 2, 3))),
        call(normal(3, 2), normal(2), None, **_along((0,))),
        call(normal(3, 2), None, normal(2), **_along((0,))),
        call(normal(2, 4), None, None, **_along((1,))),
        call(normal(2, 2, 2), None, None, **_along((1, 2))),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}


def normalise(
    x: Any, weight: Any, bias: Any, *, axes: tuple[int, ...], eps: float, observed: list[Any]
) -> Any:
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    mean, variance = x.mean(axis=axes).reshape(kept), x.var(axis=axes).reshape(kept)
    y = (x - mean) / np.sqrt(variance + eps)
    y = y if weight is None else y * weight.reshape(kept)
    return y if bias is None else y + bias.reshape(kept)


PLAIN: dict[str, Callable[..., Any]] = {"normalise": normalise}
