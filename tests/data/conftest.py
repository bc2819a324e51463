"""A MNIST of seven digits, and mirrors for it."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from loopback import Mirrors, Tiny

from tinygrad_mnist.data import write_idx
from tinygrad_mnist.data.files import MNIST_FILES, DataFile


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    directory = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)
    arrays = (
        rng.integers(0, 256, (4, 28, 28), np.uint8),
        np.array([9, 0, 3, 3], np.uint8),
        rng.integers(0, 256, (3, 28, 28), np.uint8),
        np.array([1, 2, 0], np.uint8),
    )
    files = []
    for (name, _, _), array in zip(MNIST_FILES, arrays, strict=True):
        write_idx(directory / name, array)
        content = (directory / name).read_bytes()
        files.append(DataFile(name, len(content), hashlib.sha256(content).hexdigest()))
    return Tiny(directory, tuple(files))


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    mirrors = Mirrors()
    yield mirrors
    mirrors.stop()
