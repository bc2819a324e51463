"""Elementwise rules: broadcasting, dtypes that mix, and what happens at kinks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, arrays, broadcast_shapes

from tinygrad_mnist import Tensor

BINARY = [
    np.add,
    np.subtract,
    np.multiply,
    np.divide,
    np.remainder,
    np.power,
    np.maximum,
    np.minimum,
]


def gradients(
    function: Callable[..., Any], inputs: list[np.ndarray], g: np.ndarray
) -> list[np.ndarray]:
    leaves = [Tensor(a, requires_grad=True) for a in inputs]
    function(*leaves).backward(g)
    for leaf in leaves:
        assert leaf.grad is not None
    return [leaf.grad.numpy() for leaf in leaves if leaf.grad is not None]


def unbroadcast(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum the elements of `g` into the elements of `shape` that broadcasting made them from."""
    size = int(np.prod(shape))
    places = np.broadcast_to(np.arange(size).reshape(shape), g.shape)
    return np.bincount(places.ravel(), g.ravel(), size).reshape(shape)


def check_broadcasting(
    function: Callable[..., Any], inputs: list[np.ndarray], data: st.DataObject
) -> None:
    """Hold the gradients against those of the inputs that were stretched beforehand."""
    dense = np.broadcast_arrays(*inputs)
    g = data.draw(arrays(dense[0].shape, low=-2.0), label="g")
    found = gradients(function, inputs, g)
    stretched = gradients(function, [a.copy() for a in dense], g)
    for a, own, full in zip(inputs, found, stretched, strict=True):
        assert own.dtype == a.dtype
        np.testing.assert_allclose(own, unbroadcast(full, a.shape), rtol=1e-5, atol=1e-5)
        assert own.shape == a.shape


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
@given(data=st.data(), shapes=broadcast_shapes(2), dtypes=st.tuples(FLOATS, FLOATS))
def test_the_gradient_of_a_stretched_input_is_summed(
    function: Any, data: st.DataObject, shapes: Any, dtypes: Any
) -> None:
    inputs = [data.draw(arrays(*pair)) for pair in zip(shapes, dtypes, strict=True)]
    check_broadcasting(function, inputs, data)


@given(data=st.data(), shapes=broadcast_shapes(3), dtypes=st.tuples(FLOATS, FLOATS))
def test_where_sums_over_what_its_condition_stretches_too(
    data: st.DataObject, shapes: Any, dtypes: Any
) -> None:
    condition = data.draw(arrays(shapes[0])) > 1
    inputs = [data.draw(arrays(*pair)) for pair in zip(shapes[1:], dtypes, strict=True)]
    g = data.draw(arrays(np.broadcast_shapes(*shapes), low=-2.0), label="g")
    found = gradients(lambda x, y: np.where(condition, x, y), inputs, g)
    for own, x, full in zip(found, inputs, [g * condition, g * ~condition], strict=True):
        assert own.dtype == x.dtype
        np.testing.assert_allclose(own, unbroadcast(full, x.shape), rtol=1e-5, atol=1e-5)


@given(data=st.data(), shapes=broadcast_shapes(3))
def test_clip_sums_over_what_was_stretched(data: st.DataObject, shapes: Any) -> None:
    a, low, high = (data.draw(arrays(shape)) for shape in shapes)
    check_broadcasting(lambda a, low, high: np.clip(a, low, low + high), [a, low, high], data)


@given(data=st.data(), shape=broadcast_shapes(1), dtype=FLOATS)
def test_an_input_used_for_both_places_gets_both_gradients(
    data: st.DataObject, shape: Any, dtype: Any
) -> None:
    a = data.draw(arrays(shape[0], dtype))
    leaf = Tensor(a, requires_grad=True)
    (leaf * leaf).backward(np.ones(a.shape, dtype))
    assert leaf.grad is not None
    np.testing.assert_array_equal(leaf.grad.numpy(), 2 * a)


@given(data=st.data(), dtype=FLOATS, number=st.floats(0.5, 2.0))
def test_a_number_of_python_widens_nothing(data: st.DataObject, dtype: Any, number: float) -> None:
    t = Tensor(data.draw(arrays((2, 3), dtype)), requires_grad=True)
    by_operators = t + number, number - t, t * number, number / t, t**number, number**t, t % number
    by_functions = np.maximum(t, number), np.where(t > 1, t, number), np.clip(t, 0.7, number)
    assert {y.dtype for y in (*by_operators, *by_functions)} == {dtype}


@pytest.mark.parametrize(
    ("function", "inputs", "slopes"),
    [
        (np.maximum, [1.0, 1.0], [0.5, 0.5]),
        (np.minimum, [1.0, 1.0], [0.5, 0.5]),
        (np.absolute, [0.0], [0.0]),
        (lambda a: a.relu(), [0.0], [0.0]),
        (lambda a: np.clip(a, 0.0, 1.0), [0.0], [1.0]),
        (lambda a: np.clip(a, 0.0, 1.0), [1.0], [1.0]),
        (lambda low: np.clip(0.0, low, 1.0), [0.0], [0.0]),
        (np.power, [0.0, 0.0], [0.0, 0.0]),
        (np.power, [0.0, 1.0], [1.0, 0.0]),
        (np.power, [0.0, 2.0], [0.0, 0.0]),
    ],
)
def test_what_happens_at_kinks(
    function: Callable[..., Any], inputs: list[float], slopes: list[float]
) -> None:
    found = gradients(function, [np.array(a) for a in inputs], np.array(1.0))
    assert [float(slope) for slope in found] == slopes


@given(st.floats(-1e4, 1e4), FLOATS)
def test_sigmoid_never_overflows(x: float, dtype: Any) -> None:
    t = Tensor(np.array(x, dtype), requires_grad=True)
    y = t.sigmoid()
    y.backward()
    assert t.grad is not None
    assert 0 <= y.item() <= 1
    assert 0 <= t.grad.item() <= 0.25
    assert y.item() == pytest.approx(0.5 * (1 + np.tanh(np.float64(x) / 2)), rel=1e-5, abs=1e-15)
