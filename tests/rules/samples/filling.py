"""Samples of `rules.filling`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, calls, normal

_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])

RULES: dict[str, list[Sample]] = {
    "copy": [call(normal(2, 3)), call(normal(2, 3), order="F"), call(normal()), call(normal(0, 2))],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.full_like: [
        Call(lambda a, v: np.full_like(a, v) * a, (normal(2, 3), normal())),
        Call(lambda a, v: np.full_like(a, v) * a, (normal(2, 3), normal(2, 1))),
        Call(lambda a, v: np.full_like(a, v, shape=(2, 2)) * a, (normal(2), normal(2))),
        Call(lambda a: np.full_like(a, 7) * a, (normal(2, 3),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.zeros_like, np.ones_like], _signed),
    **calls([np.shares_memory, np.may_share_memory], _signed, normal(3)),
    # What an empty array holds is anybody's guess, but not its shape.
    np.empty_like: [Call(lambda a: np.empty_like(a)[:0], (_signed,))],
}

PLAIN: dict[str, Callable[..., Any]] = {}
