"""Initial weights: random numbers of the variance that keeps signals alive through the layers.

He's is for layers that a ReLU follows, Glorot's for those before a symmetric function such as
tanh. All take the shape of the weights and a `numpy.random.Generator`. The shape is that of a
linear layer, (inputs, outputs), or that of a convolution, (outputs, inputs, kh, kw), where every
tap of the kernel counts as an input, and as an output.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["glorot_normal", "glorot_uniform", "he_normal", "he_uniform"]


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Count what goes into an output of a layer, and what an input goes into."""
    if len(shape) == 2:
        return shape[0], shape[1]
    outputs, inputs, *kernel = shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def _normal(
    shape: tuple[int, ...], variance: float, rng: np.random.Generator, dtype: DTypeLike
) -> np.ndarray:
    return (rng.standard_normal(shape) * math.sqrt(variance)).astype(dtype)


def _uniform(
    shape: tuple[int, ...], variance: float, rng: np.random.Generator, dtype: DTypeLike
) -> np.ndarray:
    limit = math.sqrt(3 * variance)
    return rng.uniform(-limit, limit, shape).astype(dtype)


def he_normal(
    shape: tuple[int, ...], rng: np.random.Generator, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Draw from a normal distribution of variance 2 / inputs.

    He et al. 2015, "Delving deep into rectifiers", equation 10.

    Examples
    --------
    >>> he_normal((784, 10), np.random.default_rng(0)).shape
    (784, 10)
    """
    return _normal(shape, 2 / _fans(shape)[0], rng, dtype)


def he_uniform(
    shape: tuple[int, ...], rng: np.random.Generator, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Draw from a uniform distribution of variance 2 / inputs, as `he_normal` does."""
    return _uniform(shape, 2 / _fans(shape)[0], rng, dtype)


def glorot_normal(
    shape: tuple[int, ...], rng: np.random.Generator, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Draw from a normal distribution of variance 2 / (inputs + outputs).

    Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks", equation 12.
    """
    return _normal(shape, 2 / sum(_fans(shape)), rng, dtype)


def glorot_uniform(
    shape: tuple[int, ...], rng: np.random.Generator, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Draw from a uniform distribution of variance 2 / (inputs + outputs).

    Glorot and Bengio 2010, equation 16.
    """
    return _uniform(shape, 2 / sum(_fans(shape)), rng, dtype)
