"""One run at a time writes its checkpoints to a directory."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from small_runs import Options

from tinygrad_mnist.training import Callback, Checkpoints, Step, fit
from tinygrad_mnist.training.lock import locked

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the lock is POSIX's")


def test_a_second_run_is_refused_while_the_first_one_lives(tmp_path: Path) -> None:
    class Second(Callback):
        def on_step(self, step: Step) -> None:
            before = {path: path.read_bytes() for path in tmp_path.iterdir()}
            second = Checkpoints(tmp_path)
            words = f"another run is writing its checkpoints to this directory: '{tmp_path}'"
            with pytest.raises(BlockingIOError, match=words):
                fit(**Options().arguments(), checkpoints=second, resume=second.latest())
            assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

    checkpoints = Checkpoints(tmp_path, every=0)
    fit(**Options().arguments(), checkpoints=checkpoints, callbacks=[Second()])
    fit(**Options().arguments(), checkpoints=checkpoints, resume=checkpoints.latest())
    assert set(tmp_path.iterdir()) == set(checkpoints.paths())


HOLDS = """
import sys, time
from pathlib import Path
from tinygrad_mnist.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (own program)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), locked(tmp_path):
            pass
        process.kill()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_on_a_file_that_is_gone_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    flock, calls = fcntl.flock, 0

    def removed_before(descriptor: int, operation: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:  # who held it ends between our opening and locking its file
            (tmp_path / ".lock").unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", removed_before)
    with locked(tmp_path), pytest.raises(BlockingIOError), locked(tmp_path):
        pass
    assert calls == 3


def test_many_take_turns_and_never_two_at_a_time(tmp_path: Path) -> None:
    inside, most, turns = 0, 0, 0
    own = threading.Lock()

    def worker() -> None:
        nonlocal inside, most, turns
        for _ in range(300):
            with suppress(BlockingIOError), locked(tmp_path):
                with own:
                    inside, turns = inside + 1, turns + 1
                    most = max(most, inside)
                with own:
                    inside -= 1

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns >= 1
    assert most == 1
