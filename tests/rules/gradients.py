"""What the tests of several families hold gradients against."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from strategies import arrays

from tinygrad_mnist import Tensor

__all__ = ["check_broadcasting", "gradients", "slopes", "unbroadcast"]


def gradients(
    function: Callable[..., Any], inputs: Sequence[np.ndarray], g: np.ndarray
) -> list[np.ndarray]:
    """Differentiate by all inputs, each of which has a gradient."""
    leaves = [Tensor(a, requires_grad=True) for a in inputs]
    function(*leaves).backward(g)
    for leaf in leaves:
        assert leaf.grad is not None
    return [leaf.grad.numpy() for leaf in leaves if leaf.grad is not None]


def slopes(function: Callable[..., Any], *inputs: float) -> list[float]:
    """Differentiate a function of numbers by all of them."""
    found = gradients(function, [np.array(a) for a in inputs], np.array(1.0))
    return [float(slope) for slope in found]


def unbroadcast(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum the elements of `g` into the elements of `shape` that broadcasting made them from."""
    size = int(np.prod(shape))
    places = np.broadcast_to(np.arange(size).reshape(shape), g.shape)
    return np.bincount(places.ravel(), g.ravel(), size).reshape(shape)


def check_broadcasting(
    function: Callable[..., Any], inputs: list[np.ndarray], data: st.DataObject
) -> None:
    """Hold the gradients against those of the inputs that were stretched beforehand."""
    dense = np.broadcast_arrays(*inputs)
    g = data.draw(arrays(dense[0].shape, low=-2.0), label="g")
    found = gradients(function, inputs, g)
    stretched = gradients(function, [a.copy() for a in dense], g)
    for a, own, full in zip(inputs, found, stretched, strict=True):
        assert own.dtype == a.dtype
        np.testing.assert_allclose(own, unbroadcast(full, a.shape), rtol=1e-5, atol=1e-5)
        assert own.shape == a.shape
