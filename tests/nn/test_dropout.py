"""Dropout: what it leaves out, and what it leaves alone."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn

PROBABILITIES = st.floats(0.01, 0.99)


@given(data=st.data(), dtype=FLOATS, shape=SHAPES, p=PROBABILITIES, seed=st.integers(0, 9))
def test_an_element_is_left_out_or_enlarged_and_its_gradient_likewise(
    data: st.DataObject, dtype: Any, shape: Any, p: float, seed: int
) -> None:
    x, g = data.draw(arrays(shape, dtype)), data.draw(arrays(shape, dtype))
    leaf = Tensor(x, requires_grad=True)
    y = nn.Dropout(p, rng=np.random.default_rng(seed))(leaf)
    y.backward(g)
    assert leaf.grad is not None
    assert y.dtype == leaf.grad.dtype == dtype
    factors = np.where(y.numpy() == 0, 0, 1 / (1 - p))
    np.testing.assert_allclose(y.numpy(), x * factors, rtol=1e-5)
    np.testing.assert_allclose(leaf.grad.numpy(), g * factors, rtol=1e-5)
    again = nn.Dropout(p, rng=np.random.default_rng(seed))(x)
    np.testing.assert_array_equal(again, y.numpy())


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_the_mean_stays_what_it_is(p: float) -> None:
    size = 200_000
    y = nn.Dropout(p, rng=np.random.default_rng(0))(np.ones(size, np.float32))
    error = math.sqrt(p / (1 - p) / size)  # the standard deviation of the mean
    assert abs(y.mean(dtype=float) - 1) < 5 * error
    assert abs((y == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / size)


def test_each_call_draws_anew() -> None:
    layer, x = nn.Dropout(0.5, rng=np.random.default_rng(0)), np.ones(100)
    assert (layer(x) != layer(x)).any()


def test_the_generator_decides_whatever_the_dtype() -> None:
    found = [
        nn.Dropout(0.5, rng=np.random.default_rng(3))(np.ones(50, dtype)) for dtype in ("f4", "f8")
    ]
    np.testing.assert_array_equal(*found)


@given(PROBABILITIES | st.sampled_from([0.0, 1.0]))
def test_in_evaluation_the_input_itself_comes_back(p: float) -> None:
    rng = np.random.default_rng(0)
    layer, x = nn.Dropout(p, rng=rng).eval(), Tensor([1.0, 2.0])
    before = rng.bit_generator.state
    assert layer(x) is x
    assert rng.bit_generator.state == before
    assert layer.train().training


def test_certain_probabilities() -> None:
    x = np.array([1.0, -2.0])
    assert nn.Dropout(0.0)(x) is x
    assert nn.Dropout(1.0)(x).tolist() == [0, 0]


def test_second_derivatives_pass_the_same_mask() -> None:
    layer, x = nn.Dropout(0.5, rng=np.random.default_rng(1)), np.arange(1.0, 9.0)
    state = layer.rng.bit_generator.state

    def cubes(t: Any) -> Any:
        layer.rng.bit_generator.state = state
        return (layer(t) ** 3).sum()

    factors = np.where(layer(np.ones(8)) == 0, 0.0, 2.0)
    second = tg.grad(lambda t: tg.grad(cubes)(t).sum())(x)
    np.testing.assert_allclose(second, 6 * x * factors**3)


@pytest.mark.parametrize("p", [-0.1, 1.5, math.nan])
def test_p_is_a_probability(p: float) -> None:
    with pytest.raises(ValueError, match=rf"^Dropout: p is {p}; expected a number from 0 to 1"):
        nn.Dropout(p)


def test_the_input_is_floating_point() -> None:
    with pytest.raises(TypeError, match=r"^Dropout: the input is floating-point, not int64$"):
        nn.Dropout()(np.arange(3))


def test_printed_form_and_state() -> None:
    layer = nn.Dropout(0.25)
    assert repr(layer) == "Dropout(p=0.25)"
    assert isinstance(layer.rng, np.random.Generator)
    assert layer.state_dict() == {}
