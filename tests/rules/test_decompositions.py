"""Factors: what they multiply to, which triangle is read, and equal values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multilinear import draw_array
from refusals import check_refusal
from strategies import SHAPES

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

SEEDS = st.integers(0, 999)
SIZES = st.integers(1, 4)
UPLO = st.sampled_from(["L", "U", "l", "u"])


def swap(a: Any) -> Any:
    return a.swapaxes(-1, -2)


def fold(g: np.ndarray, upper: bool) -> np.ndarray:
    """Add the gradient of what is not read to that of the element that is read for it."""
    keep, other = (np.triu, np.tril) if upper else (np.tril, np.triu)
    return np.array(keep(g) + swap(other(g, -1 if upper else 1)))


def gradient(function: Callable[[Tensor], Any], a: np.ndarray, g: np.ndarray) -> np.ndarray:
    t = Tensor(a, requires_grad=True)
    function(t).backward(g)
    assert t.grad is not None
    return np.array(t.grad.numpy())


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7, strict=True)


def spread(rng: np.random.Generator, shape: Any) -> np.ndarray:
    """Draw matrices whose singular values, and eigenvalues of either triangle, are far apart."""
    return np.array(
        np.eye(*shape[-2:]) * 2.0 ** np.arange(shape[-1]) + rng.uniform(-0.1, 0.1, shape)
    )


# --- the factors multiply to the matrix, so that the gradient passes through as it is -----


@given(SHAPES, SIZES, SIZES, SEEDS)
def test_qr_and_svd_of_any_shape(stack: Any, rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, g = (function(rng, (*stack, rows, columns)) for function in (spread, draw_array))

    def multiplied(a: Tensor) -> Any:
        q, r = np.linalg.qr(a)
        return q @ r

    def from_singular(a: Tensor) -> Any:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return (u * np.expand_dims(s, -2)) @ vh

    close(gradient(multiplied, a, g), g)
    close(gradient(from_singular, a, g), g)


@given(SHAPES, SIZES, SIZES, SEEDS)
def test_vectors_stay_orthogonal(stack: Any, rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = spread(rng, (*stack, rows, columns))
    k = min(rows, columns)
    g = draw_array(rng, (*stack, k, k))

    def left(a: Tensor) -> Any:
        u = np.linalg.svd(a, full_matrices=False)[0]
        return swap(u) @ u

    def right(a: Tensor) -> Any:
        vh = np.linalg.svd(a, full_matrices=False)[2]
        return vh @ swap(vh)

    def turned(a: Tensor) -> Any:
        q = np.linalg.qr(a).Q
        return swap(q) @ q

    for function in (left, right, turned):
        close(gradient(function, a, g), np.zeros_like(a))


@given(SHAPES, SIZES, UPLO, SEEDS)
def test_symmetric_matrices(stack: Any, n: int, which: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, g = (function(rng, (*stack, n, n)) for function in (spread, draw_array))

    def from_eigenvalues(a: Tensor) -> Any:
        w, v = np.linalg.eigh(a, which)
        return (v * np.expand_dims(w, -2)) @ swap(v)

    close(gradient(from_eigenvalues, a, g), fold(g, which in "Uu"))
    close(
        gradient(lambda a: np.linalg.eigvalsh(a, UPLO=which), a, g[..., 0]),
        gradient(lambda a: np.linalg.eigh(a, UPLO=which).eigenvalues, a, g[..., 0]),
    )

    def from_cholesky(a: Tensor) -> Any:
        if which in "Uu":
            y = np.linalg.cholesky(a, upper=True)
            return swap(y) @ y
        y = np.linalg.cholesky(a)
        return y @ swap(y)

    close(gradient(from_cholesky, a + np.eye(n), g), fold(g, which in "Uu"))

    def from_hermitian(a: Tensor) -> Any:
        u, s, vh = np.linalg.svd(a, hermitian=True)
        return (u * np.expand_dims(s, -2)) @ vh

    close(gradient(from_hermitian, a - 3 * np.eye(n), g), fold(g, False))


@pytest.mark.parametrize(
    "function",
    [
        np.linalg.cholesky,
        lambda a: np.linalg.cholesky(a, upper=True),
        np.linalg.eigvalsh,
        lambda a: np.linalg.eigvalsh(a, "U"),
        lambda a: np.linalg.eigh(a)[1],
        lambda a: np.linalg.svd(a, hermitian=True, compute_uv=False),
    ],
)
def test_of_a_symmetric_product_the_triangle_does_not_matter(function: Any) -> None:
    x = spread(np.random.default_rng(2), (3, 3))
    tg.check_grads(lambda x: function(x @ x.T), [x], order=2, eps=1e-5)
    g = draw_array(np.random.default_rng(2), function(x @ x.T).shape)
    found = gradient(lambda a: function(a), x @ x.T, g)
    assert not np.triu(found, 1).any() or not np.tril(found, -1).any()


# --- equal values -------------------------------------------------------------------------


def symmetric(x: Any) -> Any:
    return (x + swap(x)) / 2


ROTATION = np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 2)[0]
TWICE = [
    np.eye(3),
    np.zeros((3, 3)),
    np.diag([2.0, 2.0, -1.0]),
    ROTATION @ np.diag([2.0, 2.0, -1.0]) @ ROTATION.T,  # equal up to rounding
    1e20 * np.eye(3),
]


@pytest.mark.parametrize("a", TWICE)
@pytest.mark.parametrize("values", [np.linalg.eigvalsh, lambda a: np.linalg.eigh(a).eigenvalues])
def test_equal_eigenvalues_have_a_gradient(values: Any, a: np.ndarray) -> None:
    found = tg.grad(lambda x: np.sum(values(symmetric(x)) ** 2))(a)
    np.testing.assert_allclose(found, 2 * a, atol=1e-13)


@pytest.mark.parametrize("values", [np.linalg.svdvals, lambda a: np.linalg.svd(a).S])
def test_equal_singular_values_have_a_gradient(values: Any) -> None:
    found = tg.grad(lambda x: np.sum(values(x) ** 2))(np.eye(3))
    np.testing.assert_allclose(found, 2 * np.eye(3), atol=1e-14)
    shrunk = tg.grad(lambda x: np.sum(values(x)))(
        np.eye(3, 2) if values is np.linalg.svdvals else np.eye(3)
    )
    np.testing.assert_allclose(shrunk, np.eye(*shrunk.shape), atol=1e-14)


@pytest.mark.parametrize("a", TWICE)
@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.sum(np.linalg.eigh(symmetric(a))[1]),
        lambda a: np.sum(np.linalg.svd(a)[0]),
        lambda a: np.sum(np.linalg.svd(a)[2]),
    ],
)
def test_vectors_of_equal_values_have_the_gradient_nan(function: Any, a: np.ndarray) -> None:
    assert np.isnan(tg.grad(function)(a)).any()


@pytest.mark.parametrize("a", TWICE)
@pytest.mark.parametrize("values", [np.linalg.eigvalsh, np.linalg.svdvals])
def test_equal_values_have_the_second_derivative_nan(values: Any, a: np.ndarray) -> None:
    def slope(x: Any) -> Any:
        return np.sum(tg.grad(lambda x: np.sum(values(symmetric(x)) ** 2))(x))

    assert np.isnan(tg.grad(slope)(a)).any()


@pytest.mark.parametrize("part", [0, 2])
def test_vectors_of_a_singular_value_0_have_the_gradient_nan(part: int) -> None:
    a = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])  # its longer vectors may turn out of their plane
    a = a if part == 0 else a.T
    found = tg.grad(lambda a: np.sum(np.linalg.svd(a, full_matrices=False)[part]))(a)
    assert np.isnan(found).any()
    values = tg.grad(lambda a: np.sum(np.linalg.svdvals(a)[:1]))(a)
    np.testing.assert_allclose(values, a / np.linalg.norm(a), rtol=1e-12)


def test_eigenvalues_of_opposite_sign_are_equal_singular_values_of_different_vectors() -> None:
    a = np.diag([1.0, -1.0])
    assert np.isnan(tg.grad(lambda a: np.sum(np.linalg.svd(a)[0]))(a)).any()
    found = tg.grad(lambda a: np.sum(np.linalg.svd(a, hermitian=True)[0]))(a)
    assert np.isfinite(found).all()


# --- what is kept, refused ----------------------------------------------------------------


def test_results_have_the_names_that_numpy_gives_them() -> None:
    t = Tensor(np.eye(2), requires_grad=True)
    for function in (np.linalg.eigh, np.linalg.svd, np.linalg.qr):
        assert type(function(t)) is type(function(np.eye(2)))


@pytest.mark.parametrize("place", [0, 1])
def test_a_result_that_is_changed_in_place_is_noticed(place: int) -> None:
    results = np.linalg.eigh(Tensor(np.diag([1.0, 2.0]), requires_grad=True))
    with tg.no_grad():
        results[place][...] = 0.0
    with pytest.raises(RuntimeError, match="was changed in place"):
        results[1 - place].sum().backward()


def test_float32_in_float32_out() -> None:
    t = Tensor(spread(np.random.default_rng(0), (3, 3)).astype(np.float32), requires_grad=True)
    u, s, vh = np.linalg.svd(t, hermitian=True)
    (u.sum() + s.sum() + vh.sum()).backward()
    assert u.dtype == s.dtype == vh.dtype == np.float32
    assert t.grad is not None
    assert t.grad.dtype == np.float32


x = Tensor(np.ones((3, 2)), requires_grad=True)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: np.linalg.svd(x),
            TypeError,
            "svd: not supported for Tensors: full_matrices=True of a matrix of shape (3, 2), since "
            "the vectors that it adds are arbitrary; give full_matrices=False",
        ),
        (
            lambda: np.linalg.qr(x, "complete"),
            TypeError,
            "qr: not supported for Tensors: mode='complete' of a matrix of shape (3, 2), since",
        ),
        (
            lambda: np.linalg.qr(x, "raw"),
            TypeError,
            "qr: not supported for Tensors: mode='raw'; give 'reduced', 'complete' or 'r'",
        ),
        (
            lambda: np.linalg.qr(x * 0).R.sum().backward(),
            ValueError,
            "qr: (3, 2): there is no gradient where columns depend on each other",
        ),
        (
            lambda: np.linalg.cholesky(-x.T @ x),
            ValueError,
            "cholesky: (2, 2): Matrix is not positive definite",
        ),
        (
            lambda: np.linalg.eigh(x),
            ValueError,
            "eigh: (3, 2): Last 2 dimensions of the array must be square",
        ),
        (
            lambda: np.linalg.eigh(x.T @ x, "left"),
            ValueError,
            "eigh: (2, 2): UPLO argument must be 'L' or 'U'",
        ),
        (lambda: np.linalg.svd(x[0]), ValueError, "svd: (2,): expected a matrix, or a stack"),
        (lambda: np.linalg.qr(x[0]), ValueError, "qr: (2,): expected a matrix, or a stack"),
    ],
)
def test_a_refusal_names_the_operation_and_what_is_wrong(
    call: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    check_refusal(call, error, sentence)
