"""What it costs to look inside: a traced sweep against a plain one, and a large graph as text.

All sweeps go over one kept graph, that of a step of 784-10-10, and take turns in one process. A
trace is sorted out when somebody looks at its steps; that is measured, too.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from report import BenchmarkError, Row, median_row
from turns import seconds, take_turns

from tinygrad_mnist import Tensor, nn, study
from tinygrad_mnist.models import mlp

BATCH_SIZES = (32, 128)
SWEEPS_A_TURN = 50
TURNS = 100
WARM_UP = 10
TRACING = 10.0  # times the plain sweep
NODES = 10_000
REPEATS = 11
TEXT = 1.0  # second


def rows() -> Iterator[Row]:
    """Measure tracing at both batch sizes, and the graph."""
    for batch_size in BATCH_SIZES:
        yield from _trace_rows(batch_size)
    yield from _graph_rows()


def _trace_rows(batch_size: int) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    model = mlp([784, 10, 10], rng)
    images = Tensor(rng.random((batch_size, 784), np.float32))
    loss = nn.SoftmaxCrossEntropy()(model(images), rng.integers(0, 10, batch_size))
    parameters = model.parameters()

    def plain() -> None:
        loss.backward(retain_graph=True)
        for parameter in parameters:
            parameter.grad = None

    turns = {
        "plain": turn(plain),
        "traced": turn(lambda: study.trace(loss, model)),
        "looked at": turn(lambda: study.trace(loss, model).steps),
    }
    took = take_turns(turns, TURNS, WARM_UP)
    ratios = {
        name: [x / y for x, y in zip(took[name], took["plain"], strict=True)] for name in turns
    }
    where = f"784-10-10, batch {batch_size}"
    yield median_row(f"{where}: traced sweep ÷ sweep", ratios["traced"], "×", at_most=TRACING)
    yield median_row(f"{where}: traced and looked at ÷ sweep", ratios["looked at"], "×")
    microseconds = [1e6 * t / SWEEPS_A_TURN for t in took["plain"]]
    yield median_row(f"{where}: sweep", microseconds, "µs")


def _graph_rows() -> Iterator[Row]:
    x = Tensor(np.ones(3), requires_grad=True)
    y = x
    for _ in range((NODES - 1) // 2):
        y = np.tanh(y * x)
    layers = (layer for _ in range(NODES // 4) for layer in (nn.Linear(3, 3), nn.Tanh()))
    model = nn.Sequential(*layers)
    z = model(np.ones((1, 3), np.float32)).sum()
    for result in (y, z):
        if len(study.graph(result)) < NODES - 1:
            raise BenchmarkError(f"the program has {len(study.graph(result))} nodes, not {NODES}")
    texts: dict[str, Callable[[], Any]] = {
        "as DOT": lambda: study.graph(y).to_dot(),
        "as Mermaid": lambda: study.graph(y).to_mermaid(),
        f"of {len(model):,} layers as DOT": lambda: study.graph(z, model).to_dot(),
        f"of {len(model):,} layers, folded, as DOT": lambda: study.graph(z, model).fold().to_dot(),
    }
    for name, text in texts.items():
        took = [seconds(text) for _ in range(REPEATS)]
        yield median_row(f"graph of {NODES:,} nodes {name}", took, "s", at_most=TEXT)


def turn(run: Callable[[], object]) -> Callable[[], None]:
    """Make a turn: a number of sweeps."""

    def sweeps() -> None:
        for _ in range(SWEEPS_A_TURN):
            run()

    return sweeps
