"""A single small operation, forward and backward, against PyTorch's.

``(a * b).sum()`` on ten elements costs what an engine adds to an operation: NumPy itself needs
next to nothing for it. Both sides start without gradients, compute the value and both gradients,
and drop the gradients again, all in one process and in turns, as in `training_step`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from report import Row, Skip, median_row
from turns import take_turns

from tinygrad_mnist import Tensor

ELEMENTS = 10
STEPS_A_TURN = 500
TURNS = 200
WARM_UP = 20
LIMIT = 1.0

Step = Callable[[], Any]


def rows() -> Iterator[Row]:
    """Measure the operation in the engine and in PyTorch."""
    try:
        import torch
    except ImportError:
        raise Skip("PyTorch is not installed; the extra `peers` brings it") from None
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(ELEMENTS, np.float32) for _ in range(2))
    ours = [Tensor(array, requires_grad=True) for array in (a, b)]
    theirs = [torch.tensor(array, requires_grad=True) for array in (a, b)]
    check_same_gradients(ours, theirs)

    steps = {"engine": step(*ours), "torch": step(*theirs), "NumPy": by_hand(a, b)}
    seconds = take_turns({name: turn(run) for name, run in steps.items()}, TURNS, WARM_UP)
    microseconds = {name: [1e6 * t / STEPS_A_TURN for t in seconds[name]] for name in seconds}
    ratios = [x / y for x, y in zip(seconds["engine"], seconds["torch"], strict=True)]
    yield median_row("(a * b).sum(), 10 elements: engine ÷ PyTorch", ratios, "×", at_most=LIMIT)
    yield median_row("(a * b).sum(), 10 elements: engine", microseconds["engine"], "µs")
    yield median_row("(a * b).sum(), 10 elements: PyTorch", microseconds["torch"], "µs")
    yield median_row("(a * b).sum(), 10 elements: NumPy by hand", microseconds["NumPy"], "µs")


def step(a: Any, b: Any) -> Step:
    """Make the step of the engine or of PyTorch: people write the same for both."""

    def forward_and_backward() -> None:
        (a * b).sum().backward()
        a.grad = None
        b.grad = None

    return forward_and_backward


def by_hand(a: Any, b: Any) -> Step:
    """Make the step on bare arrays: the value, and a gradient for each input."""

    def forward_and_backward() -> tuple[Any, Any, Any]:
        g = np.ones(ELEMENTS, np.float32)
        return (a * b).sum(), g * b, g * a

    return forward_and_backward


def check_same_gradients(ours: list[Any], theirs: list[Any]) -> None:
    """Refuse to compare what does not compute the same; leaves no gradients behind."""
    for inputs in (ours, theirs):
        (inputs[0] * inputs[1]).sum().backward()
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), its.grad.numpy(), rtol=1e-6)
        mine.grad = its.grad = None


def turn(run: Step) -> Callable[[], None]:
    """Make the turn of a step: a number of them."""

    def steps() -> None:
        for _ in range(STEPS_A_TURN):
            run()

    return steps
