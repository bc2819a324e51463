"""Layers and functions that look at their values in Python, and ask less of symbols."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_steps import Training, backends, compare, compiled

from tinygrad_mnist import Tensor, nn, optim

Array = Any

WORDS = np.array([[1, 2, 2], [3, 9, 1]])
NUMBERS = np.random.default_rng(0).random((4, 3)).astype(np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


LAYERS: dict[str, tuple[Callable[[], nn.Module], Array]] = {
    "a table": (lambda: nn.Embedding(10, 4, rng=rng()), WORDS),
    "a table with padding": (lambda: nn.Embedding(10, 4, -9, rng=rng()), WORDS),
    "the mean of all batches": (lambda: nn.BatchNorm1d(3, momentum=None), NUMBERS),
    "the latest batch": (lambda: nn.BatchNorm1d(3, momentum=1.0), NUMBERS),
}


@backends
@pytest.mark.parametrize("name", LAYERS)
def test_layers_do_as_in_python(name: str, backend: str) -> None:
    make, x = LAYERS[name]

    def training() -> Training:
        layer = make()
        optimiser = optim.SGD(layer.parameters(), lr=0.1)

        def step(x: Array) -> Tensor:
            optimiser.zero_grad()
            loss: Tensor = (layer(x) ** 2).sum()
            loss.backward()
            optimiser.step()
            return loss

        return Training(layer, optimiser, step)

    compare(backend, training, [(x,), (x[::-1],), (x,)])


WRONG: dict[str, tuple[Callable[[Any], Any], Array, Array, str]] = {
    "Embedding": (nn.Embedding(10, 4, rng=rng()), WORDS, WORDS + 1, "Embedding.*10 rows"),
    "average": (
        lambda weights: np.average(Tensor(NUMBERS), axis=0, weights=weights),
        np.ones(4, np.float32),
        np.zeros(4, np.float32),
        "weights sum to 0",
    ),
    "quantile": (
        lambda q: np.quantile(Tensor(NUMBERS), q),
        np.array([0.5]),
        np.array([1.5]),
        "from 0 to 1",
    ),
}


@backends
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_in_every_step(name: str, backend: str) -> None:
    function, right, wrong, message = WRONG[name]

    def step(given: Array) -> Any:
        return function(Tensor(given) if name == "average" else given)

    run = compiled(step, backend)
    if name == "quantile" and backend == "c":
        with pytest.warns(match="runs in NumPy"):
            run.prepare(right)
    run(right)
    with pytest.raises(ValueError, match=message):
        run(wrong)
