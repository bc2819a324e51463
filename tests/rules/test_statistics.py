"""Variances and their corrections, weighted means, covariances, and where they end."""

from typing import Any

import numpy as np
import pytest
from groups import groups
from hypothesis import assume, given
from hypothesis import strategies as st
from refusals import check_refusal
from strategies import SHAPES, arrays, axes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor


@pytest.mark.parametrize(("function", "power"), [(np.var, 1.0), (np.std, 0.5)])
@given(data=st.data(), shape=SHAPES, ddof=st.sampled_from([0.5, 1]))
def test_a_spread_and_its_correction(
    function: Any, power: float, data: st.DataObject, shape: Any, ddof: float
) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    n = groups(shape, axis).shape[1]
    assume(n > ddof)
    a = data.draw(arrays(shape))
    plain, *corrected = (Tensor(a, requires_grad=True) for _ in range(3))
    function(plain, axis).sum().backward()
    function(corrected[0], axis, ddof=ddof).sum().backward()
    function(corrected[1], axis, correction=ddof).sum().backward()
    assert plain.grad is not None
    for t in corrected:
        assert t.grad is not None
        expected = plain.grad.numpy() * (n / (n - ddof)) ** power
        np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-12, atol=1e-15)


@given(data=st.data(), shape=SHAPES)
def test_a_mean_that_is_given_stands_still(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    assume(groups(shape, axis).shape[1])
    a = data.draw(arrays(shape))
    mean = np.mean(a, axis, keepdims=True) + 1
    t = Tensor(a, requires_grad=True)
    np.var(t, axis, mean=mean).sum().backward()
    expected = 2 * (a - mean) / groups(shape, axis).shape[1]
    assert t.grad is not None
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-12, atol=1e-15)


@given(data=st.data(), shape=SHAPES)
def test_weights_that_are_all_alike_change_nothing(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    assume(0 not in shape)
    a = data.draw(arrays(shape))
    plain, weighted = (Tensor(a, requires_grad=True) for _ in range(2))
    weights = Tensor(np.full(shape, 2.0), requires_grad=True)
    np.average(plain, axis).sum().backward()
    y, total = np.average(weighted, axis, weights, returned=True)
    assert total.shape == y.shape
    y.sum().backward()
    assert plain.grad is not None
    assert weighted.grad is not None
    assert weights.grad is not None
    np.testing.assert_allclose(weighted.grad.numpy(), plain.grad.numpy(), rtol=1e-12)
    # The element that lies above the mean pulls it up when it weighs more.
    pull = (a - np.average(a, axis, keepdims=True)) / groups(shape, axis).shape[1] / 2
    np.testing.assert_allclose(weights.grad.numpy(), pull, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_where_nothing_varies_the_deviation_has_slope_0_to_any_order() -> None:
    a = np.full((2, 3), 2.0)
    assert tg.grad(lambda a: np.std(a, axis=1).sum())(a).tolist() == [[0.0] * 3] * 2
    curvature = tg.grad(lambda a: np.sum(tg.grad(np.std)(a) * np.arange(6.0).reshape(2, 3)))
    assert curvature(a).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("ddof", [2, 3])
def test_without_freedom_the_slope_is_not_finite_and_numpy_warns(ddof: int) -> None:
    with pytest.warns(RuntimeWarning):
        slope = tg.grad(lambda a: np.var(a, ddof=ddof))(np.array([2.0, 3.0]))
    assert slope.tolist() == [-np.inf, np.inf]


def test_a_correlation_with_itself_does_not_move() -> None:
    a = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 2.0]])
    slope = tg.grad(lambda a: np.corrcoef(a)[0, 0])(a)
    np.testing.assert_allclose(slope, np.zeros((2, 3)), atol=1e-15)


def test_a_covariance_keeps_the_dtype() -> None:
    for t in (Tensor([[1.0, 2.0], [3.0, 5.0]]), Tensor([1.0, 2.0])):
        assert np.cov(t).dtype == np.corrcoef(t).dtype == np.float32
        assert np.cov(t, fweights=np.array([1, 2])).dtype == np.float32
        assert np.cov(t, dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda m: np.average(m, weights=[1, 2]),
            "average: (2, 2): weights of shape (2,); ",
        ),
        (lambda m: np.average(m, 0, [1, 2, 3]), "average: (2, 2): weights of shape (3,); expected"),
        (lambda m: np.average(m, 0, [1, -1]), "average: the weights sum to 0"),
        (lambda m: np.cov(m[None]), "cov: (1, 2, 2): expected one axis, or two"),
        (lambda m: np.cov(m, [1.0]), "cov: 2 observations of m, 1 of y"),
        (lambda m: np.cov(m, fweights=[1.5, 1]), "cov: fweights that are no integers; expected"),
        (lambda m: np.cov(m, aweights=[-1, 1]), "cov: aweights below 0"),
        (lambda m: np.cov(m, aweights=[1, 1, 1]), "cov: aweights of shape (3,); expected (2,)"),
        (lambda m: np.var(m, mean=m), "var: mean is a Tensor that needs a gradient"),
    ],
)
def test_a_refusal_is_one_sentence(call: Any, sentence: str) -> None:
    check_refusal(
        call,
        (TypeError, ValueError, ZeroDivisionError),
        sentence,
        Tensor(np.eye(2), requires_grad=True),
    )
