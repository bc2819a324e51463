"""Activations as modules: each applies a function of the table to every element, or along an axis.

The softmax and its logarithm are functions here, too, which take PyTorch's name of the axis.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..checks import arguments, at_least_0, finite, one_of, positive, whole
from ..engine import NO_KEYWORDS, Rule, apply
from ..rules import (
    RULES,
    elu,
    gelu,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
)
from ..rules import log_softmax as log_softmax_rule
from ..rules import softmax as softmax_rule
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
    "log_softmax",
    "softmax",
]


class _Activation(Module):
    """A row of the table as a module."""

    rule: ClassVar[Rule]

    def forward(self, x: Any) -> Any:
        """Apply it."""
        return apply(self.rule, (x,), NO_KEYWORDS, False)


class _WithArguments(_Activation):
    """A row with options, which are attributes of the same names."""

    options: ClassVar[tuple[str, ...]]

    def forward(self, x: Any) -> Any:
        """Apply it."""
        return apply(self.rule, (x,), {name: getattr(self, name) for name in self.options}, False)

    def extra_repr(self) -> str:
        """Write the arguments."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.options)


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
    options = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01) -> None:
        (self.negative_slope,) = arguments("LeakyReLU", negative_slope=(finite, negative_slope))


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
    options = ("alpha",)

    def __init__(self, alpha: float = 1.0) -> None:
        (self.alpha,) = arguments("ELU", alpha=(finite, alpha))


class Softplus(_WithArguments):
    """A smooth rectifier: ``log(1 + exp(beta * x)) / beta``.

    Where ``beta * x`` is larger than `threshold`, it is `x`.

    Examples
    --------
    >>> Softplus()(np.array([0.0, 100.0])).round(4).tolist()
    [0.6931, 100.0]
    """

    rule = softplus
    options = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta, self.threshold = arguments(
            "Softplus", beta=(positive, beta), threshold=(at_least_0, threshold)
        )


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
    options = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        (self.approximate,) = arguments("GELU", approximate=(one_of("none", "tanh"), approximate))


class _AlongAxis(_Activation):
    """A row along one axis, which PyTorch calls `dim` and NumPy `axis`."""

    def __init__(self, dim: int = -1, *, axis: int | None = None) -> None:
        self.dim = _dim(type(self).__name__, dim, axis)

    def forward(self, x: Any) -> Any:
        """Apply it."""
        return apply(self.rule, (x,), {"axis": self.dim}, False)

    def extra_repr(self) -> str:
        """Write the axis."""
        return f"dim={self.dim}"


class Softmax(_AlongAxis):
    """The softmax: exponentials, normalised to sum to 1 along an axis.

    Parameters
    ----------
    dim
        The axis.
    axis
        The same by NumPy's name.

    Examples
    --------
    >>> Softmax(dim=0)(np.zeros((4, 2))).tolist()
    [[0.25, 0.25], [0.25, 0.25], [0.25, 0.25], [0.25, 0.25]]
    """

    rule = softmax_rule


class LogSoftmax(_AlongAxis):
    """The logarithm of the softmax along an axis; its arguments are those of `Softmax`."""

    rule = log_softmax_rule


def softmax(x: Any, dim: int = -1, *, axis: int | None = None) -> Any:
    """Normalise exponentials to sum to 1 along an axis.

    Parameters
    ----------
    x
        Of any shape with this axis.
    dim
        The axis.
    axis
        The same by NumPy's name.

    Raises
    ------
    ValueError
        If the axis is not a whole number, or both names are given.
    IndexError
        If `x` has no such axis.

    Examples
    --------
    >>> softmax(np.log([[1.0, 3.0]]), dim=1).round(6).tolist()
    [[0.25, 0.75]]
    """
    return softmax_rule(x, axis=_dim("softmax", dim, axis))


def log_softmax(x: Any, dim: int = -1, *, axis: int | None = None) -> Any:
    """Compute the logarithm of the softmax; arguments and errors are those of `softmax`."""
    return log_softmax_rule(x, axis=_dim("log_softmax", dim, axis))


def _dim(name: str, dim: int, axis: int | None) -> int:
    """Take an axis that has two names; `name` is who asks."""
    if axis is not None and dim != -1:
        raise ValueError(f"{name}: dim and axis are the same; give one of them")
    given = {"dim": (whole, dim)} if axis is None else {"axis": (whole, axis)}
    found: int = arguments(name, **given)[0]
    return found
