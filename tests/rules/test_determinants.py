"""Determinants of matrices of every rank, and what is refused or nan."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multilinear import draw_array
from rules.samples.determinants import PLAIN

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor


def of_rank(rng: np.random.Generator, n: int, rank: int) -> np.ndarray:
    """Draw a matrix of small integers, with which LU decomposition finds exact zeros, or not."""
    left, right = rng.integers(-2, 3, (n, rank)), rng.integers(-2, 3, (rank, n))
    return np.array(left @ right, np.float64)


@given(st.data(), st.integers(1, 4), st.integers(0, 999))
def test_the_gradient_of_a_determinant_of_any_rank(data: st.DataObject, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ranks = data.draw(st.lists(st.integers(0, n), min_size=1, max_size=3))
    a = Tensor(np.stack([of_rank(rng, n, rank) for rank in ranks]), requires_grad=True)
    g = draw_array(rng, (len(ranks),))
    np.linalg.det(a).backward(g)
    assert a.grad is not None
    expected = g[:, None, None] * PLAIN["cofactors"](a.numpy())
    np.testing.assert_allclose(a.grad.numpy(), expected, rtol=1e-10, atol=1e-9)


@given(st.data(), st.integers(1, 4), st.integers(0, 999))
def test_the_second_derivative_of_a_determinant_of_any_rank(
    data: st.DataObject, n: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a = of_rank(rng, n, data.draw(st.integers(0, n)))
    h = draw_array(rng, (n, n))
    found = tg.grad(lambda a: np.sum(h * tg.grad(np.linalg.det)(a)))(a)
    expected = PLAIN["cofactors_derivative"](h, a)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-8)


def test_the_third_derivative_of_a_determinant() -> None:
    a = draw_array(np.random.default_rng(3), (2, 3, 3))
    tg.check_grads(np.linalg.det, [a], order=3, eps=1e-4)


def test_the_third_derivative_is_refused_for_a_singular_matrix() -> None:
    def once(a: Any) -> Any:
        return np.sum(tg.grad(np.linalg.det)(a) ** 3)

    def twice(a: Any) -> Any:
        return np.sum(tg.grad(once)(a) ** 3)

    with pytest.raises(ValueError, match="Singular matrix"):
        tg.grad(twice)(np.ones((2, 2)))


def test_one_singular_matrix_leaves_the_others_of_its_stack_alone() -> None:
    matrices = np.stack([np.eye(2), np.ones((2, 2)), 2 * np.eye(2)])
    a = Tensor(matrices, requires_grad=True)
    np.linalg.det(a).sum().backward()
    assert a.grad is not None
    expected = [[[1, 0], [0, 1]], [[1, -1], [-1, 1]], [[2, 0], [0, 2]]]
    np.testing.assert_allclose(a.grad.numpy(), expected, atol=1e-14)
    b = Tensor(matrices, requires_grad=True)
    np.linalg.slogdet(b)[1][::2].sum().backward()
    assert b.grad is not None
    np.testing.assert_allclose(b.grad.numpy()[0], np.eye(2))
    np.testing.assert_allclose(b.grad.numpy()[2], np.eye(2) / 2)
    assert np.isnan(b.grad.numpy()[1]).all()


def test_a_determinant_that_underflows_or_overflows_has_a_logarithm() -> None:
    for scale in (1e-30, 1e30):
        a = Tensor(np.eye(20) * scale, requires_grad=True)
        y = np.linalg.slogdet(a)
        assert type(y) is type(np.linalg.slogdet(np.eye(1)))
        y.logabsdet.backward()
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.numpy(), np.eye(20) / scale)


def test_the_sign_has_the_gradient_0() -> None:
    a = Tensor(np.eye(2), requires_grad=True)
    np.linalg.slogdet(a).sign.backward()
    assert a.grad is not None
    assert a.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_matrix_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^det: \(2, 3\): Last 2 dimensions .* must be square$"):
        np.linalg.det(Tensor(np.ones((2, 3))))
