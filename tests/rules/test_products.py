"""Products of arrays of any number of axes, each held against NumPy's own product."""

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multilinear import assert_multilinear, draw_array
from refusals import check_refusal
from strategies import broadcast_shapes

from tinygrad_mnist import Tensor

SIZES = st.integers(0, 3)
LISTS = st.lists(SIZES, max_size=2).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)


@given(LISTS, LISTS, SIZES, st.integers(1, 3), SEEDS)
def test_dot_of_any_ranks(left: Any, right: Any, inner: int, last: int, seed: int) -> None:
    assert_multilinear(np.dot, [(*left, inner), (*right, inner, last)], seed)
    assert_multilinear(np.dot, [(*left, inner), (inner,)], seed)
    assert_multilinear(np.dot, [left, ()], seed)
    assert_multilinear(np.dot, [(), right], seed)


@given(LISTS, LISTS, SIZES, SEEDS)
def test_inner_of_any_ranks(left: Any, right: Any, inner: int, seed: int) -> None:
    assert_multilinear(np.inner, [(*left, inner), (*right, inner)], seed)
    assert_multilinear(np.inner, [left, ()], seed)
    assert_multilinear(np.inner, [(), right], seed)


@given(broadcast_shapes(2), SIZES, SIZES, SIZES, SEEDS)
def test_products_of_stacks(stacks: Any, m: int, k: int, n: int, seed: int) -> None:
    left, right = stacks
    assert_multilinear(np.matmul, [(*left, m, k), (*right, k, n)], seed)
    assert_multilinear(np.matmul, [(k,), (*right, k, n)], seed)
    assert_multilinear(np.matmul, [(*left, m, k), (k,)], seed)
    assert_multilinear(np.matmul, [(*left, m, k), (k, n)], seed)
    assert_multilinear(np.vecdot, [(*left, k), (*right, k)], seed)
    assert_multilinear(np.matvec, [(*left, m, k), (*right, k)], seed)
    assert_multilinear(np.vecmat, [(*left, k), (*right, k, n)], seed)


@given(st.data(), LISTS, LISTS, LISTS, SEEDS)
def test_tensordot_along_any_axes(
    data: st.DataObject, left: Any, shared: Any, right: Any, seed: int
) -> None:
    assert_multilinear(
        lambda a, b: np.tensordot(a, b, len(shared)), [(*left, *shared), (*shared, *right)], seed
    )
    sizes_a, sizes_b = (*left, *shared), (*right, *shared)
    order_a = data.draw(st.permutations(range(len(sizes_a))))
    order_b = data.draw(st.permutations(range(len(sizes_b))))
    from_the_end = data.draw(st.booleans())
    axes = [
        [order.index(free + i) - from_the_end * len(order) for i in range(len(shared))]
        for order, free in ((order_a, len(left)), (order_b, len(right)))
    ]
    shapes = [[sizes_a[i] for i in order_a], [sizes_b[i] for i in order_b]]
    assert_multilinear(lambda a, b: np.tensordot(a, b, axes), shapes, seed)


@given(broadcast_shapes(2), st.lists(SIZES, max_size=3), st.lists(SIZES, max_size=3), SEEDS)
def test_products_that_are_not_added_up(stacks: Any, a: Any, b: Any, seed: int) -> None:
    assert_multilinear(np.outer, [a, b], seed)
    assert_multilinear(np.kron, [a, b], seed)
    assert_multilinear(np.vdot, [a, a[::-1]], seed)
    left, right = stacks
    assert_multilinear(np.cross, [(*left, 3), (*right, 3)], seed)
    assert_multilinear(lambda a, b: np.cross(a, b, 0, -1, 0), [(3, *left), (*right, 3)], seed)


