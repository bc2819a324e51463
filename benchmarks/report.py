"""What a benchmark reports: rows of a table, the machine they were measured on, a JSON file.

Every section of the benchmark yields `Row` objects and knows nothing of how they are shown.
"""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

import numpy as np

from tinygrad_mnist.atomic import atomic_write

WHAT_WIDTH = 62
MEASURED_WIDTH = 30


class Skip(Exception):  # noqa: N818  (nothing went wrong)
    """Something that a section needs is not here; the message says what."""


class BenchmarkError(Exception):
    """A section could not be measured; the message says why."""


@dataclass(frozen=True)
class Row:
    """One measured figure.

    Attributes
    ----------
    what
        What was measured.
    value, low, high
        The figure and its spread, in `unit`; the spread's ends equal the value if there is none.
    at_most, at_least
        What it must reach, if anything.
    """

    what: str
    value: float
    unit: str
    low: float
    high: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the figure reaches what it must."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    def __str__(self) -> str:
        measured = f"{self.value:.4g} {self.unit}"
        if self.low != self.high:
            measured += f" ({self.low:.4g} – {self.high:.4g})"
        limits = [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        limits += [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        verdict = "" if self.holds else "  MISSED"
        line = f"{self.what:{WHAT_WIDTH}} {measured:{MEASURED_WIDTH}} {', '.join(limits)}{verdict}"
        return line.rstrip()


def median_row(
    what: str,
    values: Sequence[float],
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    """Report the median of repeated measurements, with the quartiles as its spread."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Row(what, median(values), unit, low, high, at_most, at_least)


def single_row(
    what: str,
    value: float,
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    """Report a figure that has no spread."""
    return Row(what, value, unit, value, value, at_most, at_least)


def header() -> str:
    """Return the head of the table."""
    columns = f"{'what':{WHAT_WIDTH}} {'measured':{MEASURED_WIDTH}} must reach"
    return f"{columns}\n{'-' * len(columns)}"


def machine() -> dict[str, str]:
    """Describe what the figures depend on: processor, cores, Python, NumPy and its BLAS."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    description = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "BLAS": f"{blas['name']} {blas['version']}",
    }
    tuning = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return description | {name: os.environ[name] for name in tuning if name in os.environ}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """Write the machine and all rows to a file, whole or not at all."""
    content = {
        "machine": machine(),
        "rows": [asdict(row) | {"holds": row.holds} for row in rows],
    }
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False).encode())
