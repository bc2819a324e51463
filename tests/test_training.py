"""Training does gradient descent as on paper, reports what it did, and stops when it must."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinygrad_mnist import by_hand, nn
from tinygrad_mnist.data import MNIST, load_mnist, scale
from tinygrad_mnist.models import mlp
from tinygrad_mnist.training import (
    DivergedError,
    Epoch,
    Evaluation,
    Settings,
    Step,
    evaluate,
    fit,
    predict,
)

few = settings(max_examples=20, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def noise(seed: int, train: int = 20, test: int = 10) -> MNIST:
    rng = np.random.default_rng(seed)

    def images(n: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return rng.integers(0, 256, (n, 28, 28), np.uint8)

    def labels(n: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return rng.integers(0, 10, n, np.uint8)

    return MNIST(images(train), labels(train), images(test), labels(test), "directory", "Noise.")


def small(seed: int = 0) -> nn.Sequential:
    return mlp([784, 10, 10], np.random.default_rng(seed))


def train(model: nn.Module, digits: MNIST, options: Settings, **callbacks: Any) -> list[Epoch]:
    return fit(model, digits, options, np.random.default_rng(0), **callbacks)


def same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return all(a[name].tobytes() == b[name].tobytes() for name in a)


@pytest.fixture(scope="module")
def sample() -> MNIST:
    return load_mnist("sample")


# --- settings -----------------------------------------------------------------------------


@given(
    st.one_of(
        st.tuples(st.just("epochs"), st.integers(max_value=0)),
        st.tuples(st.just("batch_size"), st.integers(max_value=-1)),
        st.tuples(
            st.just("lr"), st.floats(max_value=0) | st.sampled_from([math.inf, -math.inf, math.nan])
        ),
        st.tuples(
            st.just("momentum"),
            st.floats(max_value=0, exclude_max=True) | st.floats(min_value=1) | st.just(math.nan),
        ),
    )
)
def test_nonsense_is_refused_by_name(setting: tuple[str, Any]) -> None:
    name, value = setting
    with pytest.raises(ValueError, match=f"^{name.replace('_', ' ')} must be .*, not ") as caught:
        Settings(**{name: value})
    assert str(value) in str(caught.value)


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_counts_are_integers(name: str) -> None:
    with pytest.raises(TypeError):
        Settings(**{name: 2.5})  # type: ignore[arg-type]  # what is tested


# --- fit ----------------------------------------------------------------------------------


@few
@given(SEEDS, st.integers(1, 3))
def test_full_batches_without_momentum_are_gradient_descent_by_hand(seed: int, epochs: int) -> None:
    digits, model = noise(seed), small(seed)
    W1, b1, W2, b2 = (array.T.astype(np.float64) for array in model.state_dict().values())
    parameters: by_hand.FourArrays = (W1, b1[:, None], W2, b2[:, None])
    X = digits.train_images.reshape(-1, 784).T / 255
    Y = by_hand.one_hot(digits.train_labels, dtype=np.float64)
    losses = []
    for epoch in range(epochs):
        Z1, A1, Z2, A2 = by_hand.forward(X, *parameters)
        losses.append(by_hand.cross_entropy(Z2, Y))
        gradients = by_hand.backward(X, Y, Z1, A1, A2, W2=parameters[2])
        parameters = by_hand.update(parameters, gradients, 0.01 * (1 - epoch / epochs))

    history = train(model, digits, Settings(epochs, 0, lr=0.01, momentum=0.0))
    np.testing.assert_allclose([epoch.train_loss for epoch in history], losses, rtol=1e-4)
    for array, expected in zip(model.state_dict().values(), parameters, strict=True):
        np.testing.assert_allclose(array, expected.T.reshape(array.shape), rtol=1e-3, atol=1e-5)


@few
@given(SEEDS, st.integers(1, 3), st.integers(0, 25))
def test_figures_are_means_over_the_samples(seed: int, epochs: int, batch_size: int) -> None:
    digits = noise(seed)
    steps: list[Step] = []
    told: list[Epoch] = []
    # A learning rate of next to nothing: the model stays as it was drawn.
    options = Settings(epochs, batch_size, lr=1e-30)
    model = small(seed)
    history = train(model, digits, options, on_step=steps.append, on_epoch=told.append)
    on_train = evaluate(model, digits.train_images, digits.train_labels)
    on_test = evaluate(model, digits.test_images, digits.test_labels)
    second, first = np.sort(on_train.probabilities, axis=1)[:, -2:].T
    assume((first - second).min() > 1e-5)  # or rounding may decide which of two digits it is
    assert told == history
    assert [epoch.epoch for epoch in history] == list(range(1, epochs + 1))
    for epoch in history:
        assert epoch.train_loss == pytest.approx(on_train.loss, rel=1e-5)
        assert epoch.train_accuracy == pytest.approx(on_train.accuracy)
        assert epoch.test_loss == pytest.approx(on_test.loss)
        assert epoch.test_accuracy == on_test.accuracy
        assert epoch.seconds > 0
    a_epoch = math.ceil(20 / batch_size) if batch_size else 1
    assert [step[:3] for step in steps] == [
        (epoch, step, a_epoch) for epoch in range(1, epochs + 1) for step in range(1, a_epoch + 1)
    ]
    assert (steps[-1].loss, steps[-1].accuracy) == (
        history[-1].train_loss,
        history[-1].train_accuracy,
    )


def test_history_is_ready_for_json() -> None:
    history = train(small(), noise(0), Settings(epochs=1))
    assert json.loads(json.dumps([epoch._asdict() for epoch in history]))


def test_the_same_seed_gives_the_same_bits(sample: MNIST) -> None:
    models = [small(seed=1) for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        fit(model, sample, Settings(epochs=1), np.random.default_rng(seed))
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


def test_the_sample_is_learned(sample: MNIST) -> None:
    history = train(small(), sample, Settings())
    assert history[-1].train_accuracy > 0.9
    assert history[-1].test_accuracy > 0.8


def test_the_data_stay_as_they_are(sample: MNIST) -> None:
    before = sample.train_images.tobytes()
    train(small(), sample, Settings(epochs=1))
    assert sample.train_images.tobytes() == before


def test_divergence_goes_back_to_the_initial_weights() -> None:
    model = small()
    with pytest.raises(DivergedError, match=r"in epoch 1, step \d; .* the initial ones;") as caught:
        train(model, noise(0), Settings(batch_size=4, lr=1e30))
    assert caught.value.epoch == 1
    assert caught.value.step in range(2, 6)  # the first step can still be taken
    assert caught.value.history == []
    assert same(model, small())


def spoil(model: nn.Module, value: float) -> None:
    model.load_state_dict(
        {name: np.full_like(array, value) for name, array in model.state_dict().items()}
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, 3e38])
def test_divergence_goes_back_to_the_last_good_epoch(value: float) -> None:
    model, good = small(), small()

    def break_in_third_epoch(step: Step) -> None:
        if step[:2] == (3, 2):
            spoil(model, value)

    def keep(epoch: Epoch) -> None:
        good.load_state_dict(model.state_dict())

    with pytest.raises(DivergedError, match=r"epoch 3, step 3; .*the end of epoch 2;") as caught:
        train(
            model,
            noise(0),
            Settings(epochs=4, batch_size=5),
            on_step=break_in_third_epoch,
            on_epoch=keep,
        )
    assert [epoch.epoch for epoch in caught.value.history] == [1, 2]
    assert same(model, good)


def test_an_overflow_in_the_last_step_of_an_epoch_is_seen() -> None:
    model = small()
    with pytest.raises(DivergedError, match=r"epoch 1, step 1; .*the initial ones"):
        train(model, noise(0), Settings(batch_size=0), on_step=lambda step: spoil(model, math.nan))
    assert same(model, small())


def test_digits_that_do_not_fit_are_refused() -> None:
    digits = noise(0)
    short = dataclasses.replace(digits, train_labels=digits.train_labels[:-1])
    with pytest.raises(ValueError, match="as many labels as images"):
        train(small(), short, Settings())
    with pytest.raises(ValueError, match=r"affine: input of shape \(20, 784\)"):
        train(mlp([100, 10], np.random.default_rng(0)), digits, Settings())
    with pytest.raises(ValueError, match="is not one of the 5 classes"):
        train(mlp([784, 5], np.random.default_rng(0)), digits, Settings())


# --- evaluate and predict -----------------------------------------------------------------


@few
@given(SEEDS, st.integers(1, 30))
def test_evaluation_counts_right(seed: int, count: int) -> None:
    digits, model = noise(seed, test=count), small(seed)
    images, labels = digits.test_images, digits.test_labels
    evaluation = evaluate(model, images, labels)
    logits = model(scale(images.reshape(-1, 784))).numpy().astype(np.float64)
    odds = np.exp(logits)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(evaluation.probabilities, expected, rtol=1e-4)
    picked = expected[np.arange(count), labels]
    assert evaluation.loss == pytest.approx(-np.log(picked).mean(), rel=1e-4)

    answers = evaluation.probabilities.argmax(axis=1)
    assert evaluation.accuracy == pytest.approx((answers == labels).mean())
    for (true, predicted), number in np.ndenumerate(evaluation.confusion):
        assert number == ((labels == true) & (answers == predicted)).sum()
    for digit, accuracy in enumerate(evaluation.digit_accuracy):
        if digit in labels:
            assert accuracy == pytest.approx((answers == labels)[labels == digit].mean())
        else:
            assert math.isnan(accuracy)


@few
@given(SEEDS)
def test_batches_leave_no_trace(seed: int) -> None:
    images, model = noise(seed, train=2503).train_images, small(seed)
    whole = predict(model, images)
    assert whole.shape == (2503, 10)
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    np.testing.assert_allclose(whole[::500], predict(model, images[::500]), rtol=1e-4)


def test_images_may_be_scaled_and_flat_already() -> None:
    images = noise(0).train_images
    flat = scale(images).reshape(-1, 784)
    np.testing.assert_array_equal(predict(small(), images), predict(small(), flat))


def test_evaluation_is_not_recorded() -> None:
    model, digits = small(), noise(0)
    evaluate(model, digits.test_images, digits.test_labels)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e38])
def test_a_model_that_computes_no_numbers_is_refused(value: float) -> None:
    model = small()
    spoil(model, value)
    with pytest.raises(FloatingPointError, match="outputs are not all finite"):
        predict(model, noise(0).test_images)


def test_large_logits_give_a_finite_loss() -> None:
    model = mlp([784, 10], np.random.default_rng(0))
    biases = np.array([3e38, -3e38] + [0] * 8)
    model.load_state_dict({"0.weight": np.zeros((784, 10)), "0.bias": biases})
    evaluation = evaluate(model, np.zeros((2, 784), np.uint8), np.array([0, 1]))
    assert evaluation.loss == pytest.approx(3e38)
    assert evaluation.confusion[:2, 0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("sizes", "images", "message"),
    [
        ([784, 10], np.zeros((0, 784), np.uint8), "at least one image"),
        ([784, 5], np.zeros((1, 784), np.uint8), "expected a model with 10 outputs"),
        ([100, 10], np.zeros((1, 784), np.uint8), "affine: input of shape"),
        ([784, 10], np.zeros((1, 20, 20), np.uint8), "affine: input of shape"),
    ],
)
def test_images_that_do_not_fit_are_refused(sizes: list[int], images: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predict(mlp(sizes, np.random.default_rng(0)), images)


@pytest.mark.parametrize("labels", [[0], [0, 10], [0, -1], [[0, 1]]])
def test_labels_that_do_not_fit_are_refused(labels: list[Any]) -> None:
    with pytest.raises(ValueError, match="softmax_cross_entropy"):
        evaluate(small(), np.zeros((2, 784), np.uint8), np.array(labels))


def test_digits_that_do_not_occur_have_no_accuracy() -> None:
    evaluation = Evaluation(0.0, np.diag([3] + [0] * 9), np.zeros((3, 10)))
    assert evaluation.accuracy == 1
    assert evaluation.digit_accuracy[0] == 1
    assert np.isnan(evaluation.digit_accuracy[1:]).all()