@given(st.lists(st.integers(1, 3), min_size=3, max_size=6), st.booleans(), st.booleans(), SEEDS)
def test_products_of_many_matrices(
    sizes: list[int], first_is_vector: bool, last_is_vector: bool, seed: int
) -> None:
    shapes = list(pairwise(sizes))
    shapes[0] = shapes[0][first_is_vector:]
    shapes[-1] = shapes[-1][: 2 - last_is_vector]
    assert_multilinear(lambda *arrays: np.linalg.multi_dot(arrays), shapes, seed)


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) >= "2.5.0", reason="NumPy 2.5 takes vectors in space only"
)
@pytest.mark.parametrize("sizes", [(2, 2), (2, 3), (3, 2)])
def test_cross_takes_vectors_in_the_plane(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    plane = [Tensor(draw_array(rng, (4, n)), requires_grad=True) for n in sizes]
    space = [
        Tensor(np.pad(t.numpy(), ((0, 0), (0, 3 - n))), requires_grad=True)
        for t, n in zip(plane, sizes, strict=True)
    ]
    found, expected = np.cross(*plane), np.cross(*space)
    expected = expected[:, 2] if sizes == (2, 2) else expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert found.shape == np.cross(*(t.numpy() for t in plane)).shape
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    (found * found).sum().backward()
    (expected * expected).sum().backward()
    for a, b, n in zip(plane, space, sizes, strict=True):
        assert a.grad is not None
        assert b.grad is not None
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy()[:, :n], rtol=1e-14)


@pytest.mark.parametrize("function", [np.dot, np.inner, np.tensordot, np.kron, np.outer])
def test_lists_and_numbers_do_not_widen(function: Callable[..., Any]) -> None:
    t = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = function(t, [[0.5, 1.0], [1.0, 0.5]])
    assert y.dtype == np.float32
    y.sum().backward()
    assert t.grad is not None
    assert t.grad.dtype == np.float32
    if function is not np.tensordot:
        assert function(t, 2.0).dtype == function(2.0, t).dtype == np.float32


x = Tensor(np.ones((2, 3)), requires_grad=True)
v = Tensor(np.ones(4), requires_grad=True)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: np.dot(x, x), "dot: (2, 3), (2, 3): shapes (2,3) and (2,3) not aligned"),
        (lambda: np.inner(x, v), "inner: (2, 3), (4,): shapes (2,3) and (4,) not aligned"),
        (lambda: np.vdot(x, v), "vdot: (2, 3), (4,): "),
        (lambda: np.vecdot(x, v), "vecdot: (2, 3), (4,): "),
        (lambda: np.vecdot(x, x, axis=2), "vecdot: (2, 3): axis 2 is out of bounds"),
        (
            lambda: np.tensordot(x, x, 1),
            "tensordot: (2, 3) and (2, 3) along the axes [1] and [0]: sizes [3] and [2] differ",
        ),
        (
            lambda: np.tensordot(x, x, ([5], [0])),
            "tensordot: (2, 3) and (2, 3) along the axes [5] and [0]: not axes of (2, 3)",
        ),
        (
            lambda: np.tensordot(x, x, ([0, 0], [0, 0])),
            "tensordot: (2, 3) and (2, 3) along the axes [0, 0] and [0, 0]: not axes",
        ),
        (
            lambda: np.tensordot(x, x, ([0, 1], [0])),
            "tensordot: (2, 3) and (2, 3) along the axes [0, 1] and [0]: sizes [2, 3] and [2]",
        ),
        (lambda: np.tensordot(x, x, 3), "tensordot: (2, 3) and (2, 3) along the axes [-1, 0, 1]"),
        (lambda: np.cross(x, v), "cross: vectors of 3 and 4 elements; expected 2 or 3"),
        (lambda: np.cross(x, x, axisa=4), "cross: (2, 3): axis 4 is out of bounds"),
        (lambda: np.linalg.cross(x, v), "cross: (2, 3), (4,): expected 3 elements along axis -1"),
        (lambda: np.linalg.outer(x, v), "outer: (2, 3), (4,): expected two vectors"),
        (lambda: np.linalg.multi_dot([x, x]), "multi_dot: (2, 3), (2, 3): "),
        (lambda: np.linalg.multi_dot([x]), "multi_dot: 1 arrays; expected at least two"),
    ],
)
def test_a_refusal_names_the_operation_and_what_is_wrong(
    call: Callable[[], Any], sentence: str
) -> None:
    check_refusal(call, ValueError, sentence)


@pytest.mark.parametrize(
    "call",
    [
        lambda out: np.dot(x, x.T, out),
        lambda out: np.outer(v, v, out=out),
        lambda out: np.linalg.multi_dot([x, x.T], out=out),
        lambda out: np.vecdot(x, x, out=out),
        lambda out: np.inner(x, x, out=out),
    ],
)
def test_out_is_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        call(np.zeros((2, 2)))
