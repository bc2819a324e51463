"""The form of a checkpoint: one safetensors file that tells when any byte of it is wrong.

A tree of dicts and lists is split: its arrays become the file's, under their number and path;
all else is one JSON text in the metadata. The text is preceded by the format's version, the
file's size in bytes and the SHA-256 of the whole file (in which the 64 digits themselves count as
zeros), each at a fixed place, so that a file is judged before anything in it is believed.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import numpy as np

from tinygrad_mnist.extras import need

__all__ = ["DamagedError", "from_bytes", "to_bytes"]

_VERSION = 1
_ENTRY = "tinygrad_mnist_checkpoint"
_BEGIN = f'{{"__metadata__":{{"{_ENTRY}":"'.encode()  # after 8 bytes for the header's length
_UNSIGNED = f"{0:015d} {'0' * 64}"
_SEAL = re.compile(rb"(\d{1,9}) (\d{15}) ([0-9a-f]{64}) ")
_SHORTEST = 8 + len(_BEGIN) + len(f"{_VERSION} {_UNSIGNED} ")
_ARRAY = "$array"  # marks the place of an array in the JSON text
_ESCAPE = "$"  # put before every key of the caller's that begins with it


class DamagedError(ValueError):
    """Bytes that are not a sound checkpoint."""


def to_bytes(tree: Any) -> bytes:
    """Write a tree of dicts with str keys, lists, arrays, and what JSON can hold.

    Raises
    ------
    ValueError, TypeError
        If JSON cannot hold something: a number that is not finite, an object of another type.
    ImportError
        If safetensors is not installed.
    """
    safetensors = need("safetensors.numpy", "cli", "writing a checkpoint")
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_without_arrays(tree, "", arrays), allow_nan=False)
    content = bytearray(safetensors.save(arrays, {_ENTRY: f"{_VERSION} {_UNSIGNED} {text}"}))
    at = 8 + len(_BEGIN) + len(f"{_VERSION} ")
    if content[8:at] != _BEGIN + f"{_VERSION} ".encode():
        raise RuntimeError("this version of safetensors does not put the metadata first")
    content[at : at + 15] = f"{len(content):015d}".encode()
    content[at + 16 : at + 80] = hashlib.sha256(content).hexdigest().encode()
    return bytes(content)


def from_bytes(content: bytes) -> Any:
    """Read the tree that `to_bytes` wrote.

    Raises
    ------
    DamagedError
        If the bytes are not exactly what `to_bytes` wrote. The message says in what way.
    ImportError
        If safetensors is not installed.
    """
    safetensors = need("safetensors.numpy", "cli", "reading a checkpoint")
    _check(content)
    end = 8 + int.from_bytes(content[:8], "little")
    text = json.loads(content[8:end])["__metadata__"][_ENTRY]
    return _with_arrays(json.loads(text.split(" ", 3)[3]), safetensors.load(content))


def _check(content: bytes) -> None:
    # The header's length comes first, in 8 bytes, and safetensors allows it 100 MB.
    if int.from_bytes(content[:8], "little") > 100_000_000 or not _BEGIN.startswith(
        content[8 : 8 + len(_BEGIN)]
    ):
        raise DamagedError("it is not a checkpoint of tinygrad_mnist")
    seal = _SEAL.match(content, 8 + len(_BEGIN))
    if seal is None:
        short = len(content) < _SHORTEST
        raise DamagedError("it is cut short" if short else "it was altered after it was written")
    version, size = int(seal[1]), int(seal[2])
    if version > _VERSION:
        raise DamagedError(
            f"it is written in version {version} of the format, and this program reads "
            f"version {_VERSION}"
        )
    if len(content) < size:
        raise DamagedError(f"it is cut short, to {len(content):,} of its {size:,} bytes")
    digest = hashlib.sha256(memoryview(content)[: seal.start(3)])
    digest.update(b"0" * 64)
    digest.update(memoryview(content)[seal.end(3) :])
    if digest.hexdigest().encode() != seal[3]:
        raise DamagedError("it was altered after it was written: its SHA-256 is wrong")


def _without_arrays(tree: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(tree, np.ndarray):
        name = f"{len(arrays)} {path}"  # the same path may be of several: a/b and a, b
        arrays[name] = np.asarray(tree, order="C")  # safetensors writes memory as it lies
        return {_ARRAY: name}
    below = f"{path}/" if path else ""
    if isinstance(tree, dict):
        return {
            f"{_ESCAPE}{key}" if str(key).startswith(_ESCAPE) else key: _without_arrays(
                part, f"{below}{key}", arrays
            )
            for key, part in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [_without_arrays(part, f"{below}{i}", arrays) for i, part in enumerate(tree)]
    return tree


def _with_arrays(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(tree, dict):
        if tree.keys() == {_ARRAY}:
            return arrays[tree[_ARRAY]]
        return {key.removeprefix(_ESCAPE): _with_arrays(part, arrays) for key, part in tree.items()}
    if isinstance(tree, list):
        return [_with_arrays(part, arrays) for part in tree]
    return tree
