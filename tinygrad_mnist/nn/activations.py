"""Activations as modules: each applies a function of the table to every element."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..engine import NO_KEYWORDS, Rule, apply
from ..rules import (
    RULES,
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from .module import Module

__all__ = [
    "ELU",
    "GELU",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


class _Activation(Module):
    """A row of the table as a module."""

    rule: ClassVar[Rule]

    def forward(self, x: Any) -> Any:
        """Apply it."""
        return apply(self.rule, (x,), NO_KEYWORDS, False)


class _WithArguments(_Activation):
    """A row with arguments, which are attributes of the same names."""

    arguments: ClassVar[tuple[str, ...]]

    def forward(self, x: Any) -> Any:
        """Apply it."""
        return apply(self.rule, (x,), {name: getattr(self, name) for name in self.arguments}, False)

    def extra_repr(self) -> str:
        """Write the arguments."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.arguments)


class ReLU(_Activation):
    """The rectifier: what is negative becomes 0."""

    rule = relu


class LeakyReLU(_WithArguments):
    """A rectifier with a leak: what is negative is multiplied by `negative_slope`.

    Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models".

    Examples
    --------
    >>> LeakyReLU(0.5)(np.array([-2.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    rule = leaky_relu
    arguments = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope


class ELU(_WithArguments):
    """The exponential linear unit: what is negative becomes ``alpha * (exp(x) - 1)``.

    Clevert et al. 2016, "Fast and accurate deep network learning by exponential linear units",
    equation 15.

    Examples
    --------
    >>> ELU()(np.array([-1.0, 2.0])).round(4).tolist()
    [-0.6321, 2.0]
    """

    rule = elu
    arguments = ("alpha",)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha


class Softplus(_WithArguments):
    """A smooth rectifier: ``log(1 + exp(beta * x)) / beta``.

    Where ``beta * x`` is larger than `threshold`, it is `x`.

    Examples
    --------
    >>> Softplus()(np.array([0.0, 100.0])).round(4).tolist()
    [0.6931, 100.0]
    """

    rule = softplus
    arguments = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold
        _check(self)


class Sigmoid(_Activation):
    """The logistic function: ``1 / (1 + exp(-x))``."""

    rule = sigmoid


class Tanh(_Activation):
    """The hyperbolic tangent."""

    rule = RULES[np.tanh]


class SiLU(_Activation):
    """`x` times the sigmoid of `x`, also known as swish.

    Elfwing et al. 2018, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning".
    """

    rule = silu


class GELU(_WithArguments):
    """`x` times the probability that a normally distributed number is less than `x`.

    Hendrycks and Gimpel 2016, "Gaussian error linear units". With ``approximate="tanh"`` it is
    the paper's approximation, which is faster and less than 0.001 away.

    Examples
    --------
    >>> GELU()(np.array([-1.0, 0.0, 1.0])).round(4).tolist()
    [-0.1587, 0.0, 0.8413]
    """

    rule = gelu
    arguments = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate
        _check(self)


class Softmax(_WithArguments):
    """The softmax: exponentials, normalised to sum to 1 along an axis."""

    rule = softmax
    arguments = ("axis",)

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis


class LogSoftmax(_WithArguments):
    """The logarithm of the softmax along an axis."""

    rule = log_softmax
    arguments = ("axis",)

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis


def _check(activation: _Activation) -> None:
    """Let the function refuse arguments that make no sense when the module is made."""
    activation(np.zeros(0))
