"""What is measured beside the peers, as it is kept between the measuring and the document."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from report import Row

from tinygrad_mnist.atomic import atomic_write


class Spread(NamedTuple):
    """A median and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise repeated measurements; a single one is its own median and quartiles."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(median(values), low, high)


@dataclass
class Figures:
    """What one contender reached with one network at one batch size.

    Attributes
    ----------
    epoch, step
        Seconds of an epoch, and of a step, turn by turn: the same turns for all contenders.
    accuracy
        Share of the test digits that are recognised after the epochs in turns.
    first, first_cached
        Seconds from the call of the first step to its result, in a process of its own, with every
        cache empty and with the caches that the same left behind.
    whole_process
        Seconds of a process from its start until enough test digits are recognised; empty if they
        never were.
    peak_megabytes
        The most memory that such a process had.
    epochs_to_target
        How many epochs it trained.
    """

    epoch: list[float] = field(default_factory=list)
    step: list[float] = field(default_factory=list)
    accuracy: float | None = None
    first: list[float] = field(default_factory=list)
    first_cached: list[float] = field(default_factory=list)
    whole_process: list[float] = field(default_factory=list)
    peak_megabytes: list[float] = field(default_factory=list)
    epochs_to_target: int | None = None


@dataclass
class Comparison:
    """All contenders with one network at one batch size.

    Attributes
    ----------
    case
        Its name.
    epochs
        How many epochs each had trained, in turns, when its accuracy was taken.
    figures
        By contender.
    left_out
        By contender, the reason.
    """

    case: str
    epochs: int
    figures: dict[str, Figures] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass
class Measured:
    """A run of the benchmark: where, with which versions, what came out, what it had to reach."""

    machine: dict[str, str]
    comparisons: list[Comparison]
    rows: list[Row]

    def write(self, path: Path) -> None:
        """Write it to a file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(json.dumps(asdict(self), indent=1, ensure_ascii=False).encode())

    @classmethod
    def read(cls, path: Path) -> "Measured":
        """Read what was written."""
        content = json.loads(path.read_text())
        comparisons = [_comparison(**one) for one in content["comparisons"]]
        return cls(content["machine"], comparisons, [Row(**row) for row in content["rows"]])


def _comparison(figures: dict[str, Any], **others: Any) -> Comparison:
    return Comparison(figures={name: Figures(**f) for name, f in figures.items()}, **others)
