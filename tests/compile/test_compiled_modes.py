"""Compiled steps within the modes of the engine, and transforms within compiled functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_steps import alike, backends, batch, classifier, compiled, same

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn

Array = Any


def test_within_detect_anomaly_every_operation_is_looked_at() -> None:
    eager, training = classifier(), classifier()
    step = compiled(training.step)
    same(step(*batch()), eager.step(*batch()))
    with tg.detect_anomaly():
        same(step(*batch(seed=1)), eager.step(*batch(seed=1)))
    images, labels = batch(seed=2)
    images[2, 3] = np.nan
    for run in (eager.step, step):
        with pytest.raises(FloatingPointError, match="affine"), tg.detect_anomaly():
            run(images, labels)
    same(training.state()["model"], eager.state()["model"])
    for one in (eager, training):
        one.model.zero_grad()
    same(step(*batch(seed=3)), eager.step(*batch(seed=3)))
    same(training.state(), eager.state())


def test_a_first_call_within_detect_anomaly_captures_nothing() -> None:
    eager, training = classifier(), classifier()
    step = compiled(training.step)
    with tg.detect_anomaly():
        same(step(*batch()), eager.step(*batch()))
    with pytest.raises(RuntimeError, match="call it once"):
        _ = step.source


def f(x: Any) -> Any:
    return (np.sin(x) * x).sum()


TRANSFORMS: dict[str, Callable[[Array], Any]] = {
    "grad": lambda x: tg.grad(f)(x),
    "value and grad": lambda x: tg.value_and_grad(f)(x),
    "grad of grad": lambda x: tg.grad(lambda y: tg.grad(f)(y).sum())(x),
    "jvp": lambda x: tg.jvp(f, (x,), (x,)),
    "vjp": lambda x: tg.vjp(f, x)[1](1.0),
    "hvp": lambda x: tg.hvp(f, (x,), (x,)),
    "jacobian": lambda x: tg.jacobian(lambda y: np.sin(y) * y[0])(x),
    "hessian": lambda x: tg.hessian(f)(x),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_compile(name: str) -> None:
    function = TRANSFORMS[name]
    step = compiled(function)
    for seed in range(2):
        x = np.random.default_rng(seed).standard_normal(4)
        alike("c", step(x), function(x))  # `grad` may add up in another order


@backends
def test_a_training_step_of_transforms(backend: str) -> None:
    """As in JAX: parameters in, parameters out."""

    def loss_of(W: Any, b: Any, images: Array, labels: Array) -> Any:
        return nn.functional.softmax_cross_entropy(images @ W + b, labels)

    def step(W: Array, b: Array, images: Array, labels: Array) -> Any:
        loss, (dW, db) = tg.value_and_grad(loss_of, argnums=(0, 1))(W, b, images, labels)
        return loss, W - 0.1 * dW, b - 0.1 * db

    run = compiled(step, backend)
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((6, 4)).astype(np.float32), np.zeros(4, np.float32)
    for seed in range(2):
        found, expected = run(W, b, *batch(seed=seed)), step(W, b, *batch(seed=seed))
        alike("c", found, expected)
        _, W, b = expected


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_gradients_are_captured(create_graph: bool) -> None:
    x = Tensor(np.array([1.0, 2.0]), requires_grad=True)

    def step(scale: Array) -> Any:
        x.grad = None
        (x**3 * scale).sum().backward(create_graph=create_graph)
        first = x.grad
        if not create_graph:
            return first * 1
        x.grad = None
        first.sum().backward()
        return first * 1, x.grad * 1

    run = compiled(step)
    for scale in (np.array([1.0, 2.0]), np.array([3.0, 4.0])):
        alike("numpy", run(scale), step(scale))
        x.grad = None


def test_gradients_are_gone_after_a_step_as_documented() -> None:
    training = classifier()
    compiled(training.step)(*batch())
    assert [parameter.grad for parameter in training.model.parameters()] == [None] * 4


def test_a_graph_of_before_notices_that_parameters_have_moved() -> None:
    """A replay writes in place, as the optimiser does: a stale graph says so."""
    training = classifier()
    step = compiled(training.step)
    for _ in range(2):  # the capture, and a replay
        loss = training.model(batch()[0]).sum()
        step(*batch())
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()


@backends
def test_clipping_the_norm_is_as_in_python(backend: str) -> None:
    x = Tensor(np.array([3.0, 4.0], np.float32), requires_grad=True)
    y = Tensor(np.array([1.0], np.float32), requires_grad=True)

    def step(scale: Array, strict: bool = False) -> Any:
        x.grad = y.grad = None
        ((x * x).sum() * scale + y.sum()).backward()
        norm = nn.utils.clip_grad_norm_([x, y], 5.0, error_if_nonfinite=strict)
        return norm, x.grad * 1, y.grad * 1

    run = compiled(step, backend)
    for scale in (1e-3, 2.0, 1e25):
        found, expected = run(np.float32(scale)[None]), step(np.float32(scale)[None])
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-6)
    with pytest.raises(ValueError, match="not finite"):
        run(np.array([np.inf], np.float32), True)
