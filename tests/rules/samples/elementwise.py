"""Samples of `rules.elementwise`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, binary, call, calls, normal, pairs_apart, positive, unary

_mask = np.array([[True, False, True], [False, False, True]])
_grid = np.arange(6.0).reshape(2, 3)  # for remainder: a multiple of b plus or minus 0.3
_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])
_other = np.array([-1.5, 1.0, 2.0])
_bits = np.array([6, 3, -1])

RULES: dict[str, list[Sample]] = {
    "add": binary(normal),
    "subtract": binary(normal),
    "multiply": binary(normal),
    "divide": binary(positive),
    "remainder": [call(_grid * 1.5 + 0.3, np.full(3, 1.5)), call(-_grid - 0.3, np.array(1.0))],
    "power": [*binary(positive), call(normal(3), 2), call(normal(3), 3)],
    "negative": unary(normal),
    "positive": unary(normal),
    "absolute": unary(apart),
    "square": unary(normal),
    "sqrt": unary(positive),
    "exp": unary(normal),
    "log": unary(positive),
    "sin": unary(normal),
    "cos": unary(normal),
    "tanh": unary(normal),
    "maximum": pairs_apart(),
    "minimum": pairs_apart(),
    "where": [
        call(_mask, normal(2, 3), normal(2, 3)),
        call(_mask, normal(3), normal()),
        call(np.array(True), normal(2), normal(2)),
        call(np.zeros((0, 3), bool), normal(3), normal(1, 3)),
    ],
    "clip": [
        call(apart(2, 4), np.array(-0.4), np.array(0.4)),
        call(apart(2, 3), apart(3) - 2, apart(2, 1) + 2),
        call(apart(2, 4), apart(4) * 2 + 0.01, np.array(9.0)),
    ],
    "sigmoid": unary(normal),
    "relu": unary(apart),
    "astype": [call(normal(2, 3), dtype=np.float64)],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.clip: [
        Call(lambda a: np.clip(a, -0.4, 0.4), (apart(2, 4),)),
        Call(lambda a: np.clip(a, None, 0.4), (apart(2, 4),)),
        Call(lambda a: np.clip(a, a_min=-0.4, a_max=None), (apart(2, 4),)),
        Call(lambda a, low: np.clip(a, min=low), (apart(2, 3), apart(3) + 0.03)),
        Call(lambda a, high: np.clip(a, max=high), (apart(2, 3), apart(2, 1) + 0.03)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.sign, np.signbit, np.floor, np.ceil, np.trunc, np.rint, np.round], _signed),
    **calls([np.isnan, np.isinf, np.isfinite], np.array([0.0, np.nan, np.inf, -np.inf])),
    **calls([np.equal, np.not_equal, np.less, np.less_equal], _signed, _other),
    **calls([np.greater, np.greater_equal, np.floor_divide], _signed, _other),
    **calls([np.logical_and, np.logical_or, np.logical_xor], _signed, _other),
    **calls([np.isclose], _signed, _other),
    **calls([np.bitwise_and, np.bitwise_or, np.bitwise_xor], _bits, np.array(5)),
    **calls([np.logical_not, np.zeros_like, np.ones_like], _signed),
    **calls([np.invert], _bits),
    # What an empty array holds is anybody's guess, but not its shape.
    np.empty_like: [Call(lambda a: np.empty_like(a)[:0], (_signed,))],
}

PLAIN: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "astype": lambda a, dtype: np.array(a, dtype),
}
