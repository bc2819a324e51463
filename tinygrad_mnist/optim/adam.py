"""Adam and AdamW: each element at a pace of its own, by the moments of its gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from numpy import add, divide, multiply, sqrt, subtract

from ..checks import Check, fractions, not_negative
from ..engine import numbers
from ..tensor import Tensor
from .blocks import constant
from .optimiser import Array, Group, Moving, Optimizer, Place

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam: the mean of the gradient, divided by the root of the mean of its square.

    Every step does, with the gradient `g` of each parameter `p` in its step number `t`, the
    following (Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1)::

        g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p = p - lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)

    Parameters
    ----------
    params
        The Tensors to learn, or groups of them: dicts of ``"params"`` and of the options that are
        others in that group.
    lr
        The learning rate.
    betas
        How much of the mean, and of the mean square, stays at each step, from 0 up to less
        than 1.
    eps
        What is added to the root.
    weight_decay
        The strength of the pull towards 0, which enters the means.

    Raises
    ------
    ValueError
        If there is nothing to learn, a parameter is not a leaf or is listed twice, or an option
        is unknown or makes no sense.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> optimiser = Adam([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimiser.step()
    >>> round(x.item(), 6)
    2.9
    """

    options: ClassVar[Mapping[str, Check]] = {
        "lr": not_negative,
        "betas": fractions,
        "eps": not_negative,
        "weight_decay": not_negative,
    }
    remembers = frozenset({"step", "exp_avg", "exp_avg_sq"})
    scratches = 2
    decoupled: ClassVar[bool] = False
    """Whether the parameters decay by themselves, and not through the gradient."""

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    def move(self, moving: list[Moving], group: Group) -> None:
        """Move the parameters of a group."""
        for place, values, g in moving:
            self._move_one(place, values, g, group)

    def _move_one(self, place: Place, values: Array, g: Array, group: Group) -> None:
        dtype, weight_decay, state = values.dtype, group["weight_decay"], place.state

        def of_this_step() -> tuple[float, ...]:
            # The corrections for the start at 0, taken out of the arrays and into the numbers.
            step, lr, (beta1, beta2) = state.get("step", 0) + 1, self.lr_of(group), group["betas"]
            root = math.sqrt(1 - beta2**step)
            corrected = lr * root / (1 - beta1**step), group["eps"] * root
            return *corrected, 1 - lr * weight_decay, 1 - beta1, beta2, 1 - beta2

        def advance() -> None:
            state["step"] = state.get("step", 0) + 1
            place.notice_move()

        rate, eps, left, fresh1, keep2, fresh2 = numbers(of_this_step, advance, dtype, constant)
        decay = constant(weight_decay, dtype)
        mean, square = place.zeros("exp_avg", values), place.zeros("exp_avg_sq", values)
        for p, slope, m, v, s, with_decay in place.blocks.of(values, g, mean, square):
            if weight_decay and not self.decoupled:
                slope = add(slope, multiply(p, decay, with_decay), with_decay)
            add(m, multiply(subtract(slope, m, s), fresh1, s), m)
            multiply(v, keep2, v)
            add(v, multiply(multiply(slope, slope, s), fresh2, s), v)
            divide(m, add(sqrt(v, s), eps, s), s)
            if weight_decay and self.decoupled:
                multiply(p, left, p)
            subtract(p, multiply(s, rate, s), p)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    Every step does as `Adam` does without weight decay, and before that ``p = p - lr *
    weight_decay * p`` (Loshchilov and Hutter, Decoupled weight decay regularization, 2019,
    algorithm 2, with the learning rate in both terms as PyTorch has it).

    Parameters
    ----------
    params, lr, betas, eps
        As for `Adam`.
    weight_decay
        The strength of the pull towards 0, relative to the learning rate.

    Raises
    ------
    ValueError
        As for `Adam`.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> optimiser = AdamW([x], lr=0.1, weight_decay=0.5)
    >>> x.grad = 0.0
    >>> optimiser.step()  # only the decay
    >>> round(x.item(), 6)
    2.85
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
