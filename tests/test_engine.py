"""The promises of the sweep: what it computes, adds up, keeps, frees and refuses."""

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.rules import RULES, define


def gradient_of(leaf: Tensor) -> np.ndarray:
    assert leaf.grad is not None
    return np.array(leaf.grad.numpy())


def small_model(seed: int) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(4, 5, rng=rng), nn.ReLU(), nn.Linear(5, 3, rng=rng))


# --- only where it is needed --------------------------------------------------------------


@pytest.mark.usefixtures("table")
def test_gradients_are_computed_only_where_someone_needs_them() -> None:
    calls: list[str] = []

    def times(a: Any, b: Any) -> Any:
        return np.multiply(a, b)

    rule = define(
        times,
        vjps=(
            lambda g, y, a, b: (calls.append("a"), g * b)[1],  # type: ignore[func-returns-value]
            lambda g, y, a, b: (calls.append("b"), g * a)[1],  # type: ignore[func-returns-value]
        ),
        formula=(r"\bar a = \bar y b", r"\bar b = \bar y a"),
    )
    data, weight = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=True)
    hidden = rule(data, weight)
    rule(hidden, np.ones(2, np.float32)).sum().backward()
    assert calls == ["a", "b"]  # the second product's first input, the first one's second
    assert gradient_of(weight).tolist() == [1.0, 2.0]
    assert data.grad is None


def test_the_first_layer_never_computes_a_gradient_for_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, images = small_model(0), np.ones((2, 4), np.float32)
    shapes: list[tuple[int, ...]] = []

    def spied(vjp: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any) -> Any:
            part = vjp(*arguments)
            shapes.append(part.shape)
            return part

        return noting

    loss = model(images).sum()
    rule = next(rule for rule in RULES.values() if rule.name == "affine")
    monkeypatch.setattr(rule, "vjps", tuple(spied(vjp) for vjp in rule.vjps))
    loss.backward()
    hidden, weights, biases = (2, 5), [(5, 3), (4, 5)], [(3,), (5,)]
    assert sorted(shapes) == sorted([hidden, *weights, *biases])
    assert images.shape not in shapes


# --- long chains --------------------------------------------------------------------------


def chain(length: int) -> tuple[Tensor, Tensor]:
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = -y
    return x, y


def test_a_long_chain_is_swept_without_recursion() -> None:
    x, y = chain(200_000)
    y.backward()
    assert gradient_of(x) == 1.0


def test_a_long_chain_is_dropped_without_recursion() -> None:
    _, y = chain(200_000)
    node = weakref.ref(y)
    del y
    gc.collect()
    assert node() is None


def test_a_long_chain_is_differentiated_by_one_of_its_values_without_recursion() -> None:
    def long(x: Any) -> Any:
        for _ in range(50_000):
            x = -x
        return x

    assert tg.grad(long)(2.0) == 1.0


# --- the graph is freed as the sweep passes -----------------------------------------------


def test_what_the_graph_held_is_freed_and_what_people_hold_is_not() -> None:
    x = Tensor(np.linspace(0, 1, 5), requires_grad=True)
    middle: Any = np.exp(x)
    y = np.exp(middle).sum()
    held = weakref.ref(middle.numpy().base)
    del middle
    assert held() is not None
    y.backward()
    assert held() is None
    assert y.item() == pytest.approx(np.exp(np.exp(x.numpy())).sum())


def test_a_kept_graph_keeps_its_values() -> None:
    x = Tensor(np.linspace(0, 1, 5), requires_grad=True)
    middle: Any = np.exp(x)
    y = np.exp(middle).sum()
    held = weakref.ref(middle.numpy().base)
    del middle
    y.backward(retain_graph=True)
    assert held() is not None


@pytest.mark.parametrize("second", ["the same", "another over the same"])
def test_a_second_sweep_says_that_the_graph_is_gone_and_how_to_keep_it(second: str) -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    middle = np.exp(x)
    total = middle.sum()
    total.backward()
    before = gradient_of(x)
    again = total if second == "the same" else (middle * middle).sum()
    name = "sum" if second == "the same" else "exp"
    with pytest.raises(RuntimeError, match=rf"^{name}: .*retain_graph=True") as caught:
        again.backward()
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(gradient_of(x), before)


def test_a_sweep_takes_little_memory_beyond_what_the_forward_pass_kept() -> None:
    size, length = 100_000, 40
    x = Tensor(np.zeros(size), requires_grad=True)
    tracemalloc.start()
    try:
        y: Any = x
        for _ in range(length):
            y = np.tanh(y)
        y = y.sum()
        forward = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        y.backward()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    array = size * 8
    assert forward > length * array
    assert peak < forward + 5 * array
    assert after < 3 * array


