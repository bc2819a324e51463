"""Write docs/benchmarks.md, and the picture beside it, from what `peers` has measured.

``python benchmarks/peers_document.py`` writes them again from the last run, without measuring.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cases import TARGET
from contenders.contender import LEARNING_RATE
from figures import Comparison, Figures, Measured, Spread
from peers_picture import draw
from report import Row

from tinygrad_mnist.atomic import atomic_write

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "runs" / "benchmarks" / "peers.json"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
PICTURE = DOCUMENT.with_suffix(".svg")

HEAD = f"""# Beside the peers

Written by `make bench ARGS=peers`; every figure is measured, none typed. A figure is a median, with
the quartiles in brackets.

![Seconds an epoch, by network and contender]({PICTURE.name})
"""

HOW = f"""
## How it was measured

All contenders start from the same weights and train on the same 60,000 digits of MNIST in the same
shuffled orders by gradient descent, learning rate {LEARNING_RATE}, float32. The first steps are
checked to have the same losses and to come to the same weights; otherwise nothing is measured.
Everyone is handed the pixels as MNIST has them, a byte each, and picks and scales each batch within
the epoch.

*An epoch* is timed in one process with all contenders, who take turns in an order drawn anew for
each round, after one epoch to warm up; ratios are taken within a round. *A step* is timed likewise,
on batches that are scaled and in the contender's own form already. *Accuracy* is that of the test
digits after the epochs in turns. The other columns are measured in a process for each contender:
*first step* runs from the call of the step to its result, when all is imported and the network is
built, *nothing cached* with empty caches, *cached* in a second process that finds what the first
has left; *to {100 * TARGET:.0f} %* is a whole process with empty caches, from its start until after
some epoch so many test digits are recognised, and *peak* the most memory that it had (MB are 10⁶
bytes).

Each framework is used as its users do for speed: `torch.compile` has the whole step as one graph,
JAX's arguments are donated, MyGrad's memory guard is off. A scanned epoch has no single step: its
first step is an epoch of a single batch. The products alone pick no digits and learn nothing: no
step that multiplies by NumPy's BLAS can undercut them.
"""


def write_document(measured: Measured) -> None:
    """Write the document and the picture."""
    parts = [HEAD, *_limits(measured.rows)]
    for comparison in measured.comparisons:
        parts += _section(comparison)
    parts += [HOW, "## The machine\n", *(f"- {k}: {v}" for k, v in measured.machine.items())]
    with atomic_write(DOCUMENT) as file:
        file.write(("\n".join(parts) + "\n").encode())
    with atomic_write(PICTURE) as file:
        file.write(draw(measured.comparisons))


def _limits(rows: Sequence[Row]) -> Iterator[str]:
    yield "## What must be reached\n"
    yield "| ratio or time | measured | must reach |"
    yield "| --- | --- | --- |"
    for row in rows:
        if row.at_most is not None:
            spread = Spread(row.value, row.low, row.high)
            verdict = "" if row.holds else " **MISSED**"
            unit = "" if row.unit == "×" else f" {row.unit}"
            yield f"| {row.what} | {_spread(spread)}{unit} | ≤ {row.at_most:g}{unit}{verdict} |"


COLUMNS: dict[str, Callable[[Figures], str]] = {
    "an epoch, s": lambda one: _median(one.epoch),
    "a step, µs": lambda one: _median(one.step, 1e6),
    "accuracy": lambda one: "–" if one.accuracy is None else f"{100 * one.accuracy:.2f} %",
    "first step, nothing cached, ms": lambda one: _median(one.first, 1e3),
    "cached, ms": lambda one: _median(one.first_cached, 1e3),
    f"to {100 * TARGET:.0f} %, s": lambda one: _to_target(one),
    "peak, MB": lambda one: _median(one.peak_megabytes),
}


def _section(comparison: Comparison) -> Iterator[str]:
    yield f"\n## {comparison.case}\n"
    yield f"Accuracy after {comparison.epochs} epochs.\n"
    yield f"| | {' | '.join(COLUMNS)} |"
    yield f"| --- {'| --- ' * len(COLUMNS)}|"
    for name, figures in comparison.figures.items():
        yield f"| {name} | {' | '.join(cell(figures) for cell in COLUMNS.values())} |"
    if comparison.left_out:
        yield "\nLeft out:\n"
        for name, reason in comparison.left_out.items():
            yield f"- {name}: {reason}"


def _to_target(figures: Figures) -> str:
    if not figures.whole_process:
        return "–"
    epochs = "1 epoch" if figures.epochs_to_target == 1 else f"{figures.epochs_to_target} epochs"
    return f"{_median(figures.whole_process)}, {epochs}"


def _median(values: Sequence[float], unit: float = 1.0) -> str:
    return _spread(Spread.of([unit * value for value in values])) if values else "–"


def _spread(spread: Spread) -> str:
    if spread.low == spread.high:
        return _number(spread.median)
    return f"{_number(spread.median)} ({_number(spread.low)} – {_number(spread.high)})"


def _number(value: float) -> str:
    """Write three digits that count, and all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> int:
    """Write the document from the last run."""
    if not MEASURED.exists():
        print("nothing has been measured yet: make bench ARGS=peers", file=sys.stderr)
        return 1
    write_document(Measured.read(MEASURED))
    return 0


if __name__ == "__main__":
    sys.exit(main())
