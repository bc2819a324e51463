"""Train the classic digit networks and hold them against the published errors: ``make results``.

Every row is a preset of ``tinygrad-mnist train``, trained from fixed seeds on all of MNIST and
examined on the test digits once, at the end. The figures go to ``docs/results.md``. What was
trained is kept in ``runs/results``; after an interruption the same command goes on where it was,
in the middle of a training, too. Name presets to train only those.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from report import machine

from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.recipes import PRESETS
from tinygrad_mnist.run_directory import CHECKPOINTS
from tinygrad_mnist.training import CheckpointError, load_checkpoint

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "runs" / "results"
REPORT = ROOT / "docs" / "results.md"

LECUN = "LeCun et al. 1998"
SIMARD = "Simard et al. 2003"


class Row(NamedTuple):
    """A network, what others reached with it, and from how many seeds it is trained here."""

    preset: str
    network: str
    published: str
    seeds: int


ROWS = (
    Row("linear", "linear classifier", f"12.0 % ({LECUN})", 5),
    Row("gradient-descent", "784-10-10, gradient descent", "about 15 % (common write-ups)", 5),
    Row("two-layer", "784-10-10, trained well", "–", 5),
    Row("mlp-300", "784-300-10", f"4.7 % ({LECUN})", 3),
    Row("mlp-800", "784-800-10, cross-entropy", f"1.6 % ({SIMARD})", 3),
    Row("mlp-800-affine", "784-800-10, affine distortions", f"1.1 % ({SIMARD})", 3),
    Row("mlp-800-elastic", "784-800-10, elastic distortions", f"0.7 % ({SIMARD})", 3),
    Row("lenet5", "LeNet-5", f"0.95 % ({LECUN})", 3),
    Row("lenet5-distorted", "LeNet-5, distortions", f"0.8 % ({LECUN})", 3),
    Row("convnet", "a small convolutional network of today", "0.4 % and below", 3),
)

HEAD = """# What the classic networks reach

Error on MNIST's 10,000 test digits, written by `make results`. Every network learned from all
60,000 training digits and was examined once, when its training had ended; what there was to choose
(learning rates, epochs, distortions) was chosen before, on the last 5,000 training digits. `±` is
the standard deviation over the seeds. Each command trains one of them again, to the same bits on
the same machine; [`recipes.py`](../tinygrad_mnist/recipes.py) says what a preset means.
"""

SOURCES = """
Published errors: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 1998; P. Y. Simard, D. Steinkraus and
J. C. Platt, "Best practices for convolutional neural networks applied to visual document
analysis", ICDAR 2003.
"""


def main() -> int:
    """Train what has not been trained yet, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", metavar="preset", help=", ".join(PRESETS))
    parser.add_argument("--seeds", type=int, help="train from so many seeds instead")
    arguments = parser.parse_args()
    unknown = set(arguments.presets) - set(PRESETS)
    if unknown:
        parser.error(f"no preset {sorted(unknown)[0]!r}: choose from {', '.join(PRESETS)}")

    for row in ROWS:
        if arguments.presets and row.preset not in arguments.presets:
            continue
        for seed in range(arguments.seeds or row.seeds):
            if _result(row.preset, seed) is None and (status := _train(row.preset, seed)):
                return status
        _write_report()
    print(f"The figures are in {REPORT.relative_to(ROOT)}.")
    return 0


def command(preset: str, seed: int) -> list[str]:
    """Write the arguments of ``tinygrad-mnist`` that train a preset from a seed."""
    return ["train", "--preset", preset, "--seed", str(seed), "--data", "full"]


def _train(preset: str, seed: int) -> int:
    """Train in a process of its own, or go on with one that was interrupted; keep the result."""
    out = RUNS / f"{preset}-{seed}"
    arguments = [*command(preset, seed), "--out", str(out)]
    if _was_interrupted(out, preset):
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
    if process.returncode:
        return process.returncode
    result = {"recipe": _recipe(preset), **json.loads(line)}
    with atomic_write(out / "result.json") as file:
        file.write(json.dumps(result, indent=2).encode())
    return 0


def _was_interrupted(out: Path, preset: str) -> bool:
    """Tell whether there is a checkpoint of the preset as it is today."""
    try:
        record = load_checkpoint(out / CHECKPOINTS).record
    except (OSError, CheckpointError):
        return False
    return bool(record["recipe"] == _recipe(preset))


def _recipe(preset: str) -> dict[str, Any]:
    """Write a preset as JSON gives it back."""
    return dict(json.loads(json.dumps(asdict(PRESETS[preset]))))


def _result(preset: str, seed: int) -> dict[str, Any] | None:
    """Read what training the preset as it is today from this seed has brought, if it was done."""
    path = RUNS / f"{preset}-{seed}" / "result.json"
    if not path.exists():
        return None
    result = json.loads(path.read_text())
    return result if result["recipe"] == _recipe(preset) else None


def _write_report() -> None:
    lines = [
        "| network | published | error | each seed | epochs | minutes | command |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_line(row) for row in ROWS),
    ]
    described = "\n".join(f"- {name}: {value}" for name, value in machine().items())
    with atomic_write(REPORT) as file:
        file.write(f"{HEAD}\n{chr(10).join(lines)}\n{SOURCES}\n{described}\n".encode())


def _line(row: Row) -> str:
    found = [_result(row.preset, seed) for seed in range(100)]
    results = [result for result in found if result]
    example = f"`tinygrad-mnist {shlex.join(command(row.preset, 0))}`"
    if not results:
        return f"| {row.network} | {row.published} | not trained yet | | | | {example} |"
    errors = [100 * (1 - result["test_accuracy"]) for result in results]
    spread = f" ± {stdev(errors):.2f}" if len(errors) > 1 else ""
    return (
        f"| {row.network} | {row.published} | **{fmean(errors):.2f} %**{spread} | "
        f"{', '.join(f'{error:.2f}' for error in errors)} | {_mean(results, 'epochs'):.0f} | "
        f"{_mean(results, 'seconds') / 60:.1f} | {example} |"
    )


def _mean(results: Sequence[dict[str, Any]], name: str) -> float:
    return fmean(result[name] for result in results)


if __name__ == "__main__":
    sys.exit(main())
