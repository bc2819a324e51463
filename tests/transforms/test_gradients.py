"""Gradients of scalars: of any order, by any arguments, nested ones too."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nested import Layer, array_trees
from strategies import FLOATS, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, by_hand, nn
from tinygrad_mnist.nn.functional import softmax_cross_entropy
from tinygrad_mnist.transforms.trees import leaves, paths, rebuild


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
    for twice in tg.grad(weighted, (0, -2))(x, y):
        np.testing.assert_array_equal(twice, by_x)


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


# --- nested arguments ---------------------------------------------------------------------


def squares(tree: Any, scale: Any = 1.0) -> Any:
    """Add up the squares of all elements: the gradient is twice the tree."""
    return sum((np.sum(leaf * leaf) for leaf in leaves(tree)), Tensor(0.0)) * scale


@given(tree=array_trees(), dtype=FLOATS)
def test_a_gradient_is_built_like_its_argument(tree: Any, dtype: Any) -> None:
    tree = rebuild(tree, [leaf.astype(dtype) for leaf in leaves(tree)])
    value, found = tg.value_and_grad(squares)(tree, scale=3.0)
    assert repr(rebuild(found, paths(tree))) == repr(rebuild(tree, paths(tree)))
    np.testing.assert_allclose(value, sum(3 * (a * a).sum() for a in leaves(tree)), rtol=1e-5)
    for exact, leaf in zip(leaves(found), leaves(tree), strict=True):
        assert not isinstance(exact, Tensor)
        np.testing.assert_allclose(exact, 6 * leaf, rtol=1e-5)
        assert (exact.shape, exact.dtype) == (leaf.shape, leaf.dtype)


@given(first=array_trees(), second=array_trees())
def test_several_nested_arguments_give_a_tuple(first: Any, second: Any) -> None:
    def difference(a: Any, b: Any) -> Any:
        return squares(a) - squares(b)

    by_second, by_first = tg.grad(difference, (-1, 0))(first, second)
    for found, tree, factor in ((by_first, first, 2), (by_second, second, -2)):
        for exact, leaf in zip(leaves(found), leaves(tree), strict=True):
            np.testing.assert_array_equal(exact, factor * leaf)


def test_named_tuples_stay_what_they_are() -> None:
    layer = Layer(np.ones((2, 3)), np.zeros(3))
    found = tg.grad(lambda layer, x: np.sum(x @ layer.weight + layer.bias))(layer, np.ones((4, 2)))
    assert isinstance(found, Layer)
    np.testing.assert_array_equal(found.weight, np.full((2, 3), 4.0))
    np.testing.assert_array_equal(found.bias, np.full(3, 4.0))


def test_one_tensor_among_arrays_makes_tensors_of_all() -> None:
    w = Tensor(2.0, requires_grad=True)
    found = tg.grad(lambda p: p["w"] * p["w"] * p["x"])({"w": w, "x": 3.0})
    assert all(isinstance(leaf, Tensor) for leaf in found.values())
    (found["w"] + found["x"]).backward()  # 2wx + w²
    assert w.grad is not None
    assert w.grad.item() == 10.0


def test_a_keyword_that_requires_a_gradient_is_followed() -> None:
    scale = Tensor(3.0, requires_grad=True)
    slope = tg.grad(weighted)(np.ones((1, 1)), np.ones(1), scale=scale)
    slope.sum().backward()
    assert scale.grad is not None
    assert scale.grad.item() == 2.0


def test_the_parameters_of_a_network_as_a_dict() -> None:
    rng = np.random.default_rng(5)
    X, labels = rng.random((784, 32)), rng.integers(0, 10, 32)
    W1, b1, W2, b2 = by_hand.init_params(rng, dtype=np.float64)
    parameters = {
        "hidden": {"weight": W1.T, "bias": b1[:, 0]},
        "output": {"weight": W2.T, "bias": b2[:, 0]},
    }

    def affine(x: Any, layer: dict[str, Any]) -> Any:
        return x @ layer["weight"] + layer["bias"]

    def loss(parameters: dict[str, Any], x: Any, labels: np.ndarray) -> tuple[Any, Any]:
        logits = affine(np.maximum(affine(x, parameters["hidden"]), 0), parameters["output"])
        return softmax_cross_entropy(logits, labels), {"logits": logits, "samples": len(x)}

    (value, aux), found = tg.value_and_grad(loss, has_aux=True)(parameters, X.T, labels)
    Z1, A1, Z2, A2 = by_hand.forward(X, W1, b1, W2, b2)
    Y = by_hand.one_hot(labels, 10, np.float64)
    np.testing.assert_allclose(value, by_hand.cross_entropy(Z2, Y), rtol=1e-10)
    np.testing.assert_allclose(aux["logits"], Z2.T, rtol=1e-10, atol=1e-10)
    assert (type(aux["logits"]), aux["samples"]) == (np.ndarray, 32)
    for exact, derived in zip(leaves(found), by_hand.backward(X, Y, Z1, A1, A2, W2), strict=True):
        np.testing.assert_allclose(np.atleast_2d(exact).T, derived, rtol=1e-10, atol=1e-10)


# --- what comes along ---------------------------------------------------------------------


def test_what_comes_along_is_passed_on() -> None:
    def f(x: Any) -> tuple[Any, Any]:
        return x * x, ("text", [x + 1.0, None])

    slope, (text, (more, nothing)) = tg.grad(f, has_aux=True)(3.0)
    assert (slope, text, more, nothing) == (6.0, "text", 4.0, None)
    assert not isinstance(more, Tensor)
    x = Tensor(3.0, requires_grad=True)
    slope, (_, (more, _)) = tg.grad(f, has_aux=True)(x)
    (slope * more).backward()  # 2x · (x + 1)
    assert x.grad is not None
    assert x.grad.item() == 14.0


def test_results_share_no_memory_with_what_the_function_saw() -> None:
    seen: list[Any] = []

    def f(x: Any) -> tuple[Any, Any]:
        seen.append(x)
        return x.sum(), x

    (_, aux), _ = tg.value_and_grad(f, has_aux=True)(np.ones(2))
    assert not np.shares_memory(aux, seen[0].numpy())


# --- constants ----------------------------------------------------------------------------


def test_detached_values_and_those_under_no_grad_are_constant() -> None:
    def without(x: Any) -> Any:
        with tg.no_grad():
            y = x * x
        return x * y

    assert tg.grad(lambda x: x * (x * x).detach())(3.0) == 9.0
    assert tg.grad(without)(3.0) == 9.0
    assert tg.grad(tg.grad(without))(3.0) == 0.0


def test_a_transform_under_no_grad_inside_a_transform_is_constant() -> None:
    def outer(x: Any) -> Any:
        with tg.no_grad():
            slope = tg.grad(cube)(x)
        return x * slope

    assert tg.grad(outer)(2.0) == 12.0


@pytest.mark.parametrize("wrong", [cube, lambda x: 1 / 0 * x])
def test_an_error_leaves_no_mark(wrong: Callable[..., Any]) -> None:
    with tg.no_grad():
        with pytest.raises((ValueError, ZeroDivisionError)):
            tg.grad(wrong)(np.ones(2))
        assert not tg.is_grad_enabled()
    assert not isinstance(tg.grad(cube)(2.0), Tensor)  # as it would be inside


# --- misuse -------------------------------------------------------------------------------


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
        (
            lambda: tg.grad(lambda x: (x, x))(1.0),
            TypeError,
            "grad: the function returned a tuple, not a scalar",
        ),
        (
            lambda: tg.value_and_grad(np.argmax)(np.ones(2)),
            TypeError,
            "value_and_grad: the function returned int64; expected floating-point",
        ),
        (
            lambda: tg.value_and_grad(squares, has_aux=True)(1.0),
            TypeError,
            "value_and_grad: the function returned Tensor; with has_aux, expected a tuple of a "
            "scalar and something else",
        ),
        (
            lambda: tg.grad(squares)({"x": [1.0, np.array([1, 2])]}),
            TypeError,
            r"grad: argument 0\['x'\]\[1\] is int64; expected floating-point",
        ),
        (
            lambda: tg.grad(squares)(Layer(1.0, None)),
            TypeError,
            r"grad: argument 0\.bias is NoneType; expected floating-point",
        ),
        (
            lambda: tg.grad(weighted, 2)(1.0, 1.0),
            TypeError,
            "grad: argnums is 2, with 2 positional arguments",
        ),
        (
            lambda: tg.grad(weighted, (0, -3))(1.0, 1.0),
            TypeError,
            r"grad: argnums is \(0, -3\), with 2 positional arguments",
        ),
    ],
)
def test_what_cannot_be_differentiated(
    call: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=rf"^{sentence}$"):
        call()


# --- Tensors from outside -----------------------------------------------------------------


def test_a_penalty_on_the_gradient_reaches_the_weights() -> None:
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    x = Tensor([[1.0, 2.0]])
    slope = tg.grad(lambda x: layer(x).sum())(x)
    (layer(x).sum() + (slope * slope).sum()).backward()
    assert layer.weight.grad is not None
    expected = x.numpy().T + 2 * layer.weight.numpy()
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected, rtol=1e-6)


def test_without_tensors_from_outside_nothing_is_recorded() -> None:
    assert not tg.grad(lambda x: (x * x).sum())(Tensor([1.0, 2.0])).requires_grad


# --- no gradient is lost by becoming a number ---------------------------------------------


def filled(w: Any) -> Any:
    out = np.zeros(2)
    out[0] = w
    return w + out.sum()


@pytest.mark.parametrize(
    "function",
    [
        filled,
        lambda w: w + np.sum(np.ones(2), initial=w),
        lambda w: w + np.interp([9.0], [0.0, 1.0], [1.0, 2.0], right=w)[0],
        lambda w: w * math.sin(w),
        lambda w: w * int(w),
    ],
)
def test_a_value_that_would_leave_the_graph_is_refused(function: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        tg.grad(function)(5.0)
    causes = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert any("differentiated loses the gradient; use t.item()" in str(e) for e in causes)


def test_what_is_meant_to_leave_does() -> None:
    assert tg.grad(lambda w: w * w.item())(3.0) == 3.0
    assert float(Tensor(2.0, requires_grad=True)) == 2.0


@pytest.mark.parametrize("argnums", ["a", 1.0, ()])
def test_argnums_are_integers(argnums: Any) -> None:
    with pytest.raises(TypeError, match=r"^grad: argnums is "):
        tg.grad(np.sin, argnums)(1.0)


def test_argnums_may_be_numpys() -> None:
    assert tg.grad(np.multiply, np.int64(1))(2.0, 3.0) == 2.0
