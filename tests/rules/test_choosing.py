"""Choosing: ties, bounds, NaN, and that the gradient goes where the value came from."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients import check_broadcasting, gradients, slopes, unbroadcast
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import FLOATS, arrays, broadcast_shapes

from tinygrad_mnist import Tensor

NAN = math.nan


@given(data=st.data(), shapes=broadcast_shapes(3), dtypes=st.tuples(FLOATS, FLOATS))
def test_where_sums_over_what_its_condition_stretches_too(
    data: st.DataObject, shapes: Any, dtypes: Any
) -> None:
    condition = data.draw(arrays(shapes[0])) > 1
    inputs = [data.draw(arrays(*pair)) for pair in zip(shapes[1:], dtypes, strict=True)]
    g = data.draw(arrays(np.broadcast_shapes(*shapes), low=-2.0), label="g")
    found = gradients(lambda x, y: np.where(condition, x, y), inputs, g)
    for own, x, full in zip(found, inputs, [g * condition, g * ~condition], strict=True):
        assert own.dtype == x.dtype
        np.testing.assert_allclose(own, unbroadcast(full, x.shape), rtol=1e-5, atol=1e-5)


@given(data=st.data(), shapes=broadcast_shapes(3))
def test_clip_sums_over_what_was_stretched(data: st.DataObject, shapes: Any) -> None:
    a, low, high = (data.draw(arrays(shape)) for shape in shapes)
    check_broadcasting(lambda a, low, high: np.clip(a, low, low + high), [a, low, high], data)


@pytest.mark.parametrize("function", [np.maximum, np.minimum, np.fmax, np.fmin])
@given(data=st.data(), shapes=broadcast_shapes(2))
def test_the_gradient_of_an_extreme_is_shared_out_completely(
    function: Any, data: st.DataObject, shapes: Any
) -> None:
    few = st.sampled_from([-1.0, 0.0, 1.0, math.inf, NAN])
    inputs = np.broadcast_arrays(*(data.draw(hnp.arrays(float, s, elements=few)) for s in shapes))
    y = function(*inputs)
    found = gradients(function, inputs, np.ones(y.shape))
    np.testing.assert_array_equal(found[0] + found[1], 1)
    for own, other, slope in zip(inputs, inputs[::-1], found, strict=True):
        won = (own == y) | (np.isnan(own) & np.isnan(y))
        alone = won & ~((other == y) | (np.isnan(other) & np.isnan(y)))
        np.testing.assert_array_equal(slope, np.where(alone, 1, np.where(won, 0.5, 0)))


@given(data=st.data(), shapes=broadcast_shapes(3))
def test_the_gradient_of_clip_goes_to_one_input(data: st.DataObject, shapes: Any) -> None:
    few = st.sampled_from([-1.0, 0.0, 1.0, 2.0, NAN])
    inputs = np.broadcast_arrays(*(data.draw(hnp.arrays(float, s, elements=few)) for s in shapes))
    y = np.clip(*inputs)
    found = gradients(np.clip, inputs, np.ones(y.shape))
    np.testing.assert_array_equal(sum(found), 1)
    for a, slope in zip(inputs, found, strict=True):
        assert set(slope.ravel()) <= {0.0, 1.0}
        np.testing.assert_array_equal(np.where(slope, a, y), y)


@pytest.mark.parametrize(
    ("function", "inputs", "expected"),
    [
        (np.maximum, [1.0, 1.0], [0.5, 0.5]),
        (np.minimum, [1.0, 1.0], [0.5, 0.5]),
        (np.maximum, [NAN, 1.0], [1.0, 0.0]),
        (np.minimum, [1.0, NAN], [0.0, 1.0]),
        (np.maximum, [NAN, NAN], [0.5, 0.5]),
        (np.fmax, [NAN, 1.0], [0.0, 1.0]),
        (np.fmin, [1.0, NAN], [1.0, 0.0]),
        (np.fmax, [NAN, NAN], [0.5, 0.5]),
        (lambda a: np.clip(a, 0.0, 1.0), [0.0], [1.0]),
        (lambda a: np.clip(a, 0.0, 1.0), [1.0], [1.0]),
        (lambda a: np.clip(a, 0.0, 1.0), [NAN], [1.0]),
        (lambda a: np.clip(a, None, 1.0), [NAN], [1.0]),
        (lambda low: np.clip(0.0, low, 1.0), [0.0], [0.0]),
        (np.clip, [0.0, NAN, 1.0], [0.0, 1.0, 0.0]),
        (np.clip, [0.0, -1.0, NAN], [0.0, 0.0, 1.0]),
        (np.clip, [5.0, 3.0, 1.0], [0.0, 0.0, 1.0]),
        (np.clip, [5.0, 1.0, 1.0], [0.0, 0.0, 1.0]),
        (np.clip, [0.0, 3.0, 1.0], [0.0, 0.0, 1.0]),
        (np.nan_to_num, [NAN], [0.0]),
        (np.nan_to_num, [math.inf], [0.0]),
        (lambda b: np.heaviside(0.0, b), [0.3], [1.0]),
        (lambda b: np.heaviside(1.0, b), [0.3], [0.0]),
        (lambda b: np.heaviside(NAN, b), [0.3], [0.0]),
    ],
)
def test_what_happens_at_ties_and_bounds_and_with_nan(
    function: Callable[..., Any], inputs: list[float], expected: list[float]
) -> None:
    assert slopes(function, *inputs) == expected


@given(data=st.data(), shapes=broadcast_shapes(5))
def test_select_passes_the_gradient_to_the_first_choice_that_holds(
    data: st.DataObject, shapes: Any
) -> None:
    conditions = [data.draw(hnp.arrays(bool, shape)) for shape in shapes[:2]]
    choices = [data.draw(arrays(shape)) for shape in shapes[2:]]
    y = np.select(conditions, choices[:2], 0)
    g = data.draw(arrays(np.broadcast_shapes(y.shape, shapes[4]), low=-2.0), label="g")
    found = gradients(lambda a, b, c: np.select(conditions, [a, b], c), choices, g)
    first = np.broadcast_to(conditions[0], g.shape)
    second = conditions[1] & ~first
    for own, mask in zip(found, (first, second, ~first & ~second), strict=True):
        np.testing.assert_allclose(own, unbroadcast(g * mask, own.shape), rtol=1e-5, atol=1e-5)


@given(data=st.data(), shapes=broadcast_shapes(4), mode=st.sampled_from(["raise", "wrap", "clip"]))
def test_choose_passes_the_gradient_to_the_choice(
    data: st.DataObject, shapes: Any, mode: str
) -> None:
    bounds = (0, 2) if mode == "raise" else (-7, 7)
    index = data.draw(hnp.arrays(np.int64, shapes[0], elements=st.integers(*bounds)))
    choices = [data.draw(arrays(shape)) for shape in shapes[1:]]
    y = np.choose(index, choices, mode=mode)
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    found = gradients(lambda *choices: np.choose(index, choices, mode=mode), choices, g)
    place = np.choose(index, [np.full(c.shape, i) for i, c in enumerate(choices)], mode=mode)
    for i, own in enumerate(found):
        expected = unbroadcast(g * (place == i), own.shape)
        np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)


def test_where_takes_lists_that_hold_tensors() -> None:
    def chosen(a: Any, b: Any, c: Any) -> Any:
        return np.sum(np.where([True, False], [a, b], np.stack([c, c])) * np.array([2.0, 3.0]))

    assert slopes(chosen, 1.0, 5.0, 7.0) == [2.0, 0.0, 3.0]


def test_a_choice_between_arrays_by_a_tensor_is_a_tensor() -> None:
    index = Tensor(np.array([1, 0]))
    for y in (np.choose(index, [np.zeros(2), np.ones(2)]), np.where(index == 1, 1.0, 0.0)):
        assert isinstance(y, Tensor)
        assert y.tolist() == [1.0, 0.0]
