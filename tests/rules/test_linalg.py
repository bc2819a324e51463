"""Inverses and equations: derivatives at every rank, stacks, and what is refused."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multilinear import draw_array
from refusals import check_refusal
from strategies import broadcast_shapes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import DERIVED, RULES

SEEDS = st.integers(0, 999)
SIZES = st.integers(1, 3)


def of_singular_values(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Draw a matrix whose singular values are all between 1 and 2, so that nothing is unstable."""
    u = np.linalg.qr(draw_array(rng, (rows, rows)))[0]
    v = np.linalg.qr(draw_array(rng, (columns, columns)))[0]
    s = np.eye(rows, columns) * rng.uniform(1, 2, columns)
    return np.array(u @ s @ v)


def check(function: Callable[..., Any], *args: np.ndarray, order: int = 1) -> None:
    tg.check_grads(function, args, order=order, eps=1e-5)


@pytest.mark.parametrize(
    "function",
    [f for f in RULES | DERIVED if getattr(f, "__module__", "") == "numpy.linalg"],
    ids=lambda function: function.__name__,
)
def test_arguments_mean_what_they_mean_to_numpy(function: Callable[..., Any]) -> None:
    numpys = list(inspect.signature(function).parameters)
    if function in DERIVED:
        names = list(inspect.signature(DERIVED[function].implementation).parameters)
    else:
        rule = RULES[function]
        names = [*numpys[: len(rule.vjps)], *list(rule.parameters)[len(rule.vjps) :]]
        assert rule.keywords <= set(numpys)
    assert names == numpys[: len(names)]


# --- equations ----------------------------------------------------------------------------


@given(broadcast_shapes(2), st.integers(0, 3), st.integers(0, 2), SEEDS)
def test_equations_in_stacks(stacks: Any, n: int, columns: int, seed: int) -> None:
    left, right = stacks
    rng = np.random.default_rng(seed)
    a = draw_array(rng, (*left, n, n)) + 4 * np.eye(n)
    for shape in ((n,), (n, columns), (*right, n, columns)):
        b = draw_array(rng, shape)
        found, expected = (Tensor(a, requires_grad=True) for _ in range(2))
        right_found, right_expected = (Tensor(b, requires_grad=True) for _ in range(2))
        y = np.linalg.solve(found, right_found)
        inverse = np.linalg.inv(expected)
        g = draw_array(rng, y.shape)
        y.backward(g)
        (inverse @ right_expected).backward(g)
        for one, other in ((found, expected), (right_found, right_expected)):
            assert one.grad is not None
            assert other.grad is not None
            np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-7, atol=1e-9)


@settings(max_examples=25)
@given(SIZES, SIZES, st.data(), SEEDS)
def test_pseudo_inverses_of_any_rank(m: int, n: int, data: st.DataObject, seed: int) -> None:
    """Factors of a fixed rank can move about freely, and their product keeps it."""
    rank = data.draw(st.integers(1, min(m, n)))
    rng = np.random.default_rng(seed)
    left, right = of_singular_values(rng, m, rank), of_singular_values(rng, rank, n)
    b = draw_array(rng, data.draw(st.sampled_from([(m,), (m, 2)])))
    check(lambda left, right: np.linalg.pinv(left @ right, rtol=1e-8), left, right)
    check(lambda left, right, b: np.linalg.lstsq(left @ right, b, 1e-8)[0], left, right, b)


def test_second_derivatives_without_full_rank() -> None:
    rng = np.random.default_rng(0)
    left, right = of_singular_values(rng, 4, 2), of_singular_values(rng, 2, 3)
    check(lambda left, right: np.linalg.pinv(left @ right, 1e-8), left, right, order=2)
    b = draw_array(rng, (4,))
    check(lambda left, right: np.linalg.lstsq(left @ right, b, 1e-8)[0], left, right, order=2)


def test_a_symmetric_pseudo_inverse_reads_the_lower_triangle() -> None:
    rng = np.random.default_rng(0)
    a = draw_array(rng, (2, 3, 3))
    check(lambda a: np.linalg.pinv(a, hermitian=True), a, order=2)
    t = Tensor(a, requires_grad=True)
    np.linalg.pinv(t, hermitian=True).sum().backward()
    assert t.grad is not None
    assert not np.triu(t.grad.numpy(), 1).any()


