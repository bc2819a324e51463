"""Cumulative sums and products: every step, in every direction, with zeros anywhere."""

from typing import Any

import numpy as np
import pytest
from groups import few, groups
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor


def sums(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    return np.array([g[i:].sum() for i in range(len(x))])


def products(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Sum over all steps that an element has a part in the product of all others up to there."""
    n = len(x)
    return np.array(
        [sum(g[k] * np.prod(np.delete(x[: k + 1], i)) for k in range(i, n)) for i in range(n)]
    )


@pytest.mark.parametrize(("function", "swept"), [(np.cumsum, sums), (np.cumprod, products)])
@given(data=st.data(), shape=SHAPES, dtype=FLOATS)
def test_every_step_of_a_scan(
    function: Any, swept: Any, data: st.DataObject, shape: Any, dtype: Any
) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1) if shape else st.none())
    a = data.draw(few(shape, dtype))
    t = Tensor(a, requires_grad=True)
    y = function(t, axis)
    g = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(g)
    expected = np.zeros(a.size)
    for places in groups(shape, axis):
        expected[places] = swept(a.ravel()[places].astype(np.float64), g.ravel()[places])
    assert t.grad is not None
    assert t.grad.dtype == dtype
    np.testing.assert_allclose(t.grad.numpy(), expected.reshape(shape), rtol=1e-6)


@given(data=st.data(), n=st.integers(0, 9))
def test_the_second_derivative_of_a_product_of_steps_with_zeros(
    data: st.DataObject, n: int
) -> None:
    a, v = data.draw(few((n,))), np.arange(1.0, n + 1)

    def slope(a: Any) -> Any:
        return np.sum(tg.grad(lambda a: np.sum(np.cumprod(a) * v))(a) * v)

    def pairs(i: int, j: int) -> float:
        """Differentiate by two elements: what is left of each step is a product again."""
        steps = range(max(i, j), n)
        return sum(v[k] * float(np.prod(np.delete(a[: k + 1], [i, j]))) for k in steps)

    expected = [sum(v[j] * pairs(i, j) for j in range(n) if j != i) for i in range(n)]
    np.testing.assert_allclose(tg.grad(slope)(a), np.array(expected))


def test_an_axis_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"^cumulative_prod: \(2, 2\): expected an axis$"):
        np.cumulative_prod(Tensor(np.ones((2, 2))))
