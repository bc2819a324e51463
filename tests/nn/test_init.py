"""Initial weights: their variance, their kind of distribution, and where they come from."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

from tinygrad_mnist.nn import init

SHAPE = 400, 100
INITS = [
    (init.he_normal, 2 / 400, 3.0),
    (init.he_uniform, 2 / 400, 1.8),
    (init.glorot_normal, 2 / 500, 3.0),
    (init.glorot_uniform, 2 / 500, 1.8),
]


@pytest.mark.parametrize(("function", "variance", "kurtosis"), INITS)
def test_the_moments_are_those_of_the_paper(
    function: Callable[..., np.ndarray], variance: float, kurtosis: float
) -> None:
    weights = function(SHAPE, np.random.default_rng(0), np.float64)
    # With 40,000 draws the variance is known to about 1 %, the kurtosis, which tells a normal
    # from a uniform distribution, to about 2 %.
    assert abs(weights.mean()) < 5 * np.sqrt(variance / weights.size)
    assert weights.var() == pytest.approx(variance, rel=0.04)
    assert (weights**4).mean() / weights.var() ** 2 == pytest.approx(kurtosis, rel=0.05)


@pytest.mark.parametrize("function", [row[0] for row in INITS])
@given(shape=st.tuples(st.integers(1, 6), st.integers(1, 6)), seed=st.integers(0, 99), dtype=FLOATS)
def test_the_generator_decides(
    function: Callable[..., np.ndarray], shape: Any, seed: int, dtype: Any
) -> None:
    once, again = (function(shape, np.random.default_rng(seed), dtype) for _ in range(2))
    other = function(shape, np.random.default_rng(seed + 1), dtype)
    assert once.shape == shape
    assert once.dtype == dtype
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


@pytest.mark.parametrize("function", [row[0] for row in INITS])
def test_float32_unless_asked_otherwise(function: Callable[..., np.ndarray]) -> None:
    assert function((2, 3), np.random.default_rng(0)).dtype == np.float32
