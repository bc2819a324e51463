"""MNIST: find the digits, check them, and say where they came from.

`load_mnist` is the door of this room for most people. It reads files through `idx`, keeps them in
the user's cache directory, has `download` fetch those that are missing, and falls back on 5,000
digits that come with the package, so that there is always something to learn from.

MNIST is by Yann LeCun, Corinna Cortes and Christopher Burges.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tinygrad_mnist.data.digits import Digits
from tinygrad_mnist.data.files import MIRRORS, MNIST_FILES, DataFile, is_sound
from tinygrad_mnist.data.idx import idx_sha256, read_idx

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MNIST",
    "cache_directory",
    "load_cached",
    "load_directory",
    "load_mnist",
    "load_sample",
    "load_verified",
]

_VARIABLE = "TINYGRAD_MNIST_DATA"
_LARGE = 1 << 27  # bytes; MNIST's own files are read, since memory cannot change or be cut short


@dataclass(frozen=True, eq=False)
class MNIST:
    """Digits to learn from and digits to be examined on.

    Attributes
    ----------
    train_images, test_images
        uint8, shape (digits, 28, 28): 0 is the background, 255 full ink.
    train_labels, test_labels
        uint8, shape (digits,): 0 to 9.
    kind
        ``"full"``: all of MNIST, verified. ``"sample"``: the digits that come with the package.
        ``"directory"``: what the user's own directory holds.
    source
        Where the digits come from: one sentence, ready to print.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    kind: Literal["full", "sample", "directory"]
    source: str

    @property
    def train(self) -> Digits:
        """The digits to learn from."""
        return Digits(self.train_images, self.train_labels)

    @property
    def test(self) -> Digits:
        """The digits to be examined on."""
        return Digits(self.test_images, self.test_labels)


def load_mnist(data: str | os.PathLike[str] = "auto", *, progress: bool = False) -> MNIST:
    """Load handwritten digits.

    Parameters
    ----------
    data
        ``"auto"`` takes the directory that the environment variable ``TINYGRAD_MNIST_DATA`` names,
        if it is set; else the user's cache directory, into which missing files are downloaded;
        and if that fails, the bundled sample. ``"full"`` looks in the same directories, but takes
        nothing that is not MNIST to the last bit.
        ``"sample"`` takes the bundled sample: 4,000 digits to train on, 1,000 to test on.
        Anything else is a directory with the four files of MNIST under their own names, plain or
        gzipped; other pictures of the same form, such as Fashion-MNIST, are welcome there. Plain
        files of images above 128 MiB are not read but mapped into memory, as by `read_idx`, so
        that they may be larger than it; the arrays are read-only then.
    progress
        Show a progress bar while downloading.

    Raises
    ------
    OSError
        If a file is missing from a directory, or cannot be read; with ``"full"``, if the download
        fails.
    ValueError
        If a file of a directory does not hold what it should, which with ``"full"`` is what
        MNIST's own file holds; or if ``data`` is empty.
    ImportError
        If a progress bar is needed and its package, tqdm, is not installed.

    Examples
    --------
    >>> digits = load_mnist("sample")
    >>> digits.train_images.shape, digits.test_labels.shape
    ((4000, 28, 28), (1000,))
    >>> digits.source
    'Using the bundled sample of 5,000 MNIST digits.'
    """
    if data == "sample":
        return load_sample()
    if data == "":
        raise ValueError("data must be 'auto', 'full', 'sample' or a directory, not ''")
    if data not in ("auto", "full"):
        return load_directory(data)
    if directory := os.environ.get(_VARIABLE):
        return load_verified(directory) if data == "full" else load_directory(directory)
    try:
        return load_cached(cache_directory(), progress=progress)
    except OSError as error:
        if data == "full":
            raise
        return load_sample(because=f"MNIST is not at hand: {error}")


def load_directory(directory: str | os.PathLike[str]) -> MNIST:
    """Load the four files that a directory holds, plain (preferred) or gzipped.

    Raises
    ------
    OSError
        If a file is missing or cannot be read.
    ValueError
        If a file does not hold what it should. `IDXError` is one kind of it.
    """
    return _read_files(os.fspath(directory), "directory", "digits")


