"""Interpolation: its gradients make it up again, knots, ends, periods."""

from typing import Any

import numpy as np
import pytest
from gradients import gradients, slopes
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

KNOTS = np.array([0.0, 1.0, 3.0])
VALUES = np.array([1.0, 5.0, 2.0])


@given(data=st.data(), shape=SHAPES, knots=st.integers(1, 5), dtype=FLOATS)
def test_interpolation_is_what_its_gradient_by_the_values_says(
    data: st.DataObject, shape: Any, knots: int, dtype: Any
) -> None:
    """It is linear in the values: they, times the gradient, are the result."""
    x = data.draw(arrays(shape, dtype, low=-3.0, high=3.0))
    xp = np.sort(data.draw(arrays((knots,), dtype, low=-3.0, high=3.0)))
    fp = data.draw(arrays((knots,), dtype, low=-3.0, high=3.0))
    g = data.draw(arrays(shape, low=-2.0))
    y = np.interp(x, xp, fp)
    t = np.interp(Tensor(x), Tensor(xp, requires_grad=True), fp)
    np.testing.assert_array_equal(t.numpy(), y, strict=True)
    found = gradients(np.interp, [x, xp, fp], g)
    assert [own.dtype for own in found] == [dtype] * 3
    assert np.sum(fp * found[2]) == pytest.approx(np.sum(g * y), rel=1e-4, abs=1e-4)
    # Moving everything to the right together changes nothing.
    size = float(np.abs(found[0]).sum())
    assert np.sum(found[0]) + np.sum(found[1]) == pytest.approx(0, abs=1e-4 * (1 + size))


@pytest.mark.parametrize(
    ("x", "slope"),
    [(-0.5, 0.0), (0.0, 4.0), (0.5, 4.0), (1.0, -1.5), (2.0, -1.5), (3.0, 0.0), (4.0, 0.0)],
)
def test_the_slope_at_a_knot_is_that_to_its_right(x: float, slope: float) -> None:
    assert slopes(lambda t: np.interp(t, KNOTS, VALUES), x) == [slope]


@pytest.mark.parametrize(
    ("x", "weights"),
    [
        (-0.5, [1.0, 0.0, 0.0]),
        (0.0, [1.0, 0.0, 0.0]),
        (0.25, [0.75, 0.25, 0.0]),
        (2.0, [0.0, 0.5, 0.5]),
        (3.0, [0.0, 0.0, 1.0]),
        (9.0, [0.0, 0.0, 1.0]),
    ],
)
def test_the_knots_share_the_gradient_by_their_nearness(x: float, weights: list[float]) -> None:
    (found,) = gradients(lambda f: np.interp(x, KNOTS, f), [VALUES], np.ones(()))
    assert found.tolist() == weights


def test_values_beyond_the_ends_get_the_gradient_of_what_lies_there() -> None:
    x = np.array([-1.0, 0.5, 4.0, 5.0])

    def function(f: Any, left: Any, right: Any) -> Any:
        return np.interp(x, KNOTS, f, left, right)

    found = gradients(function, [VALUES, np.array(7.0), np.array(8.0)], np.ones(4))
    assert [own.tolist() for own in found] == [[0.5, 0.5, 0.0], 1.0, 2.0]


def test_the_outermost_knots_are_not_beyond_the_ends() -> None:
    ends = Tensor([0.0, 3.0], requires_grad=True)
    assert np.interp(ends, KNOTS, VALUES, left=7.0, right=8.0).tolist() == [1.0, 2.0]


def test_a_period_joins_the_ends() -> None:
    (found,) = gradients(lambda f: np.interp(3.5, KNOTS, f, period=4), [VALUES], np.ones(()))
    assert found.tolist() == [0.5, 0.0, 0.5]


def test_a_curve_of_straight_pieces_has_no_curvature_but_bends_with_its_knots() -> None:
    def function(x: Any, f: Any) -> Any:
        return np.interp(x, KNOTS, f)

    x = np.float64(2.0)
    assert float(tg.grad(tg.grad(function))(x, VALUES)) == 0
    mixed = tg.grad(lambda f: tg.grad(function)(x, f))(VALUES)
    assert mixed.tolist() == [0.0, -0.5, 0.5]


def test_infinite_values_are_computed_as_numpy_does() -> None:
    values = np.array([1.0, np.inf, np.inf])
    x = np.array([0.0, 1.0, 2.0, 3.0])
    y = np.interp(Tensor(x, requires_grad=True), KNOTS, values)
    np.testing.assert_array_equal(y.numpy(), np.interp(x, KNOTS, values))
