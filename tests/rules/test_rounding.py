"""Remainders and the parts of floating-point numbers, at random and at their jumps."""

import math
from typing import Any

import numpy as np
import pytest
from gradients import gradients, slopes
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays

from tinygrad_mnist import Tensor

NUMBERS = st.floats(-1e3, 1e3)
DIVISORS = st.floats(0.01, 100) | st.floats(-100, -0.01)


@given(NUMBERS, DIVISORS)
def test_a_remainder_counts_how_often_the_divisor_was_taken_away(a: float, b: float) -> None:
    for remainder in (np.remainder, np.fmod, lambda a, b: np.divmod(a, b)[1]):
        y = float(remainder(a, b))
        by_a, by_b = slopes(remainder, a, b)
        assert by_a == 1
        assert a + by_b * b == pytest.approx(y, abs=1e-9)
        assert by_b == round(by_b)


def test_fmod_is_not_misled_by_a_quotient_that_was_rounded_up() -> None:
    a, b = 6.0, np.nextafter(2.0, 3.0)
    a = np.nextafter(3 * b, 0)
    assert a / b == 3
    assert np.fmod(a, b) > 1
    assert slopes(np.fmod, a, float(b)) == [1.0, -2.0]


@given(data=st.data(), shape=SHAPES, dtype=FLOATS)
def test_modf_and_frexp_take_a_number_apart(data: st.DataObject, shape: Any, dtype: Any) -> None:
    a = data.draw(arrays(shape, dtype, low=-100, high=100))
    a = np.where(abs(a) < 1e-30, dtype.type(0), a)  # the slope of frexp is infinite nearby
    g = np.ones(shape, dtype)
    for apart, slope in (
        (np.modf, np.ones(shape)),
        (np.frexp, np.ldexp(1.0, -np.frexp(a)[1])),
        (lambda t: np.divmod(t, 1)[::-1], np.ones(shape)),
    ):
        parts = apart(Tensor(a, requires_grad=True))
        assert isinstance(parts, tuple)
        assert [part.requires_grad for part in parts] == [True, False]
        for part, expected in zip(parts, apart(a), strict=True):
            np.testing.assert_array_equal(part.numpy(), expected, strict=True)
        (found,) = gradients(lambda t, apart=apart: apart(t)[0], [a], g)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, slope)


@pytest.mark.parametrize("a", [math.inf, -math.inf, 0.0, -0.0])
def test_modf_and_frexp_of_special_numbers(a: float) -> None:
    t = Tensor(np.array(a), requires_grad=True)
    for apart in (np.modf, np.frexp):
        for part, expected in zip(apart(t), apart(a), strict=True):
            assert part.item() == expected
            assert np.signbit(part.item()) == np.signbit(expected)


def test_rounding_carries_no_gradient() -> None:
    t = Tensor([1.25, -2.5], requires_grad=True)
    for y in (np.floor(t), np.round(t, 1), np.round(t, decimals=1), np.fix(t), t // 2):
        assert not y.requires_grad
    assert np.round(t, 1).tolist() == np.round(t.numpy(), 1).tolist()
