"""Epochs that fail, wholly or in the middle, and those that can't be taken."""

from typing import Any

import numpy as np
import pytest
from epochs import BATCH, COUNT, data, order_of, pixels
from small_steps import adam, alike, backends, classifier, compiled, same, two_layers

from tinygrad_mnist import nn, optim


@backends
def test_a_wrong_label_ends_the_epoch_after_the_steps_before(backend: str) -> None:
    """Step counts, schedules, states and dropout are those of the steps that were taken."""
    eager, training = classifier(adam), classifier(adam)
    schedules = [optim.lr_scheduler.ExponentialLR(t.optimiser, 0.9) for t in (eager, training)]
    step = compiled(training.step, backend)
    images, labels = data()
    order = np.arange(COUNT)
    step.epoch(images, labels, order, BATCH, schedules[1])
    for start in range(0, COUNT, BATCH):
        eager.step(pixels(images[start : start + BATCH]), labels[start : start + BATCH])
        schedules[0].step()
    labels[2 * BATCH + 3] = 17  # in the third batch
    with pytest.raises(ValueError, match="label 17 is not one of the 4 classes"):
        step.epoch(images, labels, order, BATCH, schedules[1])
    for start in range(0, 2 * BATCH, BATCH):
        eager.step(pixels(images[start : start + BATCH]), labels[start : start + BATCH])
        schedules[0].step()
    alike(backend, training.state(), eager.state())
    assert schedules[0].state_dict() == schedules[1].state_dict()
    labels[2 * BATCH + 3] = 1
    losses = step.epoch(images, labels, order, BATCH, schedules[1])
    alike(backend, losses[0], float(eager.step(pixels(images[:BATCH]), labels[:BATCH])))


@backends
def test_a_first_epoch_that_ends_early_leaves_no_counts_behind(backend: str) -> None:
    eager, training = classifier(adam), classifier(adam)
    images, labels = data()
    labels[2 * BATCH + 3] = 17
    with pytest.raises(ValueError, match="label 17"):
        compiled(training.step, backend).epoch(images, labels, np.arange(COUNT), BATCH)
    for start in range(0, 2 * BATCH, BATCH):
        eager.step(pixels(images[start : start + BATCH]), labels[start : start + BATCH])
    alike(backend, training.state(), eager.state())


@backends
def test_a_schedule_that_ends_too_soon_ends_the_epoch_after_that_step(backend: str) -> None:
    eager, training = classifier(adam), classifier(adam)
    schedules = [
        optim.lr_scheduler.OneCycleLR(t.optimiser, 0.1, total_steps=2) for t in (eager, training)
    ]
    images, labels = data()
    with pytest.raises(ValueError, match="total_steps"):
        compiled(training.step, backend).epoch(
            images, labels, np.arange(COUNT), BATCH, schedules[1]
        )
    for start in (0, BATCH, 2 * BATCH):
        eager.step(pixels(images[start : start + BATCH]), labels[start : start + BATCH])
        if start < 2 * BATCH:
            schedules[0].step()
    alike(backend, training.state(), eager.state())


@backends
def test_an_optimiser_before_the_failure_has_moved(backend: str) -> None:
    made = []
    for _ in range(2):
        model, other = two_layers(seed=0), two_layers(seed=1)
        optimisers = adam(model.parameters()), adam(other.parameters())
        made.append((model, other, *optimisers))

    def step_of(model: Any, other: Any, first: Any, second: Any) -> Any:
        def step(images: Any, labels: Any, others: Any) -> None:
            for each, optimiser, wanted in ((model, first, labels), (other, second, others)):
                optimiser.zero_grad()
                nn.SoftmaxCrossEntropy()(each(images), wanted).backward()
                optimiser.step()

        return step

    eager, step = step_of(*made[0]), compiled(step_of(*made[1]), backend)
    images, labels = data(np.float32, count=BATCH)
    wrong = np.full(BATCH, 9)
    for run in (eager, step):
        run(images, labels, labels)
        with pytest.raises(ValueError, match="label 9"):
            run(images, labels, wrong)
    expected, found = ([part.state_dict() for part in each] for each in made)
    alike(backend, found, expected)


@backends
def test_fixed_results_are_in_all_forms_of_an_epoch(backend: str) -> None:
    training = classifier()

    def step(images: Any, labels: Any) -> Any:
        return {"loss": training.step(images, labels), "fixed": 3, "nothing": None, "name": "a"}

    run = compiled(step, backend)
    for count in (2 * BATCH, COUNT):  # whole batches, and a part of one
        images, labels = data(count=count)
        found = run.epoch(images, labels, np.arange(count), BATCH)
        assert len(found["loss"]) == -(-count // BATCH)
        assert found["fixed"].tolist() == [3.0] * -(-count // BATCH)
        assert (found["nothing"], found["name"]) == (None, "a")


def test_gradients_of_before_are_gone_after_a_replay() -> None:
    training = classifier()
    step = compiled(training.step)
    step(*data(np.float32, count=BATCH))
    training.model(data(np.float32)[0]).sum().backward()
    step(*data(np.float32, count=BATCH))
    assert [parameter.grad for parameter in training.model.parameters()] == [None] * 4


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "more images": (
        lambda x, y: (x, y[:-1], order_of(), 8),
        ValueError,
        "30 images with 29 labels",
    ),
    "no batch": (lambda x, y: (x, y, order_of(), 0), ValueError, "batch_size is 0"),
    "negative batch": (lambda x, y: (x, y, order_of(), -3), ValueError, "batch_size is -3"),
    "beyond": (lambda x, y: (x, y, np.array([0, 30]), 8), IndexError, "30"),
    "before": (lambda x, y: (x, y, np.array([0, -1]), 8), IndexError, "30"),
    "lists": (lambda x, y: (x.tolist(), y, order_of(), 8), TypeError, "images are a list"),
    "floats": (lambda x, y: (x, y, np.array([0.5, 1.5]), 8), TypeError, "integers"),
    "two axes": (lambda x, y: (x, y, order_of().reshape(5, 6), 8), ValueError, "order"),
}


@backends
def test_bad_input_is_refused_and_nothing_moves(backend: str) -> None:
    training = classifier(adam)
    step = compiled(training.step, backend)
    images, labels = data()
    for arguments, kind, message in BAD.values():
        before = training.state()
        with pytest.raises(kind, match=message):
            step.epoch(*arguments(images, labels))
        same(training.state(), before)


def test_results_must_be_numbers() -> None:
    model = two_layers()
    step = compiled(lambda images, labels: model(images))
    with pytest.raises(ValueError, match=r"shape \(8, 4\); expected single numbers"):
        step.epoch(*data(), order_of(), BATCH)


def test_an_empty_order_takes_no_step() -> None:
    training = classifier()
    before = training.state()
    for order in (np.array([], int), []):
        assert len(compiled(training.step).epoch(*data(), order, BATCH)) == 0
    same(training.state(), before)
