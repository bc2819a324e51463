"""The four files of MNIST: their names, where they are found, and what tells a sound copy.

The facts alone, shared by `mnist`, which reads the files, and `download`, which fetches them.
"""

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = ["MIRRORS", "MNIST_FILES", "DataFile", "is_sound"]


class DataFile(NamedTuple):
    """A file that is known by its content.

    Attributes
    ----------
    name
        Its name, without the ``.gz`` that mirrors add.
    size
        In bytes, decompressed.
    sha256
        Of the decompressed content, in hexadecimal.
    """

    name: str
    size: int
    sha256: str


MNIST_FILES = (
    DataFile(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    DataFile(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    DataFile(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    DataFile(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def is_sound(path: str, file: DataFile) -> bool:
    """Tell whether there is a copy of the file at ``path``, decompressed, true to the last bit.

    Examples
    --------
    >>> is_sound("/nowhere", MNIST_FILES[0])
    False
    """
    if not os.path.isfile(path):
        return False
    import hashlib

    with open(path, "rb") as copy:
        return hashlib.file_digest(copy, "sha256").hexdigest() == file.sha256
