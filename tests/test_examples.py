"""The examples run, and show what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_mnist.data import load_mnist, write_idx
from tinygrad_mnist.data.files import MNIST_FILES

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def sample_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample as four files, so that nothing is downloaded."""
    directory = tmp_path_factory.mktemp("sample")
    sample = load_mnist("sample")
    arrays = sample.train_images, sample.train_labels, sample.test_images, sample.test_labels
    for (name, _, _), array in zip(MNIST_FILES, arrays, strict=True):
        write_idx(directory / name, array)
    return directory


def output(name: str, data: Path) -> str:
    done = subprocess.run(  # noqa: S603 (own program)
        [sys.executable, "-W", "error", EXAMPLES / name],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TINYGRAD_MNIST_DATA": str(data)},
    )
    assert done.stderr == ""
    return done.stdout


def test_two_layers_learn_the_digits(sample_directory: Path) -> None:
    lines = output("two_layer.py", sample_directory).splitlines()
    shares = [float(line.split()[2].rstrip("%")) for line in lines if line.startswith("epoch ")]
    assert len(shares) == 5
    assert shares[-1] > 85
    assert shares[-1] > shares[0]


def test_two_layers_are_one_page() -> None:
    assert len((EXAMPLES / "two_layer.py").read_text().splitlines()) <= 60


def test_by_hand_and_autodiff_agree(sample_directory: Path) -> None:
    lines = output("by_hand_vs_autodiff.py", sample_directory).splitlines()
    rows = [line for line in lines if re.match("[Wb][12] ", line)]
    assert [row.split()[0] for row in rows] == ["W1", "b1", "W2", "b2"]
    assert [re.findall(r"\d\.\w+", row)[0] for row in rows] == [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    ]
    distances = [float(number) for row in rows for number in row.split()[-2:]]
    assert len(distances) == 8
    assert max(distances) < 1e-12
