"""A program: one contender and nothing else in the process, for its first step or to its target.

``python benchmarks/alone.py first|target DIRECTORY CASE CONTENDER``, where CASE is a number from
`cases.CASES`. With ``first`` it prints the seconds from the call of the first step to its result;
importing, reading the digits and building the network come before. With ``target`` it trains until
enough test digits are recognised, and prints how many epochs that took, and the accuracy; whoever
started it knows how long it ran and how much memory it had.
"""

import json
import sys
from pathlib import Path

from cases import CASES, TARGET, Case, initial_weights, shuffled
from contenders import find
from contenders.contender import Contender, Digits
from plain_mnist import scale
from turns import seconds


def main(what: str, directory: str, number: str, name: str) -> None:
    """Measure one contender; print the figures as JSON."""
    case, digits = CASES[int(number)], Digits.read(Path(directory))
    contender = find(name)(case.network, initial_weights(case.network), digits, case.batch_size)
    measure = {"first": _first_step, "target": _reach_target}[what]
    print(json.dumps(measure(contender, case)))


def _first_step(contender: Contender, case: Case) -> dict[str, float]:
    order = shuffled(0, len(contender.digits.labels))[: case.batch_size]
    if not contender.takes_steps:
        return {"seconds": seconds(lambda: contender.epoch(order))}
    digits = contender.digits
    batch = contender.ready(scale(digits.images[order]), digits.labels[order])
    return {"seconds": seconds(lambda: contender.steps([batch]))}


def _reach_target(contender: Contender, case: Case) -> dict[str, float | bool | None]:
    if not contender.trains:
        contender.epoch(shuffled(0, len(contender.digits.labels)))
        return {"epochs": 1, "accuracy": None, "reached": False}
    accuracy, epochs = 0.0, 0
    while accuracy < TARGET and epochs < case.epochs_alone:
        contender.epoch(shuffled(epochs, len(contender.digits.labels)))
        epochs += 1
        accuracy = contender.accuracy()
    return {"epochs": epochs, "accuracy": accuracy, "reached": accuracy >= TARGET}


if __name__ == "__main__":
    main(*sys.argv[1:])
