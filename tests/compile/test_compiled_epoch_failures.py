"""Epochs that fail, wholly or in the middle, and those that can't be taken."""

from typing import Any

import numpy as np
import pytest
from epochs import BATCH, COUNT, data, order_of, pixels
from small_steps import adam, alike, backends, classifier, compiled, same, two_layers

from tinygrad_mnist import optim


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
    losses = compiled(training.step).epoch(*data(), np.array([], int), BATCH)
    assert len(losses) == 0
    same(training.state(), before)
