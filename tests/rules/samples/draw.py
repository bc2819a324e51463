"""How samples are written, and what they are drawn from.

The numbers keep away from kinks and jumps, where a difference quotient means nothing: what
happens there is a convention, and tested by name beside the rules of each family.

Each family draws from its own stream of numbers, so that one more draw moves no other family's.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Call",
    "Sample",
    "apart",
    "binary",
    "call",
    "calls",
    "holes",
    "mask",
    "masked",
    "normal",
    "pairs_apart",
    "positive",
    "reduced",
    "restart",
    "unary",
]

_rng = np.random.default_rng()

mask = np.array([[True, False, True], [False, True, True]])
_columns = np.array([True, False, True])


class Sample(NamedTuple):
    """One call of a rule: its inputs, and the arguments that are not inputs."""

    inputs: tuple[Any, ...]
    keywords: dict[str, Any]


class Call(NamedTuple):
    """One call of a function that is not a rule: how to call it, and with what."""

    function: Callable[..., Any]
    inputs: tuple[Any, ...]


def restart(family: str) -> None:
    """Begin the stream of numbers of a family."""
    _rng.bit_generator.state = np.random.default_rng(list(family.encode())).bit_generator.state


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


def holes(*shape: int) -> np.ndarray:
    """Draw numbers of which every fourth is NaN."""
    return np.where(np.arange(int(np.prod(shape))).reshape(shape) % 4 == 1, np.nan, apart(*shape))


def unary(draw: Callable[..., np.ndarray]) -> list[Sample]:
    """Draw inputs with axes, without, and without elements."""
    return [call(draw(2, 3)), call(draw()), call(draw(0, 3))]


def binary(draw: Callable[..., np.ndarray]) -> list[Sample]:
    """Draw inputs of one shape, of shapes to broadcast, without axes, without elements."""
    shapes = [((2, 3), (2, 3)), ((2, 1), (3,)), ((), (4,)), ((), ()), ((0, 3), (1, 3))]
    return [call(draw(*a), draw(*b)) for a, b in shapes]


def pairs_apart() -> list[Sample]:
    """Draw pairs of inputs of which no two elements come near each other."""
    pairs = [apart(2, 2, 3), apart(2, 4), apart(2), apart(2, 0)]
    alike = [call(np.array(a), np.array(b)) for a, b in pairs]
    return [*alike, call(apart(2, 1), apart(3) + 0.03)]


def reduced() -> list[Sample]:
    """Draw inputs to reduce along axes given in all forms, ones without elements too."""
    return [
        call(apart(2, 3)),
        call(apart(2, 3), axis=0),
        call(apart(2, 3), axis=-1, keepdims=True),
        call(apart(2, 3, 2), axis=(0, -1)),
        call(apart(2, 3), axis=()),
        call(apart()),
        call(apart(0, 3), axis=1),
    ]


def masked() -> list[Sample]:
    """Draw inputs of which only some elements are reduced."""
    return [
        call(apart(2, 3), where=mask),
        call(apart(2, 3), axis=1, where=mask, keepdims=True),
        call(apart(2, 3), axis=-1, where=_columns),
        call(apart(2, 3), axis=(0, 1), where=mask[:, :1] | True),
    ]


def calls(functions: list[Callable[..., Any]], *inputs: Any) -> dict[Any, list[Call]]:
    """Call each of the functions on the same inputs."""
    return {function: [Call(function, inputs)] for function in functions}
