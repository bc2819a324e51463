"""The two-layer network and its relatives beside the peers: every framework trains the same.

Each contender is measured in processes of its own for what depends on that (its first step, with
and without caches; the way to 92 % from the start of the process; memory), and in turns with all
others, in one more process, for an epoch and a step. `in_turns` and `alone` are these processes;
this file starts them, compares, and has `peers_document` write what came out.
"""

import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cases import CASES, Case
from contenders import (
    CONTENDERS,
    JAX_SCAN,
    OURS,
    PREALLOCATED,
    TO_C,
    TO_NUMPY,
    TORCH,
    why_left_out,
)
from figures import Comparison, Figures, Measured
from peers_document import MEASURED, write_document
from processes import HERE, Finished, ProcessError, mnist_directory, run
from report import BenchmarkError, Row, machine, median_row

FRAMEWORKS = ("torch", "jax", "autograd", "mygrad", "scikit-learn")
SMALL, MEDIUM, _, _, WIDE, _ = CASES


@dataclass(frozen=True)
class Limit:
    """What a ratio of two contenders in the same turns must reach, or one contender's figure."""

    case: Case
    figure: str
    contender: str
    other: str | None
    at_most: float | None


LIMITS = (
    Limit(SMALL, "step", TO_NUMPY, PREALLOCATED, 1.05),
    Limit(MEDIUM, "step", TO_NUMPY, PREALLOCATED, 1.05),
    Limit(SMALL, "epoch", TO_NUMPY, PREALLOCATED, None),
    Limit(MEDIUM, "epoch", TO_NUMPY, PREALLOCATED, None),
    Limit(SMALL, "epoch", TO_C, JAX_SCAN, 0.9),
    Limit(MEDIUM, "epoch", TO_C, JAX_SCAN, 0.9),
    Limit(SMALL, "epoch", TO_C, TORCH, 0.2),
    Limit(SMALL, "first", TO_NUMPY, None, 0.020),
    Limit(SMALL, "first", TO_C, None, 1.5),
    Limit(SMALL, "first_cached", TO_C, None, 0.050),
    Limit(WIDE, "epoch", TO_C, JAX_SCAN, 1.1),
)
WORDS = {
    "step": "a step",
    "epoch": "an epoch",
    "first": "first step, nothing cached",
    "first_cached": "first step, cached",
}


def rows() -> Iterator[Row]:
    """Measure everything, report the ratios that count, and write the document."""
    data = str(mnist_directory())
    comparisons = []
    found: list[Row] = []
    for case in CASES:
        comparison = _compare(case, data)
        comparisons.append(comparison)
        for name, reason in comparison.left_out.items():
            print(f"{case}: {name} left out: {reason}")
        for row in [*_limit_rows(case, comparison), *_epoch_rows(case, comparison)]:
            found.append(row)
            yield row
        # After each case, so that a failure at a later one loses nothing.
        measured = Measured(machine() | _versions(), comparisons, found)
        measured.write(MEASURED)
        write_document(measured)
    failed = {name for one in comparisons for name in one.left_out} & set(OURS)
    if failed:
        raise BenchmarkError(f"could not be measured everywhere: {', '.join(sorted(failed))}")


def _limit_rows(case: Case, comparison: Comparison) -> Iterator[Row]:
    figures = comparison.figures
    for limit in LIMITS:
        needed = {limit.contender, limit.other or limit.contender}
        if limit.case != case or not needed <= figures.keys():
            continue
        values = getattr(figures[limit.contender], limit.figure)
        what = f"{case}, {WORDS[limit.figure]}: {limit.contender}"
        if limit.other is None:
            yield median_row(what, values, "s", at_most=limit.at_most)
        else:
            others = getattr(figures[limit.other], limit.figure)
            ratios = [a / b for a, b in zip(values, others, strict=True)]
            yield median_row(f"{what} ÷ {limit.other}", ratios, "×", at_most=limit.at_most)


def _epoch_rows(case: Case, comparison: Comparison) -> Iterator[Row]:
    for name, figures in comparison.figures.items():
        yield median_row(f"{case}, an epoch: {name}", figures.epoch, "s")


def _compare(case: Case, data: str) -> Comparison:
    """Measure all contenders, each alone and then in turns; who fails alone is left out."""
    comparison = Comparison(str(case), 1 + case.rounds)
    for name in CONTENDERS:
        reason = why_left_out(name, case.network)
        if reason is None:
            comparison.figures[name] = Figures()
        else:
            comparison.left_out[name] = reason
    for turn in range(case.alone_rounds):
        for name in random.Random(turn).sample(list(comparison.figures), len(comparison.figures)):
            try:
                _measure_alone(case, data, name, comparison.figures[name])
            except ProcessError as failure:
                del comparison.figures[name]
                comparison.left_out[name] = failure.last_words
    number = str(CASES.index(case))
    output = run(str(HERE / "in_turns.py"), data, number, *comparison.figures).output
    for name, found in json.loads(output).items():
        comparison.figures[name] = replace(comparison.figures[name], **found)
    return comparison


def _measure_alone(case: Case, data: str, name: str, figures: Figures) -> None:
    """Measure the first step without and with caches, and a process that trains to the target."""

    def alone(what: str, caches: str) -> Finished:
        variables = {
            "XDG_CACHE_HOME": caches,
            "TORCHINDUCTOR_CACHE_DIR": str(Path(caches, "torch")),
            "JAX_COMPILATION_CACHE_DIR": str(Path(caches, "jax")),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        number = str(CASES.index(case))
        return run(str(HERE / "alone.py"), what, data, number, name, variables=variables)

    with tempfile.TemporaryDirectory() as caches:
        first, again = (json.loads(alone("first", caches).output) for _ in range(2))
    with tempfile.TemporaryDirectory() as caches:
        training = alone("target", caches)
    figures.first.append(first["seconds"])
    figures.first_cached.append(again["seconds"])
    reached = json.loads(training.output)
    figures.peak_megabytes.append(training.peak_megabytes)
    figures.epochs_to_target = reached["epochs"]
    if reached["reached"]:
        figures.whole_process.append(training.seconds)


def _versions() -> dict[str, str]:
    """Name the versions of the frameworks that are installed."""
    found = {}
    for name in FRAMEWORKS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
