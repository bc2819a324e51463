"""RMSprop: the gradient, divided by the root of the mean of its square."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from numpy import add, divide, maximum, multiply, sqrt, subtract

from ..checks import Check, fraction, not_negative, switch
from ..engine import numbers
from ..tensor import Tensor
from .blocks import constant
from .optimiser import Array, Group, Moving, Optimizer, Place

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop, with momentum and weight decay.

    Every step does, with the gradient `g` of each parameter `p`, the following (Tieleman and
    Hinton, Lecture 6.5, Neural networks for machine learning, 2012; the centred form is that of
    Graves, Generating sequences with recurrent neural networks, 2013, equations 38 to 41, with
    `eps` outside of the root as PyTorch has it)::

        g = g + weight_decay * p
        v = alpha * v + (1 - alpha) * g**2
        m = alpha * m + (1 - alpha) * g             # centered; else m = 0
        b = momentum * b + g / (sqrt(v - m**2) + eps)
        p = p - lr * b

    Parameters
    ----------
    params
        The Tensors to learn, or groups of them: dicts of ``"params"`` and of the options that are
        others in that group.
    lr
        The learning rate.
    alpha
        How much of the mean square stays at each step, from 0 up to less than 1.
    eps
        What is added to the root.
    weight_decay
        The strength of the pull towards 0.
    momentum
        How much of the last step stays, from 0 up to less than 1.
    centered
        Whether to divide by the standard deviation of the gradient instead. A variance that
        rounding makes negative counts as 0.

    Raises
    ------
    ValueError
        If there is nothing to learn, a parameter is not a leaf or is listed twice, or an option
        is unknown or makes no sense.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> optimiser = RMSprop([x], lr=0.01)
    >>> (x * x).backward()
    >>> optimiser.step()  # a tenth of g**2 has a root of g / 10
    >>> round(x.item(), 6)
    2.9
    """

    options: ClassVar[Mapping[str, Check]] = {
        "lr": not_negative,
        "alpha": fraction,
        "eps": not_negative,
        "weight_decay": not_negative,
        "momentum": fraction,
        "centered": switch,
    }
    remembers = frozenset({"square_avg"})
    may_remember = frozenset({"grad_avg", "momentum_buffer"})
    scratches = 2

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
            },
        )

    def move(self, moving: list[Moving], group: Group) -> None:
        """Move the parameters of a group."""
        for place, values, g in moving:
            self._move_one(place, values, g, group)

    def _move_one(self, place: Place, values: Array, g: Array, group: Group) -> None:
        square = place.zeros("square_avg", values)
        # Where an option is off, the mean square stands in for what nobody will look at.
        mean = place.zeros("grad_avg", values) if group["centered"] else square
        velocity = place.zeros("momentum_buffer", values) if group["momentum"] else square
        rate, momentum = numbers(
            lambda: (self.lr_of(group), group["momentum"]),
            place.notice_move,
            values.dtype,
            constant,
        )
        keep, fresh, eps, decay = (
            constant(value, values.dtype)
            for value in (
                group["alpha"],
                1 - group["alpha"],
                group["eps"],
                group["weight_decay"],
            )
        )
        for p, slope, v, m, b, s, t in place.blocks.of(values, g, square, mean, velocity):
            if group["weight_decay"]:
                slope = add(slope, multiply(p, decay, t), t)
            multiply(v, keep, v)
            add(v, multiply(multiply(slope, slope, s), fresh, s), v)
            if group["centered"]:
                add(m, multiply(subtract(slope, m, s), fresh, s), m)
                subtract(v, multiply(m, m, s), s)
                sqrt(maximum(s, 0, out=s), s)
            else:
                sqrt(v, s)
            divide(slope, add(s, eps, s), s)
            if group["momentum"]:
                s = add(multiply(b, momentum, b), s, b)
            subtract(p, multiply(s, rate, t), p)
