"""The laws that derivatives obey, whatever the functions: sums, products, chains, symmetry.

The functions are drawn: compositions of smooth maps between vectors, with matrices of their own.
Nothing here knows a derivative in closed form, but for the test of third derivatives.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from differences import central_differences
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.nn.functional import softmax_cross_entropy

Map = Callable[[Any], Any]

# Of a vector, and a matrix to mix its elements with. None grows fast, so that chains don't either.
STEPS: list[Callable[[Any, np.ndarray], Any]] = [
    lambda x, A: np.tanh(A @ x),
    lambda x, A: np.sin(x @ A.T) + np.cos(A[0] @ x),
    lambda x, A: np.exp(-np.square(A @ x)),
    lambda x, A: (A @ x) / np.sqrt(1 + x @ x),
    lambda x, A: np.log(1 + np.exp(A * x)).mean(axis=1),
    lambda x, A: np.concatenate([np.sin(x[:1]) * x[-1], (A @ x)[1:]]),
    lambda x, A: A.sum(axis=1) * np.sign(1 + x @ x),  # a constant
]


def composed(steps: Sequence[tuple[int, np.ndarray]]) -> Map:
    """Make one function of several steps."""

    def function(x: Any) -> Any:
        for kind, matrix in steps:
            x = STEPS[kind](x, matrix)
        return x

    return function


@st.composite
def maps(draw: st.DrawFn, n: int, m: int) -> Map:
    """Draw a smooth function from n numbers to m."""
    sizes = [n, *draw(st.lists(st.integers(1, 3), max_size=2), label="sizes"), m]
    kinds = [draw(st.integers(0, len(STEPS) - 1), label="kind") for _ in sizes[1:]]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    matrices = [rng.standard_normal((after, before)) for before, after in pairwise(sizes)]
    return composed(list(zip(kinds, matrices, strict=True)))


def scalars(n: int) -> st.SearchStrategy[Map]:
    """Draw a smooth function from n numbers to one."""
    return maps(n, 1).map(lambda function: lambda x: np.sum(function(x)))


def vectors(n: int) -> st.SearchStrategy[np.ndarray]:
    """Draw vectors of normal numbers."""
    return st.integers(0, 2**32 - 1).map(lambda s: np.random.default_rng(s).standard_normal(n))


SIZES = st.integers(1, 4)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


# --- first derivatives --------------------------------------------------------------------


@given(n=SIZES, a=st.floats(-3, 3), b=st.floats(-3, 3), data=st.data())
def test_the_gradient_is_linear(n: int, a: float, b: float, data: st.DataObject) -> None:
    f, g, x = data.draw(scalars(n)), data.draw(scalars(n)), data.draw(vectors(n))
    both = tg.grad(lambda x: a * f(x) + b * g(x))(x)
    close(both, a * tg.grad(f)(x) + b * tg.grad(g)(x))


@given(n=SIZES, data=st.data())
def test_the_gradient_of_a_product(n: int, data: st.DataObject) -> None:
    f, g, x = data.draw(scalars(n)), data.draw(scalars(n)), data.draw(vectors(n))
    product = tg.grad(lambda x: f(x) * g(x))(x)
    close(product, f(x) * tg.grad(g)(x) + g(x) * tg.grad(f)(x))
    quotient = tg.grad(lambda x: f(x) / (2 + np.tanh(g(x))))(x)
    below, by_below = tg.value_and_grad(lambda x: 2 + np.tanh(g(x)))(x)
    close(quotient, tg.grad(f)(x) / below - f(x) * by_below / below**2)


@given(n=SIZES, k=SIZES, m=SIZES, data=st.data())
def test_the_jacobian_of_a_chain_is_the_product(
    n: int, k: int, m: int, data: st.DataObject
) -> None:
    inner, outer, x = data.draw(maps(n, k)), data.draw(maps(k, m)), data.draw(vectors(n))
    chain = tg.jacobian(lambda x: outer(inner(x)))(x)
    close(chain, tg.jacobian(outer)(inner(x)) @ tg.jacobian(inner)(x))


@given(n=SIZES, m=SIZES, data=st.data())
def test_the_jacobian_is_what_central_differences_find(n: int, m: int, data: st.DataObject) -> None:
    f, x = data.draw(maps(n, m)), data.draw(vectors(n))
    numeric = [central_differences(lambda x, i=i: f(x)[i], [x], 0) for i in range(m)]
    np.testing.assert_allclose(tg.jacobian(f)(x), numeric, rtol=1e-6, atol=1e-7)


@given(n=SIZES, m=SIZES, data=st.data())
def test_vjp_and_jvp_are_adjoint(n: int, m: int, data: st.DataObject) -> None:
    f, x = data.draw(maps(n, m)), data.draw(vectors(n))
    u, v = data.draw(vectors(m)), data.draw(vectors(n))
    value, pushed = tg.jvp(f, (x,), (v,))
    value_too, pullback = tg.vjp(f, x)
    np.testing.assert_array_equal(value, f(x))
    np.testing.assert_array_equal(value_too, f(x))
    (pulled,) = pullback(u)
    close(u @ pushed, pulled @ v)
    matrix = tg.jacobian(f)(x)
    close(pushed, matrix @ v)
    close(pulled, u @ matrix)


@given(n=SIZES, m=SIZES, factor=st.floats(-3, 3), data=st.data())
def test_products_are_linear_in_the_direction(
    n: int, m: int, factor: float, data: st.DataObject
) -> None:
    f, x = data.draw(maps(n, m)), data.draw(vectors(n))
    v, w = data.draw(vectors(n)), data.draw(vectors(n))

    def along(direction: np.ndarray) -> Any:
        return tg.jvp(f, (x,), (direction,))[1]

    close(along(v + factor * w), along(v) + factor * along(w))


@given(batch=st.integers(1, 6), data=st.data())
def test_permuting_the_batch_permutes_the_gradients(batch: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x, labels = rng.standard_normal((batch, 5)), rng.integers(0, 3, batch)
    parameters = {
        "hidden": (rng.standard_normal((5, 4)), rng.standard_normal(4)),
        "output": (rng.standard_normal((4, 3)), rng.standard_normal(3)),
    }

    def loss(parameters: Any, x: Any, labels: np.ndarray) -> Any:
        for weight, bias in parameters.values():
            x = np.tanh(x @ weight + bias)
        return softmax_cross_entropy(x, labels)

    order = np.array(data.draw(st.permutations(range(batch))))
    slopes = tg.grad(loss, (0, 1))
    by_parameters, by_x = slopes(parameters, x, labels)
    the_same, permuted = slopes(parameters, x[order], labels[order])
    close(permuted, by_x[order])
    for layer in parameters:
        for a, b in zip(the_same[layer], by_parameters[layer], strict=True):
            close(a, b)


# --- higher derivatives -------------------------------------------------------------------


@given(n=SIZES, data=st.data())
def test_the_hessian_is_symmetric_and_the_jacobian_of_the_gradient(
    n: int, data: st.DataObject
) -> None:
    f, x, v = data.draw(scalars(n)), data.draw(vectors(n)), data.draw(vectors(n))
    matrix = tg.hessian(f)(x)
    close(matrix, matrix.T)
    close(matrix, tg.jacobian(tg.grad(f))(x))
    close(matrix, [tg.grad(lambda x, i=i: tg.grad(f)(x)[i])(x) for i in range(n)])
    (product,) = tg.hvp(f, (x,), (v,))
    close(product, matrix @ v)
    close(product, tg.jvp(tg.grad(f), (x,), (v,))[1])


@given(n=SIZES, data=st.data())
def test_the_hessian_is_what_central_differences_find(n: int, data: st.DataObject) -> None:
    f, x = data.draw(scalars(n)), data.draw(vectors(n))
    numeric = [central_differences(lambda x, i=i: tg.grad(f)(x)[i], [x], 0) for i in range(n)]
    np.testing.assert_allclose(tg.hessian(f)(x), numeric, rtol=1e-5, atol=1e-6)


@given(n=SIZES, m=SIZES, data=st.data())
def test_mixed_derivatives_of_two_arguments_are_transposes(
    n: int, m: int, data: st.DataObject
) -> None:
    joined = data.draw(scalars(n + m))
    x, y = data.draw(vectors(n)), data.draw(vectors(m))

    def f(x: Any, y: Any) -> Any:
        return joined(np.concatenate([x, y]))

    whole = tg.hessian(joined)(np.concatenate([x, y]))
    (xx, xy), (yx, yy) = tg.hessian(f, (0, 1))(x, y)
    close(np.block([[xx, xy], [yx, yy]]), whole)
    close(tg.hvp(f, (x, y), (x, y))[1], yx @ x + yy @ y)


@given(n=SIZES, data=st.data())
def test_the_sweep_through_a_sweep_is_the_gradient_of_the_gradient(
    n: int, data: st.DataObject
) -> None:
    f, array, v = data.draw(scalars(n)), data.draw(vectors(n)), data.draw(vectors(n))

    def by_hand(x: Any) -> Any:
        return np.sum(tg.grad(f)(x) * v)

    x = Tensor(array, requires_grad=True)
    y = f(x)
    if not y.requires_grad:  # a constant function was drawn
        close(tg.grad(by_hand)(array), 0)
        return
    y.backward(create_graph=True)
    slope, x.grad = x.grad, None
    assert slope is not None
    close(slope.numpy(), tg.grad(f)(array))
    if slope.requires_grad:
        np.sum(slope * v).backward()
    found = np.zeros(n) if x.grad is None else x.grad.numpy()
    close(found, tg.grad(by_hand)(array))


# Functions of one number, and what their derivatives of order 0 to 3 are.
CURVES: list[tuple[Map, Callable[[float], Sequence[float]]]] = [
    (np.sin, lambda x: (math.sin(x), math.cos(x), -math.sin(x), -math.cos(x))),
    (np.exp, lambda x: [math.exp(x)] * 4),
    (lambda x: x**4, lambda x: (x**4, 4 * x**3, 12 * x**2, 24 * x)),
    (lambda x: 1 / x, lambda x: (1 / x, -1 / x**2, 2 / x**3, -6 / x**4)),
    (np.log, lambda x: (math.log(x), 1 / x, -1 / x**2, 2 / x**3)),
]


@given(
    inner=st.sampled_from(CURVES),
    outer=st.sampled_from(CURVES),
    x=st.floats(1.125, 1.5),  # where all of them are positive
)
def test_third_derivatives_of_compositions(inner: Any, outer: Any, x: float) -> None:
    """Hold them against the formula of Faà di Bruno."""
    (g, of_g), (f, of_f) = inner, outer
    middle, g1, g2, g3 = of_g(x)
    _, f1, f2, f3 = of_f(middle)
    first = tg.grad(lambda x: f(g(x)))
    second = tg.grad(first)
    x = np.float64(x)
    close(first(x), f1 * g1)
    close(second(x), f2 * g1**2 + f1 * g2)
    close(tg.grad(second)(x), f3 * g1**3 + 3 * f2 * g1 * g2 + f1 * g3)
