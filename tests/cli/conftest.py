"""What the tests of the command line share: digits, a trained model, no network."""

import socket
from pathlib import Path
from typing import Any

import pytest
from command import run

from tinygrad_mnist.data import MNIST, load_mnist, write_idx
from tinygrad_mnist.data.files import MNIST_FILES
from tinygrad_mnist.recipes import Recipe


@pytest.fixture(scope="session")
def sample() -> MNIST:
    return load_mnist("sample")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a model trained on the sample, and its pictures."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert run("train", "--data", "sample", "--epochs", 3, "--out", out).status == 0
    return out


@pytest.fixture
def four_files(tmp_path: Path, sample: MNIST) -> Path:
    """A directory with a few digits of the sample in MNIST's four files."""
    directory = tmp_path / "digits"
    directory.mkdir()
    arrays = (
        sample.train_images[:50],
        sample.train_labels[:50],
        sample.test_images[:20],
        sample.test_labels[:20],
    )
    for (name, _, _), array in zip(MNIST_FILES, arrays, strict=True):
        write_idx(directory / name, array)
    return directory


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and a network where every request is refused at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, nowhere)
    for variable in ("no_proxy", "NO_PROXY", "TINYGRAD_MNIST_DATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """See that no training takes place."""

    def trained(*_: Any, **__: Any) -> None:
        pytest.fail("trained")

    monkeypatch.setattr(Recipe, "train", trained)
