"""The command line as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import QUICK, Result, assert_one_line, command


def test_the_module_runs_from_the_shell(tmp_path: Path) -> None:
    arguments = command("train", *QUICK, "--json", "--out", tmp_path / "out")
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)  # noqa: S603 (own program)
    assert done.stderr == ""
    assert json.loads(done.stdout.splitlines()[-1])["epochs"] == 2


def test_errors_reach_the_shell(tmp_path: Path) -> None:
    arguments = command("evaluate", tmp_path / "missing")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603 (own program)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == f"tinygrad-mnist: error: {tmp_path / 'missing'}: No such file or directory\n"
    )


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals are POSIX's")
def test_a_reader_that_has_gone_is_no_reason_to_complain(trained: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(  # noqa: S603 (own program)
        command("evaluate", trained / "model.safetensors", "--data", "sample"),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_is_full_is_one_line(trained: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(  # noqa: S603 (own program)
            command("evaluate", trained / "model.safetensors", "--data", "sample"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": ""},
        )
    result = Result(done.returncode, "", done.stderr)
    assert_one_line(result, 1, "standard output: No space left on device")


def test_ctrl_c_while_the_module_starts_is_one_line() -> None:
    program = (
        "import runpy, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'tinygrad_mnist.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "runpy.run_module('tinygrad_mnist', run_name='__main__')\n"
    )
    done = subprocess.run(  # noqa: S603 (own program)
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "tinygrad-mnist: interrupted\n"
