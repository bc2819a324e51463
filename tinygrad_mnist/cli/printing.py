"""What the commands print: errors, accuracies, the confusion matrix, bars."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_mnist.cli.parsing import PROGRAM
from tinygrad_mnist.compile import CompileWarning
from tinygrad_mnist.training import DIGITS, Epoch, Evaluation

__all__ = ["epoch_line", "notes", "percent", "print_accuracy", "print_confusion", "print_error"]


def print_error(error: BaseException) -> None:
    """Tell in one line what went wrong."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    print(f"{PROGRAM}: error: {' '.join(text.split())}", file=sys.stderr)


@contextmanager
def notes() -> Iterator[None]:
    """Tell in one line each how a compiled step runs instead, where it is not as usual."""

    def show(message: Warning | str, category: type[Warning], *place: Any, **others: Any) -> None:
        if issubclass(category, CompileWarning):
            print(f"{PROGRAM}: note: {' '.join(str(message).split())}", file=sys.stderr)
        else:
            usual(message, category, *place, **others)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CompileWarning)
        usual = warnings.showwarning
        warnings.showwarning = show
        yield


def epoch_line(epoch: Epoch, epochs: int, watched: str, waits: bool) -> str:
    """Write what an epoch brought.

    `watched` names the digits that it was examined on, `waits` says whether to tell how many steps
    waited for the distortions.
    """
    parts = [
        f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}",
        f"train loss {epoch.train_loss:.4f}, accuracy {percent(epoch.train_accuracy)}",
    ]
    if epoch.valid_loss is not None and epoch.valid_accuracy is not None:
        parts.append(
            f"{watched} loss {epoch.valid_loss:.4f}, accuracy {percent(epoch.valid_accuracy)}"
        )
    waited = f", {epoch.waits:,} steps waited" if waits else ""
    parts.append(f"{epoch.seconds:.2f} s{waited}")
    return "   ".join(parts)


def print_accuracy(evaluation: Evaluation) -> None:
    """Print how many digits were recognised, of each kind and in all."""
    counts, right = evaluation.confusion.sum(axis=1), evaluation.confusion.diagonal()
    print(f"test accuracy  {percent(evaluation.accuracy).strip()}\n")
    print("digit   right      of    recall  precision")
    for digit, (recall, precision) in enumerate(
        zip(evaluation.recall, evaluation.precision, strict=True)
    ):
        print(
            f"{digit:>5}  {right[digit]:>6,}  {counts[digit]:>6,}  {_share(recall):>8}  "
            f"{_share(precision):>9}"
        )
    print(f"  all  {right.sum():>6,}  {counts.sum():>6,}  {percent(evaluation.accuracy):>8}")


def print_confusion(evaluation: Evaluation) -> None:
    """Print which digits were taken for which."""
    width = max(5, len(f"{evaluation.confusion.max():,}") + 2)
    print("\ntrue digit (rows) and predicted digit (columns)")
    print(" " * 5 + "".join(f"{digit:>{width}}" for digit in range(DIGITS)))
    for digit, row in enumerate(evaluation.confusion):
        print(f"{digit:>5}" + "".join(f"{count:>{width},}" for count in row))


def percent(share: float) -> str:
    """Write a share from 0 to 1 in per cent."""
    return f"{100 * share:6.2f} %"


def _share(share: float) -> str:
    """Write a share that is not a number, because there is nothing to share, as a dash."""
    return "-" if math.isnan(share) else percent(share)
