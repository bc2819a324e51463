"""Indexing of every kind against places, joining, and inputs that lie crosswise in memory.

The index is tried on an array of places: those that come out are where the gradient goes.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import FLOATS, arrays, indices

from tinygrad_mnist import Tensor

AXES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


def one_hot(places: np.ndarray, size: int) -> np.ndarray:
    """Write picking as a matrix: a row for every element picked."""
    return np.array(places.reshape(-1, 1) == np.arange(size), np.float64)


@given(data=st.data(), shape=AXES, dtype=FLOATS)
def test_any_index_is_a_product_with_a_one_hot_matrix(
    data: st.DataObject, shape: Any, dtype: Any
) -> None:
    index = data.draw(indices(shape), label="index")
    a = data.draw(arrays(shape, dtype))
    t = Tensor(a, requires_grad=True)
    y = t[index]
    np.testing.assert_array_equal(y.numpy(), a[index], strict=True)
    places = np.arange(a.size).reshape(shape)[index]
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    assert t.grad is not None
    assert t.grad.dtype == dtype
    expected = one_hot(places, a.size).T @ g.ravel()
    np.testing.assert_allclose(t.grad.numpy(), expected.reshape(shape), rtol=1e-5, atol=1e-5)


@given(data=st.data(), shape=AXES)
def test_the_second_derivative_picks_from_what_the_first_scattered(
    data: st.DataObject, shape: Any
) -> None:
    index = data.draw(indices(shape), label="index")
    t = Tensor(data.draw(arrays(shape)), requires_grad=True)
    w = Tensor(data.draw(arrays(t[index].shape)), requires_grad=True)
    (t[index] * w).sum().backward(create_graph=True)
    direction = data.draw(arrays(shape))
    assert t.grad is not None
    slope = (t.grad * direction).sum()
    w.grad = None
    slope.backward()
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.numpy(), direction[index])


@pytest.mark.parametrize(
    "index",
    [
        [0, 2, 0],
        [True, False, True],
        [[0, 1], [2, 2]],
        ([0, 0], [1, 1]),
        (slice(None), [1, 0, 1]),
        np.int64(1),
        True,
        np.array(2),
        [],
        (slice(None), []),
    ],
    ids=repr,
)
def test_lists_and_numpys_numbers_are_indices_too(index: Any) -> None:
    a = np.arange(6.0).reshape(3, 2)
    t = Tensor(a, requires_grad=True)
    y = t[index]
    np.testing.assert_array_equal(y.numpy(), a[index], strict=True)
    y.sum().backward()
    assert t.grad is not None
    expected = one_hot(np.arange(6).reshape(3, 2)[index], 6).sum(axis=0)
    np.testing.assert_array_equal(t.grad.numpy().ravel(), expected)


def test_a_tensor_is_an_index_too() -> None:
    t = Tensor([1.0, 5.0, 3.0], requires_grad=True)
    y = t[Tensor(np.array([1, 1]))].sum() + t[t > 2].sum() + t[t.argmax()]
    y.backward()
    assert t.grad is not None
    assert t.grad.tolist() == [0.0, 4.0, 1.0]


def test_an_index_that_changes_afterwards_changes_nothing() -> None:
    index, t = np.array([0, 1]), Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = t[index].sum()
    index[:] = 2
    y.backward()
    assert t.grad is not None
    assert t.grad.tolist() == [1.0, 1.0, 0.0]


@given(data=st.data(), shape=AXES, number=st.integers(1, 3))
def test_what_is_joined_comes_apart_again(data: st.DataObject, shape: Any, number: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    pieces = []
    for _ in range(number):
        own = list(shape)
        own[axis] = data.draw(st.integers(0, 3))
        pieces.append(Tensor(data.draw(arrays(tuple(own))), requires_grad=True))
    y: Any = np.concatenate(pieces, axis)
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    gradients = [piece.grad.numpy() for piece in pieces if piece.grad is not None]
    np.testing.assert_array_equal(np.concatenate(gradients, axis), g, strict=True)
    assert [gradient.shape for gradient in gradients] == [piece.shape for piece in pieces]


@given(data=st.data(), shape=AXES, number=st.integers(1, 3))
def test_what_is_stacked_comes_apart_again(data: st.DataObject, shape: Any, number: int) -> None:
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)), label="axis")
    layers = [Tensor(data.draw(arrays(shape)), requires_grad=True) for _ in range(number)]
    y: Any = np.stack(layers, axis)
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    for i, layer in enumerate(layers):
        assert layer.grad is not None
        np.testing.assert_array_equal(layer.grad.numpy(), np.take(g, i, axis), strict=True)


@given(data=st.data(), shape=AXES)
def test_moving_elements_moves_the_gradient_back(data: st.DataObject, shape: Any) -> None:
    order = data.draw(st.permutations(range(len(shape))), label="axes")
    t = Tensor(data.draw(arrays(shape)), requires_grad=True)
    y: Any = np.expand_dims(np.transpose(t, order), 0).swapaxes(0, -1).reshape(-1)
    places = np.arange(t.size).reshape(shape)
    moved = np.expand_dims(places.transpose(order), 0).swapaxes(0, -1).ravel()
    np.testing.assert_array_equal(y.numpy(), t.numpy().ravel()[moved])
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    assert t.grad is not None
    np.testing.assert_array_equal(t.grad.numpy().ravel()[moved], g)


@given(
    data=st.data(),
    order=st.permutations(range(3)),
    steps=st.tuples(*[st.sampled_from([-2, -1, 1, 2])] * 3),
)
def test_memory_that_lies_crosswise_makes_no_difference(
    data: st.DataObject, order: Any, steps: Any
) -> None:
    wide = data.draw(arrays((4, 5, 6), np.float32))
    crosswise = wide[tuple(slice(None, None, step) for step in steps)].transpose(order)
    straight = np.ascontiguousarray(crosswise)
    gradients = []
    for a in (crosswise, straight):
        t = Tensor(a, requires_grad=True, copy=False)
        weight = Tensor(np.linspace(-1, 1, a.shape[-1] * 2, dtype=np.float32).reshape(-1, 2))
        y = np.tanh(t @ weight).sum() + (t * t).mean(axis=1).max() + t.reshape(-1)[::3].sum()
        y.backward()
        assert t.grad is not None
        gradients.append(t.grad.numpy())
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-5, atol=1e-6)
