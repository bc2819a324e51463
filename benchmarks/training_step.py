"""One training step through the engine against the same step written by hand.

Everything is measured in one process and interleaved: the contenders take turns of a few steps on
the same batches, in an order that is drawn anew for every turn, and a ratio is taken between two
contenders' times for the same turn, so that a slow moment of the machine strikes both. Each trains
weights of its own from the same start; they stay alike, so all compute with the same numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from plain_mnist import Array, Labels, init_parameters, load, scale
from processes import mnist_directory
from report import Row, Skip, median_row
from steps_by_hand import plain_step, preallocated_step, products
from turns import take_turns
from written_alike import Step, training_step, two_layer

from tinygrad_mnist import Tensor, nn, optim

BATCHES = 200
STEPS_A_TURN = 100  # long enough to find the caches as a training run does
PASSES = 60
LEARNING_RATE = 0.1
LIMITS = {32: 1.10, 128: 1.05}

Batch = tuple[Any, Labels]  # the images are an array or a Tensor


@dataclass(frozen=True)
class Contender:
    """A step to be timed, and the batches in the form in which it wants them."""

    step: Step
    batches: Sequence[Batch]


def rows() -> Iterator[Row]:
    """Measure the step at both batch sizes."""
    for batch_size, limit in LIMITS.items():
        yield from _rows(batch_size, limit)


def _rows(batch_size: int, limit: float) -> Iterator[Row]:
    arrays = make_batches(batch_size)
    tensors = [(Tensor(images), labels) for images, labels in arrays]
    check_same_training(arrays)
    contenders = {
        "plain": Contender(plain_step(start(), LEARNING_RATE), arrays),
        "engine": Contender(engine_step(model(start())), tensors),
        "engine, arrays": Contender(engine_step(model(start())), arrays),
        "preallocated": Contender(preallocated_step(start(), batch_size, LEARNING_RATE), arrays),
        "products": Contender(products(start(), batch_size), arrays),
    }
    turns = {name: in_turns(contender) for name, contender in contenders.items()}
    a_pass = BATCHES // STEPS_A_TURN
    seconds = take_turns(turns, PASSES * a_pass, warm_up=a_pass)

    def ratio(name: str) -> list[float]:
        return [a / b for a, b in zip(seconds[name], seconds["plain"], strict=True)]

    step = f"step, batch {batch_size}"
    microseconds = [1e6 * value / STEPS_A_TURN for value in seconds["plain"]]
    yield median_row(f"{step}: engine ÷ by hand", ratio("engine"), "×", at_most=limit)
    yield median_row(f"{step}: engine, fed bare arrays ÷ by hand", ratio("engine, arrays"), "×")
    yield median_row(f"{step}: every temporary preallocated ÷ by hand", ratio("preallocated"), "×")
    yield median_row(f"{step}: matrix products alone ÷ by hand", ratio("products"), "×")
    yield median_row(f"{step}: by hand", microseconds, "µs")


def make_batches(batch_size: int) -> list[Batch]:
    """Cut MNIST, or noise as sparse where MNIST is missing, into batches; samples are rows."""
    count = BATCHES * batch_size
    try:
        images, labels = load(mnist_directory(), "train")
    except Skip:
        rng = np.random.default_rng(0)
        ink = rng.random((count, 784)) < 0.19  # the share of MNIST's pixels that are not 0
        images = rng.integers(1, 256, (count, 784), np.uint8) * ink
        labels = rng.integers(0, 10, count, np.uint8)
    cuts = [slice(i, i + batch_size) for i in range(0, count, batch_size)]
    return [(scale(images[cut]), labels[cut].copy()) for cut in cuts]


def start() -> list[Array]:
    """Return fresh copies of the weights from which every contender starts."""
    return init_parameters(np.random.default_rng(0))


def check_same_training(batches: Sequence[Batch]) -> None:
    """Refuse to compare contenders that don't train the same network."""
    by_hand, preallocated, trained = start(), start(), model(start())
    steps = {
        "by hand": plain_step(by_hand, LEARNING_RATE),
        "preallocated": preallocated_step(preallocated, len(batches[0][1]), LEARNING_RATE),
        "engine": engine_step(trained),
    }
    for images, labels in [*batches, *batches]:
        losses = [float(step(images, labels)) for step in steps.values()]
        np.testing.assert_allclose(losses, losses[0], rtol=1e-3)
    for others in (preallocated, [parameter.numpy() for parameter in trained.parameters()]):
        for array, expected in zip(others, by_hand, strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-3, atol=1e-4)


def in_turns(contender: Contender) -> Callable[[], None]:
    """Make the turns of a contender: the next batches each time, again and again."""
    firsts = cycle(range(0, BATCHES, STEPS_A_TURN))

    def turn() -> None:
        first = next(firsts)
        for images, labels in contender.batches[first : first + STEPS_A_TURN]:
            contender.step(images, labels)

    return turn


def model(parameters: list[Array]) -> nn.Sequential:
    """Build the network of the package with these weights."""
    network = two_layer(nn, 10)
    network.load_state_dict(dict(zip(network.state_dict(), parameters, strict=True)))
    return network


def engine_step(network: nn.Sequential) -> Step:
    """Make the step that a user of the package writes."""
    optimiser = optim.SGD(network.parameters(), lr=LEARNING_RATE)
    return training_step(network, nn.SoftmaxCrossEntropy(), optimiser)
