"""Compiled steps in several threads: each is taken as a whole, and none disturbs another."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
import pytest
from small_steps import (
    Training,
    adam,
    alike,
    backends,
    batch,
    classifier,
    compiled,
    same,
    two_layers,
)

from tinygrad_mnist import CompileError, Tensor, nn, no_grad

STEPS = 40


@pytest.fixture(autouse=True)
def _changing_threads_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Start all jobs at the same time, each in a thread of its own."""
    barrier = threading.Barrier(len(jobs), timeout=60)

    def run(job: Callable[[], Any]) -> Any:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@backends
def test_one_step_called_by_several_threads_is_taken_as_often(backend: str) -> None:
    """With the same data each time, it does not matter who takes which step."""
    eager, training = classifier(adam), classifier(adam)
    step = compiled(training.step, backend)
    data = batch()
    losses = together([lambda: [step(*data).item() for _ in range(STEPS)] for _ in range(3)])
    expected = [eager.step(*data).item() for _ in range(3 * STEPS)]
    alike(backend, np.array(sorted(chain(*losses))), np.array(sorted(expected)))
    alike(backend, training.state(), eager.state())


def test_the_first_call_may_come_from_two_threads_at_once() -> None:
    for _ in range(10):
        eager, training = classifier(), classifier()
        step = compiled(training.step)
        together([lambda step=step: step(*batch()) for _ in range(2)])
        for _ in range(2):
            eager.step(*batch())
        same(training.state(), eager.state())


@backends
def test_two_steps_in_two_threads_are_what_they_are_alone(backend: str) -> None:
    def train(training: Training, step: Any, seed: int) -> Any:
        losses = [step(*batch(seed=seed + i)).item() for i in range(STEPS)]
        return losses, training.state()

    def job(seed: int, threaded: bool) -> Callable[[], Any]:
        training = classifier(adam, two_layers(seed=seed))
        return lambda: train(training, compiled(training.step, backend), 100 * seed)

    found = together([job(seed, True) for seed in range(3)])
    for seed, (losses, state) in enumerate(found):
        expected_losses, expected = job(seed, False)()
        assert losses == expected_losses
        same(state, expected)


def test_capturing_does_not_disturb_a_thread_that_computes_eagerly() -> None:
    """Symbols stand in for the arrays of the captured step's own Tensors only."""
    model = two_layers(seed=5)
    images, labels = batch()

    def compute() -> list[Any]:
        found = []
        for _ in range(STEPS):
            model.zero_grad()
            loss = nn.SoftmaxCrossEntropy()(model(images), labels)
            loss.backward()
            found.append([loss.item(), *(p.grad.numpy().copy() for p in model.parameters())])
        return found

    def capture() -> None:
        for seed in range(STEPS // 2):
            compiled(classifier(adam, two_layers(seed=seed)).step)(*batch())

    expected = compute()
    found, _ = together([compute, capture])
    same(found, expected)


def test_modes_of_gradients_belong_to_their_threads() -> None:
    x = Tensor(np.ones(3, np.float32), requires_grad=True)

    def square() -> Any:
        return (x * x).sum()

    step = compiled(square)

    def without() -> list[float]:
        with no_grad():
            return [step().item() for _ in range(STEPS)]

    found = together([without, lambda: [step().item() for _ in range(STEPS)]])
    assert found == [[3.0] * STEPS] * 2


def test_a_step_that_calls_a_compiled_step() -> None:
    """It is captured as a part of the outer one, or refused in one sentence."""
    training, eager = classifier(), classifier()
    inner = compiled(training.step)
    outer = compiled(lambda images, labels: inner(images, labels) * 1)
    same(outer(*batch()), eager.step(*batch()).detach() * 1)
    same(training.state(), eager.state())


def test_two_captures_of_one_tensor_wait_for_each_other() -> None:
    shared = Tensor(np.ones(3), requires_grad=True)
    inside, other_began = threading.Event(), threading.Event()

    def first(x: Any) -> Any:
        inside.set()
        other_began.wait(0.2)  # the other can't begin meanwhile
        return shared * x

    def second(x: Any) -> Any:
        other_began.set()
        return shared * x

    steps, x = [compiled(first), compiled(second)], np.arange(3.0)

    def run_second() -> Any:
        inside.wait(60)
        return steps[1](x)

    found = together([lambda: steps[0](x), run_second])
    for result in found:
        same(result, Tensor(x))
    assert isinstance(shared._array, np.ndarray)


def test_others_may_use_a_model_while_it_is_captured() -> None:
    training = classifier()
    images, labels = batch()
    with no_grad():
        expected = training.model(images).numpy().copy()
    inside, done = threading.Event(), threading.Event()
    found: list[Any] = []

    def step(images: Any, labels: Any) -> Any:
        loss = training.step(images, labels)
        inside.set()
        done.wait(60)
        return loss

    def look() -> None:
        inside.wait(60)
        with no_grad():
            found.append(training.model(images).numpy())
        done.set()

    run = compiled(step)
    together([lambda: run.prepare(images, labels), look])
    same(found, [expected])


def test_threads_that_a_step_begins_are_refused() -> None:
    weight = Tensor(np.ones(3))

    def step(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: weight * x).result()

    with pytest.raises(CompileError, match="thread"):
        compiled(step)(np.ones(3))
