"""A run: all that changes while a model is trained, and nothing else.

What `Run.state` gives, `Run.load_state` takes up: a run that is built again in the same way and
loads the state goes on with the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim

from .conditions import (
    describe,
    describe_loss,
    describe_model,
    describe_optimiser,
    describe_schedule,
)
from .evaluation import Score
from .history import Epoch

__all__ = ["Run", "Tally"]


@dataclass
class Tally:
    """How far an epoch has come, and what it has brought so far.

    Attributes
    ----------
    seed
        What its order and its augmentation depend on.
    step
        How many steps were taken.
    loss, right, seen
        The loss, summed over the samples; how many were recognised; how many there were.
    lr, seconds, waits
        As in `Epoch`.
    """

    seed: int
    step: int = 0
    loss: float = 0.0
    right: int = 0
    seen: int = 0
    lr: float = 0.0
    seconds: float = 0.0
    waits: int = 0


class Run:
    """A model in training, with the objects that train it, and how far they have come.

    Attributes
    ----------
    history
        The epochs that have ended.
    tally
        The epoch that has not, or None between two of them.
    best
        The values that the model is to have in the end: those of the best epoch so far if there
        is patience, or else of the last; at the beginning the initial ones. They are averaged ones
        if there is an average.
    done
        Whether no epoch is to follow.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: optim.Optimizer,
        schedule: optim.lr_scheduler.LRScheduler | None,
        average: optim.ExponentialMovingAverage | None,
        rng: np.random.Generator,
        loss_fn: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.model, self.optimiser, self.schedule = model, optimiser, schedule
        self.average, self.rng, self.loss_fn = average, rng, loss_fn
        # What a loss learns or counts is a part of the run, if it is a module.
        self._loss = loss_fn if isinstance(loss_fn, nn.Module) else nn.Module()
        self.history: list[Epoch] = []
        self.tally: Tally | None = None
        self.done = False
        with self.averaged():
            self.best = model.state_dict()

    def averaged(self) -> AbstractContextManager[object]:
        """Give the model its averaged values for a block, if there are such."""
        return nullcontext() if self.average is None else self.average.applied()

    def end_epoch(
        self,
        tally: Tally,
        values: dict[str, np.ndarray],
        found: Score | None,
        patience: int | None,
    ) -> Epoch:
        """Add the epoch to the history, and see whether it is the best, and the last.

        Parameters
        ----------
        tally
            What it brought.
        values
            The model's values at its end.
        found
            What they made of the validation digits.
        patience
            As for `fit`.
        """
        epoch = Epoch(
            len(self.history) + 1,
            tally.loss / tally.seen,
            tally.right / tally.seen,
            None if found is None else found.loss,
            None if found is None else found.accuracy,
            tally.lr,
            tally.seconds,
            tally.waits,
        )
        self.history.append(epoch)
        self.tally = None
        since_best = len(self.history) - self.best_epoch(patience)
        if since_best == 0:
            self.best = values
        self.done = patience is not None and since_best >= patience
        return epoch

    def best_epoch(self, patience: int | None) -> int:
        """Tell at the end of which epoch the model had its `best` values; 0 is the beginning."""
        losses = [each.valid_loss for each in self.history if each.valid_loss is not None]
        if patience is None or not losses:
            return len(self.history)
        return 1 + losses.index(min(losses))

    def conditions(self) -> dict[str, Any]:
        """Say of what form a run must be to go on from this one's state."""
        generators = self._generators()
        distinct = list(dict.fromkeys(generators))
        return {
            "model": describe_model(self.model),
            "optimiser": describe_optimiser(self.optimiser),
            "schedule": describe_schedule(self.schedule),
            "average": describe(self.average),
            "loss function": describe_loss(self.loss_fn),
            # Which of them are the same one matters, too.
            "generators": [f"{type(g).__name__} {distinct.index(g)}" for g in generators],
        }

    def _generators(self) -> list[np.random.BitGenerator]:
        """List where random numbers come from, in a fixed order; what is shared, several times."""
        modules = [*self.model.modules(), *self._loss.modules()]
        held = [self.rng, *(value for module in modules for value in vars(module).values())]
        return [generator.bit_generator for value in held for generator in _generators_in(value)]

    def state(self) -> dict[str, Any]:
        """Collect all that a resumed run has to know, in dicts, lists, arrays and numbers."""
        optimiser = self.optimiser.state_dict()
        return {
            "model": self.model.state_dict(),
            "optimiser": {
                "state": {str(index): values for index, values in optimiser["state"].items()},
                "param_groups": optimiser["param_groups"],
            },
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "loss function": self._loss.state_dict(),
            "generators": [generator.state for generator in dict.fromkeys(self._generators())],
            "best": self.best,
            "history": [epoch._asdict() for epoch in self.history],
            "tally": None if self.tally is None else asdict(self.tally),
            "done": self.done,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a state that a run of the same form gave."""
        optimiser = state["optimiser"]
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(
            {
                "state": {int(index): values for index, values in optimiser["state"].items()},
                "param_groups": optimiser["param_groups"],
            }
        )
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self._loss.load_state_dict(state.get("loss function", {}))  # older checkpoints lack it
        own = dict.fromkeys(self._generators())
        for generator, values in zip(own, state["generators"], strict=True):
            generator.state = values
        self.best = state["best"]
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.tally = None if state["tally"] is None else Tally(**state["tally"])
        self.done = state["done"]


def _generators_in(value: Any, *above: int) -> Iterator[np.random.Generator]:
    """Find the generators in a value: itself, or what lists, tuples and dicts in it hold."""
    if isinstance(value, np.random.Generator):
        yield value
    elif isinstance(value, dict | list | tuple) and id(value) not in above:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _generators_in(part, *above, id(value))
