"""Sample inputs for every row of the table, on which the walk in `test_rules` tries the row.

The numbers keep away from kinks and jumps, where a difference quotient means nothing: what
happens there is a convention, and tested by name beside the rules of each family.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_rng = np.random.default_rng(5)


class Sample(NamedTuple):
    """One call of a rule: its inputs, and the arguments that are not inputs."""

    inputs: tuple[Any, ...]
    keywords: dict[str, Any]


class Call(NamedTuple):
    """One call of a function that is not a rule: how to call it, and with what."""

    function: Callable[..., Any]
    inputs: tuple[Any, ...]


def call(*inputs: Any, **keywords: Any) -> Sample:
    return Sample(inputs, keywords)


def normal(*shape: int) -> np.ndarray:
    return np.array(_rng.standard_normal(shape))


def positive(*shape: int) -> np.ndarray:
    return np.array(_rng.uniform(0.5, 2.0, shape))


def apart(*shape: int) -> np.ndarray:
    """Draw numbers of both signs, no two of them, and none and 0, closer than 0.1."""
    size = int(np.prod(shape))
    return np.array((_rng.permutation(size) - size / 2 + 0.25).reshape(shape) * 0.2)


def _unary(draw: Callable[..., np.ndarray]) -> list[Sample]:
    return [call(draw(2, 3)), call(draw()), call(draw(0, 3))]


def _binary(draw: Callable[..., np.ndarray]) -> list[Sample]:
    """Draw inputs of one shape, of shapes to broadcast, without axes, without elements."""
    shapes = [((2, 3), (2, 3)), ((2, 1), (3,)), ((), (4,)), ((), ()), ((0, 3), (1, 3))]
    return [call(draw(*a), draw(*b)) for a, b in shapes]


def _pairs_apart() -> list[Sample]:
    pairs = [apart(2, 2, 3), apart(2, 4), apart(2), apart(2, 0)]
    alike = [call(np.array(a), np.array(b)) for a, b in pairs]
    return [*alike, call(apart(2, 1), apart(3) + 0.03)]


def _reduced() -> list[Sample]:
    return [
        call(apart(2, 3)),
        call(apart(2, 3), axis=0),
        call(apart(2, 3), axis=-1, keepdims=True),
        call(apart(2, 3, 2), axis=(0, -1)),
        call(apart(2, 3), axis=()),
        call(apart()),
        call(apart(0, 3), axis=1),
    ]


def _softmax() -> list[Sample]:
    return [call(normal(2, 3)), call(normal(2, 3), axis=0), call(normal(3)), call(normal(0, 3))]


_mask = np.array([[True, False, True], [False, False, True]])
_grid = np.arange(6.0).reshape(2, 3)  # for remainder: a multiple of b plus or minus 0.3

RULE_SAMPLES: dict[str, list[Sample]] = {
    # elementwise
    "add": _binary(normal),
    "subtract": _binary(normal),
    "multiply": _binary(normal),
    "divide": _binary(positive),
    "remainder": [call(_grid * 1.5 + 0.3, np.full(3, 1.5)), call(-_grid - 0.3, np.array(1.0))],
    "power": [*_binary(positive), call(normal(3), 2), call(normal(3), 3)],
    "negative": _unary(normal),
    "positive": _unary(normal),
    "absolute": _unary(apart),
    "square": _unary(normal),
    "sqrt": _unary(positive),
    "exp": _unary(normal),
    "log": _unary(positive),
    "sin": _unary(normal),
    "cos": _unary(normal),
    "tanh": _unary(normal),
    "maximum": _pairs_apart(),
    "minimum": _pairs_apart(),
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
    "sigmoid": _unary(normal),
    "relu": _unary(apart),
    "astype": [call(normal(2, 3), dtype=np.float64)],
    # reduction
    "sum": _reduced(),
    "mean": _reduced(),
    "var": [*_reduced(), call(apart(2, 3), axis=1, ddof=1), call(apart(4), ddof=1)],
    "max": _reduced(),
    "min": _reduced(),
    "logsumexp": _reduced(),
    "softmax": _softmax(),
    "log_softmax": _softmax(),
    # shape
    "reshape": [
        call(normal(2, 3), shape=(3, 2)),
        call(normal(2, 3), shape=-1),
        call(normal(), shape=(1, 1)),
        call(normal(0, 3), shape=(3, 0)),
    ],
    "expand_dims": [call(normal(2, 3), axis=1), call(normal(2), axis=(0, -1))],
    "squeeze": [call(normal(1, 3, 1)), call(normal(1, 3, 1), axis=-1)],
    "broadcast_to": [
        call(normal(3), shape=(2, 3)),
        call(normal(2, 1), shape=(4, 2, 3)),
        call(normal(), shape=(2, 0)),
    ],
    "swapaxes": [call(normal(2, 3, 4), axis1=0, axis2=-1)],
    "transpose": [
        call(normal(2, 3)),
        call(normal(2, 3, 4), axes=(2, 0, 1)),
        call(normal(2, 3, 4), axes=(-2, 0, -1)),
        call(normal(3)),
    ],
    "concatenate": [
        call(normal(2, 3), normal(1, 3), axis=0, sizes=[2, 1]),
        call(normal(2, 1, 2), normal(2, 0, 2), normal(2, 3, 2), axis=-2, sizes=[1, 0, 3]),
    ],
    "getitem": [
        call(normal(4, 3), index=(slice(None, None, -2), None, 1)),
        call(normal(4, 3), index=np.array([[0, 0], [3, -1]])),
        call(normal(2, 3), index=_mask),
        call(normal(3), index=...),
        call(normal(3, 2), index=(np.array([0, 2, 0]), np.array([1, 1, 1]))),
    ],
    "scatter": [
        call(normal(2, 3), shape=(4, 3), index=slice(None, None, 2)),
        call(normal(3), shape=(4,), index=np.array([1, 1, 2])),
    ],
    # linear algebra
    "matmul": [
        call(normal(2, 3), normal(3, 4)),
        call(normal(3), normal(3)),
        call(normal(3), normal(3, 2)),
        call(normal(2, 3), normal(3)),
        call(normal(2, 1, 2, 3), normal(4, 3, 2)),
        call(normal(4, 2, 3), normal(3)),
        call(normal(3), normal(4, 3, 2)),
        call(normal(0, 3), normal(3, 2)),
        call(normal(2, 0), normal(0, 3)),
    ],
    # neural networks
    "affine": [
        call(normal(4, 3), normal(3, 2), normal(2)),
        call(normal(0, 3), normal(3, 2), normal(2)),
    ],
    "softmax_cross_entropy": [
        call(normal(4, 3), labels=np.array([0, 2, 2, 1])),
        call(normal(1, 3), labels=np.array([1], np.uint8)),
    ],
}


def _joined(*arrays: Any) -> Any:
    return np.concatenate(arrays, axis=1)


DERIVED_SAMPLES: dict[Callable[..., Any], list[Call]] = {
    np.clip: [
        Call(lambda a: np.clip(a, -0.4, 0.4), (apart(2, 4),)),
        Call(lambda a: np.clip(a, None, 0.4), (apart(2, 4),)),
        Call(lambda a: np.clip(a, a_min=-0.4, a_max=None), (apart(2, 4),)),
        Call(lambda a, low: np.clip(a, min=low), (apart(2, 3), apart(3) + 0.03)),
        Call(lambda a, high: np.clip(a, max=high), (apart(2, 3), apart(2, 1) + 0.03)),
    ],
    np.dot: [
        Call(np.dot, (normal(2, 3), normal(3, 4))),
        Call(np.dot, (normal(3), normal(3))),
        Call(np.dot, (normal(2, 3), normal(3))),
        Call(np.dot, (normal(), normal(2, 3))),
    ],
    np.concatenate: [
        Call(_joined, (normal(2, 3), normal(2, 1), normal(2, 0))),
        Call(lambda *arrays: np.concatenate(arrays), (normal(2), normal(3))),
        Call(lambda *arrays: np.concatenate(arrays, None), (normal(2, 2), normal(3), normal())),
    ],
    np.stack: [
        Call(lambda *arrays: np.stack(arrays), (normal(2, 3), normal(2, 3))),
        Call(lambda *arrays: np.stack(arrays, -1), (normal(2, 3), normal(2, 3))),
    ],
}

_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])
_other = np.array([-1.5, 1.0, 2.0])
_bits = np.array([6, 3, -1])


def _calls(functions: list[Callable[..., Any]], *inputs: Any) -> dict[Any, list[Call]]:
    return {function: [Call(function, inputs)] for function in functions}


CONSTANT_SAMPLES: dict[Callable[..., Any], list[Call]] = {
    **_calls([np.sign, np.signbit, np.floor, np.ceil, np.trunc, np.rint, np.round], _signed),
    **_calls([np.isnan, np.isinf, np.isfinite], np.array([0.0, np.nan, np.inf, -np.inf])),
    **_calls([np.equal, np.not_equal, np.less, np.less_equal], _signed, _other),
    **_calls([np.greater, np.greater_equal, np.floor_divide], _signed, _other),
    **_calls([np.logical_and, np.logical_or, np.logical_xor], _signed, _other),
    **_calls([np.isclose, np.allclose, np.array_equal, np.result_type], _signed, _other),
    **_calls([np.bitwise_and, np.bitwise_or, np.bitwise_xor], _bits, np.array(5)),
    **_calls([np.argmax, np.argmin, np.any, np.all, np.count_nonzero], _signed),
    **_calls([np.logical_not, np.shape, np.ndim, np.size], _signed),
    **_calls([np.zeros_like, np.ones_like], _signed),
    **_calls([np.invert], _bits),
    np.shares_memory: [Call(np.shares_memory, (_signed, _other))],
    # What an empty array holds is anybody's guess, but not its shape.
    np.empty_like: [Call(lambda a: np.empty_like(a)[:0], (_signed,))],
}
