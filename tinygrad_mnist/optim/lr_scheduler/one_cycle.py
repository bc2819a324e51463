"""`OneCycleLR`: up, and then down for the rest of the training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...checks import (
    Check,
    arguments,
    count,
    each,
    fraction,
    not_negative,
    one_of,
    optional,
    positive,
    share,
    switch,
)
from ..optimiser import Optimizer
from .schedule import LRScheduler

__all__ = ["OneCycleLR"]


def _along_cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * done))


def _along_line(start: float, end: float, done: float) -> float:
    return start + (end - start) * done


_BETWEEN: Mapping[str, Callable[[float, float, float], float]] = {
    "cos": _along_cosine,
    "linear": _along_line,
}


def _total(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
    """Take the number of all steps, or make it of the other two."""
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
    total, one, other = arguments(
        "OneCycleLR",
        total_steps=(optional(count), total_steps),
        epochs=(optional(count), epochs),
        steps_per_epoch=(optional(count), steps_per_epoch),
    )
    product = total if one is None or other is None else one * other
    if total not in (None, product):
        raise ValueError(
            f"OneCycleLR: total_steps is {total}, and epochs times steps_per_epoch are {product}"
        )
    return int(product)


class OneCycleLR(LRScheduler):
    """Let the learning rate rise from low to high, and fall to next to nothing.

    It goes from ``max_lr / div_factor`` to ``max_lr`` in the first ``pct_start * total_steps - 1``
    steps, and from there to ``max_lr / div_factor / final_div_factor``, which it has after
    ``total_steps - 1`` steps and keeps after one more. The momentum goes the other way. In three
    phases it falls to ``max_lr / div_factor`` as fast as it rose, before it goes on falling, and
    the momentum is at its highest then. This is the policy of Smith and Topin, Super-convergence
    (2018), as PyTorch has it.

    Parameters
    ----------
    optimizer
        Whose learning rates to set, and whose ``"momentum"``, or first one of ``"betas"``.
    max_lr
        The highest learning rate; a list has one for each group.
    total_steps
        How many steps there will be, 1 or more.
    epochs, steps_per_epoch
        The same as a product, if `total_steps` is not given.
    pct_start
        The share of them in which the learning rate rises.
    anneal_strategy
        ``"cos"`` to go along half a cosine, ``"linear"`` along a line.
    cycle_momentum
        Whether to set the momentum.
    base_momentum, max_momentum
        The lowest momentum, which goes with the highest learning rate, and the highest; lists
        have one for each group.
    div_factor, final_div_factor
        By how much to divide the learning rates, as above.
    three_phase
        Whether there are three phases.

    Raises
    ------
    ValueError
        If a number makes no sense, the steps are not given or contradict each other, or the
        optimiser has no momentum to set; and in `step`, at more than `total_steps` steps.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimiser = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = OneCycleLR(optimiser, 1.0, 5, pct_start=0.6, anneal_strategy="linear")
    >>> for _ in range(5):
    ...     group = optimiser.param_groups[0]
    ...     print(round(group["lr"], 6), round(group["momentum"], 6))
    ...     schedule.step()
    0.04 0.95
    0.52 0.9
    1.0 0.85
    0.500002 0.9
    4e-06 0.95
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        super().__init__(
            optimizer,
            max_lr=max_lr,
            total_steps=_total(total_steps, epochs, steps_per_epoch),
            pct_start=pct_start,
            anneal_strategy=anneal_strategy,
            cycle_momentum=cycle_momentum,
            base_momentum=base_momentum,
            max_momentum=max_momentum,
            div_factor=div_factor,
            final_div_factor=final_div_factor,
            three_phase=three_phase,
        )

    def _settings(self, number: int) -> list[dict[str, Any]]:
        options, total = self.options, self.options["total_steps"]
        if number > total:
            raise ValueError(f"OneCycleLR: step {number} of {total} total_steps")
        phase, done = self._phase(number)
        between = _BETWEEN[options["anneal_strategy"]]
        all_settings = []
        for group, highest, low, high in zip(
            self.optimizer.param_groups,
            options["max_lr"],
            options["base_momentum"],
            options["max_momentum"],
            strict=True,
        ):
            first = highest / options["div_factor"]
            last = first / options["final_div_factor"]
            rates = (first, highest, *([first] if options["three_phase"] else []), last)
            momenta = (high, low, high, high)
            settings: dict[str, Any] = {"lr": between(rates[phase], rates[phase + 1], done)}
            if options["cycle_momentum"]:
                momentum = between(momenta[phase], momenta[phase + 1], done)
                if "betas" in group:
                    settings["betas"] = (momentum, group["betas"][1])
                else:
                    settings["momentum"] = momentum
            all_settings.append(settings)
        return all_settings

    def _phase(self, number: int) -> tuple[int, float]:
        """Tell in which phase a step is, counted from 0, and how far in it."""
        total, share_up = self.options["total_steps"], self.options["pct_start"]
        ends = [share_up * total - 1, total - 1]
        if self.options["three_phase"]:
            ends.insert(1, 2 * share_up * total - 2)
        phase = next((i for i, end in enumerate(ends) if number <= end), len(ends) - 1)
        begin, end = [0, *ends][phase], ends[phase]
        return phase, min(1.0, (number - begin) / (end - begin)) if end > begin else 1.0

    def _checks(self) -> Mapping[str, Check]:
        groups = self.optimizer.param_groups
        return {
            "max_lr": each(len(groups), not_negative),
            "total_steps": count,
            "pct_start": share,
            "anneal_strategy": one_of(*_BETWEEN),
            "cycle_momentum": self._cycle,
            "base_momentum": each(len(groups), fraction),
            "max_momentum": each(len(groups), fraction),
            "div_factor": positive,
            "final_div_factor": positive,
            "three_phase": switch,
        }

    def _checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        found = super()._checked(options)
        for low, high in zip(found["base_momentum"], found["max_momentum"], strict=True):
            if low > high:
                raise ValueError(
                    f"OneCycleLR: base_momentum is {low}; expected no more than max_momentum, "
                    f"{high}"
                )
        return found

    def _cycle(self, value: Any) -> bool:
        if switch(value) and not {"betas", "momentum"} & self.optimizer.options.keys():
            raise ValueError("False, as the optimiser has no momentum")
        return switch(value)