def test_the_gradient_is_nan_where_singular_values_were_cut_off() -> None:
    matrices = np.stack([np.diag([1.0, 0.01]), np.diag([1.0, 0.5])])
    a = Tensor(matrices, requires_grad=True)
    np.linalg.pinv(a, rtol=0.1).sum().backward()
    assert a.grad is not None
    assert np.isnan(a.grad.numpy()).all(axis=(1, 2)).tolist() == [True, False]
    b = Tensor(matrices[0], requires_grad=True)
    np.linalg.lstsq(b, np.ones(2), rcond=0.1)[0].sum().backward()
    assert b.grad is not None
    assert np.isnan(b.grad.numpy()).all()


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (2, 3)])
@pytest.mark.parametrize("columns", [(), (2,)])
def test_all_that_least_squares_returns(shape: tuple[int, int], columns: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = of_singular_values(rng, *shape), draw_array(rng, (shape[0], *columns))
    found = np.linalg.lstsq(Tensor(a, requires_grad=True), b)
    expected = np.linalg.lstsq(a, b)
    assert found[2] == expected[2]
    for i in (0, 1, 3):
        assert isinstance(found[i], Tensor)
        np.testing.assert_allclose(found[i].numpy(), expected[i], rtol=1e-10, strict=True)
    if shape == (4, 2):
        check(lambda a, b: np.linalg.lstsq(a, b)[1], a, b, order=2)
    check(lambda a: np.linalg.lstsq(a, b)[3], a, order=2)


# --- powers, condition --------------------------------------------------------------------


@given(st.integers(-3, 9), st.integers(1, 3), SEEDS)
def test_powers_of_matrices(n: int, size: int, seed: int) -> None:
    a = of_singular_values(np.random.default_rng(seed), size, size)
    np.testing.assert_allclose(
        np.linalg.matrix_power(Tensor(a), n).numpy(), np.linalg.matrix_power(a, n), rtol=1e-12
    )
    check(lambda a: np.linalg.matrix_power(a, n), a / 2)


def test_the_condition_of_a_singular_matrix_is_infinite() -> None:
    matrices = np.stack([np.ones((2, 2)), np.zeros((2, 2)), np.eye(2), np.full((2, 2), np.nan)])
    for some in (matrices[:3], matrices[0], matrices[1]):
        found = np.linalg.cond(Tensor(some))
        assert isinstance(found, Tensor)
        assert found.shape == np.shape(np.linalg.cond(some))
        assert (np.asarray(found) > 1e15).tolist() == (np.linalg.cond(some) > 1e15).tolist()


# --- refusals -----------------------------------------------------------------------------

square = Tensor(np.eye(2), requires_grad=True)
x = Tensor(np.ones((2, 3)), requires_grad=True)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: np.linalg.inv(x), "inv: (2, 3): Last 2 dimensions of the array must be square"),
        (lambda: np.linalg.inv(square * 0), "inv: (2, 2): Singular matrix"),
        (lambda: np.linalg.solve(square, np.ones(3)), "solve: (2, 2), (3,): "),
        (lambda: np.linalg.pinv(x, 1e-3, rtol=1e-3), "pinv: rcond and rtol are two names"),
        (lambda: np.linalg.matrix_power(x, 2), "matrix_power: (2, 3): expected square matrices"),
        (lambda: np.linalg.tensorinv(x, 0), "tensorinv: ind is 0; expected a positive number"),
        (lambda: np.linalg.tensorinv(x, 1), "inv: (2, 3): Last 2 dimensions of the array must"),
        (lambda: np.linalg.tensorsolve(x, np.ones(2)), "tensorsolve: (2, 3) and (2,): expected as"),
        (lambda: np.linalg.lstsq(x, np.ones(3)), "lstsq: (2, 3), (3,): Incompatible dimensions"),
    ],
)
def test_a_refusal_names_the_operation_and_what_is_wrong(
    call: Callable[[], Any], sentence: str
) -> None:
    check_refusal(call, ValueError, sentence)
