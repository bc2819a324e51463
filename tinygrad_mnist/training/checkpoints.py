"""Checkpoints: a run kept in files, so that it can go on after whatever killed it.

Each checkpoint is one file, which appears whole or not at all and holds everything: there is no
pair of which one half could be missing. `fit` writes them through `Checkpoints`, and goes on from
the `Checkpoint` that `Checkpoints.latest` or `load_checkpoint` reads.
"""

from __future__ import annotations

import errno
import json
import operator
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.regular import open_regular

from .checkpoint_file import DamagedError, from_bytes, to_bytes
from .conditions import differences
from .lock import locked

__all__ = ["Checkpoint", "CheckpointError", "Checkpoints", "load_checkpoint"]

_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")
_TEMPORARY = ".checkpoint-*.safetensors.*.tmp"  # what `atomic_write` leaves if it is killed


class CheckpointError(ValueError):
    """A checkpoint from which no run, or not this run, can go on.

    Attributes
    ----------
    path
        The checkpoint's file.
    previous
        The newest one before it, in the same directory, with which all is well; None if there is
        none.
    """

    def __init__(self, path: Path, reason: str, previous: Path | None) -> None:
        offer = f"; the one before it, {previous.name}, can be resumed from" if previous else ""
        super().__init__(f"{path}: {reason}{offer}")
        self.path, self.previous = path, previous


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run as it stood after some step.

    Attributes
    ----------
    path
        Where it was read from.
    step
        How many steps the run had taken.
    record
        What the caller of `Checkpoints` gave to be kept.
    conditions, state
        For `fit`: what must be the same again, and what changes.
    """

    path: Path
    step: int
    record: Any
    conditions: dict[str, Any] = field(repr=False)
    state: dict[str, Any] = field(repr=False)

    @property
    def finished(self) -> bool:
        """Whether the run had come to its end."""
        finished: bool = self.state["done"]
        return finished

    def check(self, conditions: dict[str, Any]) -> None:
        """See that a run under these conditions can go on from here.

        Raises
        ------
        CheckpointError
            If not. It lists what differs.
        """
        found = differences(self.conditions, conditions)
        if found:

            def fits(path: Path) -> bool:
                return not differences(_read(path).conditions, conditions)

            reason = f"it is of another run: {'; '.join(found)}"
            raise CheckpointError(self.path, reason, _before(self.path, fits))


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path
        A checkpoint's file, or a directory, of which the newest one is read.

    Raises
    ------
    CheckpointError
        If the file is cut short, altered, not a checkpoint, or in the format of a newer version.
    FileNotFoundError
        If there is no such file, or no checkpoint in the directory.
    OSError
        If it cannot be read.
    ImportError
        If safetensors is not installed.
    """
    path = Path(path)
    if path.is_dir():
        paths = _list(path)
        if not paths:
            raise FileNotFoundError(errno.ENOENT, "there is no checkpoint in it", str(path))
        path = paths[-1]
    try:
        return _read(path)
    except DamagedError as error:
        raise CheckpointError(path, str(error), _before(path, _read)) from None


