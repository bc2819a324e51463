"""The error function against Python's own, number by number."""

import math
from typing import Any

import numpy as np
import pytest
from gradients import slopes
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist.nn.functional import erf, erfc

EXACT = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 2e-15}
LEAST = {np.dtype(np.float32): 1e-37, np.dtype(np.float64): 1e-307}  # below, digits are lost


@given(data=st.data(), dtype=FLOATS, shape=SHAPES)
@pytest.mark.parametrize(("function", "known"), [(erf, math.erf), (erfc, math.erfc)])
def test_every_number_has_the_value_that_python_computes(
    function: Any, known: Any, dtype: Any, shape: Any, data: st.DataObject
) -> None:
    a = data.draw(arrays(shape, dtype, -7.0, 9.0) | arrays(shape, dtype, -0.5, 0.5))
    y = np.asarray(function(a))
    expected = np.reshape([known(float(x)) for x in a.flat], shape)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, rtol=EXACT[dtype], atol=LEAST[dtype])


def test_the_approximations_meet() -> None:
    a = np.concatenate([end + np.linspace(-1e-3, 1e-3, 999) for end in (0.0, 0.46875, 4.0)])
    for x in (a, -a):
        for function, known in ((erf, math.erf), (erfc, math.erfc)):
            np.testing.assert_allclose(function(x), [*map(known, x)], rtol=2e-15)


def test_far_to_the_right_the_complement_keeps_its_digits() -> None:
    a = np.linspace(5.0, 26.0, 200)
    np.testing.assert_allclose(erfc(a), [*map(math.erfc, a)], rtol=2e-15)


@given(FLOATS, st.sampled_from([1e3, 1e30, math.inf]))
def test_large_numbers_neither_overflow_nor_warn(dtype: Any, size: float) -> None:
    a = np.array([-size, size], dtype)
    assert erf(a).tolist() == [-1, 1]
    assert erfc(a).tolist() == [2, 0]
    assert tg.grad(lambda x: erf(x).sum())(a).tolist() == [0, 0]


def test_nan_stays_nan_and_zeros_keep_their_signs() -> None:
    assert np.isnan([erf(math.nan), erfc(math.nan)]).all()
    assert math.copysign(1, erf(-0.0)) == -1
    assert slopes(erf, 0.0) == [2 / math.sqrt(math.pi)]


def test_float16_stays_float16() -> None:
    a = np.array([-2.0, 0.5], np.float16)
    assert erfc(a).dtype == np.float16
    np.testing.assert_allclose(erfc(a), [*map(math.erfc, a.astype(float))], rtol=1e-3)
