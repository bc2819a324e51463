"""Jacobians and Hessians: every derivative in its place, of nested functions too."""

from typing import Any

import numpy as np
import pytest
from differences import central_differences
from hypothesis import given
from hypothesis import strategies as st
from nested import Layer, array_trees
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.transforms.trees import leaves, rebuild


def diagonal(values: np.ndarray, times: int = 1) -> np.ndarray:
    """Spread values over the diagonal of an array that has their axes several times more."""
    result = np.zeros(values.shape * (times + 1), values.dtype)
    for index in np.ndindex(values.shape):
        result[index * (times + 1)] = values[index]
    return result


@given(shape=SHAPES, dtype=FLOATS, data=st.data())
def test_of_elementwise_functions_they_are_diagonal(
    shape: Any, dtype: Any, data: st.DataObject
) -> None:
    x = data.draw(arrays(shape, dtype))
    jacobian, hessian = tg.jacobian(np.exp)(x), tg.hessian(np.exp)(x)
    np.testing.assert_allclose(jacobian, diagonal(np.exp(x)), rtol=1e-6)
    np.testing.assert_allclose(hessian, diagonal(np.exp(x), 2), rtol=1e-6)
    assert jacobian.dtype == hessian.dtype == dtype
    assert (jacobian.shape, hessian.shape) == (shape * 2, shape * 3)


@given(m=st.integers(0, 3), n=st.integers(0, 3), k=st.integers(0, 3), data=st.data())
def test_they_are_what_central_differences_find(
    m: int, n: int, k: int, data: st.DataObject
) -> None:
    x, y = data.draw(arrays((m, n))), data.draw(arrays((n, k)))

    def f(x: Any, y: Any) -> Any:
        return np.tanh(x @ y)

    found = tg.jacobian(f, (0, 1))(x, y)
    for place, (exact, argument) in enumerate(zip(found, (x, y), strict=True)):
        assert exact.shape == (m, k, *argument.shape)
        for index in np.ndindex(m, k):
            numeric = central_differences(lambda x, y, i=index: f(x, y)[i], [x, y], place)
            np.testing.assert_allclose(exact[index], numeric, rtol=1e-6, atol=1e-8)


@given(tree=array_trees())
def test_every_output_has_a_block_for_every_input(tree: Any) -> None:
    def f(tree: Any) -> Any:
        squares = rebuild(tree, (leaf * leaf for leaf in leaves(tree)))
        return {"squares": squares, "sum": sum(map(np.sum, leaves(tree)), Tensor(0.0))}

    found = tg.jacobian(f)(tree)
    assert list(found) == ["squares", "sum"]
    empty = rebuild(tree, [None] * len(leaves(tree)))
    assert repr(rebuild(found["sum"], leaves(empty))) == repr(empty)
    for block, leaf in zip(leaves(found["sum"]), leaves(tree), strict=True):
        np.testing.assert_array_equal(block, np.ones_like(leaf), strict=True)
    blocks = iter(leaves(found["squares"]))
    for i, output in enumerate(leaves(tree)):
        for j, leaf in enumerate(leaves(tree)):
            zeros = np.zeros(output.shape + leaf.shape)
            np.testing.assert_array_equal(next(blocks), diagonal(2 * leaf) if i == j else zeros)


def test_argnums_and_keywords() -> None:
    def f(x: Any, n: int, y: Any, scale: float = 1.0) -> Any:
        return scale * x**n * y

    x, y = np.array([1.0, 2.0]), np.array(3.0)
    by_y, by_x = tg.jacobian(f, (2, 0))(x, 2, y, scale=5.0)
    np.testing.assert_allclose(by_y, 5 * x * x)
    np.testing.assert_allclose(by_x, np.diag(30 * x))
    np.testing.assert_allclose(tg.jacobian(f, -1)(x, 2, y), x * x)
    (only,) = tg.jacobian(f, (2,))(x, 2, y)
    np.testing.assert_allclose(only, x * x)


# --- second derivatives -------------------------------------------------------------------


