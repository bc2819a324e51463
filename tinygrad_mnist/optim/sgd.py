"""Stochastic gradient descent: down the slope, with momentum if wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from numpy import add, multiply, ndarray, subtract

from ..checks import Check, fraction, not_negative, share, switch
from ..engine import numbers
from ..tensor import Tensor
from .blocks import constant
from .optimiser import Array, Group, Moving, Optimizer, Place

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay.

    Every step does, with the gradient `g` of each parameter `p`, as PyTorch does::

        g = g + weight_decay * p
        v = momentum * v + (1 - dampening) * g      # v = g at first
        p = p - lr * v                              # nesterov: p - lr * (g + momentum * v)

    Parameters
    ----------
    params
        The Tensors to learn, or groups of them: dicts of ``"params"`` and of the options that are
        others in that group.
    lr
        The learning rate.
    momentum
        How much of the last step's velocity stays, from 0 up to less than 1.
    dampening
        How much of the gradient does not enter the velocity, from 0 to 1.
    weight_decay
        The strength of the pull towards 0.
    nesterov
        Whether to look ahead: the form of Nesterov's momentum of Sutskever et al., On the
        importance of initialization and momentum in deep learning (2013), as PyTorch has it.

    Raises
    ------
    ValueError
        If there is nothing to learn, a parameter is not a leaf or is listed twice, or an option
        is unknown or makes no sense.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> optimiser = SGD([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimiser.step()
    >>> round(x.item(), 6)
    2.4
    """

    options: ClassVar[Mapping[str, Check]] = {
        "lr": not_negative,
        "momentum": fraction,
        "dampening": share,
        "weight_decay": not_negative,
        "nesterov": switch,
    }
    remembers = frozenset[str]()
    may_remember = frozenset({"momentum_buffer"})

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def move(self, moving: list[Moving], group: Group) -> None:
        """Move the parameters of a group."""
        weight_decay = group["weight_decay"]
        rates: dict[Any, Array] = {}
        for place, values, g in moving:
            if group["momentum"]:
                self._move_with_momentum(place, values, g, group)
                continue
            dtype = values.dtype
            if dtype not in rates:
                (rates[dtype],) = numbers(lambda: (self.lr_of(group),), _stay, dtype, constant)
            rate = rates[dtype]
            scratch = place.scratch
            if scratch is not None and not weight_decay and type(values) is ndarray:
                subtract(values, multiply(g, rate, scratch), values)  # blocks take time
                continue
            for p, slope, s in place.blocks.of(values, g):
                if weight_decay:
                    slope = add(slope, multiply(p, constant(weight_decay, dtype), s), s)
                subtract(p, multiply(slope, rate, s), p)

    def _move_with_momentum(self, place: Place, values: Array, g: Array, group: Group) -> None:
        dtype, dampening = values.dtype, group["dampening"]
        weight_decay = group["weight_decay"]

        def of_this_step() -> tuple[float, float, float, float]:
            share = 1 - dampening if place.has_moved else 1.0  # the velocity begins undampened
            lr, momentum = self.lr_of(group), group["momentum"]
            return lr, lr * momentum, share, momentum

        rate, rate_ahead, share, keep = numbers(of_this_step, place.notice_move, dtype, constant)
        velocity = place.zeros("momentum_buffer", values)
        for p, slope, v, s in place.blocks.of(values, g, velocity):
            if weight_decay:
                slope = add(slope, multiply(p, constant(weight_decay, dtype), s), s)
            multiply(v, keep, v)
            if dampening:
                slope = multiply(slope, share, s)
            add(v, slope, v)
            if group["nesterov"]:
                subtract(p, multiply(slope, rate, s), p)
                subtract(p, multiply(v, rate_ahead, s), p)
            else:
                subtract(p, multiply(v, rate, s), p)

    def _check_together(self, options: Mapping[str, Any]) -> None:
        if options.get("nesterov") and (not options["momentum"] or options["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum above 0, and no dampening")


def _stay() -> None:
    """Note nothing: no step differs from the one before."""
