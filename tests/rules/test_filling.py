"""Copies, conversions, and arrays of one value."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from moving import check_moves, numbered
from strategies import FLOATS, SHAPES, broadcast_shapes

from tinygrad_mnist import Tensor


@given(shapes=broadcast_shapes(2), dtype=FLOATS)
def test_the_value_that_fills_an_array_gets_the_sum(shapes: Any, dtype: Any) -> None:
    model = Tensor(np.zeros(np.broadcast_shapes(*shapes), dtype))
    check_moves(lambda v: np.full_like(model, v) + 0 * v.sum(), numbered(shapes[0], dtype))


@given(shape=SHAPES, wanted=st.none() | SHAPES, dtype=FLOATS, value=st.sampled_from([7, 0.5]))
def test_a_number_fills_an_array_of_any_shape(
    shape: Any, wanted: Any, dtype: Any, value: Any
) -> None:
    t: Any = Tensor(np.zeros(shape, np.float32), requires_grad=True)
    y = np.full_like(t, value, dtype, shape=wanted)
    expected = np.full_like(t.numpy(), value, dtype, shape=wanted)
    np.testing.assert_array_equal(y.numpy(), expected, strict=True)
    assert not y.requires_grad


@given(shape=SHAPES, dtype=FLOATS, order=st.sampled_from("CFAK"))
def test_a_copy_shares_nothing(shape: Any, dtype: Any, order: Any) -> None:
    a = numbered(shape, dtype)
    check_moves(lambda t: np.copy(t, order), a)
    copy: Any = np.copy(Tensor(a, copy=False), order)
    assert not np.shares_memory(copy.numpy(), a)


def test_an_array_that_was_filled_can_be_written_to() -> None:
    t: Any = Tensor([1.0, 2.0])
    for y in (np.full_like(t, 3.0), *np.meshgrid(t, t), np.pad(t, 1), np.tile(t, 2)):
        y[...] = 0.0
        assert not y.numpy().any()
    assert t.tolist() == [1.0, 2.0]


def test_only_floating_point_numbers_carry_the_gradient_on() -> None:
    t: Any = Tensor([1.5, 2.5], requires_grad=True)
    wide, whole = np.astype(t, np.float64), np.astype(t, np.int32)
    assert wide.requires_grad
    assert wide.dtype == np.float64
    assert not whole.requires_grad
    assert whole.tolist() == [1, 2]
    assert np.astype(t, np.float32, copy=False) is t
    assert np.astype(t, np.float32) is not t
    wide.sum().backward()
    assert t.grad.dtype == np.float32


def test_integers_are_filled_without_a_gradient() -> None:
    t: Any = Tensor([1.5, 2.5], requires_grad=True)
    y = np.full_like(t, t[0], dtype=np.int64)
    assert y.tolist() == [1, 1]
    assert not y.requires_grad
