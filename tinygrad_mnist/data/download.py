"""Download files whose content is known beforehand, from whichever mirror has them.

Nothing that a mirror sends is trusted: it is decompressed as it comes, never beyond the size that
is expected, and keeps its place on the disk only if its SHA-256 is right. A mirror that is slow,
gone or wrong is passed over for the next. `mnist` imports this module when a file is missing, and
not before, since the network's packages take their time to load.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from http.client import HTTPException, HTTPResponse
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    UnknownHandler,
)

from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.data.files import MIRRORS, DataFile
from tinygrad_mnist.extras import need

__all__ = ["DownloadError", "download"]

_SLOWEST = 20_000  # bytes a second
_PIECE = 1 << 16  # bytes received at a time


class DownloadError(OSError):
    """A file that no mirror could deliver."""


class _MirrorError(Exception):
    """What one mirror did wrong."""


def download(
    files: Iterable[DataFile],
    directory: str,
    mirrors: Sequence[str] = MIRRORS,
    *,
    timeout: float = 5.0,
    progress: bool = False,
) -> None:
    """Download gzipped files into a directory, decompressed and verified.

    The first file that no mirror delivers ends it, so that being offline shows quickly. Each file
    appears in the directory whole or not at all; files that were complete by then stay.

    Parameters
    ----------
    files
        What to download.
    directory
        Where to; created if need be.
    mirrors
        The URLs, ``http`` or ``https``, to which a file's name and ``.gz`` are appended, in the
        order in which they are asked.
    timeout
        Seconds that a mirror may take to answer, and that it may pause. Over the whole file it
        must send 20 kB a second after as many seconds of grace.
    progress
        Show a progress bar for each file, on the standard error stream.

    Raises
    ------
    DownloadError
        If no mirror delivers a file; the message says why, mirror by mirror.
    OSError
        If the directory cannot be written.
    ImportError
        If a progress bar is wanted and its package, tqdm, is not installed.
    """
    os.makedirs(directory, exist_ok=True)
    for file in files:
        failures = []
        for mirror in mirrors:
            url = f"{mirror}{file.name}.gz"
            content = _verified(_received(url, timeout), file)
            try:
                with atomic_write(os.path.join(directory, file.name)) as copy:
                    for piece in _shown(content, file) if progress else content:
                        copy.write(piece)
                break
            except _MirrorError as failure:
                failures.append(f"{mirror} ({failure})")
        else:
            raise DownloadError(
                f"{file.name}.gz could not be downloaded from {' or '.join(failures)}"
            )


def _received(url: str, timeout: float) -> Iterator[bytes]:
    """Yield what is behind a URL, as it arrives."""
    begin = time.monotonic()
    received = 0
    try:
        with _answer(url, timeout) as response:
            while piece := response.read1(_PIECE):
                received += len(piece)
                if time.monotonic() - begin > timeout + received / _SLOWEST:
                    raise _MirrorError(f"slower than {_SLOWEST // 1000} kB/s")
                yield piece
    except HTTPError as error:
        error.close()
        raise _MirrorError(f"HTTP {error.code} {error.reason}") from error
    except URLError as error:
        raise _MirrorError(str(error.reason)) from error
    except (OSError, HTTPException, ValueError) as error:
        raise _MirrorError(str(error) or type(error).__name__) from error


def _answer(url: str, timeout: float) -> HTTPResponse:
    """Open a URL within so many seconds, all told.

    A socket's own time-out knows nothing of the name look-up, and starts anew for each address of
    the host and each line of the response. So a thread asks, and is left behind if it is late.
    """
    opener = OpenerDirector()  # of HTTP only: neither a mirror nor a redirection may mean a file
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPRedirectHandler(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    answers: SimpleQueue[HTTPResponse | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(opener.open(url, timeout=timeout))
        except (OSError, HTTPException, ValueError) as error:  # ValueError: not a URL
            answers.put(error)

    Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except Empty:
        raise TimeoutError(f"no answer within {timeout:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _verified(received: Iterable[bytes], file: DataFile) -> Iterator[bytes]:
    """Yield the decompressed content; raise at its end, at the latest, if it is not the file's."""
    inflate = zlib.decompressobj(wbits=31)  # gzip
    digest = hashlib.sha256()
    packed = size = 0
    try:
        for piece in received:
            packed += len(piece)
            # One byte more than there should be is enough to know that there is too much.
            content = inflate.decompress(piece, file.size - size + 1)
            size += len(content)
            if size > file.size or packed > file.size + _PIECE:
                raise _MirrorError(f"sent more than {file.size:,} bytes")
            digest.update(content)
            yield content
            if inflate.eof:
                break
    except zlib.error as error:
        raise _MirrorError(f"sent no sound gzip file: {error}") from error
    if not inflate.eof:
        raise _MirrorError(f"broke off after {size:,} of {file.size:,} bytes")
    if digest.hexdigest() != file.sha256:
        raise _MirrorError(f"sent {size:,} bytes of other content: the SHA-256 is wrong")


def _shown(content: Iterable[bytes], file: DataFile) -> Iterator[bytes]:
    """Yield the content, and show on a progress bar how much of it has passed."""
    tqdm = need("tqdm", "cli", "a progress bar").tqdm
    with tqdm(desc=file.name, total=file.size, unit="B", unit_scale=True) as bar:
        for piece in content:
            bar.update(len(piece))
            yield piece
