"""`SequentialLR`: one schedule after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ...checks import Check, arguments, count
from ..optimiser import Optimizer
from .schedule import LRScheduler

__all__ = ["SequentialLR"]


class SequentialLR(LRScheduler):
    """One schedule after another, each from its own beginning: a warm-up, then a cosine.

    Parameters
    ----------
    optimizer
        Whose learning rates to set.
    schedulers
        The schedules, made for the same optimiser.
    milestones
        After how many steps the second one begins, the third one, and so on.

    Raises
    ------
    ValueError
        If there is not one milestone between each two schedules, if they do not grow, or if a
        schedule belongs to another optimiser.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimiser = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> warm_up = optim.lr_scheduler.LinearLR(optimiser, start_factor=0.5, total_iters=2)
    >>> fall = optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=2)
    >>> schedule = SequentialLR(optimiser, [warm_up, fall], milestones=[2])
    >>> for _ in range(5):
    ...     print(round(schedule.get_last_lr()[0], 6))
    ...     schedule.step()
    0.5
    0.75
    1.0
    0.5
    0.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
    ) -> None:
        (self._schedulers,) = arguments("SequentialLR", schedulers=(_several, schedulers))
        if any(scheduler.optimizer is not optimizer for scheduler in self._schedulers):
            raise ValueError("SequentialLR: a schedule belongs to another optimiser")
        super().__init__(optimizer, milestones=milestones)

    def state_dict(self) -> dict[str, Any]:
        """Return what it takes to continue, the states of the schedules among it."""
        inner = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "schedulers": inner}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, and set the learning rates.

        Raises
        ------
        ValueError
            If it belongs to other schedules or groups, or makes no sense. Nothing is changed
            then.
        """
        before = self.state_dict()
        found = state.get("schedulers", ())
        if len(found) != len(self._schedulers):
            raise ValueError(
                f"SequentialLR: load_state_dict: {len(found)} schedules where "
                f"{len(self._schedulers)} were expected"
            )
        try:
            self._load_inner(found)
            super().load_state_dict(state)
        except Exception:
            self._load_inner(before["schedulers"])
            self._go_to(before["last_epoch"])
            raise

    def _load_inner(self, states: Sequence[Mapping[str, Any]]) -> None:
        for scheduler, own in zip(self._schedulers, states, strict=True):
            scheduler.load_state_dict(own)

    def _go_to(self, number: int) -> None:
        scheduler, own_number = self._present(number)
        scheduler._go_to(own_number)
        self.last_epoch = number

    def _settings(self, number: int) -> list[dict[str, Any]]:
        scheduler, own_number = self._present(number)
        return scheduler._settings(own_number)

    def _present(self, number: int) -> tuple[LRScheduler, int]:
        """Find the schedule whose turn it is, and how many steps it has made."""
        begins = [0, *self.options["milestones"]]
        place = bisect_right(begins, number) - 1
        return self._schedulers[place], number - begins[place]

    def _checks(self) -> Mapping[str, Check]:
        return {"milestones": self._growing}

    def _growing(self, value: Any) -> list[int]:
        milestones = [count(one) for one in value] if isinstance(value, Sequence) else []
        if len(milestones) != len(self._schedulers) - 1 or milestones != sorted({*milestones}):
            raise ValueError(
                f"growing numbers, one fewer than there are schedules ({len(self._schedulers)})"
            )
        return milestones


def _several(value: Any) -> list[LRScheduler]:
    """Take schedules."""
    if not (isinstance(value, Sequence) and all(isinstance(one, LRScheduler) for one in value)):
        raise ValueError("schedules, in a list")
    return list(value)
