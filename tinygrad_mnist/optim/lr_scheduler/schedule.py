"""`LRScheduler`, what all schedules are: a formula of the number of steps, and its state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ...checks import Check, checked, each, not_negative, steps
from ...engine import never_captured
from ..optimiser import Optimizer

__all__ = ["LRScheduler"]


class LRScheduler:
    """What all schedules are; a subclass has a formula.

    A schedule is for the groups that the optimiser had when it was made.

    Parameters
    ----------
    optimizer
        Whose groups get the learning rates: those of step 0 at once.
    **options
        The numbers of the schedule.

    Attributes
    ----------
    options
        The numbers of the schedule, by the names of its arguments.
    last_epoch
        How many steps there were.
    base_lrs
        The learning rate that each group began with.
    """

    def __init__(self, optimizer: Optimizer, **options: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an optimiser, not {optimizer!r}")
        self.optimizer = optimizer
        self.options = self._checked(options)
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self._go_to(0)

    def step(self) -> None:
        """Set the learning rates for the next step.

        Raises
        ------
        ValueError
            If the optimiser has other groups than it had, or a learning rate is too large for a
            number. Nothing is changed then.
        """
        never_captured("schedule.step() is for Python; call it after the compiled step")
        self._go_to(self.last_epoch + 1)

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group that was last set."""
        return [settings["lr"] for settings in self._settings(self.last_epoch)]

    def state_dict(self) -> dict[str, Any]:
        """Return what it takes to continue: numbers, and lists and dicts of them."""
        return {
            "last_epoch": self.last_epoch,
            "base_lrs": list(self.base_lrs),
            "options": deepcopy(self.options),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, and set the learning rates.

        Raises
        ------
        ValueError
            If it belongs to another kind of schedule or to other groups, or makes no sense.
            Nothing is changed then.
        """
        what = f"{type(self).__name__}: load_state_dict"
        if state.keys() != self.state_dict().keys():
            raise ValueError(f"{what}: expected {[*self.state_dict()]}, not {[*state]}")
        if state["options"].keys() != self.options.keys():
            raise ValueError(
                f"{what}: expected options {[*self.options]}, not {[*state['options']]}"
            )
        position = {name: state[name] for name in ("last_epoch", "base_lrs")}
        checks = {"last_epoch": steps, "base_lrs": each(len(self.base_lrs), not_negative)}
        position = checked(what, checks, position)
        before = self.options, self.base_lrs
        self.options, self.base_lrs = self._checked(state["options"]), position["base_lrs"]
        try:
            self._go_to(position["last_epoch"])
        except Exception:
            self.options, self.base_lrs = before
            raise

    def _go_to(self, number: int) -> None:
        """Set what the groups have after so many steps."""
        groups = self.optimizer.param_groups
        if len(groups) != len(self.base_lrs):
            raise ValueError(
                f"{type(self).__name__}: the optimiser has {len(groups)} groups, and had "
                f"{len(self.base_lrs)} when the schedule was made; make a new one after "
                f"add_param_group"
            )
        try:
            settings = self._settings(number)
            too_large = not all(math.isfinite(own["lr"]) for own in settings)
        except OverflowError:
            too_large = True
        if too_large:
            raise ValueError(
                f"{type(self).__name__}: a learning rate after {number} steps is too large for a "
                f"number"
            )
        for group, own in zip(groups, settings, strict=True):
            group.update(own)
        self.last_epoch = number

    def _settings(self, number: int) -> list[dict[str, Any]]:
        """Compute the options of each group after so many steps."""
        return [{"lr": self._lr(lr, number)} for lr in self.base_lrs]

    def _lr(self, base: float, number: int) -> float:
        """Compute the learning rate after so many steps of a group that began with `base`."""
        raise NotImplementedError

    def _checks(self) -> Mapping[str, Check]:
        """Say what each option may be."""
        raise NotImplementedError

    def _checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return checked(type(self).__name__, self._checks(), options)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({options})"
