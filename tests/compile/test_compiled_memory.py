"""Replays in NumPy bring no array: all memory was set aside before."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_steps import adam, batch, classifier, compiled, momentum

from tinygrad_mnist import Tensor, nn, optim

SAMPLES, UNITS = 512, 256
ACTIVATION = SAMPLES * UNITS * 4  # bytes
LITTLE = 40_000  # bytes: numbers, views, and the 8,192 elements by which NumPy may broadcast


def wide(*between: nn.Module) -> nn.Sequential:
    rng = np.random.default_rng(0)
    return nn.Sequential(nn.Linear(6, UNITS, rng=rng), *between, nn.Linear(UNITS, 4, rng=rng))


def peak(step: Any, data: tuple[Any, ...]) -> int:
    """Measure how much memory a call takes beyond what there is."""
    step(*data)
    step(*data)
    tracemalloc.start()
    try:
        step(*data)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        step(*data)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


OPTIMISERS: dict[str, Callable[[list[Tensor]], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": momentum,
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "Adam": adam,
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
}


def test_the_measurement_sees_arrays() -> None:
    """Python's own step brings them; if nothing showed, the tests below would be worth nothing."""
    assert peak(classifier(model=wide(nn.ReLU())).step, batch(SAMPLES)) > ACTIVATION


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_replay_allocates_no_array(name: str) -> None:
    step = compiled(classifier(OPTIMISERS[name], wide(nn.ReLU())).step)
    assert peak(step, batch(SAMPLES)) < LITTLE


@pytest.mark.parametrize(
    "layer",
    [
        nn.Tanh(),
        nn.Sigmoid(),
        nn.SiLU(),
        nn.LeakyReLU(),
        nn.ELU(),
        nn.Softplus(),
        nn.GELU("tanh"),
        nn.LayerNorm(UNITS),
        nn.BatchNorm1d(UNITS),
        nn.Dropout(0.3, np.random.default_rng(0)),
    ],
    ids=repr,
)
def test_no_layer_allocates_as_much_as_an_activation(layer: nn.Module) -> None:
    step = compiled(classifier(model=wide(layer)).step)
    assert peak(step, batch(SAMPLES)) < ACTIVATION // 4


def test_an_exact_gelu_allocates_no_more_than_its_function_of_error_does() -> None:
    """It is not NumPy's, and brings memory of its own."""
    eager = classifier(model=wide(nn.GELU()))
    step = compiled(classifier(model=wide(nn.GELU())).step)
    assert peak(step, batch(SAMPLES)) < peak(eager.step, batch(SAMPLES))


def test_results_are_the_callers_own() -> None:
    """What a step returned stays as it was when the next one has run."""
    model = wide(nn.ReLU())

    def forward(images: Any) -> Any:
        return {"logits": model(images), "both": (images * 2, images.sum())}

    step = compiled(forward)
    first = step(batch(seed=0)[0])
    copies = first["logits"].numpy().copy(), first["both"][0].copy()
    step(batch(seed=1)[0])
    np.testing.assert_array_equal(first["logits"].numpy(), copies[0])
    np.testing.assert_array_equal(first["both"][0], copies[1])
    first["both"][0][...] = 0  # and may be written to
    np.testing.assert_array_equal(step(batch(seed=0)[0])["both"][0], copies[1])


def test_steps_share_nothing_with_the_arguments() -> None:
    training, (images, labels) = classifier(), batch()
    step = compiled(training.step)
    kept = images.copy()
    for _ in range(3):
        step(images, labels)
    np.testing.assert_array_equal(images, kept)
