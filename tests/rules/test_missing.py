"""The functions that leave NaN out do what the others do with a mask, or with the rest."""

from typing import Any

import numpy as np
import pytest
from groups import few, groups, masks
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import SHAPES, axes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

LEAVING_OUT: dict[Any, tuple[Any, dict[str, float]]] = {
    np.nansum: (np.sum, {}),
    np.nanmean: (np.mean, {}),
    np.nanprod: (np.prod, {}),
    np.nanvar: (np.var, {}),
    np.nanstd: (np.std, {}),
    np.nanmax: (np.max, {"initial": -9.0}),
    np.nanmin: (np.min, {"initial": 9.0}),
}


def slopes(function: Any, a: np.ndarray, **keywords: Any) -> tuple[np.ndarray, np.ndarray]:
    """Compute the value, and the gradient for some gradient of the value."""
    t = Tensor(a, requires_grad=True)
    y = function(t, **keywords)
    y.backward(np.arange(1.0, y.size + 1).reshape(y.shape))
    assert t.grad is not None
    return y.numpy(), t.grad.numpy()


def fills(mask: np.ndarray, shape: tuple[int, ...], axis: Any) -> bool:
    """Tell whether something is chosen in each of the groups that are reduced."""
    return bool(np.broadcast_to(mask, shape).ravel()[groups(shape, axis)].any(axis=1).all())


@pytest.mark.parametrize("function", LEAVING_OUT, ids=lambda f: f.__name__)
@settings(max_examples=30)
@given(data=st.data(), shape=SHAPES, keepdims=st.booleans())
def test_a_nan_counts_as_masked_out(
    function: Any, data: st.DataObject, shape: Any, keepdims: bool
) -> None:
    plain, extra = LEAVING_OUT[function]
    axis = data.draw(axes(len(shape)), label="axis")
    where, present = data.draw(masks(shape)), data.draw(masks(shape))
    if plain not in (np.sum, np.prod) and not fills(where & present, shape, axis):
        where, present = np.ones_like(where), np.ones_like(present)
        assume(fills(where & present, shape, axis))  # which no mask does where nothing is to fill
    chosen = np.broadcast_to(where & present, shape)
    a = np.where(present, data.draw(few(shape)), np.nan)
    options = {"axis": axis, "keepdims": keepdims}
    value, slope = slopes(function, a, where=where, **options, **extra)
    expected, expected_slope = slopes(plain, a, where=chosen, **options, **extra)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-12, atol=1e-12)
    assert (slope[np.isnan(a)] == 0).all()


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        (np.nanmedian, np.median),
        (lambda a, axis: np.nanquantile(a, 0.3, axis), lambda a: np.quantile(a, 0.3)),
        (lambda a, axis: np.nanpercentile(a, [80, 20], axis), lambda a: np.percentile(a, [80, 20])),
    ],
)
@settings(max_examples=30)
@given(data=st.data(), n=st.integers(1, 6))
def test_a_line_has_the_quantiles_of_its_numbers(
    function: Any, plain: Any, data: st.DataObject, n: int
) -> None:
    present = data.draw(masks((2, n)).filter(lambda m: np.broadcast_to(m, (2, n)).any(1).all()))
    a = np.where(present, data.draw(few((2, n))), np.nan)
    t = Tensor(a, requires_grad=True)
    function(t, axis=1).sum().backward()
    assert t.grad is not None
    expected = np.zeros((2, n))
    for line, slope in zip(a, expected, strict=True):
        rest = ~np.isnan(line)
        slope[rest] = tg.grad(lambda x: plain(x).sum())(line[rest])
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "plain", "neutral"),
    [(np.nancumsum, np.cumsum, 0.0), (np.nancumprod, np.cumprod, 1.0)],
)
@settings(max_examples=30)
@given(data=st.data(), n=st.integers(0, 6))
def test_a_nan_is_no_step_of_a_scan(
    function: Any, plain: Any, neutral: float, data: st.DataObject, n: int
) -> None:
    present = data.draw(masks((n,)))
    a = data.draw(few((n,)))
    value, slope = slopes(function, np.where(present, a, np.nan))
    expected, expected_slope = slopes(plain, np.where(present, a, neutral))
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(slope, np.where(present, expected_slope, 0.0))


@pytest.mark.filterwarnings("ignore:All-NaN|Mean of empty|invalid value|divide by zero")
@pytest.mark.parametrize(
    "function",
    [np.nanmax, np.nanmin, np.nanmean, np.nanmedian, lambda a, axis: np.nanquantile(a, 0.4, axis)],
)
def test_a_line_of_nans_alone_has_the_value_nan_and_no_gradient(function: Any) -> None:
    t = Tensor([[np.nan, np.nan], [1.0, np.nan]], requires_grad=True)
    y = function(t, axis=1)
    np.testing.assert_array_equal(y.numpy(), np.array([np.nan, 1.0], np.float32))
    y.sum().backward()
    assert t.grad is not None
    assert t.grad.tolist() == [[0.0, 0.0], [1.0, 0.0]]


@pytest.mark.filterwarnings("ignore:Degrees of freedom|Mean of empty|invalid value|divide by zero")
@pytest.mark.parametrize("function", [np.nanvar, np.nanstd])
@given(data=st.data(), n=st.integers(1, 5), ddof=st.integers(0, 6))
def test_what_is_missing_has_no_gradient_though_nothing_has_a_spread(
    function: Any, data: st.DataObject, n: int, ddof: int
) -> None:
    a = np.where(data.draw(masks((n,))), data.draw(few((n,))), np.nan)
    _, slope = slopes(function, a, ddof=ddof)
    assert (slope[np.isnan(a)] == 0).all()


@pytest.mark.parametrize(
    "function", [np.nansum, np.nanmean, np.nanvar, np.nanstd], ids=lambda f: f.__name__
)
def test_many_numbers_are_added_up_as_exactly_as_by_numpy(function: Any) -> None:
    rng = np.random.default_rng(0)
    a = np.where(rng.random(100_000) < 0.5, np.nan, rng.random(100_000)).astype(np.float32)
    assert function(Tensor(a, requires_grad=True)).item() == function(a)
