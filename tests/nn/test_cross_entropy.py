"""Cross-entropy with all its options, against the formula written out sample by sample."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import FLOATS, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.nn.functional import (
    cross_entropy,
    log_softmax,
    nll_loss,
    softmax_cross_entropy,
)

SIZES = st.tuples(st.integers(1, 5), st.integers(1, 4))
SMOOTHINGS = st.sampled_from([0.0, 0.1, 1.0])
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
IGNORED = -100


def composed(
    logits: Any, shares: np.ndarray, divisor: float | np.floating[Any], reduction: str
) -> Any:
    """Compute the loss in single steps, from what each class adds to it."""
    losses = -(log_softmax(logits, axis=1) * shares).sum(axis=1)
    return losses if reduction == "none" else losses.sum() / (divisor if reduction == "mean" else 1)


def shares_of(
    targets: np.ndarray, classes: int, weight: np.ndarray | None, smoothing: float
) -> tuple[np.ndarray, float]:
    """Write down what every class adds, one by one, and what a mean divides by."""
    factors = np.ones(classes) if weight is None else weight
    if targets.ndim == 2:
        return ((1 - smoothing) * targets + smoothing / classes) * factors, len(targets)
    shares, divisor = np.zeros((len(targets), classes)), 0.0
    for sample, label in enumerate(targets):
        if label != IGNORED:
            shares[sample] += smoothing / classes * factors
            shares[sample, label] += (1 - smoothing) * factors[label]
            divisor += factors[label]
    return shares, divisor


@st.composite
def targets_for(draw: st.DrawFn, samples: int, classes: int, dtype: Any) -> np.ndarray:
    """Draw labels, the first of which counts, or probabilities."""
    if draw(st.booleans()):
        return draw(arrays((samples, classes), dtype, 0.0, 1.0))
    label = st.integers(0, classes - 1)
    others = draw(hnp.arrays(np.int64, samples - 1, elements=label | st.just(IGNORED)))
    return np.array([draw(label), *others])


@given(data=st.data(), sizes=SIZES, dtype=FLOATS, smoothing=SMOOTHINGS, reduction=REDUCTIONS)
def test_it_is_its_steps_in_one(
    data: st.DataObject, sizes: tuple[int, int], dtype: Any, smoothing: float, reduction: str
) -> None:
    logits = data.draw(arrays(sizes, dtype, -5.0, 5.0))
    targets = data.draw(targets_for(*sizes, dtype))
    weight = data.draw(st.none() | arrays(sizes[1:], dtype))
    shares, divisor = shares_of(targets, sizes[1], weight, smoothing)
    options = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    one, steps = Tensor(logits, requires_grad=True), Tensor(logits, np.float64, requires_grad=True)
    y = cross_entropy(one, targets, **options)
    expected = composed(steps, shares, divisor, reduction)
    g = data.draw(arrays(y.shape, dtype))
    y.backward(g)
    expected.backward(g)
    assert one.grad is not None
    assert steps.grad is not None
    assert y.dtype == one.grad.dtype == dtype
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(one.grad.numpy(), steps.grad.numpy(), rtol=tolerance, atol=tolerance)


@given(data=st.data(), sizes=SIZES, smoothing=SMOOTHINGS, reduction=REDUCTIONS)
def test_its_second_derivative_is_that_of_its_steps(
    data: st.DataObject, sizes: tuple[int, int], smoothing: float, reduction: str
) -> None:
    logits = data.draw(arrays(sizes, low=-5.0, high=5.0))
    targets = data.draw(targets_for(*sizes, np.float64))
    shares, divisor = shares_of(targets, sizes[1], None, smoothing)
    direction = np.linspace(-1, 2, logits.size).reshape(sizes)

    def curvature(loss: Any) -> Any:
        slope = tg.grad(lambda z: (loss(z) ** 2).sum())
        return tg.grad(lambda z: (slope(z) * direction).sum())(logits)

    found = curvature(
        lambda z: cross_entropy(z, targets, reduction=reduction, label_smoothing=smoothing)
    )
    expected = curvature(lambda z: composed(z, shares, divisor, reduction))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@given(data=st.data(), sizes=SIZES, reduction=REDUCTIONS)
def test_probabilities_have_a_gradient_too(
    data: st.DataObject, sizes: tuple[int, int], reduction: str
) -> None:
    logits = data.draw(arrays(sizes, low=-5.0, high=5.0))
    targets = data.draw(arrays(sizes, low=0.0, high=1.0))
    gradient = tg.grad(
        lambda t: cross_entropy(logits, t, reduction=reduction, label_smoothing=0.25).sum()
    )(targets)
    divisor = len(logits) if reduction == "mean" else 1
    np.testing.assert_allclose(gradient, -0.75 * log_softmax(logits) / divisor, rtol=1e-10)


@given(data=st.data(), shape=hnp.array_shapes(min_dims=3, max_dims=4, max_side=3))
def test_places_behind_the_classes_are_samples(data: st.DataObject, shape: tuple[int, ...]) -> None:
    logits = data.draw(arrays(shape, low=-5.0, high=5.0))
    label = st.integers(0, shape[1] - 1)
    labels = data.draw(hnp.arrays(np.int64, shape[:1] + shape[2:], elements=label))
    rows = np.moveaxis(logits, 1, -1).reshape(-1, shape[1])
    found = cross_entropy(logits, labels, reduction="none")
    assert found.shape == labels.shape
    expected = cross_entropy(rows, labels.ravel(), reduction="none")
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-12)
    assert cross_entropy(logits, labels) == pytest.approx(expected.mean())
    alone = cross_entropy(rows[0], labels.flat[0])
    assert alone.shape == ()
    assert alone == pytest.approx(expected[0])


@given(data=st.data(), sizes=SIZES, reduction=REDUCTIONS, weighted=st.booleans())
def test_nll_loss_follows_log_softmax(
    data: st.DataObject, sizes: tuple[int, int], reduction: str, weighted: bool
) -> None:
    logits = data.draw(arrays(sizes, low=-5.0, high=5.0))
    labels = data.draw(targets_for(*sizes, np.float64).filter(lambda t: t.ndim == 1))
    weight = data.draw(arrays(sizes[1:])) if weighted else None
    losses = [
        nn.NLLLoss(weight, reduction=reduction)(log_softmax(logits), labels),
        nn.CrossEntropyLoss(weight, reduction=reduction)(logits, labels),
    ]
    np.testing.assert_allclose(*losses, rtol=1e-10, atol=1e-12)


# --- far from 0 ---------------------------------------------------------------------------


@given(dtype=FLOATS, size=st.sampled_from([1e4, -1e4]), smoothing=SMOOTHINGS)
def test_no_logit_is_too_large(dtype: Any, size: float, smoothing: float) -> None:
    logits = Tensor(np.array([[size, 0.0, -size]], dtype), requires_grad=True)
    loss = cross_entropy(logits, [0], label_smoothing=smoothing)
    loss.backward()
    assert logits.grad is not None
    largest = abs(size)
    expected = (1 - smoothing) * (largest - size) + smoothing * largest
    assert loss.item() == pytest.approx(expected)
    assert np.isfinite(logits.grad.numpy()).all()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_class_that_is_ruled_out_adds_nothing(reduction: str) -> None:
    logits = np.array([[0.0, -np.inf, 0.0]])
    for targets in ([0], np.array([[0.5, 0.0, 0.5]])):
        t = Tensor(logits, requires_grad=True)
        loss = cross_entropy(t, targets, weight=[1.0, 1.0, 1.0], reduction=reduction)
        assert loss.item() == pytest.approx(math.log(2))
        loss.sum().backward()
        assert t.grad is not None
        assert t.grad.tolist()[0][1] == 0
    assert cross_entropy(logits, [1], reduction=reduction).item() == math.inf
    assert cross_entropy(logits, [0], reduction=reduction, label_smoothing=0.1).item() == math.inf


def test_what_does_not_count_may_be_impossible() -> None:
    scores = np.array([[-np.inf, 0.0], [-1.0, -2.0]])
    assert nll_loss(scores, [-100, 1]) == 2


def test_what_is_not_a_number_does_not_hide() -> None:
    labels, nan = np.array([0, 1]), math.nan
    logits = np.array([[0.0, 1.0], [nan, 0.0]])
    for options in ({}, {"label_smoothing": 0.1}, {"weight": [1.0, 2.0]}):
        assert math.isnan(cross_entropy(logits, labels, **options))
    assert math.isnan(cross_entropy(np.zeros((1, 2)), np.array([[nan, 1.0]])))


# --- conventions --------------------------------------------------------------------------


def test_plain_labels_take_the_short_way() -> None:
    logits = Tensor(np.zeros((2, 3)), requires_grad=True)
    for loss in (softmax_cross_entropy, nn.SoftmaxCrossEntropy(), nn.CrossEntropyLoss()):
        assert "softmax_cross_entropy" in repr(loss(logits, [0, 2]))
    assert "weighted" in repr(cross_entropy(logits, [0, -100]))


def test_any_label_can_be_ignored() -> None:
    logits = np.array([[3.0, 1.0], [0.0, 0.0], [5.0, 2.0]])
    for loss in (cross_entropy, nll_loss):
        some = loss(logits, [0, 1, 0], ignore_index=0)
        assert some == pytest.approx(loss(logits[1:2], [1]))
    unsigned = np.array([255, 1, 255], np.uint8)
    assert cross_entropy(logits, unsigned, ignore_index=255) == pytest.approx(math.log(2))
    assert cross_entropy(logits, [1, 1, 1], ignore_index=0) == cross_entropy(logits, [1, 1, 1])


def test_the_loss_has_the_dtype_of_the_logits() -> None:
    logits = np.zeros((2, 3), np.float32)
    for targets in ([0, 1], np.full((2, 3), 1 / 3), np.full((2, 3), 1 / 3, np.float32)):
        for reduction in ("mean", "sum", "none"):
            loss = cross_entropy(
                logits, targets, weight=np.ones(3), reduction=reduction, label_smoothing=0.1
            )
            assert loss.dtype == np.float32
    assert nll_loss(logits, [0, 1], weight=np.ones(3)).dtype == np.float32


def test_the_targets_are_not_written_to() -> None:
    targets = np.full((2, 3), 0.5)
    loss = cross_entropy(Tensor(np.zeros((2, 3)), requires_grad=True), targets)
    loss.backward()
    assert (targets == 0.5).all()


def test_of_no_samples_there_is_a_sum_but_no_mean() -> None:
    nothing, none = np.zeros((0, 3)), np.zeros(0, np.int64)
    for loss in (cross_entropy, nll_loss):
        assert loss(nothing, none, reduction="sum") == 0
        assert loss(nothing, none, reduction="none").shape == (0,)
        with pytest.raises(ValueError, match=rf"^{loss.__name__}: there is nothing to average"):
            loss(np.zeros((2, 3)), [-100, -100])
    assert cross_entropy(nothing, nothing, reduction="sum") == 0
    for targets, options in ((nothing, {}), (none, {"label_smoothing": 0.1})):
        with pytest.raises(ValueError, match=r"^cross_entropy: there is nothing to average"):
            cross_entropy(nothing, targets, **options)


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "sentence"),
    [
        ([LOGITS, [0, 3]], {}, ValueError, "label 3 is not one of the 3 classes, 0 to 2"),
        (
            [LOGITS, [0, -1]],
            {"weight": [1.0] * 3},
            ValueError,
            "label -1 is not one of the 3 classes, 0 to 2",
        ),
        (
            [LOGITS, [-100, 0]],
            {"ignore_index": -1},
            ValueError,
            "label -100 is not one of the 3 classes",
        ),
        ([LOGITS, [0.5, 1.0]], {}, ValueError, r"logits of shape \(2, 3\) with probabilities of"),
        ([LOGITS, [True, False]], {}, TypeError, "labels are integers, not bool"),
        ([LOGITS, [0]], {"reduction": "sum"}, ValueError, r"logits of shape \(2, 3\) with labels"),
        (
            [np.zeros((2, 3, 4)), [0, 1]],
            {},
            ValueError,
            r".* labels of shape \(2,\); expected labels of shape \(2, 4\)",
        ),
        ([np.zeros((2, 3), int), [0, 1]], {}, TypeError, "logits are floating-point, not int64"),
        ([np.zeros((2, 0)), [0, 1]], {}, ValueError, r"logits of shape \(2, 0\) have no classes"),
        ([np.zeros(()), 0], {}, ValueError, r"logits of shape \(\) have no classes"),
        ([LOGITS, [0, 1]], {"weight": [1.0, 2.0]}, ValueError, r"weight of shape \(2,\) for 3"),
        (
            [LOGITS, [0, 1]],
            {"reduction": "average"},
            ValueError,
            "reduction is 'average'; expected 'mean', 'sum' or 'none'",
        ),
        ([LOGITS, [0, 1]], {"label_smoothing": -0.1}, ValueError, "label_smoothing is -0.1; exp"),
        (
            [LOGITS, [0, 1]],
            {"label_smoothing": 1.5},
            ValueError,
            "label_smoothing is 1.5; expected",
        ),
        ([LOGITS, LOGITS], {"ignore_index": 1}, ValueError, "ignore_index is for labels"),
        ([LOGITS, [0, 1]], {"weight": [0.0] * 3}, ValueError, "there is nothing to average"),
    ],
)
def test_arguments_that_make_no_sense(
    arguments: list[Any], options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=rf"^(softmax_)?cross_entropy: {sentence}") as caught:
        cross_entropy(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_nll_loss_takes_labels_only() -> None:
    with pytest.raises(TypeError, match=r"^nll_loss: labels are integers, not float64$"):
        nll_loss(LOGITS, LOGITS)
    with pytest.raises(ValueError, match=r"^nll_loss: label 7 is not one of the 3 classes"):
        nll_loss(LOGITS, [0, 7])
