"""The command that writes a page about one digit."""

import sys
from pathlib import Path

import numpy as np
import pytest
from command import Result, assert_one_line, run
from PIL import Image

from tinygrad_mnist.cli import explain
from tinygrad_mnist.data import MNIST
from tinygrad_mnist.model_files import load_model, save_model
from tinygrad_mnist.models import lenet5, mlp
from tinygrad_mnist.training import predict


@pytest.fixture
def model(trained: Path) -> Path:
    return trained / "model.safetensors"


def explained(*arguments: object) -> Result:
    return run("explain", "--data", "sample", *arguments)


def test_a_test_digit_is_explained(tmp_path: Path, model: Path, sample: MNIST) -> None:
    out = tmp_path / "page.html"
    result = explained("--model", model, "--digit", 7, "--out", out)
    assert (result.status, result.err) == (0, "")
    (probabilities,) = predict(load_model(model), sample.test_images[7][None])
    said = f"is a {sample.test_labels[7]}; the model takes it for a {probabilities.argmax()}."
    assert result.out.splitlines() == [
        "Using the bundled sample of 5,000 MNIST digits.",
        f"Test digit 7 {said}",
        f"In {out}: the page that explains it. Open it in a browser.",
    ]
    page = out.read_text(encoding="utf-8")
    assert f"Test digit 7 is a {sample.test_labels[7]}; the network takes it" in page
    assert "dW^{[1]}" in page


def test_by_default_it_takes_the_latest_model_and_the_digit_that_is_hardest(
    tmp_path: Path, trained: Path, sample: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "latest").symlink_to(trained, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    result = explained()
    assert (result.status, result.err) == (0, "")
    sure = predict(load_model(trained / "model.safetensors"), sample.test_images[:100]).max(axis=1)
    assert f"Test digit {sure.argmin()} is a" in result.out
    assert (tmp_path / "explain.html").is_file()


def test_without_a_model_it_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = explained()
    assert_one_line(result, 1, str(explain.LATEST), "'tinygrad-mnist train' makes one", "--model")
    assert_one_line(explained("--model", "nowhere"), 1, "nowhere: No such file or directory\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", [None, 4])
def test_a_picture_is_explained(
    tmp_path: Path, model: Path, sample: MNIST, label: int | None
) -> None:
    picture, out = tmp_path / "<mine>.png", tmp_path / "page.html"
    Image.fromarray(sample.test_images[0]).save(picture)
    options = () if label is None else ("--label", label)
    result = explained("--model", model, "--image", picture, *options, "--out", out)
    assert (result.status, result.err) == (0, "")
    page = out.read_text(encoding="utf-8")
    if label is None:
        assert result.out.startswith("<mine>.png: the model takes it for a")
        assert "&lt;mine&gt;.png is taken for a" in page
    else:
        assert result.out.startswith("<mine>.png is a 4; the model takes it for a")
        assert "&lt;mine&gt;.png is a 4; the network takes it for" in page


@pytest.mark.parametrize("build", [lenet5, lambda rng: mlp([784, 128, 10], rng)])
def test_another_network_is_explained_without_the_derivation_by_hand(
    tmp_path: Path, build: object
) -> None:
    path, out = tmp_path / "model", tmp_path / "page.html"
    save_model(path, build(np.random.default_rng(0)))  # type: ignore[operator]
    assert explained("--model", path, "--out", out).status == 0
    assert "leaves the derivation by hand out" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [-1, 1000])
def test_a_digit_that_is_not_there_is_one_line(tmp_path: Path, model: Path, number: int) -> None:
    result = explained("--model", model, "--digit", number, "--out", tmp_path / "page.html")
    assert_one_line(result, 1, f"no test digit {number}", "from 0 to 999")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_read_is_one_line(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "page.html"
    no_picture = tmp_path / "text.png"
    no_picture.write_text("a seven")
    for path in (no_picture, tmp_path / "missing.png"):
        result = explained("--model", model, "--image", path, "--out", out)
        assert_one_line(result, 1, str(path))
    assert not out.exists()


@pytest.mark.parametrize("out", ["directory", "missing/page.html", "file/page.html"])
def test_an_output_that_cannot_be_written_is_one_line(
    tmp_path: Path, model: Path, out: str
) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    result = explained("--model", model, "--digit", 0, "--out", tmp_path / out)
    assert_one_line(result, 1, f"{tmp_path / out}: ")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("out", ["directory", "missing/page.html"])
def test_the_output_is_tried_before_anything_is_worked_through(
    tmp_path: Path, model: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_early(*_: object) -> None:
        pytest.fail("the model was read before the output was tried")

    monkeypatch.setattr(explain, "load_recogniser", too_early)
    (tmp_path / "directory").mkdir()
    result = explained("--model", model, "--out", tmp_path / out)
    assert_one_line(result, 1, f"{tmp_path / out}: ")


def test_a_full_disk_leaves_the_old_page(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "page.html"
    out.write_text("old")
    monkeypatch.setattr("os.fsync", full)
    result = explained("--model", model, "--digit", 0, "--out", out)
    assert_one_line(result, 1, "No space left on device")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("page.html", "old")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--digit", 1, "--image", "a.png"), "not allowed with"),
        (("--label", 3), "--label belongs to --image"),
        (("--image", "a.png", "--label", 11), "invalid choice: 11"),
        (("--digit", "three"), "invalid int"),
        (("--out", ""), "argument --out: expected the name of a file, found nothing"),
    ],
)
def test_options_that_make_no_sense_are_one_line(options: tuple[object, ...], words: str) -> None:
    assert_one_line(explained(*options), 2, words)


def test_without_latex2mathml_the_extra_is_named(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tinygrad_mnist.study.explain import markup

    markup.math.cache_clear()
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    result = explained("--model", model, "--digit", 0, "--out", tmp_path / "page.html")
    assert_one_line(result, 1, "the package latex2mathml", "tinygrad-mnist[study]")
    assert list(tmp_path.iterdir()) == []
