"""Runs that were killed go on, and say why if they can't."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from command import CHECKPOINTS, PLAIN_FILES, QUICK, assert_one_line, command, run

from tinygrad_mnist.recipes import Recipe
from tinygrad_mnist.training import DivergedError, load_checkpoint
from tinygrad_mnist.training.lock import locked

# All that a checkpoint has to know: distortions, dropout, an average, a schedule, a split.
RICH = (
    *("--data", "sample", "--no-plots", "--hidden", 12, "--dropout", 0.2, "--augment", "elastic"),
    *("--optimiser", "adam", "--lr", 0.003, "--schedule", "cosine", "--warmup", 0.5),
    *("--average", 0.9, "--validation", 500, "--patience", 3, "--label-smoothing", 0.1),
    *("--clip-norm", 1, "--epochs", 3, "--batch-size", 64),
)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    assert run("train", *RICH, "--out", out).status == 0
    return out


def test_a_killed_run_ends_with_the_same_bits(tmp_path: Path, unbroken: Path) -> None:
    out = tmp_path / "run"
    checkpoints = out / "checkpoints"
    process = subprocess.Popen(  # noqa: S603 (own program)
        command("train", *RICH, "--out", out, "--checkpoint-every", 0), stdout=subprocess.DEVNULL
    )
    while not (checkpoints.is_dir() and any("-00000003" in p.name for p in checkpoints.iterdir())):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "model.safetensors").exists()
    result = run("train", "--resume", out, "--no-plots")
    assert (result.status, result.err) == (0, "")
    assert f"Going on from {checkpoints}" in result.out
    same = (out / "model.safetensors").read_bytes() == (unbroken / "model.safetensors").read_bytes()
    assert same
    assert (out / "settings.json").read_text() == (unbroken / "settings.json").read_text()


def test_an_unfinished_run_is_set_aside_and_can_still_be_continued(
    tmp_path: Path, unbroken: Path
) -> None:
    assert run("train", *RICH, "--out", tmp_path, "--checkpoint-every", 0, "--keep", 30).status == 0
    *_, last = sorted((tmp_path / "checkpoints").iterdir())
    last.unlink()  # the run looks as if it had been killed one step before its end
    result = run("train", *QUICK, "--out", tmp_path)
    unfinished = tmp_path / "unfinished-1"
    assert f"--resume {unfinished} continues it" in result.out
    assert not load_checkpoint(unfinished).finished
    assert load_checkpoint(tmp_path / "checkpoints").finished

    newer = (tmp_path / "model.safetensors").read_bytes()
    assert run("train", "--resume", unfinished, "--no-plots").status == 0
    model = (unfinished / "model.safetensors").read_bytes()
    assert model == (unbroken / "model.safetensors").read_bytes()
    assert (tmp_path / "model.safetensors").read_bytes() == newer


def test_every_unfinished_run_is_kept(tmp_path: Path) -> None:
    for number in (1, 2):
        assert run("train", *QUICK, "--out", tmp_path, "--checkpoint-every", 0).status == 0
        *_, last = sorted((tmp_path / "checkpoints").iterdir())
        last.unlink()
        result = run("train", *QUICK, "--out", tmp_path)
        assert f"--resume {tmp_path / f'unfinished-{number}'} continues it" in result.out
    assert len(list(tmp_path.glob("unfinished-*"))) == 2


def test_what_is_refused_moves_no_earlier_run(tmp_path: Path) -> None:
    assert run("train", *QUICK, "--out", tmp_path, "--checkpoint-every", 0).status == 0
    *_, last = sorted((tmp_path / "checkpoints").iterdir())
    last.unlink()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    result = run("train", *QUICK, "--out", tmp_path, "--validation", 4000)
    assert_one_line(result, 1, "validation must leave some of the 4,000 training digits")
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}


def test_divergence_removes_checkpoints_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(*_: Any, **__: Any) -> None:
        raise DivergedError(1, 1, [])

    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    assert run("train", *QUICK, "--out", tmp_path / "run").status == 0
    checkpoint = next((tmp_path / "run" / "checkpoints").iterdir())
    checkpoint.rename(precious / checkpoint.name)
    monkeypatch.setattr(Recipe, "train", diverging)
    result = run("train", "--resume", precious, "--out", tmp_path / "out", "--no-plots")
    assert_one_line(result, 1, "a smaller learning rate may help")
    assert [file.name for file in precious.iterdir()] == ["thesis.txt"]


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    assert run("train", *QUICK, "--out", tmp_path, "--checkpoint-every", 0).status == 0
    checkpoints = tmp_path / "checkpoints"
    before = sorted(path.name for path in checkpoints.iterdir())
    with locked(checkpoints):
        for options in (("--out", tmp_path), ("--resume", tmp_path)):
            base = QUICK if options[0] == "--out" else ("--no-plots",)
            result = run("train", *base, *options)
            assert_one_line(result, 1, str(checkpoints), "another run")
    assert sorted(path.name for path in checkpoints.iterdir()) == before


@pytest.mark.parametrize("where", ["file", "directory"])
def test_a_checkpoint_named_from_its_own_directory_belongs_to_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    assert run("train", *QUICK, "--out", tmp_path).status == 0
    (tmp_path / "model.safetensors").unlink()
    monkeypatch.chdir(tmp_path / "checkpoints")
    name = sorted(Path().iterdir())[-1] if where == "file" else "."
    assert run("train", "--resume", name, "--no-plots").status == 0
    assert (tmp_path / "model.safetensors").exists()
    assert not Path("model.safetensors").exists()


def test_a_finished_run_makes_room_for_the_next(tmp_path: Path) -> None:
    for seed in (0, 1):
        result = run("train", *QUICK, "--seed", seed, "--out", tmp_path)
        assert result.status == 0
        assert "unfinished" not in result.out
    assert {file.name for file in tmp_path.iterdir()} == PLAIN_FILES | CHECKPOINTS


def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_offered(tmp_path: Path) -> None:
    assert run("train", *QUICK, "--out", tmp_path, "--checkpoint-every", 0).status == 0
    *_, before, last = sorted((tmp_path / "checkpoints").iterdir())
    sound, model = last.read_bytes(), (tmp_path / "model.safetensors").read_bytes()
    altered = bytearray(sound)
    altered[-9] ^= 1
    for content, words in ((sound[:-1], "cut short"), (bytes(altered), "altered")):
        last.write_bytes(content)
        result = run("train", "--resume", tmp_path, "--no-plots")
        assert_one_line(result, 1, str(last), words, before.name)
    assert run("train", "--resume", before, "--no-plots").status == 0
    assert (tmp_path / "model.safetensors").read_bytes() == model


@pytest.mark.usefixtures("untrained")
def test_resuming_asks_for_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "begun" / "checkpoints").mkdir(parents=True)
    for name, words in (
        ("", "there is no checkpoint in it"),
        ("begun", "there is no checkpoint in it"),
        ("nothing", "No such file or directory"),
    ):
        path = tmp_path / name
        begin = f"a run begins without --resume: tinygrad-mnist train --out {path}"
        assert_one_line(run("train", "--resume", path), 1, f"{path}: {words}; {begin}\n")


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("option", "value"), [("--lr", "1"), ("--preset", "lenet5"), ("--seed", "0"), ("--hidden", "5")]
)
def test_a_resumed_run_takes_no_other_recipe(tmp_path: Path, option: str, value: str) -> None:
    result = run("train", "--resume", tmp_path, option, value)
    assert_one_line(result, 2, f"--resume takes the run's own {option}")


def test_other_digits_are_refused(tmp_path: Path, four_files: Path) -> None:
    out = tmp_path / "run"
    assert run("train", *QUICK, "--out", out).status == 0
    result = run("train", "--resume", out, "--data", four_files, "--no-plots")
    assert_one_line(result, 1, "it is of another run", "4,000", "50")


def test_a_validation_split_is_watched_and_the_test_digits_are_not(tmp_path: Path) -> None:
    result = run("train", *QUICK, "--validation", 1000, "--out", tmp_path)
    assert (result.status, result.err) == (0, "")
    (line, _) = [line for line in result.out.splitlines() if line.startswith("epoch ")]
    assert "valid loss" in line
    assert "test loss" not in line
    history = json.loads((tmp_path / "history.json").read_text())
    assert "valid_accuracy" in history[0]
    assert "test_accuracy" not in history[0]
    assert run("train", *QUICK, "--validation", 0, "--out", tmp_path).status == 0
    history = json.loads((tmp_path / "history.json").read_text())
    assert not {"valid_accuracy", "test_accuracy"} & history[0].keys()
