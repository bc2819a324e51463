"""`predict` and `evaluate` look at a model and leave no trace."""

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_strategies import SEEDS
from small_runs import Shaken, noise, small

from tinygrad_mnist import nn
from tinygrad_mnist.data import scale
from tinygrad_mnist.training import Evaluation, evaluate, evaluation, predict

few = settings(max_examples=20)


def spoil(model: nn.Module, value: float) -> None:
    model.load_state_dict(
        {name: np.full_like(array, value) for name, array in model.state_dict().items()}
    )


def linear(*sizes: int) -> nn.Module:
    return nn.Linear(*sizes, rng=np.random.default_rng(0))


@few
@given(SEEDS, st.integers(1, 30))
def test_evaluation_counts_right(seed: int, count: int) -> None:
    (images, labels), model = noise(seed, count), small(seed)
    evaluation = evaluate(model, images, labels)
    logits = model(scale(images.reshape(-1, 784))).numpy().astype(np.float64)
    odds = np.exp(logits)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(evaluation.probabilities, expected, rtol=1e-4)
    picked = expected[np.arange(count), labels]
    assert evaluation.loss == pytest.approx(-np.log(picked).mean(), rel=1e-4)

    answers = evaluation.probabilities.argmax(axis=1)
    right = answers == labels
    assert evaluation.accuracy == pytest.approx(right.mean())
    for (true, predicted), number in np.ndenumerate(evaluation.confusion):
        assert number == ((labels == true) & (answers == predicted)).sum()
    for shares, among in ((evaluation.recall, labels), (evaluation.precision, answers)):
        assert shares.shape == (10,)
        for digit, share in enumerate(shares):
            if digit in among:
                assert share == pytest.approx(right[among == digit].mean())
            else:
                assert math.isnan(share)


def test_precision_and_recall_by_name() -> None:
    confusion = np.zeros((10, 10), np.int64)
    confusion[3, 3], confusion[3, 5], confusion[5, 5] = 1, 3, 2
    evaluation = Evaluation(0.0, confusion, np.zeros((6, 10)))
    assert (evaluation.recall[3], evaluation.recall[5]) == (0.25, 1.0)  # of the images
    assert (evaluation.precision[3], evaluation.precision[5]) == (1.0, 0.4)  # of the answers
    assert evaluation.accuracy == 0.5
    assert np.isnan(evaluation.precision[0])
    assert np.isnan(evaluation.recall[0])


@few
@given(SEEDS)
def test_batches_leave_no_trace(seed: int) -> None:
    images, model = noise(seed, 2503).images, small(seed)
    whole = predict(model, images)
    assert whole.shape == (2503, 10)
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    np.testing.assert_allclose(whole[::500], predict(model, images[::500]), rtol=1e-4)


def test_images_may_be_scaled_and_flat_already() -> None:
    images = noise(0).images
    flat = scale(images).reshape(-1, 784)
    np.testing.assert_array_equal(predict(small(), images), predict(small(), flat))


def test_evaluation_is_not_recorded() -> None:
    model = small()
    evaluate(model, *noise(0))
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_in_evaluation_mode_meanwhile(training: bool) -> None:
    model = Shaken(small(), np.random.default_rng(0)).train(training)
    np.testing.assert_array_equal(
        predict(model, noise(0).images), predict(small(), noise(0).images)
    )
    assert model.count.item() == 0
    assert model.training is model.model.training is training
    with pytest.raises(ValueError, match="do not fit"):
        predict(model, np.zeros((1, 3), np.uint8))
    assert model.training is model.model.training is training


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e38])
def test_a_model_that_computes_no_numbers_is_refused(value: float) -> None:
    model = small()
    spoil(model, value)
    with pytest.raises(FloatingPointError, match="outputs are not all finite"):
        predict(model, noise(0).images)


def test_large_logits_give_a_finite_loss() -> None:
    model = linear(784, 10)
    biases = np.array([3e38, -3e38] + [0] * 8)
    model.load_state_dict({"weight": np.zeros((784, 10)), "bias": biases})
    evaluation = evaluate(model, np.zeros((2, 784), np.uint8), np.array([0, 1]))
    assert evaluation.loss == pytest.approx(3e38)
    assert evaluation.confusion[:2, 0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("sizes", "images", "message"),
    [
        ((784, 10), np.zeros((0, 784), np.uint8), "at least one image"),
        ((784, 5), np.zeros((1, 784), np.uint8), "expected a model with 10 outputs"),
        ((100, 10), np.zeros((1, 784), np.uint8), r"images of shape \(784,\) do not fit the mod"),
        ((784, 10), np.zeros((1, 20, 20), np.uint8), r"images of shape \(20, 20\) do not fit"),
    ],
)
def test_images_that_do_not_fit_are_refused(
    sizes: tuple[int, int], images: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        predict(linear(*sizes), images)


@pytest.mark.parametrize("labels", [[0], [0, 10], [0, -1], [[0, 1]]])
def test_labels_that_do_not_fit_are_refused(labels: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"softmax_cross_entropy|a label for each"):
        evaluate(small(), np.zeros((2, 784), np.uint8), np.array(labels))
    with pytest.raises(ValueError, match="a label for each image"):
        evaluate(small(), np.zeros((2, 784), np.uint8), np.zeros(3, np.uint8))


def test_lists_are_refused() -> None:
    images, labels = noise(0)
    for call in (lambda: predict(small(), images.tolist()), lambda: predict(small(), [images])):
        with pytest.raises(TypeError, match="images must be a NumPy array, not list"):
            call()
    with pytest.raises(TypeError, match="images must be a NumPy array, not list"):
        evaluate(small(), images.tolist(), labels)
    with pytest.raises(TypeError, match="labels must be a NumPy array, not list"):
        evaluate(small(), images, labels.tolist())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_pixels_that_are_no_numbers_are_named(value: float) -> None:
    images, labels = noise(0)
    images = scale(images)
    images[13, 5, 5] = value
    for call in (lambda: predict(small(), images), lambda: evaluate(small(), images, labels)):
        with pytest.raises(ValueError, match="the images hold pixels that are infinite or not a n"):
            call()


@few
@given(SEEDS, st.integers(1, 40), st.integers(1, 20))
def test_large_data_is_examined_in_parts(seed: int, count: int, part: int) -> None:
    digits, model = noise(seed, count), small(seed)
    whole = evaluate(model, *digits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_PART", part)
        parts = evaluate(model, *digits)
        score = evaluation.measure(model, *digits)
    assert parts.loss == score.loss == pytest.approx(whole.loss, rel=1e-5)
    for found in (parts, score):
        np.testing.assert_array_equal(found.confusion, whole.confusion)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, rtol=1e-4)


def test_measuring_keeps_nothing_of_single_images() -> None:
    images = np.broadcast_to(np.uint8(0), (100_000, 28, 28))
    labels = np.zeros(100_000, np.uint8)
    model = small()
    evaluation.measure(model, images[:100], labels[:100])
    tracemalloc.start()
    try:
        evaluation.measure(model, images, labels)
        assert tracemalloc.get_traced_memory()[1] < 12e6  # all logits are 8 MB, and more on the way
    finally:
        tracemalloc.stop()
