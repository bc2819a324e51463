"""`check_grads`: it lets right gradients pass, and names where wrong ones are off."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nested import array_trees
from strategies import FLOATS, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import define
from tinygrad_mnist.transforms.trees import leaves


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


@given(tree=array_trees(np.float32).filter(leaves))
def test_nested_arguments_and_results_are_checked(tree: Any) -> None:
    def f(tree: Any, power: int) -> Any:
        return [{"power": leaf**power, "sum": np.sum(np.sin(leaf))} for leaf in leaves(tree)]

    tg.check_grads(f, [tree, 3], order=2, rtol=1e-5, atol=1e-6)


def test_tensors_are_taken_for_their_values() -> None:
    tg.check_grads(np.sin, [Tensor([1.0, 2.0], requires_grad=True)])


@pytest.mark.usefixtures("table")
def test_the_check_names_the_place_in_a_nested_argument() -> None:
    def double(a: Any) -> Any:
        return a + a

    rule = define(double, vjps=(lambda g, y, a: g * 3,), formula=("?",))
    with pytest.raises(AssertionError, match=r"by argument 0\['b'\]\[0\], element \(\): "):
        tg.check_grads(lambda p: p["a"] + rule(p["b"][0]), [{"a": 1.0, "b": [2.0]}])


def test_a_check_of_nothing_does_not_pass() -> None:
    with pytest.raises(TypeError, match=r"^check_grads: no argument is floating-point"):
        tg.check_grads(lambda i: i * 2.0, [np.array([1, 2])])
