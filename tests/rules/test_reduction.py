"""Reductions over every form of axis, and the softmax family, group by group.

A reduction along axes takes groups of elements, each to one number. The reference lists the
groups by moving an array of places around, and knows one formula for a single group.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays, axes

from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import logsumexp

Group = Callable[[np.ndarray], np.ndarray]


def softmax(x: np.ndarray) -> np.ndarray:
    return np.array(np.exp(x) / np.sum(np.exp(x)))


def hits(x: np.ndarray, best: Any) -> np.ndarray:
    return np.array((x == best) / np.sum(x == best))


SLOPES: dict[Any, Group] = {
    np.sum: lambda x: np.ones(len(x)),
    np.mean: lambda x: np.full(len(x), 1 / len(x)),
    np.var: lambda x: 2 / len(x) * (x - x.mean()),
    np.max: lambda x: hits(x, x.max()),
    np.min: lambda x: hits(x, x.min()),
    logsumexp: softmax,
}


def groups(shape: tuple[int, ...], axis: Any) -> np.ndarray:
    """List the places of the elements that go into each element of the result, row by row."""
    every = range(len(shape)) if axis is None else np.atleast_1d(np.array(axis, np.intp))
    reduced = sorted(int(i) % len(shape) for i in every)
    kept = [i for i in range(len(shape)) if i not in reduced]
    count = int(np.prod([shape[i] for i in reduced]))
    results = int(np.prod([shape[i] for i in kept]))
    places = np.arange(int(np.prod(shape))).reshape(shape)
    return places.transpose(*kept, *reduced).reshape(results, count)


@pytest.mark.parametrize("function", SLOPES, ids=str)
@given(data=st.data(), shape=SHAPES, dtype=FLOATS, keepdims=st.booleans())
def test_every_form_of_axis(
    function: Any, data: st.DataObject, shape: Any, dtype: Any, keepdims: bool
) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    rows = groups(shape, axis)
    assume(rows.shape[1] > 0 or function is np.sum)  # NumPy reduces nothing by addition only
    a = data.draw(arrays(shape, dtype, low=-2.0))
    t = Tensor(a, requires_grad=True)
    y = function(t, axis=axis, keepdims=keepdims)
    assert y.shape == np.sum(a, axis, keepdims=keepdims).shape
    assert y.dtype == dtype
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    expected = np.zeros(a.size)
    for places, weight in zip(rows, g.ravel(), strict=True):
        expected[places] = weight * SLOPES[function](a.ravel()[places].astype(np.float64))
    assert t.grad is not None
    assert t.grad.dtype == dtype
    np.testing.assert_allclose(
        t.grad.numpy(), expected.reshape(shape), rtol=1e-4, atol=1e-5, strict=False
    )
    assert t.grad.shape == shape


@given(data=st.data(), shape=SHAPES, ddof=st.integers(0, 1))
def test_the_variance_and_its_correction(data: st.DataObject, shape: Any, ddof: int) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    n = groups(shape, axis).shape[1]
    assume(n > ddof)
    a = data.draw(arrays(shape))
    once, corrected = (Tensor(a, requires_grad=True) for _ in range(2))
    np.var(once, axis).sum().backward()
    np.var(corrected, axis, ddof=ddof).sum().backward()
    assert once.grad is not None
    assert corrected.grad is not None
    np.testing.assert_allclose(
        corrected.grad.numpy(), once.grad.numpy() * n / (n - ddof), rtol=1e-12, atol=1e-15
    )


@given(data=st.data(), shape=SHAPES.filter(len))
def test_softmax_and_its_logarithm(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    rows = groups(shape, axis)
    assume(rows.shape[1] > 0)
    a = data.draw(arrays(shape, low=-2.0))
    g = data.draw(arrays(shape, low=-2.0))
    plain, logarithm = (Tensor(a, requires_grad=True) for _ in range(2))
    plain.softmax(axis).backward(g)
    logarithm.log_softmax(axis).backward(g)
    expected_plain, expected_logarithm = np.zeros(a.size), np.zeros(a.size)
    for places in rows:
        p, weights = softmax(a.ravel()[places]), g.ravel()[places]
        expected_plain[places] = (np.diag(p) - np.outer(p, p)) @ weights
        expected_logarithm[places] = weights - p * weights.sum()
    for t, expected in ((plain, expected_plain), (logarithm, expected_logarithm)):
        assert t.grad is not None
        np.testing.assert_allclose(t.grad.numpy().ravel(), expected, rtol=1e-10, atol=1e-12)


@given(data=st.data(), dtype=FLOATS, shift=st.sampled_from([-1e4, 0.0, 1e4]))
def test_the_softmax_family_is_stable_at_any_size(
    data: st.DataObject, dtype: Any, shift: float
) -> None:
    a = data.draw(arrays((2, 3), dtype, low=-1e4, high=1e4)) + dtype.type(shift)
    t = Tensor(a, requires_grad=True)
    values = t.softmax(), t.log_softmax(), t.logsumexp(axis=1)
    for y in values:
        t.grad = None
        y.sum().backward()
        assert t.grad is not None
        assert np.isfinite(y.numpy()).all()
        assert np.isfinite(t.grad.numpy()).all()
    np.testing.assert_allclose(values[0].sum(axis=-1).numpy(), 1, rtol=1e-6)


@pytest.mark.parametrize("extreme", [np.max, np.min])
def test_elements_that_tie_share_the_gradient(extreme: Any) -> None:
    t = Tensor([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], requires_grad=True)
    extreme(t, axis=1).backward(np.array([3.0, 6.0]))
    assert t.grad is not None
    assert t.grad.tolist() == [[1.0] * 3, [2.0] * 3]
