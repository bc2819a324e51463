"""Bad places to write to, and packages that are missing."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import PICTURES, PLAIN_FILES, QUICK, Terminal, assert_one_line, run

from tinygrad_mnist.cli import train


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_file_in_the_way_is_told_before_training(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("precious")
    result = run("train", *QUICK, "--out", tmp_path / out)
    assert_one_line(result, 1, f"cannot write to {tmp_path / out}")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.usefixtures("untrained")
def test_an_out_that_is_a_file_is_said_to_be_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("train", *QUICK, "--out", tmp_path / "file")
    assert_one_line(result, 1, f"cannot write to {tmp_path / 'file'}: it is not a directory\n")


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("name", sorted(PLAIN_FILES | PICTURES))
def test_a_directory_in_the_way_of_a_file_is_told_before_training(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    result = run("train", *QUICK, "--out", tmp_path)
    assert_one_line(result, 1, f"cannot write to {tmp_path}: {name} is a directory\n")


@pytest.mark.usefixtures("untrained")
def test_a_directory_that_takes_no_files_is_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", denied)
    result = run("train", *QUICK, "--out", tmp_path / "out")
    assert_one_line(result, 1, f"cannot write to {tmp_path / 'out'}: Permission denied")


def test_a_full_disk_during_training_is_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "model.safetensors").write_bytes(b"old")
    monkeypatch.setattr("os.fsync", full)
    result = run("train", *QUICK, "--out", tmp_path)
    assert "--resume" not in result.out  # from nothing
    checkpoint = tmp_path / "checkpoints" / "checkpoint-000000000.safetensors"
    assert_one_line(result, 1, f"{checkpoint}: No space left on device")
    assert {path.name for path in tmp_path.rglob("*")} == {"model.safetensors", "checkpoints"}
    assert (tmp_path / "model.safetensors").read_bytes() == b"old"


@pytest.mark.parametrize("fails_at", [10, 40, 164])
def test_a_disk_that_gets_full_ends_with_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    calls, flush = iter(range(1000)), os.fsync

    def full(file: int) -> None:
        if next(calls) >= fails_at:
            raise OSError(28, "No space left on device")
        flush(file)

    monkeypatch.setattr("os.fsync", full)
    options = (*QUICK, "--batch-size", 100, "--checkpoint-every", 0)
    result = run("train", *options, "--out", tmp_path)
    assert_one_line(result, 1, "No space left on device")
    hint = f"--resume {tmp_path / 'checkpoints'} goes on from the last checkpoint."
    assert result.out.splitlines()[-1] == hint
    monkeypatch.undo()
    assert run("train", *hint.split()[:2], "--no-plots").status == 0


@pytest.mark.parametrize("fails_at", range(3))
def test_files_of_two_runs_are_never_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    calls = iter(range(100))
    save = train.save_run

    def full(file: int) -> None:
        if next(calls) == fails_at:
            raise OSError(28, "No space left on device")

    def save_on_a_full_disk(*arguments: Any) -> list[Path]:
        monkeypatch.setattr("os.fsync", full)
        return save(*arguments)

    for name in PLAIN_FILES:
        (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(train, "save_run", save_on_a_full_disk)
    assert_one_line(run("train", *QUICK, "--out", tmp_path), 1, "No space left on device")
    files = {file for file in tmp_path.iterdir() if file.is_file()}
    assert {file.name for file in files} == PLAIN_FILES
    assert {file.read_bytes() for file in files} == {b"old"}
    monkeypatch.undo()
    assert run("train", "--resume", tmp_path, "--no-plots").status == 0  # nothing is trained again
    assert b"old" not in {(tmp_path / name).read_bytes() for name in PLAIN_FILES}


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("package", "options", "err"),
    [
        ("safetensors", ("--no-plots",), io.StringIO()),
        ("matplotlib", (), io.StringIO()),
        ("tqdm", ("--no-plots",), Terminal()),
    ],
)
def test_a_missing_extra_is_told_before_training(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    options: tuple[str, ...],
    err: io.StringIO,
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    result = run("train", "--data", "sample", *options, "--out", tmp_path / "out", err=err)
    assert_one_line(result, 1, package, "pip install 'tinygrad-mnist[cli]'")
    assert not (tmp_path / "out").exists()


def test_heavy_packages_are_loaded_only_where_they_are_used(tmp_path: Path) -> None:
    program = (
        "import sys; from tinygrad_mnist.cli import main;"
        "status = main(sys.argv[1:]);"
        "print(sorted({'matplotlib', 'PIL', 'tqdm'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", program, "train", *QUICK, "--out", str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)  # noqa: S603 (own program)
    assert done.stdout.splitlines()[-1] == "[]"
