"""Write a file wholly or not at all.

Whoever writes files here fills a temporary file beside the target, which takes the target's name
only when it is complete and safely on the disk. A reader never sees half a file, a failure leaves
the old file as it was, and two writers do not meet, since each has a temporary file of its own.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that appears at ``path`` only if the block ends well.

    Parameters
    ----------
    path
        The file to create or to replace; of a link, the file that it leads to. Its directory must
        exist.

    Raises
    ------
    OSError
        If the file cannot be written, or what has its name is no regular file; so far as that can
        be seen beforehand, before the block is entered.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with atomic_write(os.path.join(directory, "greeting")) as file:
    ...         written = file.write(b"hello")
    ...     os.listdir(directory)
    ['greeting']
    """
    _check_target(path)
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    temporary = os.path.join(directory, f".{name}.{os.urandom(8).hex()}.tmp")
    try:
        file = open(temporary, "xb")  # noqa: SIM115 (closed below, where its own errors end)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _rename(temporary, target, path)
        _sync_directory(directory)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _check_target(path: str | os.PathLike[str]) -> None:
    """Refuse what a file must not take the place of: directories, devices, pipes."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))


def _rename(temporary: str, target: str, path: str | os.PathLike[str]) -> None:
    """Give the file the target's name; if that can't be, the error names what was asked for."""
    try:
        os.replace(temporary, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def _sync_directory(directory: str) -> None:
    """See that the new name, too, outlives a loss of power."""
    if os.name != "posix":  # elsewhere a directory cannot be opened
        return
    descriptor = os.open(directory or os.curdir, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
