"""The networks and batch sizes that are measured beside the peers, and how often."""

from dataclasses import dataclass

import numpy as np
from contenders.contender import LENET, Order
from plain_mnist import Array

TARGET = 0.92  # of the test digits

SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "784-10-10": ((784, 10), (10, 10)),
    "784-128-10": ((784, 128), (128, 10)),
    "784-800-10": ((784, 800), (800, 10)),
    LENET: ((6, 1, 5, 5), (16, 6, 5, 5), (400, 120), (120, 84), (84, 10)),
}


@dataclass(frozen=True)
class Case:
    """A network at a batch size.

    Attributes
    ----------
    rounds
        How many epochs everyone trains in turns, after one to warm up.
    steps_a_turn
        How many steps are timed together on batches that are ready; there are as many of these.
    alone_rounds
        How often everyone is measured in a process of its own.
    epochs_alone
        After how many epochs such a process gives up reaching `TARGET`.
    """

    network: str
    batch_size: int
    rounds: int
    steps_a_turn: int
    alone_rounds: int = 3
    epochs_alone: int = 20

    def __str__(self) -> str:
        return f"{self.network}, batch {self.batch_size:,}"


CASES = (
    Case("784-10-10", 32, rounds=15, steps_a_turn=200),
    Case("784-10-10", 128, rounds=15, steps_a_turn=100),
    Case("784-10-10", 60_000, rounds=25, steps_a_turn=1, alone_rounds=2, epochs_alone=3),
    Case("784-128-10", 128, rounds=11, steps_a_turn=40, alone_rounds=2),
    Case("784-800-10", 128, rounds=7, steps_a_turn=10, alone_rounds=2),
    Case(LENET, 128, rounds=3, steps_a_turn=5, alone_rounds=1),
)


def initial_weights(network: str) -> list[Array]:
    """Draw the weights from which everyone starts, by He's rule; biases are zero."""
    rng = np.random.default_rng(0)
    arrays = []
    for shape in SHAPES[network]:
        convolution = len(shape) == 4
        inputs = np.prod(shape[1:]) if convolution else shape[0]
        arrays.append(rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / inputs)))
        arrays.append(np.zeros(shape[0 if convolution else 1], np.float32))
    return arrays


def shuffled(epoch: int, count: int) -> Order:
    """Return the order in which everyone sees the digits in an epoch."""
    return np.random.default_rng(epoch).permutation(count)
