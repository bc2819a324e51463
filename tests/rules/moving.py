"""Functions that only move elements around, tried on arrays whose elements say where they are.

The elements of the result then say where they came from, so that the gradient of an element is
the sum over all the places that it went to.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import Tensor

_rng = np.random.default_rng(11)


def numbered(shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Make an array of the numbers 1, 2, 3, …; in a result, 0 is what a function fills in."""
    return np.arange(1, np.prod(shape) + 1, dtype=dtype).reshape(shape)


def check_moves(function: Callable[[Any], Any], a: np.ndarray) -> None:
    """Check the value of a function of a `numbered` array, its gradient, and that of that."""
    t = Tensor(a, requires_grad=True, copy=False)
    y = function(t)
    assert isinstance(y, Tensor)
    np.testing.assert_array_equal(y.numpy(), function(a), strict=True)

    origins = y.numpy().astype(np.intp)
    g = _rng.standard_normal(y.shape)
    expected = np.bincount(origins.ravel(), g.ravel(), a.size + 1)[1:].reshape(a.shape)
    y.backward(g)
    assert t.grad is not None
    assert t.grad.dtype == a.dtype
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-4, atol=1e-5)

    t.grad = None
    w = Tensor(g, requires_grad=True)
    (function(t) * w).sum().backward(create_graph=True)
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-4, atol=1e-5)

    w.grad = None
    direction = _rng.standard_normal(a.shape)
    (t.grad * direction).sum().backward()
    moved = np.append(0, direction)[origins]
    assert w.grad is not None
    np.testing.assert_allclose(w.grad.numpy(), moved, rtol=1e-4, atol=1e-5)
