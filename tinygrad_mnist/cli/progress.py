"""How a training goes on, shown to whoever waits for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_mnist.cli.printing import epoch_line, percent
from tinygrad_mnist.extras import need
from tinygrad_mnist.training import Callback, Epoch, Step

__all__ = ["progress"]


class _Lines(Callback):
    """Prints a line for each epoch."""

    def __init__(self, epochs: int, watched: str, waits: bool) -> None:
        self.epochs, self.watched, self.waits = epochs, watched, waits

    def on_epoch(self, epoch: Epoch) -> None:
        """Print the line."""
        self.write(epoch_line(epoch, self.epochs, self.watched, self.waits))

    def write(self, line: str) -> None:
        """Print at once, for whoever follows a log."""
        print(line, flush=True)


class _Bar(_Lines):
    """Shows a progress bar, too."""

    def __init__(self, epochs: int, watched: str, waits: bool, bar: Any) -> None:
        super().__init__(epochs, watched, waits)
        self.bar = bar

    def on_step(self, step: Step) -> None:
        """Advance the bar."""
        self.bar.set_postfix_str(
            f"loss {step.loss:.4f}, accuracy {percent(step.accuracy)}", refresh=False
        )
        if self.bar.n + 1 != step.step:  # another epoch, or a run that goes on
            self.bar.set_description(f"epoch {step.epoch}/{self.epochs}", refresh=False)
            self.bar.reset(step.steps)
            self.bar.update(step.step - 1)
        self.bar.update()

    def write(self, line: str) -> None:
        """Print above the bar."""
        self.bar.write(line)


@contextmanager
def progress(epochs: int, watched: str, waits: bool) -> Iterator[Callback]:
    """Print a line for each of so many epochs; at a terminal, show a progress bar meanwhile.

    `watched` names the digits that the network is examined on; `waits` says whether to tell how
    often a step waited for the distortions.
    """
    if not sys.stderr.isatty():
        yield _Lines(epochs, watched, waits)
        return
    with need("tqdm", "cli", "a progress bar").tqdm(unit=" steps", leave=False) as bar:
        yield _Bar(epochs, watched, waits, bar)