def test_a_hessian_has_a_block_for_every_pair_of_inputs() -> None:
    rng = np.random.default_rng(0)
    A, x, y = rng.standard_normal((2, 3)), rng.standard_normal(2), rng.standard_normal(3)

    def form(p: Any) -> Any:
        return p.weight @ A @ p.bias["y"]

    found = tg.hessian(form)(Layer(x, {"y": y}))
    assert isinstance(found, Layer)
    assert isinstance(found.weight, Layer)
    np.testing.assert_array_equal(found.weight.weight, np.zeros((2, 2)))
    np.testing.assert_allclose(found.weight.bias["y"], A)
    np.testing.assert_allclose(found.bias["y"].weight, A.T)
    np.testing.assert_array_equal(found.bias["y"].bias["y"], np.zeros((3, 3)))
    (xx, xy), (yx, yy) = tg.hessian(lambda x, y: x @ A @ y, (0, 1))(x, y)
    assert (xx.shape, yy.shape) == ((2, 2), (3, 3))
    np.testing.assert_allclose(xy, A)
    np.testing.assert_allclose(yx, A.T)


def test_a_hessian_of_several_outputs() -> None:
    x = np.array([1.0, 2.0])
    found = tg.hessian(lambda x: [x * x[0], x.sum()])(x)
    np.testing.assert_array_equal(found[0], [[[2, 0], [0, 0]], [[0, 1], [1, 0]]])
    np.testing.assert_array_equal(found[1], np.zeros((2, 2)))


@given(n=st.integers(0, 3), data=st.data())
def test_they_nest_to_any_depth(n: int, data: st.DataObject) -> None:
    x = data.draw(arrays((n,)))

    def f(x: Any) -> Any:
        return np.sum(np.sin(x))

    third = diagonal(-np.cos(x), 2)
    for found in (
        tg.jacobian(tg.hessian(f))(x),
        tg.hessian(tg.jacobian(f))(x),
        tg.hessian(tg.grad(f))(x),
        tg.jacobian(tg.jacobian(tg.grad(f)))(x),
    ):
        np.testing.assert_allclose(found, third, atol=1e-12)
    np.testing.assert_allclose(tg.jacobian(tg.jacobian(tg.hessian(f)))(x), diagonal(np.sin(x), 3))


# --- Tensors ------------------------------------------------------------------------------


@given(shape=SHAPES, data=st.data())
def test_they_are_connected_with_tensors(shape: Any, data: st.DataObject) -> None:
    x = Tensor(data.draw(arrays(shape)), requires_grad=True)
    found = tg.jacobian(lambda x: x * x * x)(x)
    assert isinstance(found, Tensor)
    assert found.shape == shape * 2
    assert x.grad is None
    if x.size:
        found.sum().backward()
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), 6 * x.numpy())


def test_tensors_that_need_no_gradient_give_tensors_too() -> None:
    x = Tensor([1.0, 2.0])
    for transform in (tg.jacobian, tg.hessian):
        found = transform(np.square)(x)
        assert isinstance(found, Tensor)
        assert not found.requires_grad
    with tg.no_grad():
        connected = Tensor([1.0, 2.0], requires_grad=True)
        found = tg.hessian(np.square)(connected)
    np.testing.assert_array_equal(found.numpy(), diagonal(np.full(2, 2.0), 2))
    assert not found.requires_grad


def test_detached_values_are_constant() -> None:
    x = np.array([1.0, 2.0])
    found = tg.hessian(lambda x: np.sum(x * (x * x).detach()))(x)
    np.testing.assert_array_equal(found, np.zeros((2, 2)))


@pytest.mark.parametrize("transform", [tg.jacobian, tg.hessian])
def test_what_has_none(transform: Any) -> None:
    name = transform.__name__
    with pytest.raises(TypeError, match=rf"^{name}: argument 0 is int64; expected floating-point$"):
        transform(np.sin)(np.array([1, 2]))
    with pytest.raises(TypeError, match=rf"^{name}: the function returned int64; expected float"):
        transform(np.argmax)(np.ones(2))
    with pytest.raises(TypeError, match=rf"^{name}: the function returned ndarray, not a Tensor"):
        transform(lambda x: [x, x.numpy()])(np.ones(2))
