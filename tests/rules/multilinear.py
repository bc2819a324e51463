"""What is linear in each of its inputs is its own derivative: an oracle without differences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist import Tensor

__all__ = ["assert_multilinear", "draw_array"]


def draw_array(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    return np.array(rng.standard_normal(shape))


def assert_multilinear(
    function: Callable[..., Any], shapes: Sequence[Sequence[int]], seed: int
) -> None:
    """Check the value, and the gradients of all inputs at once: in a drawn direction each.

    The gradient of an input, times a direction, is the function of that direction in its place.
    """
    rng = np.random.default_rng(seed)
    inputs = [draw_array(rng, shape) for shape in shapes]
    tensors = [Tensor(a, requires_grad=True) for a in inputs]
    y = function(*tensors)
    expected = function(*inputs)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert y.shape == np.shape(expected)
    g = draw_array(rng, y.shape)
    y.backward(g)
    for i, tensor in enumerate(tensors):
        direction = draw_array(rng, tensor.shape)
        moved = function(*inputs[:i], direction, *inputs[i + 1 :])
        assert tensor.grad is not None
        found = np.sum(tensor.grad.numpy() * direction)
        np.testing.assert_allclose(found, np.sum(g * moved), rtol=1e-9, atol=1e-9)
