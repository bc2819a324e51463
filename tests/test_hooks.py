"""Hooks and `retain_grad`: seeing, and changing, gradients on their way."""

import gc
import re
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor


@given(data=st.data(), shape=SHAPES)
def test_every_value_on_the_way_sees_its_whole_gradient(data: st.DataObject, shape: Any) -> None:
    x = Tensor(data.draw(arrays(shape)), requires_grad=True)
    w = Tensor(data.draw(arrays(shape)), requires_grad=True)
    y = x * w
    z = np.tanh(y) + y * y + y  # y is used three times
    seen: list[np.ndarray] = []
    y.register_hook(lambda g: seen.append(g.numpy()))
    y.retain_grad()
    z.sum().backward()
    expected = 1 - np.tanh(y.numpy()) ** 2 + 2 * y.numpy() + 1
    assert len(seen) == 1
    np.testing.assert_allclose(seen[0], expected)
    assert y.grad is not None
    np.testing.assert_array_equal(y.grad.numpy(), seen[0])
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), seen[0] * w.numpy())


@given(hnp.arrays(np.float32, 3, elements=st.floats(-2, 2, width=32)))
def test_what_a_hook_returns_takes_the_gradients_place(values: np.ndarray) -> None:
    x = Tensor(values, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: g * 3)
    y.register_hook(lambda g: (g + 1).numpy())  # sees what the first returned; arrays do, too
    x.register_hook(lambda g: -g)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad.numpy(), np.full(3, -8.0))


def test_a_hook_that_was_removed_is_not_called() -> None:
    x = Tensor(1.0, requires_grad=True)
    calls: list[float] = []
    handle = x.register_hook(lambda g: calls.append(g.item()))
    (x * 2).backward()
    handle.remove()
    handle.remove()
    (x * 3).backward()
    assert calls == [2.0]


def test_a_leafs_hook_sees_what_one_sweep_adds() -> None:
    x = Tensor(1.0, requires_grad=True)
    calls: list[float] = []
    x.register_hook(lambda g: calls.append(g.item()))
    (x * 2 + x * 3).backward()
    (x * 4).backward()
    assert calls == [5.0, 4.0]
    assert x.grad is not None
    assert x.grad.item() == 9.0


def test_a_hook_may_be_registered_after_the_value_was_used() -> None:
    x = Tensor(2.0, requires_grad=True)
    y = x * x
    z = y * 3
    calls: list[float] = []
    y.register_hook(lambda g: calls.append(g.item()))
    z.backward()
    assert calls == [3.0]


def test_what_a_hook_is_given_cannot_be_written_to() -> None:
    def meddle(g: Tensor) -> None:
        with tg.no_grad():
            g *= 100

    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    y.register_hook(meddle)
    with pytest.raises(ValueError, match="read-only memory"):
        y.sum().backward()


def test_a_write_by_a_hook_to_what_is_still_needed_is_noticed() -> None:
    w, x = Tensor(3.0, requires_grad=True), Tensor(2.0, requires_grad=True)

    def step(_: Tensor) -> None:
        w[...] = 100.0

    y = (w * x) * 5
    y.register_hook(step)
    with pytest.raises(RuntimeError, match=r"^multiply: input 0, .* was changed in place"):
        y.backward()


def test_a_hooks_gradient_can_be_differentiated_again() -> None:
    x = Tensor(3.0, requires_grad=True)
    y = x * x
    y.register_hook(lambda g: g * x)  # the gradient of x becomes 2 x * x
    y.backward(create_graph=True)
    first = x.grad
    assert first is not None
    assert first.item() == 18.0
    x.grad = None
    first.backward()
    assert x.grad is not None
    assert x.grad.item() == 12.0


def test_hooks_see_what_a_transform_computes_and_retained_gradients_do_not() -> None:
    w = Tensor(2.0, requires_grad=True)
    y = w * w
    y.retain_grad()
    calls: list[float] = []
    y.register_hook(lambda g: calls.append(g.item()))
    assert tg.grad(lambda x: x * y)(5.0) == 4.0
    assert calls == []  # y is no step between x and the result
    assert y.grad is None
    assert w.grad is None


def test_a_retained_gradient_adds_up_and_can_be_taken_away() -> None:
    x = Tensor(1.0, requires_grad=True)
    y = x * 2
    y.retain_grad()
    (y * 3).backward(retain_graph=True)
    (y * 4).backward(retain_graph=True)
    assert y.grad is not None
    assert y.grad.item() == 7.0
    y.grad = None
    (y * 5).backward()
    assert y.grad.item() == 5.0


def test_a_leaf_retains_its_gradient_anyway() -> None:
    x = Tensor(1.0, requires_grad=True)
    x.retain_grad()
    (x * 2).backward()
    assert x.grad is not None
    assert x.grad.item() == 2.0


def test_other_interior_values_have_no_gradient() -> None:
    x = Tensor(1.0, requires_grad=True)
    y = x * 2
    (y * 3).backward()
    assert y.grad is None
    with pytest.raises(RuntimeError, match=r"^grad: only a leaf .* retain_grad\(\)$"):
        y.grad = Tensor(1.0)


@pytest.mark.parametrize("name", ["register_hook", "retain_grad"])
def test_what_needs_no_gradient_has_nothing_to_show(name: str) -> None:
    arguments = [print] if name == "register_hook" else []
    with pytest.raises(RuntimeError, match=f"^{name}: this Tensor needs no gradient$"):
        getattr(Tensor(1.0), name)(*arguments)


@pytest.mark.parametrize(
    ("returned", "what"),
    [
        (lambda g: g.sum(), "float32 of shape ()"),
        (lambda g: g.numpy() * 1j, "complex64 of shape (2,)"),
    ],
)
def test_what_is_no_gradient_is_refused(returned: Any, what: str) -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = np.exp(x)
    y.register_hook(returned)
    with pytest.raises(ValueError, match=re.escape(f"hook on exp: returned {what}; expected a ")):
        y.sum().backward()
    assert x.grad is None


def test_a_hook_is_a_function() -> None:
    with pytest.raises(TypeError, match=r"^register_hook: takes a function, not int$"):
        Tensor(1.0, requires_grad=True).register_hook(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("kept", ["hook", "gradient"])
def test_a_watch_that_refers_to_its_value_is_freed_with_it(kept: str) -> None:
    x = Tensor(np.ones(3), requires_grad=True)
    if kept == "hook":
        x.register_hook(lambda g, x=x: g + x.detach())
    else:
        y = x * x
        y.retain_grad()
        (y * y).sum().backward(create_graph=True)
        del y
    ended = weakref.ref(x)
    del x
    gc.collect()
    assert ended() is None
