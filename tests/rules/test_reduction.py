"""Reductions over every form of axis, group by group, with and without a mask.

A reduction along axes takes groups of elements, each to one number. The reference lists the
groups by moving an array of places around, and knows one formula for a single group.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from groups import few, groups, masks, swept_groups
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays, axes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import logsumexp, reduction

Group = Callable[[np.ndarray], np.ndarray]


def hits(x: np.ndarray, *best: Any) -> np.ndarray:
    """Share a gradient among the elements that equal the best."""
    return np.array(sum((x == b) / np.sum(x == b) / len(best) for b in best))


def others(x: np.ndarray) -> np.ndarray:
    return np.array([np.prod(np.delete(x, i)) for i in range(len(x))])


def middle(x: np.ndarray) -> np.ndarray:
    in_order = np.sort(x)
    return hits(x, in_order[(len(x) - 1) // 2], in_order[len(x) // 2])


def deviation(x: np.ndarray) -> np.ndarray:
    return np.zeros(len(x)) if np.ptp(x) == 0 else (x - x.mean()) / len(x) / x.std()


def name_of(function: Any) -> str:
    return str(getattr(function, "__name__", None) or function.name)


SLOPES: dict[Any, Group] = {
    np.sum: lambda x: np.ones(len(x)),
    np.mean: lambda x: np.full(len(x), 1 / len(x)),
    np.prod: others,
    np.var: lambda x: 2 / len(x) * (x - x.mean()),
    np.std: deviation,
    np.max: lambda x: hits(x, x.max()),
    np.min: lambda x: hits(x, x.min()),
    np.amax: lambda x: hits(x, x.max()),
    np.amin: lambda x: hits(x, x.min()),
    np.ptp: lambda x: hits(x, x.max()) - hits(x, x.min()),
    np.median: middle,
    logsumexp: lambda x: np.array(np.exp(x) / np.sum(np.exp(x))),
}
OF_NOTHING = (np.sum, np.prod)  # the others have no value
MASKED = (np.sum, np.mean, np.prod, np.var, np.std)


@pytest.mark.parametrize("function", SLOPES, ids=name_of)
@settings(max_examples=30)
@given(
    data=st.data(),
    shape=SHAPES,
    dtype=FLOATS,
    keepdims=st.booleans(),
    tying=st.booleans(),
)
def test_every_form_of_axis(
    function: Any, data: st.DataObject, shape: Any, dtype: Any, keepdims: bool, tying: bool
) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    rows = groups(shape, axis)
    assume(rows.shape[1] > 0 or function in OF_NOTHING)
    a = data.draw(few(shape, dtype) if tying else arrays(shape, dtype, low=-2.0))
    # Coarse, so that the mean of equal numbers is exact: else their deviation is not quite 0.
    a = np.round(a * 64) / 64
    t = Tensor(a, requires_grad=True)
    y = function(t, axis=axis, keepdims=keepdims)
    assert y.shape == np.sum(a, axis, keepdims=keepdims).shape
    assert y.dtype == dtype
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    expected = swept_groups(SLOPES[function], a.astype(np.float64), rows, g)
    assert t.grad is not None
    assert t.grad.dtype == dtype
    assert t.grad.shape == shape
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("function", MASKED, ids=name_of)
@settings(max_examples=30)
@given(data=st.data(), shape=SHAPES, keepdims=st.booleans(), wild=st.booleans())
def test_where_leaves_elements_out(
    function: Any, data: st.DataObject, shape: Any, keepdims: bool, wild: bool
) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    where = data.draw(masks(shape), label="where")
    chosen = np.broadcast_to(where, shape)
    rows = groups(shape, axis)
    assume(chosen.ravel()[rows].any(axis=1).all() or function in OF_NOTHING)
    a = data.draw(arrays(shape, low=-2.0))
    a = np.where(chosen | (not wild), a, np.inf)  # what takes no part may be anything
    t = Tensor(a, requires_grad=True)
    y = function(t, axis=axis, keepdims=keepdims, where=Tensor(where) if wild else where)
    g = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(g)
    expected = swept_groups(SLOPES[function], a, rows, g, chosen)
    assert t.grad is not None
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("function", [np.max, np.min], ids=name_of)
@given(data=st.data(), shape=SHAPES, initial=st.integers(-2, 2))
def test_initial_is_one_of_those_that_tie(
    function: Any, data: st.DataObject, shape: Any, initial: int
) -> None:
    axis = data.draw(axes(len(shape)), label="axis")
    where = data.draw(masks(shape), label="where")
    a = data.draw(few(shape))
    t = Tensor(a, requires_grad=True)
    y = function(t, axis=axis, initial=float(initial), where=where)
    np.testing.assert_array_equal(y.numpy(), function(a, axis=axis, initial=initial, where=where))
    g = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(g)

    def slope(x: np.ndarray) -> np.ndarray:
        return SLOPES[function](np.append(x, float(initial)))[:-1]

    expected = swept_groups(slope, a, groups(shape, axis), g, np.broadcast_to(where, shape))
    assert t.grad is not None
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-12)


# --- products -----------------------------------------------------------------------------


@pytest.mark.parametrize("function", [np.prod, np.cumprod], ids=name_of)
@settings(max_examples=30)
@given(data=st.data(), shape=SHAPES.filter(len))
def test_both_ways_of_a_product_agree_to_the_third_order(
    function: Any, data: st.DataObject, shape: Any
) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1), label="axis")
    a, v = data.draw(arrays(shape)), data.draw(arrays(shape, low=-2.0))

    def weighed(a: Any) -> Any:
        y = function(a, axis)
        return np.sum(y * np.arange(1.0, y.size + 1).reshape(y.shape))

    def derivatives() -> list[Any]:
        def second(a: Any) -> Any:
            return np.sum(tg.grad(lambda a: np.sum(tg.grad(weighed)(a) * v))(a) * v)

        return [tg.grad(weighed)(a), tg.grad(second)(a)]

    divided = derivatives()
    with pytest.MonkeyPatch.context() as patch:
        for module in (reduction, tg.rules.scans):
            patch.setattr(module, "divisible", lambda y: False)
        multiplied = derivatives()
    for one, other in zip(divided, multiplied, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


def test_a_product_that_underflows_has_a_gradient_all_the_same() -> None:
    a = np.array([1e-200, 1e-200, 1e150])
    np.testing.assert_allclose(tg.grad(np.prod)(a), [1e-50, 1e-50, 0.0])


def test_initial_may_be_the_zero_of_a_product() -> None:
    assert tg.grad(lambda a: np.prod(a, initial=0.0))(np.array([2.0, 3.0])).tolist() == [0.0, 0.0]
    assert tg.grad(lambda a: np.prod(a, initial=5.0))(np.array([0.0, 3.0])).tolist() == [15.0, 0.0]


# --- numbers at the edge ------------------------------------------------------------------


@pytest.mark.parametrize("function", [np.mean, np.max, np.min], ids=name_of)
@pytest.mark.parametrize("shape", [(70_000,), (70_000, 2)])
def test_more_elements_than_float16_can_count_share_the_gradient(function: Any, shape: Any) -> None:
    t = Tensor(np.ones(shape, np.float16), requires_grad=True)
    function(t, axis=0).sum().backward()
    assert t.grad is not None
    expected = np.full(shape, 1 / 70_000).astype(np.float16)
    np.testing.assert_array_equal(t.grad.numpy(), expected, strict=True)


# --- conventions --------------------------------------------------------------------------


@pytest.mark.parametrize("extremal", [np.max, np.min])
def test_elements_that_tie_share_the_gradient(extremal: Any) -> None:
    t = Tensor([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], requires_grad=True)
    extremal(t, axis=1).backward(np.array([3.0, 6.0]))
    assert t.grad is not None
    assert t.grad.tolist() == [[1.0] * 3, [2.0] * 3]


def test_a_number_reduces_along_its_axis_0_as_in_numpy() -> None:
    for function in (np.sum, np.prod, np.max, np.cumsum, np.cumprod):
        y = function(Tensor(2.0, requires_grad=True), axis=0)
        assert y.numpy().tolist() == function(np.float32(2.0), axis=0).tolist()
        y.sum().backward()


def test_where_all_tie_the_range_has_no_slope() -> None:
    assert tg.grad(np.ptp)(np.array([2.0, 2.0, 2.0])).tolist() == [0.0] * 3


@pytest.mark.parametrize("extremal", [np.max, np.min, np.amax, np.amin, np.median])
def test_a_nan_wins_and_all_nans_share(extremal: Any) -> None:
    t = Tensor([[1.0, np.nan, np.nan], [1.0, 2.0, 3.0]], requires_grad=True)
    extremal(t, axis=1).backward(np.array([4.0, 1.0]))
    assert t.grad is not None
    assert t.grad.tolist()[0] == [0.0, 2.0, 2.0]
    assert sum(t.grad.tolist()[1]) == 1.0


def test_a_nan_that_is_masked_out_gets_nothing() -> None:
    where = np.array([True, False, True])
    slopes = tg.grad(lambda a: np.max(a, initial=-1.0, where=where))(np.array([1.0, np.nan, 2.0]))
    assert slopes.tolist() == [0.0, 0.0, 1.0]


def test_an_initial_nan_is_one_of_the_nans() -> None:
    slopes = tg.grad(lambda a: np.max(a, initial=np.nan))
    assert slopes(np.array([1.0, np.nan])).tolist() == [0.0, 0.5]
    assert slopes(np.array([1.0, 2.0])).tolist() == [0.0, 0.0]


def test_a_dtype_without_gradients_is_refused_and_an_integer_may_have_one() -> None:
    t = Tensor([1.5, 2.5], requires_grad=True)
    for function in (np.sum, np.mean, np.prod, np.var, np.std, np.cumsum, np.cumprod):
        with pytest.raises(TypeError, match=rf"^{function.__name__}: .* int64 has no gradient"):
            function(t, dtype=np.int64)
    assert np.sum(Tensor([True, True]), dtype=np.int64).tolist() == 2
    assert np.sum(t, dtype=np.float64).dtype == np.float64
