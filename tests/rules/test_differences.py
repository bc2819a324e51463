"""Differences, slopes and areas are linear in their samples: back and forth are adjoint."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import check_refusal
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor


def check_adjoint(function: Any, a: np.ndarray, data: st.DataObject) -> None:
    """Compare ``g @ f(v)`` and ``v @ (the gradient for g)``, and the value with NumPy's."""
    t = Tensor(a, requires_grad=True)
    y = function(t)
    expected = function(a)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert y.shape == expected.shape
    g, v = data.draw(arrays(y.shape, low=-2.0)), data.draw(arrays(a.shape, low=-2.0))
    y.backward(g)
    assert t.grad is not None
    offset = function(np.zeros(a.shape))
    moved = (g * (function(v) - offset)).sum()
    np.testing.assert_allclose((t.grad.numpy() * v).sum(), moved, atol=1e-9)


@given(data=st.data(), shape=SHAPES.filter(len), n=st.integers(0, 3))
def test_differences(data: st.DataObject, shape: Any, n: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    ends = data.draw(st.sampled_from([{}, {"prepend": 1.0}, {"append": 2.0, "prepend": 3}]))
    check_adjoint(lambda a: np.diff(a, n, axis, **ends), data.draw(arrays(shape)), data)
    check_adjoint(lambda a: np.ediff1d(a, to_begin=ends.get("prepend")), np.ones(shape), data)


@given(data=st.data(), order=st.sampled_from([1, 2]), spaced=st.sampled_from(["no", "even", "un"]))
def test_slopes_along_every_axis(data: st.DataObject, order: Any, spaced: str) -> None:
    shape = data.draw(st.lists(st.integers(order + 1, 5), min_size=1, max_size=3).map(tuple))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    steps = {"no": [], "even": [0.3], "un": [np.cumsum(0.5 + np.arange(shape[axis]) % 2)]}[spaced]
    a = data.draw(arrays(shape))
    check_adjoint(lambda a: np.gradient(a, *steps, axis=axis, edge_order=order), a, data)
    every = np.gradient(Tensor(a), edge_order=order)
    for one, i in zip(every if len(shape) > 1 else [every], range(len(shape)), strict=True):
        np.testing.assert_array_equal(one.numpy(), np.gradient(a, axis=i, edge_order=order))


@given(data=st.data(), dtype=st.sampled_from([np.uint8, np.int8, np.uint64, np.int64]))
def test_coordinates_that_are_small_integers_do_not_wrap_around(
    data: st.DataObject, dtype: Any
) -> None:
    a = data.draw(arrays((5,)))
    x = data.draw(hnp.arrays(dtype, 5, elements=st.integers(0, 127), unique=True))
    for spacing in (x, Tensor(x)):
        y: Any = np.gradient(Tensor(a), spacing)
        np.testing.assert_allclose(y.numpy(), np.gradient(a, x.astype(float)), 1e-12, 1e-12)


@given(a=hnp.arrays(bool, hnp.array_shapes(max_dims=2)), n=st.integers(0, 2))
def test_neighbouring_booleans_differ_or_not(a: Any, n: int) -> None:
    y: Any = np.diff(Tensor(a), n)
    np.testing.assert_array_equal(y.numpy(), np.diff(a, n), strict=True)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float16, np.float32, np.float64])
@given(end=st.sampled_from([np.int8, np.int64, np.float32, np.float64]), first=st.booleans())
def test_ends_fit_into_the_differences_as_they_do_for_numpy(
    dtype: Any, end: Any, first: bool
) -> None:
    a, ends = np.array([1, 3], dtype), {"to_begin" if first else "to_end": np.ones(1, end)}
    tensors: dict[str, Any] = {name: Tensor(value) for name, value in ends.items()}
    try:
        expected = np.ediff1d(a, **ends)
    except TypeError:
        with pytest.raises(TypeError, match=rf"^ediff1d: to_\w+ is {np.dtype(end)}; expected what"):
            np.ediff1d(a, **tensors)
    else:
        y: Any = np.ediff1d(a, **tensors)
        np.testing.assert_array_equal(y.numpy(), expected, strict=True)


@given(data=st.data(), shape=SHAPES.filter(len), given_x=st.sampled_from(["no", "line", "all"]))
def test_areas(data: st.DataObject, shape: Any, given_x: str) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    x = {"no": None, "line": np.sqrt(np.arange(shape[axis])), "all": data.draw(arrays(shape))}
    a = data.draw(arrays(shape))
    check_adjoint(lambda y: np.trapezoid(y, x[given_x], axis=axis), a, data)
    if given_x == "all":
        check_adjoint(lambda x: np.trapezoid(a, x, axis=axis), a, data)


@given(data=st.data(), dtype=FLOATS)
def test_coordinates_have_a_gradient_though_they_are_even(data: st.DataObject, dtype: Any) -> None:
    f = data.draw(arrays((5,), dtype))
    x = Tensor(np.arange(5, dtype=dtype), requires_grad=True)
    y = np.gradient(f, x)
    assert y.dtype == dtype
    y.backward(np.array([1.0, 0, 0, 0, 0]))
    assert x.grad is not None
    step = f[1] - f[0]
    np.testing.assert_allclose(x.grad.numpy(), [step, -step, 0, 0, 0], rtol=1e-6)


def test_the_area_below_a_line_by_its_coordinates() -> None:
    slope = tg.grad(lambda x: np.trapezoid([1.0, 3.0], x))(np.array([0.0, 2.0]))
    assert slope.tolist() == [-2.0, 2.0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: np.diff(t, -1), "diff: n is -1; expected a number of times"),
        (lambda t: np.diff(t, axis=1), "diff: (3,): axis 1 is out of bounds"),
        (lambda t: np.gradient(t, 1.0, 2.0), "gradient: (3,): 2 spacings; expected 1"),
        (
            lambda t: np.gradient(t, [1.0, 2.0]),
            "gradient: (3,): coordinates of shape (2,); ",
        ),
        (lambda t: np.gradient(t, edge_order=3), "gradient: edge_order is 3; expected 1 or 2"),
        (
            lambda t: np.gradient(t[:2], edge_order=2),
            "gradient: (2,): expected at least 3",
        ),
        (lambda t: np.trapezoid(t, axis=1), "trapezoid: (3,): axis 1 is out of bounds"),
    ],
)
def test_a_refusal_is_one_sentence(call: Any, sentence: str) -> None:
    check_refusal(
        call, (TypeError, ValueError), sentence, Tensor([1.0, 2.0, 4.0], requires_grad=True)
    )
