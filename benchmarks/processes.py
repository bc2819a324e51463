"""The rows that are measured from outside, each in processes of its own."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from report import BenchmarkError, Row, Skip, median_row, single_row

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NODES = 1_000_000


@dataclass(frozen=True)
class Finished:
    """What a process printed, how long it took and how much memory it had at most."""

    output: str
    seconds: float
    peak_megabytes: float


class ProcessError(BenchmarkError):
    """A process failed; `last_words` is the last line of what it said."""

    def __init__(self, command: list[str], status: int, last_words: str) -> None:
        super().__init__(f"{shlex.join(command)} ended with {status}: {last_words}")
        self.last_words = last_words


def run(*arguments: str, variables: Mapping[str, str] | None = None) -> Finished:
    """Run Python with these arguments and measure it; its failure is a ProcessError.

    `variables` are set in the process's environment, beside those of this one.
    """
    command = [sys.executable, *arguments]
    # As for an installed package: compiled once, by a first run, and not at every start.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env |= variables or {}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            last = (errors.read().splitlines() or ["it said nothing"])[-1]
            raise ProcessError(command, process.returncode, last)
        unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
        return Finished(output.read(), seconds, usage.ru_maxrss * unit / 1e6)


def mnist_directory() -> Path:
    """Find the four gzipped files of MNIST."""
    named = os.environ.get("TINYGRAD_MNIST_DATA")
    directory = Path(named).resolve() if named else ROOT.parent / "shared" / "mnist"
    if not (directory / "train-images-idx3-ubyte.gz").is_file():
        raise Skip("the files of MNIST are not here: set TINYGRAD_MNIST_DATA to their directory")
    return directory


def import_rows() -> Iterator[Row]:
    """Compare importing the package with importing NumPy alone."""
    ratios, seconds = [], []
    for warm in [False] + [True] * 25:
        numpy, package = _import_seconds("numpy"), _import_seconds("tinygrad_mnist")
        if warm:
            ratios.append(package / numpy)
            seconds.append(package)
    yield median_row("import tinygrad_mnist ÷ import numpy", ratios, "×", at_most=1.3)
    yield median_row("import tinygrad_mnist", [1e3 * value for value in seconds], "ms")


def _import_seconds(module: str) -> float:
    clock = "import time; start = time.perf_counter()"
    return float(run("-c", f"{clock}; import {module}; print(time.perf_counter() - start)").output)


def chain_rows() -> Iterator[Row]:
    """Measure time and memory of a very deep graph."""
    runs = [run(str(HERE / "chain.py"), str(NODES)) for _ in range(3)]
    per_node = [1e6 * float(one.output) / NODES for one in runs]
    peak = max(one.peak_megabytes for one in runs)
    what = f"chain of {NODES:,} additions, forward and backward"
    yield median_row(f"{what}: per node", per_node, "µs", at_most=3)
    yield single_row(f"{what}: peak", peak, "MB", at_most=500)


def process_rows() -> Iterator[Row]:
    """Compare the whole training program with one written by hand in NumPy."""
    data = str(mnist_directory())
    ours, by_hand = [], []
    for warm in [False] + [True] * 5:
        with tempfile.TemporaryDirectory() as out:
            epochs = ("--epochs", "3", "--batch-size", "32")
            one = run(*_train(data, out), *epochs)
        other = run(str(HERE / "plain_mnist.py"), data)
        if warm:
            ours.append(one)
            by_hand.append(other)
    what = "train, 3 epochs, batch 32, whole process"
    yield median_row(what, [one.seconds for one in ours], "s", at_most=1.5)
    yield median_row("the same by hand in NumPy", [one.seconds for one in by_hand], "s")
    peak, plain_peak = (max(one.peak_megabytes for one in runs) for runs in (ours, by_hand))
    yield single_row(f"{what}: peak", peak, "MB", at_most=220)
    yield single_row("the same by hand in NumPy: peak", plain_peak, "MB")


def explain_rows() -> Iterator[Row]:
    """Time the page about one digit, with everything: starting, loading MNIST, writing."""
    data = str(mnist_directory())
    for network in ("two-layer", "lenet5"):
        with tempfile.TemporaryDirectory() as out:
            run(*_train(data, out), "--preset", network, "--epochs", "1", "--warmup", "0")
            model, page = f"{out}/model.safetensors", f"{out}/explain.html"
            command = ("-m", "tinygrad_mnist", "explain", "--data", data)
            runs = [run(*command, "--model", model, "--out", page) for _ in range(6)][1:]
            seconds = [one.seconds for one in runs]
        yield median_row(f"explain, {network}, whole process", seconds, "s", at_most=2)


def accuracy_rows() -> Iterator[Row]:
    """Train as the command line does by default, from five seeds."""
    data = str(mnist_directory())
    results = []
    for seed in range(5):
        with tempfile.TemporaryDirectory() as out:
            finished = run(*_train(data, out), "--seed", str(seed), "--json")
        results.append(json.loads(finished.output.splitlines()[-1]))
    percent = [100 * result["test_accuracy"] for result in results]
    slowest = max(result["seconds"] for result in results)
    yield median_row("train, defaults, 5 seeds: test accuracy", percent, "%", at_least=93)
    yield single_row("train, defaults, 5 seeds: worst accuracy", min(percent), "%", at_least=92)
    yield single_row("train, defaults, 5 seeds: longest", slowest, "s", at_most=15)


def _train(data: str, out: str) -> tuple[str, ...]:
    return ("-m", "tinygrad_mnist", "train", "--data", data, "--no-plots", "--out", out)
