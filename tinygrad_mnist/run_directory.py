"""The directory of a training run: checkpoints, then model, settings, history and pictures.

`cli` prepares the directory before the training, so that a bad place is told early, and fills it
afterwards. What is in it always belongs to one run.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tinygrad_mnist import nn, pictures
from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.data import MNIST
from tinygrad_mnist.model_files import save_model
from tinygrad_mnist.models import IMAGE
from tinygrad_mnist.training import (
    CheckpointError,
    Checkpoints,
    Epoch,
    Evaluation,
    load_checkpoint,
)
from tinygrad_mnist.training.lock import locked

__all__ = ["CHECKPOINTS", "discard", "prepared", "save_pictures", "save_run", "set_aside"]

CHECKPOINTS = "checkpoints"
UNFINISHED = "unfinished"
FILES = ("model.safetensors", "settings.json", "history.json")
PICTURES = ("learning_curves", "confusion_matrix", "first_layer", "confident_mistakes")


@contextmanager
def prepared(directory: Path) -> Iterator[None]:
    """Make the directory for the block; if the block leaves it empty, take it away again.

    Raises
    ------
    OSError
        If the directory cannot be made, or files cannot be written there.
    """
    with _writing_to(directory):
        made = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        with _writing_to(directory):
            _make(directory)
        yield
    finally:
        for path in made:
            with suppress(OSError):  # what is not empty stays
                path.rmdir()


def set_aside(directory: Path) -> Path | None:
    """Make room for the checkpoints of a new run.

    Those of a run that has ended are removed. Those of an unfinished one are moved, so that it can
    still be continued.

    Returns
    -------
    pathlib.Path or None
        Where the unfinished run is now, if there was one.

    Raises
    ------
    OSError
        If files cannot be removed or moved.
    """
    checkpoints = directory / CHECKPOINTS
    if not checkpoints.is_dir():
        return None
    try:
        finished = load_checkpoint(checkpoints).finished
    except FileNotFoundError:
        finished = True  # or never begun
    except CheckpointError:
        finished = False
    with _writing_to(checkpoints), locked(checkpoints):
        if finished:
            shutil.rmtree(checkpoints)
            return None
        names = (f"{UNFINISHED}-{number}" for number in count(1))
        unfinished = next(path for name in names if not (path := directory / name).exists())
        checkpoints.replace(unfinished)
    return unfinished


def discard(checkpoints: Checkpoints) -> None:
    """Remove checkpoints, and their directory if nothing else is in it."""
    checkpoints.clear()
    with suppress(OSError):  # what is not empty stays
        checkpoints.directory.rmdir()


def save_run(
    directory: Path,
    model: nn.Sequential,
    record: dict[str, Any],
    history: list[Epoch],
    watched: str = "test",
) -> list[Path]:
    """Write the model, its settings and its history; take away an earlier run's pictures.

    Nothing of an earlier run is replaced before all of this one is on the disk. `watched` says on
    which digits the network was examined after each epoch, ``"test"`` or ``"valid"``.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    model_file, *texts = files = [directory / name for name in FILES]
    with _writing_to(directory):
        with ExitStack() as replacements:
            for path, content in zip(texts, (record, _told(history, watched)), strict=True):
                file = replacements.enter_context(atomic_write(path))
                file.write(f"{json.dumps(content, indent=2, allow_nan=False)}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            save_model(model_file, model, trained_on=record["data"])
        for name in PICTURES:
            (directory / f"{name}.png").unlink(missing_ok=True)
    return files


def save_pictures(
    directory: Path,
    model: nn.Sequential,
    digits: MNIST,
    history: list[Epoch],
    evaluation: Evaluation,
    watched: str = "test",
) -> list[Path]:
    """Draw what the run has learned; `watched` as in `save_run`.

    Raises
    ------
    OSError
        If a file cannot be written.
    ImportError
        If matplotlib is not installed.
    """
    figures = {
        "learning_curves": pictures.learning_curves(_told(history, watched)),
        "confusion_matrix": pictures.confusion_matrix(evaluation.confusion),
        "first_layer": pictures.first_layer(_first_weights(model)),
        "confident_mistakes": pictures.confident_mistakes(
            digits.test_images, digits.test_labels, evaluation.probabilities
        ),
    }
    with _writing_to(directory):
        return pictures.save_pictures(directory, figures)


def _told(history: list[Epoch], watched: str) -> list[dict[str, Any]]:
    """Write the history for JSON, with what was watched under its own name."""
    return [
        {
            name.replace("valid", watched): value
            for name, value in epoch._asdict().items()
            if value is not None
        }
        for epoch in history
    ]


def _first_weights(model: nn.Sequential) -> NDArray[Any]:
    """Take the weights that look at the image, as a stack of images: one for each unit or map."""
    for layer in model:
        if isinstance(layer, nn.Linear):
            return layer.weight.numpy().T.reshape(-1, *IMAGE[1:])
        if isinstance(layer, nn.Conv2d):
            return layer.weight.numpy().reshape(-1, *layer.weight.shape[2:])
    raise ValueError("the model has no layer that looks at images")


@contextmanager
def _writing_to(directory: Path) -> Iterator[None]:
    """Say, when writing fails, where it was."""
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write to {directory}: {error.strerror or error}") from error


def _make(directory: Path) -> None:
    """Make the directory, and see that the files of a run can be written there."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "it is not a directory") from None
    for name in (*FILES, *(f"{picture}.png" for picture in PICTURES)):
        if (directory / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{name} is a directory")
    probe = directory / f".{os.urandom(8).hex()}.tmp"
    probe.touch(exist_ok=False)
    probe.unlink()
