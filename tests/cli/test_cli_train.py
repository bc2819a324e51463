"""Training from the command line, and what it says of nonsense."""

import json
import os
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import CHECKPOINTS, PICTURES, PLAIN_FILES, QUICK, Terminal, assert_one_line, run
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tinygrad_mnist.data import MNIST
from tinygrad_mnist.model_files import load_model, read_record
from tinygrad_mnist.models import mlp
from tinygrad_mnist.recipes import Recipe
from tinygrad_mnist.training import DivergedError, evaluate


def test_train_leaves_a_model_its_settings_its_history_and_four_pictures(trained: Path) -> None:
    assert {file.name for file in trained.iterdir()} == PLAIN_FILES | PICTURES | CHECKPOINTS
    for name in PICTURES:
        with Image.open(trained / name) as picture:
            assert min(picture.size) > 100
    history = json.loads((trained / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3]
    assert set(history[0]) == {
        "epoch",
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
        "lr",
        "seconds",
        "waits",
    }
    assert read_record(trained / "model.safetensors")["trained_on"] == "sample"


def test_train_prints_what_it_does(tmp_path: Path, sample: MNIST) -> None:
    result = run("train", *QUICK, "--out", tmp_path / "run", "--json")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == sample.source
    assert lines[1] == "Sequential("
    assert sum(line.startswith("epoch ") for line in lines) == 2
    printed = json.loads(lines[-1])
    assert lines[-2] == f"In {tmp_path / 'run'}: model.safetensors, settings.json, history.json."
    evaluation = evaluate(
        load_model(tmp_path / "run" / "model.safetensors"), sample.test_images, sample.test_labels
    )
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert printed["test_accuracy"] == evaluation.accuracy == history[-1]["test_accuracy"]
    assert printed["train_loss"] == history[-1]["train_loss"]
    assert (printed["epochs"], printed["data"]) == (2, "sample")
    assert printed["seconds"] == pytest.approx(sum(epoch["seconds"] for epoch in history))
    assert f"test accuracy  {100 * evaluation.accuracy:.2f} %" in lines
    table = {line.split()[0]: line.split()[1:] for line in lines if line.endswith(" %")}
    for digit, (recall, precision) in enumerate(
        zip(evaluation.recall, evaluation.precision, strict=True)
    ):
        right, count = evaluation.confusion[digit, digit], evaluation.confusion[digit].sum()
        shares = [f"{100 * recall:.2f}", "%", f"{100 * precision:.2f}", "%"]
        assert table[str(digit)] == [str(right), str(count), *shares]


@pytest.mark.parametrize(("augment", "told"), [("none", 0), ("affine", 2)])
def test_epochs_tell_how_often_they_waited_for_distortions(
    tmp_path: Path, augment: str, told: int
) -> None:
    result = run("train", *QUICK, "--augment", augment, "--out", tmp_path, "--json")
    lines = [line for line in result.out.splitlines() if line.startswith("epoch ")]
    found = [int(line.split()[-3]) for line in lines if line.endswith(" steps waited")]
    assert len(found) == told
    assert sum(found) == json.loads(result.out.splitlines()[-1])["waits"]


def test_the_defaults_recognise_mnist(tmp_path: Path) -> None:
    if not (directory := os.environ.get("TINYGRAD_MNIST_DATA")):
        pytest.skip("needs all of MNIST: set TINYGRAD_MNIST_DATA to its directory")
    result = run("train", "--data", directory, "--no-plots", "--json", "--out", tmp_path)
    assert json.loads(result.out.splitlines()[-1])["test_accuracy"] >= 0.92


def test_settings_are_those_asked_for(tmp_path: Path) -> None:
    options = ("--hidden", 12, 11, "--batch-size", 50, "--lr", 0.2, "--momentum", 0.5, "--seed", 3)
    assert run("train", *QUICK, *options, "--out", tmp_path).status == 0
    record = json.loads((tmp_path / "settings.json").read_text())
    del record["source"]
    asked = Recipe(hidden=(12, 11), epochs=2, batch_size=50, lr=0.2, momentum=0.5)
    assert record == {
        **json.loads(json.dumps(asdict(asked))),
        "preset": None,
        "seed": 3,
        "validation": None,
        "data": "sample",
    }
    layers = read_record(tmp_path / "model.safetensors")["layers"]
    sizes = [(a["in_features"], a["out_features"]) for name, a in layers if name == "Linear"]
    assert sizes == [(784, 12), (12, 11), (11, 10)]


def test_the_same_seed_gives_the_same_bits(tmp_path: Path) -> None:
    contents = []
    for seed, out in ((7, "a"), (7, "b"), (8, "c")):
        assert run("train", *QUICK, "--seed", seed, "--out", tmp_path / out).status == 0
        contents.append((tmp_path / out / "model.safetensors").read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_a_batch_size_of_0_is_plain_gradient_descent(tmp_path: Path) -> None:
    result = run("train", *QUICK, "--batch-size", 0, "--momentum", 0, "--out", tmp_path)
    assert result.status == 0


def test_results_go_to_runs_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("train", *QUICK).status == 0
    files = {file.name for file in (tmp_path / "runs" / "latest").iterdir()}
    assert files == PLAIN_FILES | CHECKPOINTS


def test_a_run_takes_an_earlier_ones_pictures_away(tmp_path: Path) -> None:
    (tmp_path / "learning_curves.png").touch()
    (tmp_path / "notes.txt").touch()
    assert run("train", *QUICK, "--out", tmp_path).status == 0
    assert {file.name for file in tmp_path.iterdir()} == PLAIN_FILES | CHECKPOINTS | {"notes.txt"}


def test_a_terminal_is_shown_a_progress_bar(tmp_path: Path) -> None:
    result = run("train", *QUICK, "--out", tmp_path, err=Terminal())
    assert result.status == 0
    assert "epoch 2/2" in result.err
    assert "loss " in result.err
    assert sum(line.startswith("epoch ") for line in result.out.splitlines()) == 2


NONSENSE = st.one_of(
    st.tuples(st.just("--epochs"), st.integers(max_value=0)),
    st.tuples(st.just("--batch-size"), st.integers(max_value=-1)),
    st.tuples(st.just("--lr"), st.floats(max_value=0) | st.sampled_from(["nan", "inf", "fast"])),
    st.tuples(st.just("--momentum"), st.floats(min_value=1) | st.floats(max_value=-1e-300)),
    st.tuples(st.just("--seed"), st.integers(max_value=-1)),
    st.tuples(st.just("--hidden"), st.integers(max_value=0)),
    st.tuples(st.sampled_from(["--epochs", "--batch-size", "--seed", "--hidden"]), st.just("1.5")),
)


@settings(max_examples=50, deadline=None)
@given(NONSENSE)
def test_nonsense_is_one_line_and_nothing_is_trained(option: tuple[str, Any]) -> None:
    name, value = option
    result = run("train", "--data", "nowhere", "--out", "/dev/null/out", f"{name}={value}")
    assert_one_line(result, 2, name.strip("-").replace("-", " ").split()[0], str(value))
    assert result.out == ""


@pytest.mark.parametrize(
    "arguments", [[], ["learn"], ["train", "--epoch-count", "3"], ["evaluate"], ["predict", "m"]]
)
def test_a_command_line_that_makes_no_sense_is_one_line(arguments: list[str]) -> None:
    assert_one_line(run(*arguments), 2, "--help)")


@pytest.mark.parametrize("arguments", [[], ["train"], ["evaluate"], ["predict"]])
def test_help_is_printed(arguments: list[str]) -> None:
    result = run(*arguments, "--help")
    assert (result.status, result.err) == (0, "")
    assert "usage: tinygrad-mnist" in result.out


def test_the_version_is_that_of_the_distribution() -> None:
    result = run("--version")
    assert (result.status, result.err) == (0, "")
    assert result.out == f"tinygrad-mnist {version('tinygrad-mnist')}\n"


def test_without_a_distribution_the_version_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", unknown)
    assert_one_line(run("--version"), 1, "the version is not known")


def test_divergence_keeps_the_last_good_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Recipe.train

    def diverging(*arguments: Any, **keywords: Any) -> None:
        raise DivergedError(2, 1, train(*arguments, **keywords))

    monkeypatch.setattr(Recipe, "train", diverging)
    result = run("train", *QUICK, "--out", tmp_path)
    assert_one_line(result, 1, "epoch 2, step 1", "a smaller learning rate may help")
    assert f"The model of the end of epoch 2 is in {tmp_path}." in result.out
    assert {file.name for file in tmp_path.iterdir()} == PLAIN_FILES
    initial = mlp([784, 10, 10], np.random.default_rng(0)).state_dict()
    saved = load_model(tmp_path / "model.safetensors").state_dict()
    assert (saved["0.weight"] != initial["0.weight"]).any()
    assert len(json.loads((tmp_path / "history.json").read_text())) == 2


def test_divergence_without_a_good_epoch_saves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "model.safetensors").write_bytes(b"old")
    for out in (tmp_path / "old", tmp_path / "new" / "below"):
        result = run("train", *QUICK, "--lr", "1e30", "--out", out)
        assert_one_line(result, 1, "epoch 1, step ", "the initial ones")
        assert result.out.endswith("Nothing was saved, because no epoch had ended.\n")
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "model.safetensors"]
    assert (tmp_path / "old" / "model.safetensors").read_bytes() == b"old"


