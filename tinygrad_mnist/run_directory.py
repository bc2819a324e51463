"""The directory that a training run leaves behind: model, settings, history and pictures.

`cli` prepares the directory before the training, so that a bad place is told early, and fills it
afterwards. What is in it always belongs to one run.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tinygrad_mnist import nn, pictures
from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.data import MNIST
from tinygrad_mnist.models import save_model
from tinygrad_mnist.training import Epoch, Evaluation

__all__ = ["prepared", "save_pictures", "save_run"]

FILES = ("model.safetensors", "settings.json", "history.json")
PICTURES = ("learning_curves", "confusion_matrix", "hidden_weights", "confident_mistakes")


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


def save_run(
    directory: Path, model: nn.Sequential, record: dict[str, Any], history: list[Epoch]
) -> list[Path]:
    """Write the model, its settings and its history; take away an earlier run's pictures.

    Nothing of an earlier run is replaced before all of this one is on the disk.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    model_file, *texts = files = [directory / name for name in FILES]
    with _writing_to(directory):
        with ExitStack() as replacements:
            for path, content in zip(
                texts, (record, [epoch._asdict() for epoch in history]), strict=True
            ):
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
) -> list[Path]:
    """Draw what the run has learned.

    Raises
    ------
    OSError
        If a file cannot be written.
    ImportError
        If matplotlib is not installed.
    """
    figures = (
        pictures.learning_curves([epoch._asdict() for epoch in history]),
        pictures.confusion_matrix(evaluation.confusion),
        pictures.hidden_weights(model.state_dict()["0.weight"]),
        pictures.confident_mistakes(
            digits.test_images, digits.test_labels, evaluation.probabilities
        ),
    )
    with _writing_to(directory):
        return pictures.save_pictures(directory, dict(zip(PICTURES, figures, strict=True)))


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
