"""Samples of `rules.choosing`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, normal, pairs_apart

_mask = np.array([[True, False, True], [False, False, True]])
_index = np.array([[0, 2, 1], [1, 0, 0]])

RULES: dict[str, list[Sample]] = {
    "maximum": pairs_apart(),
    "minimum": pairs_apart(),
    "fmax": pairs_apart(),
    "fmin": pairs_apart(),
    "clip": [
        call(apart(2, 4), np.array(-0.4), np.array(0.4)),
        call(apart(2, 3), apart(3) - 2, apart(2, 1) + 2),
        call(apart(2, 4), apart(4) * 2 + 0.01, np.array(9.0)),
    ],
    "nan_to_num": [call(normal(2, 3)), call(normal()), call(normal(0, 3)), call(normal(3), nan=1)],
    "where": [
        call(_mask, normal(2, 3), normal(2, 3)),
        call(_mask, normal(3), normal()),
        call(np.array(True), normal(2), normal(2)),
        call(np.zeros((0, 3), bool), normal(3), normal(1, 3)),
    ],
    "heaviside": [
        call(np.array([-1, 0, 2], np.int8), normal(2, 3)),
        call(np.zeros((2, 1), np.int8), normal(3)),
        call(np.int8(0), normal()),
        call(np.zeros((0, 3), np.int8), normal(3)),
    ],
    "choose": [
        call(normal(2, 3), normal(3), normal(), index=_index),
        call(normal(2, 3), normal(2, 3), index=np.array(1)),
        call(normal(), normal(), index=np.array(0)),
        call(normal(0, 3), normal(3), index=np.array([0, 1, 1])),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.clip: [
        Call(lambda a: np.clip(a, -0.4, 0.4), (apart(2, 4),)),
        Call(lambda a: np.clip(a, None, 0.4), (apart(2, 4),)),
        Call(lambda a: np.clip(a, a_min=-0.4, a_max=None), (apart(2, 4),)),
        Call(lambda a, low: np.clip(a, min=low), (apart(2, 3), apart(3) + 0.03)),
        Call(lambda a, high: np.clip(a, max=high), (apart(2, 3), apart(2, 1) + 0.03)),
    ],
    np.where: [Call(lambda a, b: np.where(_mask, a, b), (normal(2, 1), normal(3)))],
    np.select: [
        Call(lambda a, b: np.select([_mask, ~_mask], [a, b]), (normal(2, 3), normal(3))),
        Call(
            lambda a, b, c: np.select([_mask, _mask[::-1]], (a, b), c),
            (normal(3), normal(2, 1), normal()),
        ),
        Call(lambda a: np.select([_mask, True], [a, 2.0], default=7.0), (normal(2, 3),)),
        Call(lambda a: np.select([a > 0, a < -0.5], [a * a, 3 * a]), (apart(2, 4),)),
        Call(lambda a: np.select([_mask], [a]), (normal(0, 2, 3),)),
    ],
    np.choose: [
        Call(lambda a, b, c: np.choose(_index, [a, b, c]), (normal(2, 3), normal(3), normal())),
        Call(lambda a: np.choose(_index, a), (normal(3, 2, 3),)),
        Call(lambda a, b: np.choose(_index * 3 - 2, (a, b), mode="wrap"), (normal(3), normal(3))),
        Call(lambda a, b: np.choose(_index * 3 - 2, (a, b), mode="clip"), (normal(3), normal(3))),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "choose": lambda *choices, index: np.choose(index, choices),
}
