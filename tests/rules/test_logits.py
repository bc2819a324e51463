"""The softmax family along every axis, and far from 0."""

from typing import Any

import numpy as np
from groups import groups
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays, axes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import log_softmax, logsumexp, softmax


def plain(x: np.ndarray) -> np.ndarray:
    return np.array(np.exp(x) / np.sum(np.exp(x)))


@given(data=st.data(), shape=SHAPES.filter(len))
def test_softmax_and_its_logarithm(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    rows = groups(shape, axis)
    assume(rows.shape[1] > 0)
    a = data.draw(arrays(shape, low=-2.0))
    g = data.draw(arrays(shape, low=-2.0))
    once, logarithm = (Tensor(a, requires_grad=True) for _ in range(2))
    softmax(once, axis=axis).backward(g)
    log_softmax(logarithm, axis=axis).backward(g)
    expected_once, expected_logarithm = np.zeros(a.size), np.zeros(a.size)
    for places in rows:
        p, weights = plain(a.ravel()[places]), g.ravel()[places]
        expected_once[places] = (np.diag(p) - np.outer(p, p)) @ weights
        expected_logarithm[places] = weights - p * weights.sum()
    for t, expected in ((once, expected_once), (logarithm, expected_logarithm)):
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


@given(data=st.data(), dtype=FLOATS, size=st.sampled_from([0.0, 1e4, 1e8, 1e30]))
def test_only_the_distances_between_logits_count(
    data: st.DataObject, dtype: Any, size: float
) -> None:
    steps = data.draw(arrays((4,), low=-2.0))
    a = (dtype.type(size) + steps.astype(dtype)).astype(dtype)
    distances = a.astype(np.float64) - a.max()
    probabilities = plain(distances)
    logarithms = distances - np.log(np.sum(np.exp(distances)))
    np.testing.assert_allclose(log_softmax(a), logarithms, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tg.grad(logsumexp)(a), probabilities, rtol=1e-5, atol=1e-6)


def test_logits_of_any_size_that_tie_have_the_same_probability() -> None:
    assert tg.grad(logsumexp)(np.array([1e200, 1e200])).tolist() == [0.5, 0.5]
    a = np.full(2, 1e8, np.float32)
    np.testing.assert_allclose(log_softmax(a), -np.log(2.0), rtol=1e-6)