@pytest.mark.parametrize(
    "options",
    [("--hidden", 10**13), ("--hidden", 10**30), ("--epochs", 10**400)],
    ids=["no memory", "no array", "no float"],
)
def test_absurd_sizes_are_one_line(tmp_path: Path, options: tuple[str, int]) -> None:
    assert_one_line(run("train", *QUICK, *options, "--out", tmp_path), 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [("--lr", 1e300), ("--batch-size", 10**30)])
def test_large_numbers_that_make_sense_are_taken(
    tmp_path: Path, options: tuple[str, float]
) -> None:
    result = run("train", *QUICK, *options, "--out", tmp_path)
    if "--lr" in options:
        assert_one_line(result, 1, "a smaller learning rate may help")
    else:
        assert result.status == 0


def test_ctrl_c_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Recipe, "train", interrupted)
    result = run("train", *QUICK, "--out", tmp_path)
    assert (result.status, result.err) == (130, "tinygrad-mnist: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_a_name_of_two_lines_is_told_in_one() -> None:
    assert_one_line(run("evaluate", "no such\nmodel"), 1, "no such model: No such file")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run("train", "--data", tmp_path / "nowhere", "--debug")
    with pytest.raises(FileNotFoundError):
        run("evaluate", tmp_path / "nowhere", "--debug")


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise AttributeError("a bug")

    monkeypatch.setattr(Recipe, "train", broken)
    with pytest.raises(AttributeError):
        run("train", *QUICK, "--out", tmp_path)
