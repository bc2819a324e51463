"""IDX, the file format of MNIST: one array behind a header of a few bytes.

Two zero bytes, a type code, the rank, then each size as a big-endian unsigned 32-bit integer, then
the elements, big-endian, the last index running fastest. Every type code and any rank is read and
written, plain or gzipped; plain bytes can be mapped into memory instead, where they may be more
than it holds. `mnist` reads its files through this module; what the numbers mean is no concern of
it.

The format was described on the home page of MNIST, http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import io
import math
import os
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.regular import open_regular

if TYPE_CHECKING:
    from mmap import mmap as Map  # noqa: N812  (a class)

    from numpy.typing import NDArray

__all__ = ["IDXError", "idx_sha256", "read_idx", "write_idx"]

_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_LARGEST_SIZE = 2**32 - 1

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_LARGEST_RATIO = 1032  # of deflate: 258 bytes for two bits
_PIECE = 1 << 18  # bytes decompressed at a time


class IDXError(ValueError):
    """A file that is not what the IDX format says it should be."""


def read_idx(path: str | os.PathLike[str], *, mmap: bool = False) -> NDArray[Any]:
    """Read an array from an IDX file, plain or gzipped.

    Whether the file is gzipped is told by its first two bytes, not by its name. A gzipped file is
    decompressed piece by piece into the array, so that the array is all the memory it takes, and
    a header that promises more than the file can hold is refused before any of it is allocated.

    Parameters
    ----------
    path
        The file.
    mmap
        Map the file into memory instead of reading it: each page comes from the disk when it is
        first looked at, and the system may drop it again. That is for plain files of one-byte
        elements; gzipped files, which have to be decompressed, and larger elements, whose bytes
        have to be swapped, are read all the same. A file that changes while it is mapped changes
        the array, and one that is cut short then ends the program when the missing part is looked
        at (the signal SIGBUS); no more than its size at the opening can be checked.

    Returns
    -------
    numpy.ndarray
        A new, writable array of the file's shape and type (uint8, int8, int16, int32, float32 or
        float64), in the machine's own byte order. If it is mapped, it is read-only.

    Raises
    ------
    IDXError
        If the file is no IDX file, or is damaged, truncated or too long.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "squares.gz")
    ...     write_idx(path, np.arange(5, dtype=np.int32) ** 2)
    ...     read_idx(path)
    array([ 0,  1,  4,  9, 16], dtype=int32)
    """
    name = os.fspath(path)
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if file.peek(2)[:2] != _GZIP_MAGIC:
            return _map(file, name, size) if mmap else _read(file, name, size)
        import gzip
        import zlib

        try:
            with gzip.GzipFile(fileobj=file) as content:
                return _read(content, name, size * _GZIP_LARGEST_RATIO)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise IDXError(f"{name}: expected a sound gzip file, found: {error}") from error


def _read(file: io.BufferedIOBase, name: str, limit: int) -> NDArray[Any]:
    """Read an array from IDX content, which has ``limit`` bytes at the most."""
    header = _read_header(file, name, limit)
    array = header.array(name)
    content = array.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < len(content):
        count = file.readinto(content[filled : filled + _PIECE])
        if not count:
            raise _truncated(name, header.expected, header.size + filled)
        filled += count
    if file.read(1):
        raise _too_long(name, header.expected)
    if not array.dtype.isnative:
        array = array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
    return array


def _map(file: io.BufferedReader, name: str, size: int) -> NDArray[Any]:
    """Map the elements of a plain IDX file of ``size`` bytes, if that can be done, or read them."""
    header = _read_header(file, name, size)
    if header.dtype.itemsize > 1:
        file.seek(0)
        return _read(file, name, size)
    if size > header.expected:
        raise _too_long(name, header.expected)
    import mmap

    mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    return header.array(name, mapped)


class _Header(NamedTuple):
    """What the header of an IDX file says, and its own size in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    size: int

    @property
    def expected(self) -> int:
        """The size of the whole file."""
        return self.size + math.prod(self.shape) * self.dtype.itemsize

    def array(self, name: str, content: Map | None = None) -> NDArray[Any]:
        """Make the array, to be filled or out of the file's content."""
        offset = 0 if content is None else self.size
        try:
            return np.ndarray(self.shape, self.dtype, content, offset)
        except ValueError as error:
            raise IDXError(
                f"{name}: no array can have the rank {len(self.shape)} and these sizes: {error}"
            ) from None


def _read_header(file: io.BufferedIOBase, name: str, limit: int) -> _Header:
    """Read the header, and refuse one that promises more than ``limit`` bytes."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise IDXError(
            f"{name}: not an IDX file: expected two zero bytes, a type code and a rank, "
            f"found {start.hex(' ') or 'nothing'}"
        )
    code, rank = start[2:]
    if code not in _DTYPES:
        known = ", ".join(f"0x{known:02X}" for known in _DTYPES)
        raise IDXError(f"{name}: unknown IDX type code 0x{code:02X}, expected one of {known}")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise _truncated(name, 4 + 4 * rank, 4 + len(sizes))
    header = _Header(struct.unpack(f">{rank}I", sizes), _DTYPES[code], 4 + 4 * rank)
    if header.expected > limit:
        raise _truncated(name, header.expected, limit)
    return header


def _truncated(name: str, expected: int, found: int) -> IDXError:
    return IDXError(f"{name}: truncated: expected {expected:,} bytes, found at most {found:,}")


def _too_long(name: str, expected: int) -> IDXError:
    return IDXError(f"{name}: too long: expected {expected:,} bytes as its header says, found more")


def write_idx(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    r"""Write an array to an IDX file, gzipped if the name ends in ``.gz``.

    The file appears whole or not at all, and the same array always gives the same bytes.

    Parameters
    ----------
    path
        The file to create or to replace.
    array
        Of any shape and byte order; uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    TypeError
        If IDX has no type code for the array's dtype.
    ValueError
        If a size does not fit into the 32 bits that IDX has for it.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "answer")
    ...     write_idx(path, np.array(42, np.uint8))
    ...     with open(path, "rb") as file:
    ...         file.read()
    b'\x00\x00\x08\x00*'
    """
    header, content = _parts(array)
    with atomic_write(path) as file:
        if not os.fspath(path).endswith(".gz"):
            file.write(header)
            file.write(content)
            return
        import gzip

        # Neither a name nor a time, so that the same array gives the same bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as zipped:
            zipped.write(header)
            zipped.write(content)


def idx_sha256(array: NDArray[Any]) -> str:
    """Return the SHA-256, in hexadecimal, of the plain IDX file that holds an array.

    Raises
    ------
    TypeError, ValueError
        If there is no such file, as `write_idx`.

    Examples
    --------
    >>> idx_sha256(np.array(42, np.uint8))[:16]
    '204273319d455be8'
    """
    import hashlib

    digest = hashlib.sha256()
    for part in _parts(array):
        digest.update(part)
    return digest.hexdigest()


def _parts(array: NDArray[Any]) -> tuple[bytes, memoryview]:
    """Return the header and the elements, as they stand in the file."""
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder(">")
    if dtype not in _CODES:
        known = ", ".join(known.newbyteorder("=").name for known in _CODES)
        raise TypeError(f"IDX cannot hold an array of {array.dtype}, expected one of {known}")
    if max(array.shape, default=0) > _LARGEST_SIZE:
        raise ValueError(
            f"IDX cannot hold the shape {array.shape}: sizes go up to {_LARGEST_SIZE:,}"
        )
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, _CODES[dtype], array.ndim, *array.shape)
    return header, np.ascontiguousarray(array, dtype).data
