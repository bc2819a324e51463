"""The data that the command line takes, and refuses."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from command import assert_one_line, run

from tinygrad_mnist.data.files import MNIST_FILES
from tinygrad_mnist.model_files import read_record


def test_a_directory_of_four_files_is_read(four_files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("train", "--data", four_files, "--no-plots", "--json", "--out", out)
    assert result.status == 0
    assert result.out.startswith(f"Using 70 digits from {four_files}.\n")
    assert json.loads(result.out.splitlines()[-1])["data"] == "directory"
    assert read_record(out / "model.safetensors")["trained_on"] == "directory"
    assert "      -\n" in run("evaluate", out / "model.safetensors", "--data", four_files).out


def spoiled(content: bytes, how: str) -> bytes:
    match how:
        case "truncated":
            return content[:-1]
        case "oversized":
            return content + b"\0"
        case "foreign":
            return b"\x89PNG" + content[4:]
        case "unfinished gzip":
            return gzip.compress(content)[:-20]
        case "damaged gzip":
            packed = bytearray(gzip.compress(content))
            packed[len(packed) // 2] ^= 0xFF
            return bytes(packed)
        case "a label of 10":
            return content[:-1] + b"\x0a"
        case "one label less":
            return content[:4] + (len(content) - 9).to_bytes(4) + content[8:-1]
    raise AssertionError(how)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("data", MNIST_FILES, ids=lambda file: file.name)
@pytest.mark.parametrize(
    "how",
    [
        "truncated",
        "oversized",
        "foreign",
        "unfinished gzip",
        "damaged gzip",
        "a label of 10",
        "one label less",
    ],
)
def test_spoiled_files_are_one_line(four_files: Path, data: Any, how: str) -> None:
    if "label" in how and "labels" not in data.name:
        data = MNIST_FILES[1]
    file = four_files / data.name
    file.write_bytes(spoiled(file.read_bytes(), how))
    result = run("train", "--data", four_files, "--no-plots", "--out", four_files / "out")
    assert_one_line(result, 1, str(file))
    assert not (four_files / "out").exists()


@pytest.mark.usefixtures("untrained")
def test_a_missing_file_is_one_line(four_files: Path) -> None:
    (four_files / "t10k-labels-idx1-ubyte").unlink()
    result = run("train", "--data", four_files)
    assert_one_line(result, 1, "t10k-labels-idx1-ubyte", "expected a directory with")


@pytest.mark.usefixtures("untrained")
def test_all_of_mnist_is_not_a_few_digits_of_it(
    four_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_MNIST_DATA", str(four_files))
    result = run("train", "--data", "full", "--no-plots")
    assert_one_line(result, 1, str(four_files / MNIST_FILES[0].name), "expected MNIST's own file")


@pytest.mark.usefixtures("untrained")
def test_data_without_a_name_is_one_line() -> None:
    assert_one_line(run("train", "--data", ""), 1, "data must be 'auto'", "not ''")


@pytest.mark.usefixtures("offline", "untrained")
def test_all_of_mnist_without_a_network_is_one_line() -> None:
    result = run("train", "--data", "full", "--no-plots")
    assert_one_line(result, 1, "could not be downloaded", "https://")


@pytest.mark.usefixtures("offline")
def test_without_a_network_the_sample_is_taken_and_said_so(tmp_path: Path) -> None:
    options = ("--epochs", 1, "--no-plots", "--json", "--out", tmp_path)
    result = run("train", *options)
    assert result.status == 0
    assert result.out.startswith("Using the bundled sample of 5,000 MNIST digits, because MNIST is")
    assert json.loads(result.out.splitlines()[-1])["data"] == "sample"
