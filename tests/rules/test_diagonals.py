"""Diagonals, of matrices of any shape and in stacks of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from moving import check_moves, numbered
from refusals import check_refusal

from tinygrad_mnist import Tensor

MATRICES = hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=4)
OFFSETS = st.integers(-6, 6)


@given(data=st.data(), shape=MATRICES, offset=OFFSETS)
def test_any_diagonal(data: st.DataObject, shape: Any, offset: int) -> None:
    axis1, axis2 = data.draw(st.permutations(range(len(shape))))[:2]
    check_moves(lambda t: np.diagonal(t, offset, axis1, axis2 - len(shape)), numbered(shape))
    check_moves(lambda t: np.linalg.diagonal(t, offset=offset), numbered(shape))


@given(data=st.data(), shape=MATRICES, offset=OFFSETS)
def test_the_trace_is_the_sum_of_the_diagonal(data: st.DataObject, shape: Any, offset: int) -> None:
    axis1, axis2 = data.draw(st.permutations(range(len(shape))))[:2]
    t: Any = Tensor(numbered(shape), requires_grad=True)
    y = np.trace(t, offset, axis1, axis2)
    np.testing.assert_array_equal(y.numpy(), np.trace(t.numpy(), offset, axis1, axis2))
    y.sum().backward()
    ones = np.zeros(shape)
    matrices = np.moveaxis(ones, (axis1, axis2), (-2, -1))
    matrices += np.eye(*matrices.shape[-2:], offset)
    np.testing.assert_array_equal(t.grad.numpy(), ones)


@given(n=st.integers(0, 4), offset=OFFSETS)
def test_a_diagonal_is_written_and_read_again(n: int, offset: int) -> None:
    check_moves(lambda t: np.diag(t, offset), numbered((n,)))
    check_moves(lambda t: np.diagflat(t, offset), numbered((n, 2)))
    check_moves(lambda t: np.diag(np.diag(t, offset), offset), numbered((n,)))


@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4), k=OFFSETS)
def test_triangles(shape: Any, k: int) -> None:
    check_moves(lambda t: np.tril(t, k), numbered(shape))
    check_moves(lambda t: np.triu(t, k), numbered(shape))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: np.tril(t[0, 0]), "tril: (): expected at least one axis"),
        (lambda t: np.triu(t[0, 0]), "triu: (): expected at least one axis"),
        (lambda t: np.diagonal(t[0]), "diagonal: (3,): expected at least two axes"),
        (lambda t: np.diagonal(t, 0, 0, 2), "moveaxis: source: axis 2 is out of bounds"),
        (lambda t: np.diagonal(t, 0, 1, 1), "moveaxis: repeated axis"),
        (lambda t: np.diag(t[None]), "diag: (1, 2, 3): expected one axis, or two"),
        (lambda t: np.trace(t, dtype=float), "trace: not supported for Tensors: "),
    ],
)
def test_a_refusal_is_one_sentence(call: Any, sentence: str) -> None:
    check_refusal(call, (TypeError, ValueError, IndexError), sentence, Tensor(np.ones((2, 3))))
