"""A directory for one writer: two runs in the same one would overwrite each other's files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None  # type: ignore[assignment]

__all__ = ["locked"]

_NAME = ".lock"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory for the block; nobody else can, in this process or another.

    The lock is the system's, on the file ``.lock``, and ends with the process whatever kills it.
    The file may stay then, and does no harm. Where there is no ``fcntl``, nothing is locked.

    Raises
    ------
    BlockingIOError
        If somebody else holds it.
    OSError
        If the file cannot be made or locked.
    """
    if fcntl is None:
        yield
        return
    path = directory / _NAME
    descriptor = _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # still held, so that it is nobody else's
        os.close(descriptor)


def _acquire(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                    return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            reason = "another run is writing its checkpoints to this directory"
            raise BlockingIOError(error.errno, reason, str(path.parent)) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who held it before has removed it in the meantime
