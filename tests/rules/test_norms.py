"""Norms: what holds for all of them, and what happens where they are 0 or elements tie."""

from typing import Any

import numpy as np
import pytest
from groups import few
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import check_refusal
from strategies import FLOATS, SHAPES, arrays, axes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

ORDERS = st.sampled_from([1, 2, 3, 1.5, 0.5, -1, np.inf, -np.inf])


@given(data=st.data(), shape=SHAPES, dtype=FLOATS, order=ORDERS, keepdims=st.booleans())
def test_a_norm_grows_with_its_vector(
    data: st.DataObject, shape: Any, dtype: Any, order: Any, keepdims: bool
) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    assume(0 not in shape)
    a = data.draw(arrays(shape, dtype)) * data.draw(st.sampled_from([-1, 1]))
    t = Tensor(a, requires_grad=True)
    y = np.linalg.vector_norm(t, axis=axis, ord=order, keepdims=keepdims)
    expected = np.linalg.vector_norm(a, axis=axis, ord=order, keepdims=keepdims)
    assert y.shape == expected.shape
    assert y.dtype == dtype
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-5)
    g = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(g)
    assert t.grad is not None
    assert t.grad.dtype == dtype
    # Twice the vector has twice the norm.
    np.testing.assert_allclose((t.grad.numpy() * a).sum(), (g * expected).sum(), rtol=1e-4)


@given(data=st.data(), n=st.integers(1, 5), order=st.sampled_from([1, 2, 3, np.inf]))
def test_the_slope_of_a_norm_fits_below_it(data: st.DataObject, n: int, order: Any) -> None:
    a, b = data.draw(few((n,))), data.draw(few((n,)))
    slope = tg.grad(lambda x: np.linalg.norm(x, order))(a)
    below = np.linalg.norm(a, order) + slope @ (b - a)
    assert np.linalg.norm(b, order) >= below - 1e-9


@pytest.mark.parametrize("order", [None, 1, 2, 3, np.inf])
def test_where_a_norm_is_0_its_slope_is_0_to_any_order(order: Any) -> None:
    def norm(x: Any) -> Any:
        return np.linalg.norm(x, order)

    assert tg.grad(norm)(np.zeros(3)).tolist() == [0.0] * 3
    curvature = tg.grad(lambda x: np.sum(tg.grad(norm)(x) * np.arange(1.0, 4.0)))
    assert curvature(np.zeros(3)).tolist() == [0.0] * 3


@pytest.mark.parametrize("order", [0.5, 0.9, -0.5, -1, -2.5])
@given(data=st.data(), n=st.integers(1, 5))
def test_an_element_that_is_0_has_no_slope_below_the_order_1(
    order: float, data: st.DataObject, n: int
) -> None:
    a = data.draw(few((n,)).filter(lambda a: (a == 0).any()))

    def norm(x: Any) -> Any:
        return np.linalg.norm(x, order)

    with np.errstate(divide="ignore"):  # NumPy itself divides by 0
        slope = tg.grad(norm)(a)
        again = tg.grad(lambda x: np.sum(tg.grad(norm)(x) * np.arange(1.0, n + 1)))(a)
        rest = a[a != 0]
    expected = np.zeros(n)
    if order > 0 and rest.size:  # a negative order makes the norm 0
        expected[a != 0] = tg.grad(norm)(rest)
    np.testing.assert_allclose(slope, expected, rtol=1e-12)
    assert np.isfinite(again).all()
    assert (again[a == 0] == 0).all()


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
@given(data=st.data(), dtype=st.sampled_from([np.int8, np.uint8, np.int64, np.bool_]))
def test_the_norms_of_integers_are_those_of_the_same_floats(
    order: Any, data: st.DataObject, dtype: Any
) -> None:
    a = data.draw(hnp.arrays(dtype, (2, 2)))
    y: Any = np.linalg.norm(Tensor(a), order)
    expected = np.linalg.norm(a, order)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)


def test_the_smallest_integer_has_an_absolute_value() -> None:
    y: Any = np.linalg.norm(Tensor(np.int8([[-128, 1]])), np.inf)
    assert y.dtype == np.float64
    assert y.item() == 129


def test_the_largest_elements_share() -> None:
    def largest(x: Any) -> Any:
        return np.linalg.norm(x, np.inf)

    assert tg.grad(largest)(np.array([2.0, -2.0, 1.0])).tolist() == [0.5, -0.5, 0.0]


@pytest.mark.parametrize(("order", "axis"), [(1, 0), (np.inf, 1)])
def test_the_largest_sums_share(order: Any, axis: int) -> None:
    a = np.array([[1.0, -1.0], [2.0, 2.0]])
    slope = tg.grad(lambda x: np.linalg.norm(x, order))(a)
    expected = [[0.5, -0.5], [0.5, 0.5]] if axis == 0 else [[0.0, 0.0], [1.0, 1.0]]
    assert slope.tolist() == expected


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m: np.linalg.norm(m, 3), "norm: (2, 2): Invalid norm order for matrices"),
        (lambda m: np.linalg.norm(m[0], "fro"), "norm: (2,): Invalid norm order 'fro'"),
        (
            lambda m: np.linalg.norm(m[None], 1),
            "norm: (1, 2, 2): axis is None; expected one",
        ),
        (lambda m: np.linalg.norm(m, axis=2), "norm: (2, 2): axis 2 is out of"),
        (
            lambda m: np.linalg.vector_norm(m, axis=2),
            "vector_norm: (2, 2): axis 2 is out of",
        ),
    ],
)
def test_a_refusal_is_one_sentence(call: Any, sentence: str) -> None:
    check_refusal(call, ValueError, sentence, Tensor(np.eye(2), requires_grad=True))
