"""Train the classic digit networks and hold them against the published errors: ``make results``.

Every row is a preset of ``tinygrad-mnist train``, trained from fixed seeds on all of MNIST and
examined on the test digits once, at the end. The figures go to ``docs/results.md``. What was
trained is kept in ``runs/results``; after an interruption the same command goes on where it was,
in the middle of a training, too. Name presets to train only those.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np
from report import machine

from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.recipes import AUGMENTATIONS, PRESETS
from tinygrad_mnist.run_directory import CHECKPOINTS

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "runs" / "results"
REPORT = ROOT / "docs" / "results.md"

LECUN = "LeCun et al. 1998"
SIMARD = "Simard et al. 2003"


class Row(NamedTuple):
    """A network: what others reached with it, what is aimed at here, and from how many seeds."""

    preset: str
    network: str
    published: str
    aim: float | None
    seeds: int


ROWS = (
    Row("linear", "linear classifier", f"12.0 % ({LECUN})", 8.0, 3),
    Row(
        "gradient-descent",
        "784-10-10, gradient descent on all digits at once, 500 steps",
        "about 15 % (common write-ups)",
        None,
        3,
    ),
    Row("two-layer", "784-10-10, trained well", "–", 6.0, 5),
    Row("mlp-300", "784-300-10", f"4.7 % ({LECUN})", 2.0, 2),
    Row("mlp-800", "784-800-10, cross-entropy", f"1.6 % ({SIMARD})", 1.4, 2),
    Row("mlp-800-affine", "784-800-10, affine distortions", f"1.1 % ({SIMARD})", 1.0, 2),
    Row("mlp-800-elastic", "784-800-10, elastic distortions", f"0.7 % ({SIMARD})", 0.7, 2),
    Row("lenet5", "LeNet-5", f"0.95 % ({LECUN})", 0.9, 2),
    Row("lenet5-distorted", "LeNet-5, distortions", f"0.8 % ({LECUN})", 0.6, 2),
    Row("convnet", "a small convolutional network of today", "0.4 % and below", 0.4, 2),
)

HEAD = """# What the classic networks reach

Error on MNIST's 10,000 test digits, written by `make results`. Every network learned from all
60,000 training digits and was examined once, when its training had ended; what there was to choose
(learning rates, epochs, distortions) was chosen before, on the last 5,000 training digits. `±` is
the standard deviation over the seeds; epochs and minutes are those of one training, on two cores
that had other work to do as well. A command trains a network again, to the same bits on the same
machine; [`recipes.py`](../tinygrad_mnist/recipes.py) says what a preset means.
"""

SOURCES = """
Published errors: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 1998; P. Y. Simard, D. Steinkraus and
J. C. Platt, "Best practices for convolutional neural networks applied to visual document
analysis", ICDAR 2003.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what has not been trained yet, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", metavar="preset", help=", ".join(PRESETS))
    presets = parser.parse_args(arguments).presets
    unknown = set(presets) - {row.preset for row in ROWS}
    if unknown:
        parser.error(f"no preset {sorted(unknown)[0]!r}: choose from {', '.join(PRESETS)}")
    try:
        for seed in range(max(row.seeds for row in ROWS)):  # a first seed of every row comes first
            for row in ROWS:
                if seed >= row.seeds or (presets and row.preset not in presets):
                    continue
                if _result(row.preset, seed) is None and (status := _train(row.preset, seed)):
                    return status
                _write_report()
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on from here.")
        return 130
    print(f"The figures are in {REPORT}.")
    return 0


def command(preset: str, seed: int) -> list[str]:
    """Write the arguments of ``tinygrad-mnist`` that train a preset from a seed."""
    recipe = ["train", "--preset", preset, "--seed", str(seed), "--data", "full"]
    return [*recipe, "--no-compile"]  # whose bits depend on no compiler


def _train(preset: str, seed: int) -> int:
    """Train in a process of its own, or go on with one that was interrupted; keep the result."""
    out = RUNS / f"{preset}-{seed}"
    if _read(out / "training.json") != _training(preset):
        shutil.rmtree(out, ignore_errors=True)  # begun when the preset was another
        out.mkdir(parents=True)
        _write(out / "training.json", _training(preset))
    arguments = [*command(preset, seed), "--out", str(out)]
    if any((out / CHECKPOINTS).glob("*.safetensors")):
        arguments = ["train", "--resume", str(out)]
    print(f"$ tinygrad-mnist {shlex.join(arguments)}", flush=True)
    line = ""
    with subprocess.Popen(
        [sys.executable, "-m", "tinygrad_mnist", *arguments, "--no-plots", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        for line in process.stdout or ():
            print(f"  {line}", end="", flush=True)
    if not process.returncode:
        _write(out / "result.json", json.loads(line))
    return process.returncode


def _training(preset: str) -> dict[str, Any]:
    """Describe a training fully, the network's layers and the distortions included."""
    recipe = PRESETS[preset]
    described = {
        "recipe": asdict(recipe),
        "network": repr(recipe.build_model(np.random.default_rng(0))),
        "distortions": repr(AUGMENTATIONS[recipe.augment]()),
    }
    return dict(json.loads(json.dumps(described)))


def _result(preset: str, seed: int) -> dict[str, Any] | None:
    """Read what training the preset as it is today from this seed has brought, if it was done."""
    out = RUNS / f"{preset}-{seed}"
    return _read(out / "result.json") if _read(out / "training.json") == _training(preset) else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):  # not there, or not whole
        return None
    return content if isinstance(content, dict) else None


def _write(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=2).encode())


def _write_report() -> None:
    lines = [
        "| network | published | aim | error | of each seed | epochs | minutes | command |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, ROWS),
    ]
    described = "\n".join(f"- {name}: {value}" for name, value in machine().items())
    with atomic_write(REPORT) as file:
        file.write(f"{HEAD}\n{chr(10).join(lines)}\n{SOURCES}\n{described}\n".encode())


def _line(row: Row) -> str:
    aim = f"≤ {row.aim:.2f} %" if row.aim is not None else "–"
    example = f"`tinygrad-mnist {shlex.join(command(row.preset, 0))}`"
    begin = f"| {row.network} | {row.published} | {aim} |"
    results = {seed: _result(row.preset, seed) for seed in range(row.seeds)}
    done = {seed: result for seed, result in results.items() if result}
    if not done:
        return f"{begin} not trained yet | | | | {example} |"
    errors = [100 * (1 - result["test_accuracy"]) for result in done.values()]
    mean = f"**{fmean(errors):.2f} %**"
    if len(errors) > 1:
        mean += f" ± {stdev(errors):.2f}"
    if row.aim is not None and round(fmean(errors), 2) > row.aim:
        mean += f", short by {fmean(errors) - row.aim:.2f}"
    each = ", ".join(f"{seed}: {error:.2f}" for seed, error in zip(done, errors, strict=True))
    epochs, seconds = (fmean(r[name] for r in done.values()) for name in ("epochs", "seconds"))
    return f"{begin} {mean} | {each} | {epochs:.0f} | {seconds / 60:.1f} | {example} |"


if __name__ == "__main__":
    sys.exit(main())