@pytest.mark.usefixtures("table")
def test_an_error_half_way_leaves_the_gradients_of_the_leaves_alone() -> None:
    def fragile(a: Any) -> Any:
        return np.positive(a)

    def fail(g: Any, y: Any, a: Any) -> Any:
        raise ArithmeticError("no derivative today")

    rule = define(fragile, vjps=(fail,), formula=("?",))
    early, late = (Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    late.grad = np.array([5.0, 5.0])
    y = (late * rule(early)).sum()  # the gradient of `late` is ready when the rule fails
    with pytest.raises(ArithmeticError):
        y.backward()
    assert gradient_of(late).tolist() == [5.0, 5.0]
    assert early.grad is None


# --- adding up ----------------------------------------------------------------------------


@given(data=st.data(), dtype=FLOATS)
def test_a_second_sweep_of_a_kept_graph_doubles_the_gradient_exactly(
    data: st.DataObject, dtype: Any
) -> None:
    x = Tensor(data.draw(arrays((3,), dtype)), requires_grad=True)
    w = Tensor(data.draw(arrays((3, 3), dtype)), requires_grad=True)
    reused = np.tanh(x @ w)
    y = (reused * reused + reused / x).sum()
    y.backward(retain_graph=True)
    once = gradient_of(x), gradient_of(w)
    y.backward(retain_graph=True)
    for leaf, gradient in zip((x, w), once, strict=True):
        np.testing.assert_array_equal(gradient_of(leaf), 2 * gradient)
    y.backward()
    for leaf, gradient in zip((x, w), once, strict=True):
        np.testing.assert_array_equal(gradient_of(leaf), gradient + gradient + gradient)


def test_gradients_of_different_values_add_up() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    (3 * x).sum().backward()
    assert gradient_of(x).tolist() == [5.0, 7.0]


def test_zero_grad_sets_the_gradients_to_none() -> None:
    model = small_model(0)
    model(np.ones((2, 4), np.float32)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_gradients_of_two_leaves_share_no_memory() -> None:
    leaves = [Tensor([1.0, 2.0], requires_grad=True) for _ in range(3)]
    start = Tensor([1.0, 1.0])
    a, b, c = leaves
    (a + (b + c).reshape(2)).backward(start)
    with tg.no_grad():
        assert a.grad is not None
        a.grad += 10.0
    assert gradient_of(b).tolist() == gradient_of(c).tolist() == start.tolist() == [1.0, 1.0]


def test_adding_up_does_not_write_to_a_gradient_that_someone_kept() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x.sum()
    y.backward(retain_graph=True)
    kept = x.grad
    y.backward()
    assert kept is not None
    assert kept.tolist() == [1.0, 1.0]


def test_a_leaf_is_its_own_gradient_path() -> None:
    x = Tensor(2.0, requires_grad=True)
    x.backward()
    x.backward(5.0)
    assert gradient_of(x) == 6.0


@given(data=st.data(), dtype=FLOATS)
def test_create_graph_gives_the_same_gradients_and_they_go_on(
    data: st.DataObject, dtype: Any
) -> None:
    values = data.draw(arrays((3,), dtype))
    plain, traced = (Tensor(values, requires_grad=True) for _ in range(2))
    (np.exp(plain) * plain).sum().backward()
    (np.exp(traced) * traced).sum().backward(create_graph=True)
    assert traced.grad is not None
    assert traced.grad.requires_grad
    np.testing.assert_allclose(gradient_of(traced), gradient_of(plain), rtol=1e-6)
    slope = traced.grad.sum()
    traced.grad = None
    slope.backward()
    np.testing.assert_allclose(gradient_of(traced), np.exp(values) * (values + 2), rtol=1e-5)


def test_a_graph_that_was_created_is_kept_unless_asked_otherwise() -> None:
    x = Tensor(2.0, requires_grad=True)
    y = x * x * x
    y.backward(create_graph=True)
    y.backward(create_graph=True, retain_graph=False)
    assert gradient_of(x) == 24.0
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


# --- what a sweep may start from ----------------------------------------------------------


@given(data=st.data(), dtype=FLOATS, own=FLOATS)
def test_the_gradient_to_start_with_may_be_anything_of_the_right_shape(
    data: st.DataObject, dtype: Any, own: Any
) -> None:
    x = Tensor(data.draw(arrays((2, 3), dtype)), requires_grad=True)
    g = data.draw(arrays((2, 3), own, low=-2.0))
    for start in (g, Tensor(g), g.tolist()):
        x.grad = None
        (x * 2).backward(start)
        assert gradient_of(x).dtype == dtype
        np.testing.assert_allclose(gradient_of(x), 2 * g, rtol=1e-6)


def test_an_array_with_one_element_is_scalar_enough() -> None:
    x = Tensor([[3.0]], requires_grad=True)
    (x * x).backward()
    assert gradient_of(x).tolist() == [[6.0]]


x = Tensor([1.0, 2.0, 3.0], requires_grad=True)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: (x * x).backward(), RuntimeError, "backward: only a scalar .* shape \\(3,\\)"),
        (lambda: Tensor(1.0).backward(), RuntimeError, "backward: .* requires_grad=True"),
        (
            lambda: x.sum().detach().backward(),
            RuntimeError,
            "backward: this Tensor needs no gradient",
        ),
        (
            lambda: Tensor([1, 2], int).sum().backward(),
            RuntimeError,
            "backward: .* is int64; only ",
        ),
        (lambda: (x > 1).backward(), RuntimeError, "backward: this Tensor is bool; only floating-"),
        (
            lambda: (x * x).backward(np.ones(2)),
            ValueError,
            "backward: a gradient of shape \\(2,\\) for a Tensor of shape \\(3,\\)",
        ),
    ],
)
def test_what_a_sweep_cannot_start_from(
    call: Callable[[], None], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=rf"^{sentence}"):
        call()
    assert x.grad is None


def test_a_sweep_that_leads_to_no_target_leaves_the_graph_alone() -> None:
    w = Tensor(2.0, requires_grad=True)
    y = np.exp(w)
    assert tg.grad(lambda _: y)(1.0) == 0
    y.backward()
    np.testing.assert_allclose(gradient_of(w), np.exp(2.0), rtol=1e-6)
