"""Python's operators and number functions that carry no gradient, from both sides."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import SHAPES, arrays

from tinygrad_mnist import Tensor, no_grad

BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


@given(a=hnp.arrays(np.int64, SHAPES, elements=st.integers(0, 9)), b=st.integers(0, 9))
@pytest.mark.parametrize("function", BITS)
def test_bits_are_those_of_numpy_from_both_sides(
    function: Callable[[Any, Any], Any], a: np.ndarray, b: int
) -> None:
    np.testing.assert_array_equal(function(Tensor(a), b).numpy(), function(a, b))
    np.testing.assert_array_equal(function(b, Tensor(a)).numpy(), function(b, a))


@given(data=st.data(), shape=SHAPES)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_quotient_and_its_remainder(swapped: bool, data: st.DataObject, shape: Any) -> None:
    a = data.draw(arrays(shape))
    t = Tensor(a, requires_grad=True)
    found = divmod(0.75, t) if swapped else divmod(t, 0.75)
    expected = np.divmod(0.75, a) if swapped else np.divmod(a, 0.75)
    for part, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(part.numpy(), other)
    assert not found[0].requires_grad
    assert found[1].requires_grad


@given(data=st.data(), shape=SHAPES)
@pytest.mark.parametrize(
    ("function", "numpys"),
    [(math.floor, np.floor), (math.ceil, np.ceil), (math.trunc, np.trunc), (round, np.round)],
)
def test_rounding_is_numpys(function: Any, numpys: Any, data: st.DataObject, shape: Any) -> None:
    a = data.draw(arrays(shape, low=-2.0))
    found = function(Tensor(a, requires_grad=True))
    np.testing.assert_array_equal(found.numpy(), numpys(a))
    assert not found.requires_grad


def test_rounding_takes_digits() -> None:
    assert round(Tensor(np.array([1.234])), 1).tolist() == [1.2]


@pytest.mark.parametrize(
    ("function", "other"), [(operator.ifloordiv, 2.0), (operator.imod, 0.75)], ids=["//=", "%="]
)
def test_what_is_written_in_place_without_a_graph(function: Any, other: float) -> None:
    t = Tensor(np.array([5.0, 7.5]))
    with no_grad():
        same = function(t, other)
    assert same is t
    np.testing.assert_array_equal(t.numpy(), function(np.array([5.0, 7.5]), other))
