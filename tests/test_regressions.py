"""Faults that were once found, each by the shortest way to it."""

from array import array
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.rules import define


@pytest.mark.parametrize("index", [((0, 0, 1),), array("l", [0, 0, 1]), [0, 0, 1], (range(2),)])
def test_any_sequence_may_pick_an_element_twice(index: Any) -> None:
    x = Tensor(np.ones(3), requires_grad=True)
    x[index].sum().backward()
    assert x.grad is not None
    places = np.asarray(index[0] if isinstance(index, tuple) else index)
    np.testing.assert_array_equal(x.grad, np.bincount(places, minlength=3))


def test_a_loop_of_gradients_of_plain_tensors_records_nothing() -> None:
    w = Tensor([3.0, 1.0])
    slope = tg.value_and_grad(lambda w: (w * w).sum())
    for _ in range(3):
        value, g = slope(w)
        w = w - 0.25 * g
    assert not w.requires_grad
    assert not value.requires_grad
    assert w.tolist() == [0.375, 0.125]


def test_differentiating_twice_by_one_argument_gives_two_gradients() -> None:
    first, second = tg.grad(lambda a, b: a * b, argnums=(0, 0))(2.0, 3.0)
    assert first == second == 3.0


def test_a_call_is_a_call_of_forward_wherever_it_is_defined() -> None:
    class Mixin:
        def forward(self, x: Any) -> Any:
            return x * 0

    class Mixed(Mixin, nn.ReLU):
        pass

    class Called(nn.Module):
        def __call__(self, *inputs: Any) -> Any:
            return "call"

    assert Mixed()(Tensor([1.0])).tolist() == [0.0]
    assert Called()(1) == "call"
    patched = nn.ReLU()
    patched.forward = lambda x: -x  # type: ignore[method-assign]
    assert patched(1.0) == -1.0


def test_what_a_subclass_of_sequential_adds_is_found_and_shown() -> None:
    class Scaled(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(2, 2))
            self.scale = Tensor(1.0, requires_grad=True)
            self.heads = {"a": nn.Linear(2, 1)}

    model = Scaled()
    names = [name for name, _ in model.named_parameters()]
    assert names == ["0.weight", "0.bias", "scale", "heads.a.weight", "heads.a.bias"]
    assert "(heads.a): Linear(2, 1)  # 3 parameters" in repr(model)


@pytest.mark.parametrize("function", [nn.functional.softmax, nn.functional.sigmoid])
def test_small_integers_do_not_wrap_around(function: Any) -> None:
    small = np.array([3, 5], np.uint8)
    expected = function(small.astype(np.float32))
    np.testing.assert_array_equal(function(small), expected)
    np.testing.assert_array_equal(function(Tensor(small)), expected)
    assert nn.functional.relu(-2.0) == 0


@pytest.mark.usefixtures("table")
def test_a_wrong_derivative_is_reported_with_its_order() -> None:
    define(np.cosh, vjps=(lambda g, y, a: g * 2 * np.sin(a),), formula=("",))
    with pytest.raises(AssertionError, match=r"^derivative of order 1 "):
        tg.check_grads(np.cosh, [np.array([0.5])], order=2)
    # The right slope, but of an exponential whose own slope is forgotten.

    def forgetful(g: Any, y: Any, a: Any) -> Any:
        return g * np.log(2) * (y.detach() if isinstance(y, Tensor) else y)

    define(np.exp2, vjps=(forgetful,), formula=("",))
    with pytest.raises(AssertionError, match=r"^derivative of order 2 "):
        tg.check_grads(lambda a: np.exp2(+a), [np.array([0.5])], order=2)


def test_two_layers_do_not_share_what_their_init_returned() -> None:
    values = np.ones((4, 1), np.float64)
    a, b = (nn.Linear(4, 1, init=lambda *_: values) for _ in range(2))
    assert not np.shares_memory(a.weight.numpy(), b.weight.numpy())
    assert a.weight.dtype == np.float32


@pytest.mark.usefixtures("table")
def test_a_gradient_that_a_rule_broadcast_can_be_written_to() -> None:
    define(np.trace, vjps=(lambda g, y, a: np.broadcast_to(g, a.shape),), formula=("",))
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    np.trace(x).backward()
    assert x.grad is not None
    with tg.no_grad():
        x.grad[0, 0] = 5.0
    assert x.grad.tolist() == [[5.0, 1.0], [1.0, 1.0]]


def test_a_list_takes_the_dtype_of_what_it_meets() -> None:
    assert (Tensor(np.ones(1)) * [0.1]).item() == 0.1
    assert (Tensor([1.0]) * [0.1]).dtype == np.float32


def test_a_variance_without_freedom_is_not_a_number_both_ways() -> None:
    x = Tensor(np.ones(1), requires_grad=True)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="Degrees of freedom"):
        y = x.var(ddof=1)
    with np.errstate(all="ignore"):
        y.backward()
    assert x.grad is not None
    assert np.isnan([y.item(), x.grad.item()]).all()


def test_axes_in_a_list_may_change_afterwards() -> None:
    axes = [2, 0, 1]
    x = Tensor(np.ones((2, 3, 4)), requires_grad=True)
    y = np.transpose(x, axes)
    axes[:] = [0, 1, 2]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (2, 3, 4)
    assert Tensor([1.0, 2.0]).transpose(0).tolist() == [1.0, 2.0]


@pytest.mark.usefixtures("table")
def test_an_argument_named_like_an_attribute_does_not_hide_a_value() -> None:
    def scaled(a: Any, size: Any) -> Any:
        return np.asarray(a) * size

    rule = define(
        lambda a, size: a * a * size,
        vjps=(lambda g, y, a, size: g * 2 * scaled(a, size),),
        formula=("",),
        name="scaled square",
    )
    x = Tensor([1.0, 2.0], requires_grad=True)
    rule(x, size=3).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0, 12.0]
    with pytest.raises(TypeError, match="vjps of sinh must be functions"):
        define(np.sinh, vjps=(partial(lambda g, y, a: g),), formula=("",))


def test_a_parameter_that_is_listed_twice_is_refused() -> None:
    x = Tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match="listed twice"):
        optim.SGD([x, x], lr=0.1)


def test_powers_in_place_and_what_is_not_a_number_when_clipped() -> None:
    x = Tensor([3.0, np.nan], requires_grad=True)
    high = Tensor([1.0, 1.0], requires_grad=True)
    np.clip(x, None, high).sum().backward()
    assert high.grad is not None
    assert high.grad.tolist() == [1.0, 0.0]
    same = x
    with tg.no_grad():
        x **= 2
    assert x is same
    assert x[0].item() == 9.0
