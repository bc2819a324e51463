"""A run that is killed again and again, at any instant, ends with the bits of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLS = 20


def start(directory: Path, every: float) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 (own program)
        [sys.executable, "killed_run.py", str(directory), str(every)],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    )


def begin(process: subprocess.Popen[str]) -> int:
    """Wait until the training begins, and return the step at which it does."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("begins at "), line
    return int(line.split()[-1])


def checksum(directory: Path) -> str:
    """Let it run to its end."""
    with start(directory, every=1000) as process:
        begin(process)
        output, _ = process.communicate()
    assert process.returncode == 0
    return output


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
def test_twenty_kills_leave_no_trace(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"the moments are drawn from the seed {seed}")  # noqa: T201  # shown if the test fails
    moments = random.Random(seed)
    killed = tmp_path / "killed"
    steps, torn = [], set()
    for _ in range(KILLS):
        with start(killed, every=0) as process:
            steps.append(begin(process))
            time.sleep(moments.uniform(0.0, 0.06))
            process.kill()
        assert process.returncode == -signal.SIGKILL
        torn |= {path.name for path in killed.glob(".*.tmp")}
    assert steps == sorted(steps)
    assert steps[-1] > 0  # it got on
    assert torn  # checkpoints were being written when it was killed
    assert checksum(killed) == checksum(tmp_path / "whole")
    assert not list(killed.glob(".*.tmp"))
