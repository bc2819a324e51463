"""Activations: kinks, large numbers, and arguments that make no sense."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients import slopes
from hypothesis import given
from hypothesis import strategies as st
from refusals import check_refusal
from strategies import FLOATS

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.nn import functional
from tinygrad_mnist.nn.functional import elu, gelu, leaky_relu, silu, softplus


def test_relu_has_the_gradient_0_at_0() -> None:
    assert slopes(lambda a: a.relu(), 0.0) == [0.0]


def test_at_0_the_others_have_the_slope_of_what_is_below() -> None:
    assert slopes(lambda a: leaky_relu(a, negative_slope=0.25), 0.0) == [0.25]
    assert slopes(lambda a: elu(a, alpha=0.25), 0.0) == [0.25]


@given(st.floats(-1e4, 1e4), FLOATS)
def test_sigmoid_never_overflows(x: float, dtype: Any) -> None:
    t = Tensor(np.array(x, dtype), requires_grad=True)
    y = t.sigmoid()
    y.backward()
    assert t.grad is not None
    assert 0 <= y.item() <= 1
    assert 0 <= t.grad.item() <= 0.25
    assert y.item() == pytest.approx(0.5 * (1 + np.tanh(np.float64(x) / 2)), rel=1e-5, abs=1e-15)


def test_sigmoid_keeps_its_digits_far_below_0() -> None:
    a = np.linspace(-700.0, 0.0, 50)
    np.testing.assert_allclose(functional.sigmoid(a), np.exp(a) / (1 + np.exp(a)), rtol=1e-14)


ACTIVATIONS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (functional.sigmoid, {}),
    (leaky_relu, {}),
    (elu, {"alpha": 1.5}),
    (softplus, {}),
    (softplus, {"beta": 3.0, "threshold": math.inf}),
    (silu, {}),
    (gelu, {}),
    (gelu, {"approximate": "tanh"}),
]


@given(size=st.sampled_from([1e2, 1e4, 1e25]), dtype=FLOATS)
@pytest.mark.parametrize(("function", "arguments"), ACTIVATIONS)
def test_large_numbers_neither_overflow_nor_warn(
    function: Any, arguments: dict[str, Any], size: float, dtype: Any
) -> None:
    t = Tensor(np.array([-size, size], dtype), requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = function(t, **arguments)
        y.sum().backward(create_graph=True)
    assert t.grad is not None
    below, above = y.tolist()
    slope_below, slope_above = t.grad.tolist()
    if function is functional.sigmoid:
        assert above == pytest.approx(1)
        assert slope_above == pytest.approx(0)
    else:
        assert above == pytest.approx(size)
        assert slope_above == 1
    factor = {leaky_relu: 0.01}.get(function, 0)
    assert below == pytest.approx(-1.5 if function is elu else -factor * size, rel=1e-6, abs=1e-30)
    assert slope_below == pytest.approx(factor, rel=1e-6, abs=1e-30)


@pytest.mark.parametrize(("function", "arguments"), ACTIVATIONS)
def test_integers_become_floats_and_nan_stays_nan(function: Any, arguments: dict[str, Any]) -> None:
    small = np.array([3, 200], np.uint8)
    expected = function(small.astype(np.float32), **arguments)
    np.testing.assert_array_equal(function(small, **arguments), expected)
    assert math.isnan(function(math.nan, **arguments))


@given(st.floats(-6, 6), st.floats(0.1, 4), st.floats(0, 5))
def test_softplus_bends_up_to_its_threshold(x: float, beta: float, threshold: float) -> None:
    a = np.array(x)
    bent = np.log1p(np.exp(beta * a)) / beta
    expected = a if beta * a > threshold else bent
    assert softplus(a, beta=beta, threshold=threshold) == pytest.approx(expected, rel=1e-12)
    slope = 1 if beta * a > threshold else 1 / (1 + np.exp(-beta * a))
    found = tg.grad(lambda t: softplus(t, beta=beta, threshold=threshold))(a)
    assert found == pytest.approx(slope, rel=1e-12)


def test_gelu_keeps_its_digits_far_below_0() -> None:
    a = np.linspace(-30.0, -5.0, 40)
    expected = [x * math.erfc(-x / math.sqrt(2)) / 2 for x in a]
    np.testing.assert_allclose(gelu(a), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "arguments", "sentence"),
    [
        (softplus, {"beta": 0.0}, "softplus: beta is 0.0; expected a positive number"),
        (softplus, {"beta": -1.0}, "softplus: beta is -1.0; expected a positive number"),
        (softplus, {"beta": math.nan}, "softplus: beta is nan"),
        (softplus, {"threshold": -1.0}, "softplus: threshold is -1.0; expected 0 or more"),
        (gelu, {"approximate": "sigmoid"}, "gelu: approximate is 'sigmoid'; expected 'none' or"),
    ],
)
def test_arguments_that_make_no_sense(
    function: Any, arguments: dict[str, Any], sentence: str
) -> None:
    check_refusal(lambda a: function(a, **arguments), ValueError, sentence, Tensor([1.0]))
