"""A run that is killed again and again, at any instant, ends with the bits of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from command import command
from killed_run import PLACES

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")

# All that a checkpoint has to know: distortions, dropout, an average, a schedule, a split.
RECIPE = (
    *("--data", "sample", "--hidden", 12, "--dropout", 0.2, "--augment", "affine", "--epochs", 3),
    *("--optimiser", "adam", "--lr", 0.003, "--average", 0.9, "--validation", 500),
)


def by_fit(directory: Path) -> list[str]:
    """Write the command that trains in a directory with `fit`, or goes on there."""
    return [sys.executable, "killed_run.py", str(directory)]


def by_command(directory: Path) -> list[str]:
    """Write the one that does so by the command line."""
    begun = progress(directory) >= 0
    which = ("--resume", directory) if begun else (*RECIPE, "--out", directory)
    return command("train", *which, "--no-plots", "--checkpoint-every", 0)


def start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start a training, and return when it begins."""
    path = os.pathsep.join(filter(None, sys.path))
    process = subprocess.Popen(  # noqa: S603 (own program)
        arguments,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(("begins", ")")):  # the last line of the printed model
            break
    return process


def finish(arguments: Sequence[str]) -> float:
    """Let a training come to its end, and return how many seconds it took."""
    with start(arguments) as process:
        begin = time.monotonic()
        process.communicate()
    assert process.returncode == 0
    return time.monotonic() - begin


def progress(directory: Path) -> int:
    """Tell after how many steps the newest checkpoint was written; -1 if there is none."""
    paths = directory.rglob("checkpoint-*.safetensors")
    return max((int(path.stem.partition("-")[2]) for path in paths), default=-1)


def torn(directory: Path) -> list[Path]:
    """List what was being written."""
    return list(directory.rglob(".checkpoint-*.tmp"))


@pytest.mark.parametrize(
    ("program", "result", "kills"),
    [(by_fit, "outcome", 14), (by_command, "model.safetensors", 6)],
)
def test_twenty_kills_leave_no_trace(
    tmp_path: Path, program: Callable[[Path], list[str]], result: str, kills: int
) -> None:
    seed = random.randrange(2**32)
    print(f"the moments are drawn from the seed {seed}")  # noqa: T201  # shown if the test fails
    moments = random.Random(seed)
    whole, directory = tmp_path / "whole", tmp_path / "killed"
    seconds = finish(program(whole))
    steps, killed = [], 0
    while killed < kills:
        before = progress(directory)
        with start(program(directory)) as process:
            # Every other time it gets on first, however busy the machine is.
            while killed % 2 and process.poll() is None and progress(directory) <= before:
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 2 * seconds / kills))
            process.kill()
        steps.append(progress(directory))
        if process.returncode == -signal.SIGKILL:
            killed += 1
            continue
        assert process.returncode == 0  # it had come to its end before
        assert (directory / result).read_bytes() == (whole / result).read_bytes()
        directory = tmp_path / f"killed after {killed}"
    assert max(steps) > 0
    finish(program(directory))
    assert (directory / result).read_bytes() == (whole / result).read_bytes()
    assert not torn(directory)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a run that was never killed has led to."""
    directory = tmp_path_factory.mktemp("unbroken")
    finish(by_fit(directory))
    return (directory / "outcome").read_bytes()


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_within_the_writing_leaves_no_trace(
    tmp_path: Path, unbroken: bytes, place: str
) -> None:
    with start([*by_fit(tmp_path), place]) as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(torn(tmp_path)) == (place != "before what is old goes")
    assert progress(tmp_path) == (1 if torn(tmp_path) else 2)  # the first is that of step 0
    finish(by_fit(tmp_path))
    assert (tmp_path / "outcome").read_bytes() == unbroken
    assert not torn(tmp_path)
