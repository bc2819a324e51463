"""Examining a saved model, and asking it about pictures."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from command import assert_one_line, run
from PIL import Image
from safetensors.numpy import save

from tinygrad_mnist.data import MNIST
from tinygrad_mnist.model_files import load_model, save_model
from tinygrad_mnist.models import mlp
from tinygrad_mnist.training import evaluate


def test_evaluate_prints_accuracy_and_confusion(trained: Path, sample: MNIST) -> None:
    path = trained / "model.safetensors"
    result = run("evaluate", path, "--data", "sample")
    assert (result.status, result.err) == (0, "")
    evaluation = evaluate(load_model(path), sample.test_images, sample.test_labels)
    assert f"test accuracy  {100 * evaluation.accuracy:.2f} %" in result.out
    assert "no test for this model" not in result.out
    rows = [line.split() for line in result.out.splitlines()[-10:]]
    assert [row[0] for row in rows] == [str(digit) for digit in range(10)]
    assert np.array(rows, int)[:, 1:].tolist() == evaluation.confusion.tolist()


@pytest.mark.parametrize("trained_on", ["full", "directory", ""])
def test_the_sample_is_no_test_for_a_model_of_mnist(tmp_path: Path, trained_on: str) -> None:
    path = tmp_path / "model"
    save_model(path, mlp([784, 10, 10], np.random.default_rng(0)), trained_on)
    result = run("evaluate", path, "--data", "sample")
    assert result.status == 0
    assert "The sample is no test for this model" in result.out


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_a_file_that_is_no_sound_model_is_one_line(
    tmp_path: Path, trained: Path, verb: str
) -> None:
    rest = ["image.png"] if verb == "predict" else ["--data", "sample"]
    sound = (trained / "model.safetensors").read_bytes()
    path = tmp_path / "model"
    assert_one_line(run(verb, path, *rest), 1, f"{path}: No such file or directory")
    assert_one_line(run(verb, tmp_path, *rest), 1, f"{tmp_path}: Is a directory")
    for content, words in (
        (sound[:-1], "not a sound safetensors file"),
        (b"", "not a sound safetensors file"),
        (save({"a": np.zeros(3)}), "not a model of tinygrad_mnist"),
    ):
        path.write_bytes(content)
        assert_one_line(run(verb, path, *rest), 1, str(path), words)
    for sizes in ([100, 10], [784, 5]):
        save_model(path, mlp(sizes, np.random.default_rng(0)))
        words = "expected a model from 784 pixels to 10 digits: "
        assert_one_line(run(verb, path, *rest), 1, str(path), words)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, trained: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert_one_line(run("evaluate", pipe, "--data", "sample"), 1, f"{pipe}: not a regular file\n")
    assert_one_line(run("predict", pipe, "a.png"), 1, f"{pipe}: not a regular file\n")
    result = run("predict", trained / "model.safetensors", pipe)
    assert_one_line(result, 1, f"{pipe}: not a regular file\n")


@pytest.fixture
def images(tmp_path: Path, trained: Path, sample: MNIST) -> list[Path]:
    """Pictures of three digits that the model gets right."""
    answers = evaluate(
        load_model(trained / "model.safetensors"), sample.test_images, sample.test_labels
    ).probabilities.argmax(axis=1)
    right = np.flatnonzero(answers == sample.test_labels)[:3]
    paths = []
    for index in right:
        paths.append(tmp_path / f"{sample.test_labels[index]}_{index}.png")
        Image.fromarray(sample.test_images[index]).save(paths[-1])
    return paths


def test_predict_prints_the_answer_and_ten_bars(trained: Path, images: list[Path]) -> None:
    result = run("predict", trained / "model.safetensors", *images)
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert len(lines) == 11 * len(images)
    for path, start in zip(images, range(0, len(lines), 11), strict=True):
        digit = int(path.name[0])
        assert lines[start] == f"{path}: {digit}"
        rows = [line.split() for line in lines[start + 1 : start + 11]]
        assert [int(row[0]) for row in rows] == list(range(10))
        shares = [float(row[1]) for row in rows]
        assert sum(shares) == pytest.approx(100, abs=0.1)
        assert max(range(10), key=shares.__getitem__) == digit
        bars = [len(row[3]) if len(row) > 3 else 0 for row in rows]
        np.testing.assert_allclose(bars, 0.3 * np.array(shares), atol=0.6)


def test_a_bad_picture_is_reported_and_the_others_are_answered(
    tmp_path: Path, trained: Path, images: list[Path]
) -> None:
    text = tmp_path / "text.png"
    text.write_text("a seven")
    blank = tmp_path / "blank.png"
    Image.new("L", (50, 50), "white").save(blank)
    missing = tmp_path / "missing.png"
    bad = [text, blank, missing]
    result = run("predict", trained / "model.safetensors", images[0], *bad, images[1])
    assert result.status == 1
    assert result.out.count(".png: ") == 2
    lines = result.err.splitlines()
    assert len(lines) == 3
    for line, path in zip(lines, bad, strict=True):
        assert line.startswith("tinygrad-mnist: error: ")
        assert str(path) in line


def test_without_pillow_the_extra_is_named(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    result = run("predict", trained / "model.safetensors", "a.png", "b.png")
    assert_one_line(result, 1, "reading an image needs the package PIL")
