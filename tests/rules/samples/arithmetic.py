"""Samples of `rules.arithmetic`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, binary, call, calls, normal, positive, unary

_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])
_signs = np.array([1, -1, -1], np.int8)
_whole = np.array([0, 1, 2, 3], np.uint8)


def _float_power(a: Any, b: Any) -> Any:
    """Bring the result, which is always float64, back to the dtype of the input."""
    return np.float_power(a, b).astype(a.dtype)


RULES: dict[str, list[Sample]] = {
    "add": binary(normal),
    "subtract": binary(normal),
    "multiply": binary(normal),
    "divide": binary(positive),
    "reciprocal": [*unary(positive), call(-positive(3))],
    "negative": unary(normal),
    "positive": unary(normal),
    "power": [
        *binary(positive),
        call(normal(3), 2),
        call(normal(3), 3),
        call(positive(3), 0.5),
        call(apart(3), -1),
        call(normal(3), 0),
        call(2.0, normal(3)),
        call(2, normal(3)),
        call(np.array([1, 2, 3], np.uint8), normal(3)),
        call(normal(4), _whole),
        call(np.zeros(3), np.array([1, 2, 3], np.int8)),
        call(np.array([-1.5, 0.0, 2.0, 300.0]), np.zeros(4, np.uint8)),
    ],
    "square": unary(normal),
    "sqrt": unary(positive),
    "cbrt": [*unary(positive), call(-positive(3))],
    "absolute": unary(apart),
    "fabs": unary(apart),
    "copysign": [call(apart(2, 3), _signs), call(apart(), np.int8(-2)), call(apart(0, 3), _signs)],
    "conjugate": unary(normal),
    "real": unary(normal),
    "real_if_close": [*unary(normal), call(normal(3), tol=10)],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.float_power: [Call(_float_power, sample.inputs) for sample in binary(positive)]
    + [
        Call(lambda a: _float_power(a, 2), (normal(3),)),
        Call(lambda a: _float_power(a, [0.0, -1.0, 2.0]), (apart(2, 3),)),
        Call(lambda b: np.float_power(2.0, b).astype(b.dtype), (normal(3),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.sign, np.signbit, np.imag, np.isreal, np.iscomplex], _signed),
    **calls([np.isrealobj, np.iscomplexobj], _signed),
    np.angle: [Call(np.angle, (_signed,)), Call(lambda a: np.angle(a, deg=True), (_signed,))],
}

PLAIN: dict[str, Callable[..., Any]] = {}
