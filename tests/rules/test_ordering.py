"""Sorting, medians and quantiles: who gets the gradient, and that all of it arrives."""

from typing import Any

import numpy as np
import pytest
from groups import few, groups
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import check_refusal
from strategies import FLOATS, SHAPES, arrays, axes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

METHODS = st.sampled_from(["linear", "lower", "higher", "midpoint", "nearest", "hazen", "weibull"])


@given(data=st.data(), shape=SHAPES.filter(len), dtype=FLOATS, kth=st.none() | st.integers(0, 2))
def test_sorting_sends_every_gradient_back_to_where_its_element_came_from(
    data: st.DataObject, shape: Any, dtype: Any, kth: int | None
) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1), label="axis")
    lines = int(np.prod(shape)) if axis is None else shape[axis]
    a = data.draw(few(shape, dtype) | arrays(shape, dtype, low=-2.0))
    t = Tensor(a, requires_grad=True)
    if kth is None or kth >= lines:
        y = np.sort(t, axis)
        np.testing.assert_array_equal(y.numpy(), np.sort(a, axis))
    else:
        y = np.partition(t, kth, axis)
        np.testing.assert_array_equal(y.numpy(), np.partition(a, kth, axis))
    g = np.arange(1.0, a.size + 1).reshape(y.shape)
    y.backward(g)
    assert t.grad is not None
    assert t.grad.dtype == dtype
    assert t.grad.shape == shape
    # Element and gradient stay together: in every line there are the same pairs as before.
    for places in groups(shape, axis):
        before, after = (
            [(x.ravel()[i], slope.ravel()[i]) for i in places]
            for x, slope in ((a, t.grad.numpy()), (y.numpy(), g))
        )
        assert sorted(before) == sorted(after)


@given(data=st.data(), shape=SHAPES.filter(lambda shape: 0 not in shape), method=METHODS)
def test_all_of_a_quantiles_gradient_arrives_where_it_belongs(
    data: st.DataObject, shape: Any, method: Any
) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    q = data.draw(
        st.floats(0, 1, width=16) | st.lists(st.floats(0, 1, width=16), max_size=3), label="q"
    )
    keepdims = data.draw(st.booleans(), label="keepdims")
    a = data.draw(few(shape) | arrays(shape, low=-2.0))
    t = Tensor(a, requires_grad=True)
    y = np.quantile(t, q, axis, method=method, keepdims=keepdims)
    expected = np.quantile(a, q, axis, method=method, keepdims=keepdims)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-15)
    g = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(g)
    assert t.grad is not None
    slope = t.grad.numpy()
    # Adding to all elements adds to the quantile, and scaling them scales it.
    np.testing.assert_allclose(slope.sum(), g.sum(), atol=1e-9)
    np.testing.assert_allclose((slope * a).sum(), (g * expected).sum(), atol=1e-9)
    for value in np.unique(a):
        if axis is None:
            assert np.unique(slope[a == value]).size == 1  # those that tie share


@settings(max_examples=30)
@given(n=st.integers(2, 6), q=st.floats(0.01, 0.99))
def test_a_quantile_moves_with_its_place(n: int, q: float) -> None:
    a = np.arange(n) ** 2.0
    steps = np.diff(a)
    assert tg.grad(lambda q: np.quantile(a, q))(np.float64(q)) == pytest.approx(
        (n - 1) * steps[int(np.floor((n - 1) * q))]
    )


def test_elements_that_tie_keep_their_order() -> None:
    weights = np.arange(99.0)
    slope = tg.grad(lambda a: np.sum(np.sort(a) * weights))(np.arange(99) % 3.0)
    assert slope.reshape(33, 3).T.ravel().tolist() == weights.tolist()


def test_a_method_that_rounds_does_not_look_beyond() -> None:
    t = Tensor([1.0, np.inf], requires_grad=True)
    y = np.quantile(t, 0.3, method="lower")
    y.backward()
    assert y.item() == 1.0
    assert t.grad is not None
    assert t.grad.tolist() == [1.0, 0.0]


def test_elements_that_tie_with_the_median_share_its_gradient() -> None:
    assert tg.grad(np.median)(np.array([2.0, 1.0, 2.0, 3.0, 2.0])).tolist() == pytest.approx(
        [1 / 3, 0, 1 / 3, 0, 1 / 3]
    )
    assert tg.grad(np.median)(np.array([4.0, 1.0, 2.0, 2.0])).tolist() == [0.0, 0.0, 0.5, 0.5]


@pytest.mark.parametrize("function", [np.median, lambda a, axis: np.percentile(a, 50, axis)])
def test_the_nans_of_a_line_share_its_gradient(function: Any) -> None:
    t = Tensor([[np.nan, 1.0, np.nan, 2.0], [3.0, 1.0, 2.0, 4.0]], requires_grad=True)
    y = function(t, axis=1)
    assert np.isnan(y.tolist()[0])
    y.backward(np.array([2.0, 2.0]))
    assert t.grad is not None
    assert t.grad.tolist() == [[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0]]


def test_the_median_of_nothing_is_nan_with_numpys_warning() -> None:
    with pytest.warns(RuntimeWarning, match="Mean of empty slice|invalid value"):
        assert np.isnan(np.median(Tensor(np.zeros(0))).item())


def test_the_quantile_of_integers_lies_between_them() -> None:
    assert np.quantile(Tensor(np.arange(4)), 0.5).tolist() == 1.5
    assert np.median(Tensor(np.arange(4))).tolist() == 1.5


def test_python_numbers_take_the_dtype_that_they_meet_and_arrays_promote() -> None:
    t = Tensor(np.arange(3, dtype=np.float32))
    assert np.quantile(t, [0.25, 0.5]).dtype == np.float32
    assert np.quantile(t, np.array([0.25, 0.5])).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: np.quantile(t, 1.5), "quantile: q is 1.5; expected numbers from 0 to 1"),
        (lambda t: np.percentile(t, -1), "percentile: q is -1; expected numbers from 0 to 100"),
        (
            lambda t: np.quantile(t, 0.5, method="inverted_cdf"),
            "quantile: not supported for Tensors: method='",
        ),
        (lambda t: np.quantile(t, 0.5, weights=[1, 2]), "quantile: not supported for Tensors: "),
        (lambda t: np.median(t, axis=1), "median: (2,): axis 1 is out of bounds"),
        (lambda t: np.median(t, axis=(0, -1)), "median: (2,): axis is (0, -1); expected each"),
        (lambda t: np.median(t, overwrite_input=True), "median: not supported for Tensors: "),
        (
            lambda t: np.quantile(t[:0], 0.5),
            "quantile: (0,): expected elements along the",
        ),
        (lambda t: np.sort(t, order="x"), "sort: not supported for Tensors: order"),
    ],
)
def test_a_refusal_is_one_sentence(call: Any, sentence: str) -> None:
    check_refusal(call, (TypeError, ValueError), sentence, Tensor([1.0, 2.0], requires_grad=True))
