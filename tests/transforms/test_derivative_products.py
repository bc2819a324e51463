"""Products with the Jacobian and the Hessian: gradients pulled back, tangents pushed forward."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nested import Layer, array_trees
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.transforms.trees import leaves, paths, rebuild


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf."""
    return rebuild(tree, map(function, leaves(tree)))


def cube(x: Any) -> Any:
    return x * x * x


def check(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Compare arrays nested in the same way; none may be a Tensor."""
    assert repr(mapped(np.shape, found)) == repr(mapped(np.shape, expected))
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        assert not isinstance(a, Tensor)
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol)


# --- nested in, nested out ----------------------------------------------------------------


@given(tree=array_trees().filter(leaves), data=st.data())
def test_each_leaf_moves_by_its_own_slope(tree: Any, data: st.DataObject) -> None:
    """Of a function of every element for itself, all products are with a diagonal matrix."""
    direction = mapped(lambda leaf: data.draw(arrays(leaf.shape)), tree)

    def scaled(factor: Callable[[Any], Any]) -> Any:
        pairs = zip(leaves(tree), leaves(direction), strict=True)
        return rebuild(tree, [factor(leaf) * along for leaf, along in pairs])

    def f(tree: Any) -> Any:
        return {"cubes": mapped(cube, tree)}

    def total(tree: Any) -> Any:
        return sum(np.sum(cube(leaf)) for leaf in leaves(tree))

    value, pushed = tg.jvp(f, (tree,), [direction])
    check(value, {"cubes": mapped(cube, tree)})
    check(pushed, {"cubes": scaled(lambda x: 3 * x * x)})
    value, pullback = tg.vjp(f, tree)
    check(value, {"cubes": mapped(cube, tree)})
    for _ in range(2):
        check(pullback({"cubes": direction}), (scaled(lambda x: 3 * x * x),))
    check(tg.hvp(total, (tree,), (direction,)), (scaled(lambda x: 6 * x),))


@given(shape=SHAPES, dtypes=st.tuples(FLOATS, FLOATS), data=st.data())
def test_every_result_has_the_dtype_of_what_it_belongs_to(
    shape: Any, dtypes: Any, data: st.DataObject
) -> None:
    x, y = (data.draw(arrays(shape, dtype)) for dtype in dtypes)

    def f(x: Any, y: Any) -> Any:
        return [x * x, Layer(y * 2, x * y)]

    value, pushed = tg.jvp(f, (x, y), (np.ones(shape), np.ones(shape, int)))
    both = np.result_type(*dtypes)
    expected = [2 * x, Layer(np.full(shape, 2, dtypes[1]), (x + y).astype(both))]
    check(value, f(x, y), 1e-6)
    check(pushed, expected, 1e-6)
    _, pushed = tg.jvp(f, (x, y), (Tensor(np.ones(shape)), Tensor(np.ones(shape, int))))
    check(mapped(Tensor.numpy, pushed), expected, 1e-6)
    _, pullback = tg.vjp(f, x, y)
    pulled = pullback([np.ones(shape), (np.zeros(shape), np.ones(shape, bool))])
    check(pulled, ((2 * x + y).astype(dtypes[0]), x.astype(dtypes[1])), 1e-6)


def test_a_number_keeps_its_digits_on_the_way_to_float64() -> None:
    """Python's numbers are float32 by themselves, and 0.1 isn't the same there."""
    x = np.float64(3.0)
    assert tg.jvp(lambda x: x + x, (x,), (0.1,))[1] == 0.2
    assert tg.vjp(lambda x: x + x, x)[1](0.1)[0] == 0.2


def test_a_direction_of_another_dtype_widens_nothing() -> None:
    value, pushed = tg.jvp(cube, (np.float32(1.0),), (np.float64(2.0),))
    (pulled,) = tg.vjp(cube, np.float32(1.0))[1](np.float64(2.0))
    (product,) = tg.hvp(cube, (np.float32(1.0),), (2,))
    assert {found.dtype for found in (value, pushed, pulled, product)} == {np.dtype(np.float32)}


def test_what_does_not_depend_on_an_argument_does_not_move() -> None:
    def f(x: Any, y: Any) -> Any:
        return {"constant": Tensor([1.0, 2.0]), "x": x * 1.0}

    x, y = np.ones(3, np.float32), np.ones(())
    _, pushed = tg.jvp(f, (x, y), (x, y))
    check(pushed, {"constant": np.zeros(2, np.float32), "x": x})
    _, pullback = tg.vjp(f, x, y)
    check(pullback({"constant": np.ones(2), "x": 2 * x}), (2 * x, np.zeros(())))
    assert tg.jvp(lambda y: Tensor(1.0), (y,), (y,))[1] == 0.0
    (nothing,) = tg.hvp(lambda x: np.sum(x * 3), (x,), (x,))
    check(nothing, np.zeros_like(x))


def test_the_argument_itself_is_a_function_of_it() -> None:
    x, v = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    check(tg.jvp(lambda x: x, (x,), (v,)), (x, v))
    check(tg.jvp(lambda x, y: (y, x, y), (x, v), (v, x)), ((v, x, v), (x, v, x)))
    check(tg.vjp(lambda x, y: (y, x, y), x, v)[1]((x, v, x)), (v, 2 * x))


def test_a_function_of_nothing_has_no_gradient() -> None:
    value, pullback = tg.vjp(lambda p: Tensor(2.0), {})
    assert (float(value), pullback(1.0)) == (2.0, ({},))
    assert tg.jvp(lambda p: Tensor(2.0), ({},), ({},))[1] == 0.0
    assert tg.hvp(lambda p: Tensor(2.0), ({},), ({},)) == ({},)
    assert tg.jacobian(lambda p: {"y": Tensor(2.0)})([]) == {"y": []}


def test_a_function_may_return_nothing() -> None:
    value, pullback = tg.vjp(lambda x: [(), {}], 1.0)
    assert value == [(), {}]
    check(pullback(value), (np.zeros((), np.float32),))
    assert tg.jvp(lambda x: [(), {}], (1.0,), (1.0,)) == ([(), {}], [(), {}])
    assert tg.jacobian(lambda x: [(), {}])(1.0) == [(), {}]


# --- Tensors ------------------------------------------------------------------------------


def test_products_are_connected_with_all_that_they_were_computed_from() -> None:
    def leaf() -> Tensor:
        return Tensor(3.0, requires_grad=True)

    x, v = leaf(), leaf()
    value, pushed = tg.jvp(cube, (x,), (v,))  # x³, 3x² v
    (value + pushed).backward()
    assert x.grad is not None
    assert v.grad is not None
    assert (x.grad.item(), v.grad.item()) == (81.0, 27.0)  # 3x² + 6x v, 3x²

    x, c = leaf(), leaf()
    value, pullback = tg.vjp(cube, x)
    (pulled,) = pullback(c)
    (value + pulled).backward()
    assert x.grad is not None
    assert c.grad is not None
    assert (x.grad.item(), c.grad.item()) == (81.0, 27.0)

    x, v = leaf(), leaf()
    (product,) = tg.hvp(cube, (x,), (v,))  # 6x v
    product.backward()
    assert x.grad is not None
    assert v.grad is not None
    assert (x.grad.item(), v.grad.item()) == (18.0, 18.0)


def test_a_tensor_along_arrays_makes_tensors_and_can_be_the_only_one_followed() -> None:
    v = Tensor(2.0, requires_grad=True)
    value, pushed = tg.jvp(cube, (3.0,), (v,))
    assert isinstance(value, Tensor)
    pushed.backward()
    assert v.grad is not None
    assert v.grad.item() == 27.0
    value, pullback = tg.vjp(cube, 3.0)
    assert not isinstance(value, Tensor)
    assert not isinstance(pullback(1.0)[0], Tensor)
    assert isinstance(pullback(Tensor(1.0))[0], Tensor)
    v = Tensor(2.0, requires_grad=True)
    pullback(v)[0].backward()
    assert v.grad is not None
    assert v.grad.item() == 27.0


def test_a_pullback_can_be_differentiated_again_and_again() -> None:
    _, pullback = tg.vjp(cube, 3.0)
    assert tg.grad(lambda c: pullback(c * c)[0])(2.0) == 108.0  # 27 · 2c
    assert pullback(1.0)[0] == 27.0


def test_products_inside_a_gradient() -> None:
    x = np.float64(1.3)
    third = tg.grad(lambda x: tg.jvp(tg.grad(np.sin), (x,), (1.0,))[1])(x)
    assert third == pytest.approx(-np.cos(x))
    third = tg.grad(lambda x: tg.hvp(np.sin, (x,), (1.0,))[0])(x)
    assert third == pytest.approx(-np.cos(x))
    third = tg.jvp(tg.grad(tg.grad(np.sin)), (x,), (2.0,))[1]
    assert third == pytest.approx(-2 * np.cos(x))
    third = tg.grad(lambda x: tg.vjp(tg.grad(np.sin), x)[1](1.0)[0])(x)
    assert third == pytest.approx(-np.cos(x))
    fourth = tg.jvp(lambda x: tg.jvp(tg.grad(tg.grad(np.sin)), (x,), (x,))[1], (x,), (1.0,))[1]
    assert fourth == pytest.approx(-np.cos(x) + x * np.sin(x))  # (−x cos x)'


def test_the_hessian_of_a_function_that_differentiates() -> None:
    def f(x: Any) -> Any:
        return x * tg.grad(lambda y: x * cube(y))(x)  # 3x⁴

    x = np.float64(1.5)
    assert tg.hvp(f, (x,), (2.0,))[0] == pytest.approx(36 * x * x * 2)


def test_an_inner_direction_is_not_the_outer_one() -> None:
    def derivative(function: Callable[[Any], Any], x: Any) -> Any:
        return tg.jvp(function, (x,), (1.0,))[1]

    # The derivative of x · d/dy (x + y) by x is 1; mixing x and y up gives 2.
    assert derivative(lambda x: x * derivative(lambda y: x + y, 1.0), 1.0) == 1.0
    assert tg.grad(lambda x: x * derivative(lambda y: x + y, 1.0))(1.0) == 1.0
    assert derivative(lambda x: x * tg.grad(lambda y: x + y)(1.0), 1.0) == 1.0
    # d/dx of x · d/dy (x y²) at y = x, where it is 2x³; and with y = x seen from outside.
    assert derivative(lambda x: x * derivative(lambda y: x * y * y, x), 2.0) == 24.0


def test_under_no_grad_products_are_computed_but_not_connected() -> None:
    x = Tensor(3.0, requires_grad=True)
    with tg.no_grad():
        value, pushed = tg.jvp(cube, (x,), (1.0,))
        value_too, pullback = tg.vjp(cube, x)
        (product,) = tg.hvp(cube, (x,), (1.0,))
        results = [value, pushed, value_too, *pullback(1.0), product]
        assert not tg.is_grad_enabled()
    assert [result.item() for result in results] == [27.0, 27.0, 27.0, 27.0, 18.0]
    assert not any(result.requires_grad for result in (*results, *pullback(1.0)))
    _, pullback = tg.vjp(cube, x)
    with tg.no_grad():
        assert not pullback(1.0)[0].requires_grad
    assert pullback(1.0)[0].requires_grad
    _, pullback = tg.vjp(lambda x: x, x)
    with tg.no_grad():
        assert not pullback(x)[0].requires_grad
    assert x.grad is None


# --- memory -------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [np.exp, np.square])  # whose rules use result and input
def test_what_people_do_with_their_arrays_does_not_change_a_pullback(function: Any) -> None:
    x, c = np.array([1.0, 2.0]), np.ones(2)
    expected = tg.grad(lambda x: np.sum(function(x)))(x)
    value, pullback = tg.vjp(function, x)
    value[:] = x[:] = np.nan
    (pulled,) = pullback(c)
    np.testing.assert_array_equal(pulled, expected)
    pulled[:] = np.nan
    np.testing.assert_array_equal(c, np.ones(2))
    np.testing.assert_array_equal(pullback(c)[0], expected)


def test_what_people_add_to_their_dicts_does_not_change_a_pullback() -> None:
    parameters = {"a": 2.0}
    value, pullback = tg.vjp(lambda p: {"cube": cube(p["a"])}, parameters)
    parameters["b"] = value["more"] = 1.0
    (pulled,) = pullback({"cube": 1.0})
    assert pulled == {"a": 12.0}


def test_a_cotangent_that_is_written_to_later_does_not_change_the_second_derivative() -> None:
    x, c = Tensor([1.0, 2.0], requires_grad=True), np.ones(2, np.float32)
    _, pullback = tg.vjp(cube, x)
    (pulled,) = pullback(c)
    c[:] = np.nan
    pulled.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0, 12.0]


# --- misuse -------------------------------------------------------------------------------

ONE = np.ones(1)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: tg.jvp(cube, ONE, ONE),
            TypeError,
            "jvp: primals is of type ndarray; expected a tuple with an item for each argument of "
            "the function",
        ),
        (
            lambda: tg.hvp(cube, ONE, ONE),
            TypeError,
            "hvp: primals is of type ndarray; expected a tuple with an item for each argument of "
            "the function",
        ),
        (
            lambda: tg.jvp(cube, (ONE,), ONE),
            TypeError,
            "jvp: tangents is of type ndarray; expected a tuple of 1",
        ),
        (
            lambda: tg.jvp(lambda p: p["a"], ({"a": ONE},), ({"b": ONE},)),
            TypeError,
            r"jvp: tangents\[0\] is a dict with the keys \['b'\]; expected a dict with the keys "
            r"\['a'\]",
        ),
        (
            lambda: tg.jvp(cube, (ONE,), (np.ones(2),)),
            ValueError,
            r"jvp: tangents\[0\] has shape \(2,\); expected \(1,\)",
        ),
        (
            lambda: tg.hvp(lambda p: cube(p["a"][0]), ({"a": ONE},), ({"a": np.ones((1, 1))},)),
            ValueError,
            r"hvp: tangents\[0\]\['a'\] has shape \(1, 1\); expected \(1,\)",
        ),
        (
            lambda: tg.jvp(cube, (ONE,), (None,)),
            TypeError,
            r"jvp: tangents\[0\] is NoneType; expected real numbers",
        ),
        (
            lambda: tg.vjp(cube, ONE)[1]([1.0]),
            TypeError,
            "vjp: cotangent is a list of 1; expected an array",
        ),
        (
            lambda: tg.vjp(lambda x: [x], ONE)[1]([1.0]),
            ValueError,
            r"vjp: cotangent\[0\] has shape \(\); expected \(1,\)",
        ),
        (
            lambda: tg.vjp(cube, np.ones(1, int)),
            TypeError,
            "vjp: argument 0 is int64; expected floating-point",
        ),
        (
            lambda: tg.vjp(lambda x: {"x": x, "n": 3}, ONE),
            TypeError,
            "vjp: the function returned int, not a Tensor: somewhere its value left the graph",
        ),
        (
            lambda: tg.jvp(lambda x: None, (ONE,), (ONE,)),
            TypeError,
            "jvp: the function returned NoneType, not a Tensor: somewhere its value left the graph",
        ),
        (
            lambda: tg.hvp(cube, (ONE,), (ONE,)),
            ValueError,
            r"hvp: the function returned shape \(1,\), not a scalar",
        ),
    ],
)
def test_what_has_no_product(
    call: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=rf"^{sentence}$"):
        call()


@given(tree=array_trees().filter(leaves))
def test_a_wrong_shape_is_named_by_its_place(tree: Any) -> None:
    wrong = mapped(lambda leaf: np.ones((*leaf.shape, 7)), tree)
    with pytest.raises(
        ValueError, match=r"^jvp: tangents\[0\].* has shape .*7,?\); expected "
    ) as e:
        tg.jvp(lambda tree: tree, (tree,), (wrong,))
    assert paths(tree)[0] in str(e.value)
