"""Schedules of one formula: in steps, exponential, along a line, along a cosine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...checks import Check, count, not_negative, share
from ..optimiser import Optimizer
from .schedule import LRScheduler

__all__ = ["CosineAnnealingLR", "ExponentialLR", "LinearLR", "StepLR"]


class StepLR(LRScheduler):
    """Multiply the learning rate by `gamma` every `step_size` steps.

    After `n` steps it is ``lr * gamma ** (n // step_size)``.

    Parameters
    ----------
    optimizer
        Whose learning rates to set.
    step_size
        After how many steps, 1 or more.
    gamma
        The factor, 0 or more.

    Raises
    ------
    ValueError
        If a number makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimiser = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> schedule = StepLR(optimiser, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     print(schedule.get_last_lr())
    ...     schedule.step()
    [1.0]
    [1.0]
    [0.5]
    [0.5]
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, step_size=step_size, gamma=gamma)

    def _lr(self, base: float, number: int) -> float:
        return base * self.options["gamma"] ** (number // self.options["step_size"])

    def _checks(self) -> Mapping[str, Check]:
        return {"step_size": count, "gamma": not_negative}


class ExponentialLR(LRScheduler):
    """Multiply the learning rate by `gamma` at every step.

    After `n` steps it is ``lr * gamma ** n``.

    Parameters
    ----------
    optimizer
        Whose learning rates to set.
    gamma
        The factor, 0 or more.

    Raises
    ------
    ValueError
        If it makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimiser = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> schedule = ExponentialLR(optimiser, gamma=0.5)
    >>> schedule.step()
    >>> optimiser.param_groups[0]["lr"]
    0.5
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, gamma=gamma)

    def _lr(self, base: float, number: int) -> float:
        return base * self.options["gamma"] ** number

    def _checks(self) -> Mapping[str, Check]:
        return {"gamma": not_negative}


class LinearLR(LRScheduler):
    """Let a factor of the learning rate go from one number to another, and stay there: a warm-up.

    After `n` steps the learning rate is ``lr * (start_factor + (end_factor - start_factor) *
    min(n, total_iters) / total_iters)``.

    Parameters
    ----------
    optimizer
        Whose learning rates to set.
    start_factor
        The factor at first, above 0 and up to 1.
    end_factor
        The factor in the end, from 0 to 1.
    total_iters
        How many steps it takes, 1 or more.

    Raises
    ------
    ValueError
        If a number makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimiser = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> schedule = LinearLR(optimiser, start_factor=0.5, total_iters=2)
    >>> for _ in range(4):
    ...     print(schedule.get_last_lr())
    ...     schedule.step()
    [0.5]
    [0.75]
    [1.0]
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        super().__init__(
            optimizer, start_factor=start_factor, end_factor=end_factor, total_iters=total_iters
        )

    def _lr(self, base: float, number: int) -> float:
        start, end, total = (
            self.options[name] for name in ("start_factor", "end_factor", "total_iters")
        )
        done = min(number, total)
        return base * (start * (total - done) + end * done) / total  # rounding can't go below 0

    def _checks(self) -> Mapping[str, Check]:
        return {"start_factor": _positive_share, "end_factor": share, "total_iters": count}


class CosineAnnealingLR(LRScheduler):
    """Let the learning rate fall along half a cosine.

    After `n` steps it is ``eta_min + (lr - eta_min) * (1 + cos(pi * n / T_max)) / 2``, as in
    Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts (2017), equation
    5. After `T_max` steps it rises again, along the other half, and so on: without restarts.

    Parameters
    ----------
    optimizer
        Whose learning rates to set.
    T_max
        After how many steps it is lowest, 1 or more.
    eta_min
        The lowest learning rate.

    Raises
    ------
    ValueError
        If a number makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimiser = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> schedule = CosineAnnealingLR(optimiser, T_max=2)
    >>> for _ in range(3):
    ...     print(round(schedule.get_last_lr()[0], 6))
    ...     schedule.step()
    1.0
    0.5
    0.0
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        super().__init__(optimizer, T_max=T_max, eta_min=eta_min)

    def _lr(self, base: float, number: int) -> float:
        lowest, angle = self.options["eta_min"], math.pi * number / self.options["T_max"]
        return lowest + (base - lowest) * (1 + math.cos(angle)) / 2

    def _checks(self) -> Mapping[str, Check]:
        return {"T_max": count, "eta_min": not_negative}


def _positive_share(value: Any) -> float:
    if not share(value):
        raise ValueError("a number above 0")
    return share(value)
