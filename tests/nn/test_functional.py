"""The fused functions against the same written as NumPy calls, and the labels that they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.nn import SoftmaxCrossEntropy
from tinygrad_mnist.nn.functional import affine

loss_fn = SoftmaxCrossEntropy()


def composed(logits: Any, labels: np.ndarray) -> Any:
    """Compute the loss in single steps."""
    return -logits.log_softmax(axis=1)[np.arange(len(labels)), labels].mean()


@st.composite
def classified(draw: st.DrawFn, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits, and a label for each sample."""
    samples, classes = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    label = st.integers(0, classes - 1)
    labels = draw(st.lists(label, min_size=samples, max_size=samples))
    return draw(arrays((samples, classes), dtype, -5.0, 5.0)), np.array(labels)


def loss_and_gradient(function: Any, logits: np.ndarray, labels: Any) -> tuple[Tensor, np.ndarray]:
    leaf = Tensor(logits, requires_grad=True)
    loss = function(leaf, labels)
    (loss * 3.0).backward()
    assert leaf.grad is not None
    return loss, leaf.grad.numpy()


@given(st.data(), FLOATS)
def test_cross_entropy_is_its_steps_in_one(data: st.DataObject, dtype: Any) -> None:
    logits, labels = data.draw(classified(dtype))
    loss, gradient = loss_and_gradient(loss_fn, logits, labels)
    expected, expected_gradient = loss_and_gradient(composed, logits, labels)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert loss.shape == ()
    assert loss.dtype == gradient.dtype == dtype
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=tolerance, atol=tolerance)


@given(classified())
def test_its_second_derivative_is_that_of_its_steps(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = drawn
    direction = np.linspace(-1, 2, logits.size).reshape(logits.shape)

    def curvature(loss: Any) -> Any:
        slope = tg.grad(lambda z: loss(z, labels))
        return tg.grad(lambda z: (slope(z) * direction).sum())(logits)

    np.testing.assert_allclose(curvature(loss_fn), curvature(composed), rtol=1e-10, atol=1e-12)


@given(FLOATS, st.sampled_from([1e4, -1e4]), st.integers(0, 2))
def test_no_logit_is_too_large(dtype: Any, size: float, label: int) -> None:
    logits = np.array([[size, 0.0, -size]], dtype)
    loss, gradient = loss_and_gradient(loss_fn, logits, [label])
    assert loss.item() == pytest.approx(np.abs(size) - logits[0, label])
    expected = 3.0 * ((logits[0] == logits.max()).astype(dtype) - np.eye(3)[label])
    np.testing.assert_allclose(gradient[0], expected, atol=1e-6)


@given(classified(), st.sampled_from([list, Tensor, "u1", "i8", "i4", "u2"]))
def test_labels_come_in_many_forms(drawn: tuple[np.ndarray, np.ndarray], form: Any) -> None:
    logits, labels = drawn
    given_labels = labels.astype(form) if isinstance(form, str) else form(labels)
    loss, gradient = loss_and_gradient(loss_fn, logits, given_labels)
    expected, expected_gradient = loss_and_gradient(loss_fn, logits, labels)
    assert loss.item() == expected.item()
    np.testing.assert_array_equal(gradient, expected_gradient)


def test_arrays_in_are_arrays_out() -> None:
    loss = loss_fn(np.zeros((2, 4)), [1, 2])
    assert not isinstance(loss, Tensor)
    assert float(loss) == np.log(4)


@pytest.mark.parametrize(
    ("shape", "labels", "error", "sentence"),
    [
        ((2, 3), [0, -1], ValueError, "label -1 is not one of the 3 classes, 0 to 2"),
        ((2, 3), [3, 0], ValueError, "label 3 is not one of the 3 classes, 0 to 2"),
        (
            (2, 3),
            np.array([0, 200], np.uint8),
            ValueError,
            "label 200 is not one of the 3 classes, 0 to 2",
        ),
        ((2, 3), [0.0, 1.0], TypeError, "labels are integers, not float64"),
        ((2, 3), [True, False], TypeError, "labels are integers, not bool"),
        ((2, 3), [0, 1, 2], ValueError, r"logits of shape \(2, 3\) with labels of shape \(3,\)"),
        ((2, 3), [[0], [1]], ValueError, r"logits of shape \(2, 3\) .* shape \(2, 1\)"),
        ((3,), [0, 1, 2], ValueError, r"logits of shape \(3,\) .*; expected \(samples, classes\)"),
        (
            (0, 3),
            np.zeros(0, np.intp),
            ValueError,
            r"logits of shape \(0, 3\) .*at least one sample",
        ),
    ],
)
def test_labels_that_do_not_belong_to_the_logits(
    shape: tuple[int, ...], labels: Any, error: type[Exception], sentence: str
) -> None:
    for logits in (np.zeros(shape), Tensor(np.zeros(shape), requires_grad=True)):
        with pytest.raises(error, match=rf"^softmax_cross_entropy: {sentence}") as caught:
            loss_fn(logits, labels)
        assert "\n" not in str(caught.value)


FUNCTIONS: list[Callable[..., Any]] = [affine, lambda x, weight, bias: x @ weight + bias]


@given(data=st.data(), stack=st.lists(st.integers(0, 3), max_size=2), dtype=FLOATS)
def test_affine_is_a_product_and_a_sum(data: st.DataObject, stack: list[int], dtype: Any) -> None:
    x = data.draw(arrays((*stack, 3), dtype))
    weight, bias = data.draw(arrays((3, 2), dtype)), data.draw(arrays((2,), dtype))
    g = data.draw(arrays((*stack, 2), dtype, low=-2.0), label="g")
    gradients = []
    for function in FUNCTIONS:
        leaves = [Tensor(a, requires_grad=True) for a in (x, weight, bias)]
        y = function(*leaves)
        assert y.dtype == dtype
        np.testing.assert_allclose(y.numpy(), x @ weight + bias, rtol=1e-5)
        y.backward(g)
        gradients.append([leaf.grad.numpy() for leaf in leaves if leaf.grad is not None])
    for a, b in zip(*gradients, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_logits_are_floating_point() -> None:
    message = r"^softmax_cross_entropy: logits are floating-point, not int64$"
    with pytest.raises(TypeError, match=message):
        loss_fn(Tensor(np.zeros((2, 3), np.int64)), [0, 2])


def test_affine_names_what_does_not_fit() -> None:
    weight, bias = np.zeros((3, 2)), np.zeros(2)
    for x in (np.zeros((4, 5)), np.zeros(5), np.zeros((2, 4, 5))):
        with pytest.raises(ValueError, match=r"^affine: .*5,?\).*\(3, 2\).*\(2,\)"):
            affine(Tensor(x), weight, bias)