class Checkpoints:
    """Where a run keeps its checkpoints, how often, and how many.

    Parameters
    ----------
    directory
        Where the files are, named ``checkpoint-<step>.safetensors``. It is made if need be, and
        holds the checkpoints of one run only.
    every
        How many seconds pass from one checkpoint to the next; 0 writes one after each step. One
        is always written before the first step and one at the end.
    keep
        How many are kept; older ones are removed.
    record
        Whatever the caller wants to find in them again, such as the arguments from which the
        model is built. JSON must be able to hold it.

    Raises
    ------
    ValueError
        If a number makes no sense, or the record holds one that is not finite.
    TypeError
        If `keep` is not an integer, or the record holds what JSON cannot.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from tinygrad_mnist import optim
    >>> from tinygrad_mnist.data import load_mnist
    >>> from tinygrad_mnist.models import mlp
    >>> from tinygrad_mnist.training import fit
    >>> def train(checkpoints, resume=None):
    ...     rng = np.random.default_rng(0)
    ...     model = mlp([784, 10, 10], rng)
    ...     optimiser = optim.SGD(model.parameters(), lr=0.1)
    ...     digits = load_mnist("sample").train
    ...     fit(model, digits, optimiser, epochs=1, batch_size=100, rng=rng,
    ...         checkpoints=checkpoints, resume=resume)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     checkpoints = Checkpoints(directory, every=60)
    ...     train(checkpoints)
    ...     checkpoints.latest().step
    ...     train(checkpoints, checkpoints.latest())  # nothing is left to do
    40
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        every: float = 10.0,
        keep: int = 3,
        record: Any = None,
    ) -> None:
        if not every >= 0:
            raise ValueError(f"Checkpoints: every must be 0 seconds or more, not {every}")
        try:
            keep = operator.index(keep)
        except TypeError:
            raise TypeError(f"Checkpoints: keep must be an integer, not {keep!r}") from None
        if keep < 1:
            raise ValueError(f"Checkpoints: keep must be 1 or more, not {keep}")
        json.dumps(record, allow_nan=False)
        self.directory, self.every, self.keep, self.record = Path(directory), every, keep, record
        self._written = -float("inf")

    def paths(self) -> list[Path]:
        """List the files that there are, the oldest first."""
        return _list(self.directory)

    def latest(self) -> Checkpoint:
        """Read the newest checkpoint: what `load_checkpoint` makes of the directory."""
        return load_checkpoint(self.directory)

    def clear(self) -> None:
        """Remove all checkpoints, to begin anew."""
        for path in self.paths():
            path.unlink()

    @contextmanager
    def prepared(self, resume: Checkpoint | None) -> Iterator[None]:
        """Hold the directory, made ready for a run that begins or goes on from a checkpoint.

        What a killed process was writing is removed, and so are checkpoints of steps that the
        run is going to take again. For the block, no other run can use the directory.

        Raises
        ------
        BlockingIOError
            If another run is using it. (Where Python has no ``fcntl``, as on Windows, this is not
            noticed.)
        FileExistsError
            If there are checkpoints, and none of them is the one to go on from.
        OSError
            If the directory cannot be made, or files in it not removed.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with locked(self.directory):
            self._make_room(resume)
            yield

    def _make_room(self, resume: Checkpoint | None) -> None:
        for path in self.directory.glob(_TEMPORARY):
            path.unlink(missing_ok=True)
        paths = self.paths()
        if resume is not None and resume.path.resolve() in [path.resolve() for path in paths]:
            for path in paths:
                if _step(path) > resume.step:
                    path.unlink()
        elif paths:
            raise FileExistsError(
                f"{self.directory}: it holds checkpoints, up to step {_step(paths[-1]):,}; resume "
                "from them, or remove them first"
            )

    def due(self) -> bool:
        """Tell whether it is time for the next one."""
        return time.monotonic() - self._written >= self.every

    def save(self, step: int, conditions: dict[str, Any], state: Any) -> None:
        """Write a checkpoint, and remove those that are older than the last `keep`.

        Raises
        ------
        OSError
            If it cannot be written; those before it stay.
        ValueError
            If a number in the state is not finite.
        ImportError
            If safetensors is not installed.
        """
        content = to_bytes(
            {
                "step": step,
                "record": self.record,
                "conditions": conditions,
                "state": state,
            }
        )
        path = self.directory / f"checkpoint-{step:09d}.safetensors"
        try:
            with atomic_write(path) as file:
                file.write(content)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        for old in self.paths()[: -self.keep]:
            old.unlink()
        self._written = time.monotonic()


def _read(path: Path) -> Checkpoint:
    with open_regular(path) as file:
        content = file.read()
    return Checkpoint(path, **from_bytes(content))


def _list(directory: Path) -> list[Path]:
    if not directory.exists():
        return []
    named = (path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    return sorted((path for path in named if path.is_file()), key=_step)


def _step(path: Path) -> int:
    name = _NAME.fullmatch(path.name)
    return int(name[1]) if name else 0


def _before(path: Path, sound: Callable[[Path], object]) -> Path | None:
    """Find the newest of the older checkpoints that is sound and fits."""
    paths = _list(path.parent)
    for earlier in reversed(paths[: paths.index(path)] if path in paths else paths):
        try:
            if sound(earlier):
                return earlier
        except (DamagedError, OSError):
            continue
    return None
