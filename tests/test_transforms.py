"""Transforms: derivatives of functions, of any order, by any arguments; and their check."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import define


def cube(x: Any) -> Any:
    return x * x * x


def weighted(x: Any, y: Any, scale: float = 1.0) -> Any:
    return (x * x * y).sum() * scale


@given(x=st.floats(-2.0, 2.0))
def test_derivatives_to_third_order(x: float) -> None:
    first, second = tg.grad(cube), tg.grad(tg.grad(cube))
    x64 = np.float64(x)
    assert first(x64) == pytest.approx(3 * x * x, abs=1e-12)
    assert second(x64) == pytest.approx(6 * x, abs=1e-12)
    assert tg.grad(second)(x64) == pytest.approx(6.0)
    assert tg.grad(tg.grad(tg.grad(np.sin)))(x64) == pytest.approx(-np.cos(x))


@given(data=st.data(), dtype=FLOATS)
def test_arrays_in_are_arrays_out(data: st.DataObject, dtype: Any) -> None:
    x, y = data.draw(arrays((2, 3), dtype)), data.draw(arrays((3,), dtype))
    value, (by_x, by_y) = tg.value_and_grad(weighted, (0, 1))(x, y, scale=2.0)
    assert not any(isinstance(found, Tensor) for found in (value, by_x, by_y))
    assert {value.dtype, by_x.dtype, by_y.dtype} == {dtype}
    np.testing.assert_allclose(value, 2 * (x * x * y).sum(), rtol=1e-5)
    np.testing.assert_allclose(by_x, 4 * x * y, rtol=1e-5)
    np.testing.assert_allclose(by_y, 2 * (x * x).sum(axis=0), rtol=1e-5)


def test_tensors_in_are_tensors_out_and_connected() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    value, slope = tg.value_and_grad(lambda x: (x * x * x).sum())(x)
    assert isinstance(value, Tensor)
    assert isinstance(slope, Tensor)
    assert x.grad is None
    (value + slope.sum()).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [9.0, 24.0]  # 3x² + 6x


def test_tensors_that_need_no_gradient_give_tensors_too() -> None:
    x = Tensor([1.0, 2.0])
    slope = tg.grad(lambda x: (x * x).sum())(x)
    assert isinstance(slope, Tensor)
    assert slope.tolist() == [2.0, 4.0]
    assert not x.requires_grad


def test_argnums_say_by_what() -> None:
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(tg.grad(weighted, 1)(x, y), x * x)
    by_y, by_x = tg.grad(weighted, [1, 0])(x, y)
    np.testing.assert_array_equal(by_y, x * x)
    np.testing.assert_array_equal(by_x, 2 * x * y)
    (only,) = tg.grad(weighted, (0,))(x, y)
    np.testing.assert_array_equal(only, by_x)


def test_closures_are_differentiated_through() -> None:
    def outer(x: Any) -> Any:
        return x * tg.grad(lambda y: x * y * y)(3.0)  # x · 6x

    assert tg.grad(outer)(2.0) == 24.0


def test_a_tensor_outside_gets_no_gradient_but_can_pass_one_on() -> None:
    weight = Tensor(3.0, requires_grad=True)
    assert tg.grad(lambda x: weight * x * x)(2.0) == 12.0
    assert weight.grad is None
    x = Tensor(2.0, requires_grad=True)
    tg.grad(lambda x: weight * x * x)(x).backward()
    assert weight.grad is not None
    assert x.grad is not None
    assert (weight.grad.item(), x.grad.item()) == (4.0, 6.0)


def test_an_argument_is_not_the_same_tensor_seen_from_outside() -> None:
    x = Tensor(3.0, requires_grad=True)
    assert tg.grad(lambda y: y * x)(x).item() == 3.0
    assert tg.grad(lambda x: tg.grad(lambda y: y * x)(x))(3.0) == 1.0


def test_an_inner_perturbation_is_not_the_outer_one() -> None:
    # The derivative of x · d/dy (x + y) by x is 1; mixing x and y up gives 2.
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(1.0))(1.0) == 1.0


def test_no_grad_outside_does_not_matter() -> None:
    with tg.no_grad():
        assert tg.grad(tg.grad(cube))(2.0) == 12.0
        slope = tg.grad(cube)(Tensor(2.0, requires_grad=True))
        assert slope.item() == 12.0
        assert not slope.requires_grad
        assert not tg.is_grad_enabled()


def test_a_value_that_does_not_depend_on_an_argument_has_the_gradient_0() -> None:
    x = np.ones((2, 3), np.float32)
    for by in tg.grad(lambda x, y: np.sum(y * 0 + 1), (0, 1))(x, x):
        np.testing.assert_array_equal(by, np.zeros_like(x), strict=True)
    constant = tg.grad(lambda x: Tensor(1.0))(x)
    np.testing.assert_array_equal(constant, np.zeros_like(x), strict=True)
    assert tg.grad(tg.grad(lambda x: 3.0 * x))(2.0) == 0.0
    assert tg.grad(lambda x: x)(2.0) == 1.0


def test_the_graph_is_freed() -> None:
    kept: list[Tensor] = []

    def f(x: Any) -> Any:
        kept.append(np.exp(x).sum())
        return kept[0] * 2

    tg.grad(f)(np.ones(2))
    with pytest.raises(RuntimeError, match="retain_graph"):
        kept[0].backward()


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: tg.grad(np.sin)(np.ones(2)),
            ValueError,
            r"grad: the function returned shape \(2,\), not a scalar",
        ),
        (
            lambda: tg.grad(np.sin)(np.array(1)),
            TypeError,
            "grad: argument 0 is int64; expected floating-point",
        ),
        (
            lambda: tg.grad(weighted, 1)(np.ones(2), np.array([1, 2])),
            TypeError,
            "grad: argument 1 is int64; expected floating-point",
        ),
        (
            lambda: tg.grad(lambda x: x.item() ** 2)(1.0),
            TypeError,
            "grad: the function returned float, not a Tensor: somewhere its value left the graph",
        ),
    ],
)
def test_what_cannot_be_differentiated(
    call: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=rf"^{sentence}$"):
        call()


# --- check_grads --------------------------------------------------------------------------


@given(data=st.data(), dtype=FLOATS)
def test_right_gradients_pass_the_check(data: st.DataObject, dtype: Any) -> None:
    x, y = data.draw(arrays((2, 3), dtype)), data.draw(arrays((3,), dtype))
    tg.check_grads(lambda x, y: np.tanh(x * y).sum(axis=1), [x, y], order=2, rtol=1e-5, atol=1e-6)


def test_arguments_that_are_not_floating_point_are_passed_on() -> None:
    tg.check_grads(lambda x, i: x[i] * x[i], [np.array([1.0, 2.0]), np.array([0, 0, 1])])


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("order", [1, 2])
def test_wrong_gradients_do_not_pass(order: int) -> None:
    def plain(a: Any) -> Any:
        return np.exp(a)

    def slope(a: Any) -> Any:
        return np.exp(a)

    # Right to the first order, wrong to the second; or wrong at once.
    slope_rule = define(slope, vjps=(lambda g, y, a: g * y * 1.001,), formula=("?",))
    rule = define(plain, vjps=(lambda g, y, a: g * slope_rule(a),), formula=("?",))
    x = np.array([0.3, -0.2])
    wrong = slope_rule if order == 1 else rule
    if order == 2:
        tg.check_grads(rule, [x], order=1)
    with pytest.raises(AssertionError, match=r"by argument 0, element \([01],\): .* by autodiff"):
        tg.check_grads(wrong, [x], order=order)


@pytest.mark.usefixtures("table")
def test_the_check_names_the_argument_and_the_element_that_is_off() -> None:
    def halve(a: Any, b: Any) -> Any:
        return a + b / 2

    def wrong(g: Any, y: Any, a: Any, b: Any) -> Any:
        return g * np.array([0.5, 0.75])

    rule = define(halve, vjps=(lambda g, y, a, b: g, wrong), formula=("?", "?"))
    with pytest.raises(AssertionError, match=r"^derivative of order 1 by argument 1, element \(1,"):
        tg.check_grads(rule, [np.ones(2), np.ones(2)])
