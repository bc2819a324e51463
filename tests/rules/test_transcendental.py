"""Exponentials, waves, angles: the ends of their ranges, and points of special care."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from gradients import gradients, slopes
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

import tinygrad_mnist as tg

UNBOUNDED = [
    np.arcsinh,
    np.arctan,
    np.cos,
    np.cosh,
    np.exp,
    np.exp2,
    np.expm1,
    np.sin,
    np.sinc,
    np.sinh,
    np.tanh,
]
POSITIVE = [np.arccosh, np.log, np.log10, np.log1p, np.log2, np.sqrt, np.cbrt]
INF = math.inf


def differentiated_if_finite(function: Any, inputs: list[Any]) -> None:
    """Expect a finite gradient, without warnings, where NumPy gives a finite value without."""
    try:
        value = function(*inputs)
    except RuntimeWarning:
        return
    if np.isfinite(value):
        for slope in gradients(function, inputs, np.ones((), value.dtype)):
            assert np.isfinite(slope)


@pytest.mark.parametrize("function", UNBOUNDED, ids=lambda f: f.__name__)
@given(data=st.data(), dtype=FLOATS)
def test_a_gradient_overflows_only_where_the_value_does(
    function: Any, data: st.DataObject, dtype: Any
) -> None:
    limit = np.finfo(dtype).max / 4
    width = 8 * np.dtype(dtype).itemsize
    number = data.draw(
        st.floats(-limit, limit, width=width) | st.floats(-750, 750, width=width), label="a"
    )
    differentiated_if_finite(function, [np.array(number, dtype)])


@pytest.mark.parametrize("function", POSITIVE, ids=lambda f: f.__name__)
@given(data=st.data(), dtype=FLOATS)
def test_a_gradient_at_a_large_number_is_finite(
    function: Any, data: st.DataObject, dtype: Any
) -> None:
    limit = np.finfo(dtype).max / 4
    number = data.draw(st.floats(1.5, limit, width=8 * np.dtype(dtype).itemsize), label="a")
    differentiated_if_finite(function, [np.array(number, dtype)])


@pytest.mark.parametrize(
    "function", [np.logaddexp, np.logaddexp2, np.hypot, np.arctan2], ids=lambda f: f.__name__
)
@given(data=st.data(), dtype=FLOATS)
def test_a_gradient_by_two_inputs_overflows_only_where_the_value_does(
    function: Any, data: st.DataObject, dtype: Any
) -> None:
    limit = float(np.finfo(dtype).max) / 8
    sizes = st.floats(1e-30, limit) | st.floats(0.5, 1000)
    numbers = [data.draw(sizes) * data.draw(st.sampled_from([1, -1])) for _ in range(2)]
    differentiated_if_finite(function, [np.array(number, dtype) for number in numbers])


def test_expm1_keeps_the_precision_of_a_small_derivative() -> None:
    assert slopes(np.expm1, -50.0) == [np.exp(-50.0)]


def test_derivatives_near_the_ends_of_a_domain_keep_their_precision() -> None:
    below, above = 0.99999999, 1.00000001
    height = float(1 - Fraction(below) ** 2)
    assert slopes(np.arcsin, below) == pytest.approx([1 / math.sqrt(height)], rel=1e-15)
    assert slopes(np.arccos, below) == pytest.approx([-1 / math.sqrt(height)], rel=1e-15)
    assert slopes(np.arctanh, below) == pytest.approx([1 / height], rel=1e-15)
    height = float(Fraction(above) ** 2 - 1)
    assert slopes(np.arccosh, above) == pytest.approx([1 / math.sqrt(height)], rel=1e-15)


@pytest.mark.parametrize("order", range(7))
def test_the_derivatives_of_sinc_at_0(order: int) -> None:
    derived: Any = np.sinc
    for _ in range(order):
        derived = tg.grad(derived)
    expected = 0 if order % 2 else (-1) ** (order // 2) * math.pi**order / (order + 1)
    assert float(derived(np.float64(0))) == pytest.approx(expected, rel=1e-14, abs=1e-14)


@given(st.floats(-1e-3, 1e-3), st.integers(1, 3))
def test_the_derivatives_of_sinc_near_0_do_not_cancel(x: float, order: int) -> None:
    derived: Any = np.sinc
    for _ in range(order):
        derived = tg.grad(derived)
    z = math.pi * x
    terms = {1: -z / 3 + z**3 / 30, 2: -1 / 3 + z**2 / 10, 3: z / 5 - z**3 / 42}
    found = float(derived(np.float64(x)))
    assert found == pytest.approx(math.pi**order * terms[order], rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("base", [math.e, 2.0])
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (0.0, 0.0, [0.5, 0.5]),
        (INF, 1.0, [1.0, 0.0]),
        (-INF, 1.0, [0.0, 1.0]),
        (INF, -INF, [1.0, 0.0]),
        (INF, INF, [0.5, 0.5]),
        (-INF, -INF, [0.5, 0.5]),
        (1000.0, -1000.0, [1.0, 0.0]),
    ],
)
def test_logaddexp_shares_between_infinities(
    base: float, a: float, b: float, expected: list[float]
) -> None:
    assert slopes(np.logaddexp if base == math.e else np.logaddexp2, a, b) == expected


@pytest.mark.parametrize(("function", "scale"), [(np.logaddexp, 1), (np.logaddexp2, np.log(2))])
def test_the_second_derivative_of_logaddexp_where_its_inputs_tie(
    function: Any, scale: float
) -> None:
    second = tg.grad(tg.grad(function))
    assert float(second(np.float64(3), np.float64(3))) == pytest.approx(scale / 4)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (0.0, 2.0, [0.5, 0.0]),
        (0.0, -2.0, [-0.5, 0.0]),
        (2.0, 0.0, [0.0, -0.5]),
        (-2.0, 0.0, [0.0, 0.5]),
    ],
)
def test_arctan2_on_the_axes(a: float, b: float, expected: list[float]) -> None:
    assert slopes(np.arctan2, a, b) == expected


@pytest.mark.parametrize("function", [np.hypot, np.arctan2])
def test_the_origin_has_no_gradient(function: Any) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(slopes(function, 0.0, 0.0)).all()


def test_third_derivatives() -> None:
    cases: list[tuple[Any, float]] = [
        (np.tan, 2 + 8 * math.tan(0.5) ** 2 + 6 * math.tan(0.5) ** 4),
        (np.arctan, (6 * 0.25 - 2) / 1.25**3),
        (np.arcsinh, (2 * 0.25 - 1) / 1.25**2.5),
        (np.cosh, math.sinh(0.5)),
        (np.exp2, math.sqrt(2) * math.log(2) ** 3),
    ]
    for function, expected in cases:
        third = tg.grad(tg.grad(tg.grad(function)))
        assert float(third(np.float64(0.5))) == pytest.approx(expected, rel=1e-12)
