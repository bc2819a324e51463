"""A program: train one network by several contenders in turns, and print how long each took.

``python benchmarks/in_turns.py DIRECTORY CASE CONTENDER ...``, where CASE is a number from
`cases.CASES`. All contenders are in this one process. First they are checked to train the same;
then each takes an epoch in turn, then some single steps in turn. What they have
learned is examined after the epochs, of which all have trained the same ones.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cases import CASES, Case, initial_weights, shuffled
from contenders import find
from contenders.contender import Contender, Digits, Order
from plain_mnist import scale
from turns import take_turns

CHECKED_STEPS = 10
STEP_ROUNDS = 40
# Idle threads of NumPy's BLAS and of OpenMP spin for a while and would take a core from the next.
REST = 0.1

Contenders = dict[str, Contender]


def main(directory: str, number: str, *names: str) -> None:
    """Measure one case; print the figures as JSON."""
    case, digits = CASES[int(number)], Digits.read(Path(directory))
    weights = initial_weights(case.network)
    contenders = {
        name: find(name)(case.network, weights, digits, case.batch_size) for name in names
    }
    check_same_training(contenders, case)
    epochs = _time_epochs(contenders, case, len(digits.labels))
    accuracies = {name: one.accuracy() for name, one in contenders.items() if one.trains}
    steps = _time_steps(contenders, case, digits)
    figures = {
        name: {
            "epoch": epochs[name],
            "step": steps.get(name, []),
            "accuracy": accuracies.get(name),
        }
        for name in contenders
    }
    print(json.dumps(figures))


def check_same_training(contenders: Contenders, case: Case) -> None:
    """Refuse to compare what does not have the same losses and come to the same weights."""
    training = {name: one for name, one in contenders.items() if one.trains}
    order = shuffled(0, len(next(iter(training.values())).digits.labels))
    for step in range(min(CHECKED_STEPS, len(order) // case.batch_size)):
        batch = order[step * case.batch_size : (step + 1) * case.batch_size]
        losses = {name: one.epoch(batch) for name, one in training.items()}
        first = next(iter(losses.values()))
        for name, loss in losses.items():
            message = f"{case}: {name} does not have the loss of the others at step {step}"
            np.testing.assert_allclose(loss, first, rtol=1e-3, err_msg=message)
    expected = next(iter(training.values())).weights()
    for name, one in training.items():
        for array, other in zip(one.weights(), expected, strict=True):
            message = f"{case}: {name} does not come to the weights of the others"
            np.testing.assert_allclose(array, other, rtol=1e-2, atol=1e-3, err_msg=message)


def _time_epochs(contenders: Contenders, case: Case, count: int) -> dict[str, list[float]]:
    warm_up = 1
    orders = [shuffled(epoch, count) for epoch in range(1, warm_up + case.rounds + 1)]
    turns = {name: _epochs(one, orders) for name, one in contenders.items()}
    return take_turns(turns, case.rounds, warm_up, rest=REST)


def _epochs(contender: Contender, orders: list[Order]) -> Callable[[], object]:
    """Make the turns of a contender: the next epoch each time."""
    upcoming = iter(orders)
    return lambda: contender.epoch(next(upcoming))


def _time_steps(contenders: Contenders, case: Case, digits: Digits) -> dict[str, list[float]]:
    """Return the seconds of a step, turn by turn."""
    cuts = [slice(i * case.batch_size, (i + 1) * case.batch_size) for i in range(case.steps_a_turn)]
    batches = [(scale(digits.images[cut]), digits.labels[cut]) for cut in cuts]
    turns = {
        name: _steps(one, [one.ready(*batch) for batch in batches])
        for name, one in contenders.items()
        if one.takes_steps
    }
    seconds = take_turns(turns, STEP_ROUNDS, warm_up=2, rest=REST)
    return {name: [turn / case.steps_a_turn for turn in own] for name, own in seconds.items()}


def _steps(contender: Contender, batches: list[tuple[object, object]]) -> Callable[[], object]:
    return lambda: contender.steps(batches)


if __name__ == "__main__":
    main(*sys.argv[1:])
