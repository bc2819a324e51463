"""Arithmetic at the points where its rules have to be careful: 0, kinks, the ends of the range."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients import gradients, slopes
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor


@pytest.mark.parametrize("function", [np.absolute, np.fabs, lambda a: np.copysign(a, -2.0)])
def test_a_kink_at_0_has_the_gradient_0(function: Callable[..., Any]) -> None:
    assert slopes(function, 0.0) == [0.0]


@given(st.floats(-1e300, 1e300), st.floats())
def test_copysign_mirrors_where_the_signs_differ(a: float, b: float) -> None:
    mirrored = bool(np.signbit(a)) != bool(np.signbit(b))
    assert slopes(lambda t: np.copysign(t, b), a) == [
        np.sign(a) * (-1 if mirrored else 1) * np.sign(a)
    ]


@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [
        (0.0, 0.0, [0.0, 0.0]),
        (0.0, 1.0, [1.0, 0.0]),
        (0.0, 2.0, [0.0, 0.0]),
        (3.0, 0.0, [0.0, np.log(3.0)]),
        (1.0, 5.0, [5.0, 0.0]),
    ],
)
@pytest.mark.parametrize("power", [np.power, np.float_power])
def test_powers_of_0_and_to_0(
    power: Any, base: float, exponent: float, expected: list[float]
) -> None:
    assert slopes(power, base, exponent) == expected
    assert slopes(lambda a: power(a, exponent), base) == expected[:1]
    assert slopes(lambda b: power(base, b), exponent) == expected[1:]


@given(st.sampled_from([-1.5, 0.0, 2.0]), st.integers(0, 4), st.integers(1, 4), FLOATS)
def test_every_derivative_of_a_whole_power_is_exact(
    base: float, exponent: int, order: int, dtype: Any
) -> None:
    polynomial = np.polynomial.Polynomial([0] * exponent + [1])
    expected = polynomial.deriv(order)(base)
    for number in (exponent, float(exponent), np.array(exponent, dtype), np.uint8(exponent)):

        def derived(a: Any, number: Any = number) -> Any:
            return a**number

        for _ in range(order):
            derived = tg.grad(derived)
        assert float(derived(np.array(base, dtype))) == expected


def test_a_negative_base_has_no_derivative_by_its_exponent() -> None:
    base, exponent = Tensor(-2.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    y = base**exponent
    with np.errstate(invalid="ignore"):
        y.backward()
    assert base.grad is not None
    assert exponent.grad is not None
    assert base.grad.item() == -4.0
    assert np.isnan(exponent.grad.item())


@given(st.floats(1e-300, 1e300))
def test_the_gradient_of_a_reciprocal_of_any_size_does_not_overflow(size: float) -> None:
    (found,) = gradients(np.reciprocal, [np.array(-size)], np.array(size))
    assert float(found) == pytest.approx(-1 / size, rel=1e-14)


@pytest.mark.parametrize("root", [np.sqrt, np.cbrt, lambda a: a**0.5])
def test_a_root_of_0_is_infinitely_steep(root: Callable[..., Any]) -> None:
    with np.errstate(divide="ignore"):
        assert slopes(root, 0.0) == [np.inf]


def test_float_power_is_computed_and_differentiated_in_float64() -> None:
    t = Tensor(np.float32(1.5), requires_grad=True)
    y = np.float_power(t, 100)
    assert y.dtype == np.float64
    assert y.item() == 1.5**100
    np.log(y).backward()
    assert t.grad is not None
    assert t.grad.dtype == np.float32
    assert t.grad.item() == pytest.approx(100 / 1.5)


@given(FLOATS)
def test_the_parts_of_a_real_number(dtype: Any) -> None:
    t = Tensor(np.array([-1.0, 2.0], dtype), requires_grad=True)
    assert np.imag(t).tolist() == [0.0, 0.0]
    assert np.real(t).tolist() == np.conj(t).tolist() == t.tolist()
    assert np.angle(t).dtype == dtype
    assert not np.imag(t).requires_grad
    assert not np.angle(t).requires_grad
