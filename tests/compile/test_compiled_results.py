"""What steps write and return is what Python's do."""

from typing import Any

import numpy as np
import pytest
from small_steps import alike, arrays_in, backends, batch, compiled, two_layers
from unusual_steps import MADE

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, no_grad

Array = Any


@backends
@pytest.mark.parametrize("name", MADE)
def test_results_and_states_are_those_of_python(name: str, backend: str) -> None:
    make = MADE[name]
    (eager, expected), (function, found) = make(), make()
    step = compiled(function, backend)
    for seed in range(3):
        a, b = step(*batch(seed=seed)), eager(*batch(seed=seed))
        assert [type(part) for part in flat(a)] == [type(part) for part in flat(b)]
        alike(backend, list(arrays_in(a)), list(arrays_in(b)))
        alike(backend, found(), expected())
    assert step.backend == backend


def flat(whole: Any) -> list[Any]:
    """List the parts of results, with what holds them."""
    inside = whole.values() if isinstance(whole, dict) else whole
    if isinstance(whole, dict | list | tuple):
        return [whole, *(part for each in inside for part in flat(each))]
    return [whole]


@backends
def test_inference_without_gradients(backend: str) -> None:
    model = two_layers().eval()

    def predict(images: Array) -> Any:
        return model(images)

    step = compiled(predict, backend)
    with no_grad():
        found = step(batch()[0])
        alike(backend, found, predict(batch()[0]))
    assert not found.requires_grad
    assert "backward" not in step.source


def test_the_mode_of_gradients_has_its_own_captures() -> None:
    x = Tensor(np.ones(3, np.float32), requires_grad=True)

    def step() -> Any:
        x.grad = None
        y = (x * 3).sum()
        if tg.is_grad_enabled():
            y.backward()
            return x.grad * 1
        return y

    run = compiled(step)
    for _ in range(2):
        alike("numpy", run(), np.full(3, 3, np.float32))
        with no_grad():
            alike("numpy", run(), np.float32(9))