def load_verified(
    directory: str | os.PathLike[str], files: Sequence[DataFile] = MNIST_FILES
) -> MNIST:
    """Load the four files as `load_directory` does, and insist on what they hold.

    Parameters
    ----------
    directory
        Where they are.
    files
        What they must be, in the order of `MNIST_FILES`.

    Raises
    ------
    OSError
        If a file is missing or cannot be read.
    ValueError
        If a file holds anything else.
    """
    directory = os.fspath(directory)
    digits = _read_files(directory, "full", "MNIST digits")
    arrays = digits.train_images, digits.train_labels, digits.test_images, digits.test_labels
    for file, array in zip(files, arrays, strict=True):
        if idx_sha256(array) != file.sha256:
            raise ValueError(
                f"{_find(directory, file.name)}: expected MNIST's own file, "
                "found other content: the SHA-256 is wrong"
            )
    return digits


def load_cached(
    directory: str,
    files: Sequence[DataFile] = MNIST_FILES,
    mirrors: Sequence[str] = MIRRORS,
    *,
    progress: bool = False,
) -> MNIST:
    """Load MNIST from a cache directory, after downloading what is missing or damaged there.

    Files are verified by their SHA-256 each time: it takes a few hundredths of a second.

    Parameters
    ----------
    directory
        The cache.
    files
        What the four files must be.
    mirrors
        The URLs under which to look for them.
    progress
        Show a progress bar while downloading.

    Raises
    ------
    OSError
        If a file can neither be read from the cache nor be downloaded into it.
    """
    unsound = [file for file in files if not is_sound(os.path.join(directory, file.name), file)]
    if unsound:
        from tinygrad_mnist.data.download import download

        download(unsound, directory, mirrors, progress=progress)
    return _read_files(directory, "full", "MNIST digits")


def load_sample(because: str = "") -> MNIST:
    """Load the 5,000 digits that come with the package.

    Parameters
    ----------
    because
        Why it is these and no others, if there is a reason to tell; ``source`` gives it.
    """
    from importlib import resources

    reason = f", because {because}" if because else ""
    with (
        resources.files("tinygrad_mnist.data").joinpath("sample.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as sample,
    ):
        return MNIST(
            **sample,
            kind="sample",
            source=f"Using the bundled sample of 5,000 MNIST digits{reason}.",
        )


def cache_directory() -> str:
    """Return the directory that keeps downloaded digits, by the custom of the platform.

    Nothing is created.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "tinygrad_mnist")


def _read_files(directory: str, kind: Literal["full", "directory"], what: str) -> MNIST:
    train_images, train_labels = _read_pair(directory, "train")
    test_images, test_labels = _read_pair(directory, "t10k")
    return MNIST(
        train_images,
        train_labels,
        test_images,
        test_labels,
        kind,
        f"Using {len(train_labels) + len(test_labels):,} {what} from {directory}.",
    )


def _read_pair(directory: str, prefix: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images_path = _find(directory, f"{prefix}-images-idx3-ubyte")
    labels_path = _find(directory, f"{prefix}-labels-idx1-ubyte")
    images = read_idx(images_path, mmap=os.path.getsize(images_path) > _LARGE)
    labels = read_idx(labels_path)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or len(images) == 0:
        raise ValueError(
            f"{images_path}: expected images, uint8 of shape (n, 28, 28) with n above 0, "
            f"found {_form(images)}"
        )
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise ValueError(
            f"{labels_path}: expected labels, uint8 of shape (n,), found {_form(labels)}"
        )
    if len(labels) != len(images):
        raise ValueError(
            f"{labels_path}: expected a label for each of the {len(images):,} images of "
            f"{images_path}, found {len(labels):,}"
        )
    if labels.max() > 9:
        raise ValueError(f"{labels_path}: expected labels from 0 to 9, found {labels.max()}")
    return images, labels


def _find(directory: str, name: str) -> str:
    for candidate in (name, f"{name}.gz"):
        path = os.path.join(directory, candidate)
        if os.path.exists(path) and not os.path.isdir(path):
            return path
    raise FileNotFoundError(f"{directory}: expected a directory with a file {name} or {name}.gz")


def _form(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"
