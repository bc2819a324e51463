"""An epoch at once: what it does is what its steps do one after the other."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from epochs import BATCH, COUNT, Array, column, data, one_by_one, order_of, pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from small_steps import (
    Training,
    adam,
    alike,
    backends,
    classifier,
    compiled,
    momentum,
    needs_compiler,
    same,
    two_layers,
)

import tinygrad_mnist as tg
from tinygrad_mnist import nn, optim


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(
    ("make", "backend"),
    [(momentum, "numpy"), (adam, "numpy"), pytest.param(adam, "c", marks=needs_compiler)],
)
def test_an_epoch_is_its_steps_one_by_one(backend: str, make: Any, dtype: Any) -> None:
    """They are the same to the last bit with either backend: the same code runs."""
    other, training = classifier(make), classifier(make)
    steps, step = compiled(other.step, backend), compiled(training.step, backend)
    images, labels = data(dtype)
    for epoch in range(2):
        order = order_of(seed=epoch)
        losses = step.epoch(images, labels, order, BATCH)
        expected = column(one_by_one(steps, images, labels, order))
        assert losses.shape == (4,)  # 8, 8, 8 and the 6 that are left
        np.testing.assert_array_equal(losses, expected)
        same(training.state(), other.state())


@backends
def test_an_epoch_is_that_of_python(backend: str) -> None:
    eager, training = classifier(adam), classifier(adam)
    step = compiled(training.step, backend)
    images, labels = data()
    losses = step.epoch(images, labels, order_of(), BATCH)
    alike(backend, losses, column(one_by_one(eager.step, images, labels, order_of())))
    alike(backend, training.state(), eager.state())


@settings(max_examples=30)
@given(
    count=st.integers(1, 25),
    size=st.integers(1, 30),
    repeated=st.booleans(),
    labels=st.sampled_from([np.int64, np.uint8, np.int32]),
    dtype=st.sampled_from([np.uint8, np.float32, np.float64]),
)
def test_any_order_and_batch_size(
    count: int, size: int, repeated: bool, labels: Any, dtype: Any
) -> None:
    rng = np.random.default_rng(0)
    order = rng.integers(0, count, 2 * count) if repeated else rng.permutation(count)
    images, targets = data(dtype, labels, count)
    eager, training = classifier(), classifier()
    losses = compiled(training.step).epoch(images, targets, order, size)
    expected = column(one_by_one(eager.step, images, targets, order, size))
    np.testing.assert_array_equal(losses, expected)
    same(training.state(), eager.state())


@backends
def test_schedules_are_stepped_after_every_step(backend: str) -> None:
    def make() -> tuple[Training, Any]:
        training = classifier(adam)
        warm_up = optim.lr_scheduler.LinearLR(training.optimiser, total_iters=5)
        rest = optim.lr_scheduler.ExponentialLR(training.optimiser, 0.5)
        both = optim.lr_scheduler.SequentialLR(training.optimiser, [warm_up, rest], [3])
        return training, both

    (eager, schedule), (training, other) = make(), make()
    step = compiled(training.step, backend)
    images, labels = data()
    for epoch in range(2):
        order = order_of(seed=epoch)
        step.epoch(images, labels, order, BATCH, other)
        for start in range(0, COUNT, BATCH):
            rows = order[start : start + BATCH]
            eager.step(pixels(images[rows]), labels[rows])
            schedule.step()
        alike(backend, training.state(), eager.state())
        assert other.state_dict() == schedule.state_dict()
        assert other.get_last_lr() == schedule.get_last_lr()


@backends
def test_random_draws_go_on(backend: str) -> None:
    dropping = [np.random.default_rng(1) for _ in range(2)]
    eager, training = (
        classifier(model=nn.Sequential(*two_layers().layers[:2], nn.Dropout(0.5, own), last))
        for own, last in zip(dropping, (two_layers()[2], two_layers()[2]), strict=True)
    )
    images, labels = data()
    compiled(training.step, backend).epoch(images, labels, order_of(), BATCH)
    one_by_one(eager.step, images, labels, order_of())
    alike(backend, training.state(), eager.state())
    assert dropping[0].bit_generator.state == dropping[1].bit_generator.state


def as_tuple(loss: Any, right: Any) -> Any:
    return loss, right


def as_list(loss: Any, right: Any) -> Any:
    return [right, loss]


def as_dict(loss: Any, right: Any) -> Any:
    return {"loss": loss, "more": {"right": (right,)}}


@pytest.mark.parametrize(
    ("pack", "backend"),
    [
        (as_tuple, "numpy"),
        (as_list, "numpy"),
        (as_dict, "numpy"),
        pytest.param(as_dict, "c", marks=needs_compiler),
    ],
)
def test_several_results_come_in_columns(pack: Callable[[Any, Any], Any], backend: str) -> None:
    def make() -> Any:
        model = two_layers()
        optimiser = optim.SGD(model.parameters(), lr=0.1)

        def step(images: Array, labels: Array) -> Any:
            optimiser.zero_grad()
            logits = model(images)
            loss = nn.SoftmaxCrossEntropy()(logits, labels)
            loss.backward()
            optimiser.step()
            return pack(loss, (np.argmax(logits, axis=1) == labels).sum())

        return step

    images, labels = data()
    found = compiled(make(), backend).epoch(images, labels, order_of(), BATCH)
    rows = one_by_one(make(), images, labels, order_of())

    def columns(parts: list[Any]) -> Any:
        if isinstance(parts[0], dict):
            return {name: columns([part[name] for part in parts]) for name in parts[0]}
        if isinstance(parts[0], tuple | list):
            return type(parts[0])(columns(list(part)) for part in zip(*parts, strict=True))
        return column(parts)

    assert type(found) is type(rows[0])
    alike(backend, found, columns(rows))


@needs_compiler
@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: (np.asfortranarray(x), y),
        lambda x, y: (x[::-1], y[::-1]),
        lambda x, y: (x.astype(np.float64).astype(np.float32), y.astype(np.int64)),
        lambda x, y: (np.repeat(x, 2, axis=0)[::2], np.repeat(y, 2)[::2]),
    ],
    ids=["columns", "backwards", "other dtypes", "apart"],
)
def test_other_layouts_in_c(change: Callable[[Array, Array], tuple[Array, Array]]) -> None:
    images, labels = change(*data(np.float32))
    eager, training = classifier(adam), classifier(adam)
    losses = compiled(training.step, "c").epoch(images, labels, order_of(), BATCH)
    alike("c", losses, column(one_by_one(eager.step, images, labels, order_of())))
    alike("c", training.state(), eager.state())


@needs_compiler
def test_pixels_are_scaled_in_c_as_in_numpy_to_the_last_bit() -> None:
    """All 256 of them."""
    images = np.arange(256, dtype=np.uint8).reshape(-1, 1)
    step = compiled(lambda pixel, labels: (pixel.sum(), labels.sum()), "c")
    found, _ = step.epoch(images, np.zeros(256, np.int64), np.arange(256), 1)
    expected = (images[:, 0] / np.float32(255)).astype(np.float64)
    np.testing.assert_array_equal(found, expected)


@backends
def test_changes_before_an_epoch_are_noticed(backend: str) -> None:
    eager, training = classifier(adam), classifier(adam)
    step = compiled(training.step, backend)
    images, labels = data()
    for number in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            losses = step.epoch(images, labels, order_of(), BATCH)
        alike(backend, losses, column(one_by_one(eager.step, images, labels, order_of())))
        for one in (eager, training):
            one.model.layers[1] = nn.Tanh() if number == 0 else nn.ReLU()  # type: ignore[attr-defined]
            one.optimiser.param_groups[0]["lr"] = 0.01
    alike(backend, training.state(), eager.state())


def test_an_epoch_within_detect_anomaly_is_looked_at() -> None:
    eager, training = classifier(), classifier()
    images, labels = data()
    with tg.detect_anomaly():
        losses = compiled(training.step).epoch(images, labels, order_of(), BATCH)
    same(losses, column(one_by_one(eager.step, images, labels, order_of())))
    images = images / np.float32(255)
    images[3] = np.nan
    with pytest.raises(FloatingPointError), tg.detect_anomaly():
        compiled(training.step).epoch(images, labels, order_of(), BATCH)
