"""Pooling against plain loops, ties, layouts, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nn.test_conv2d import LAYOUTS, everything, laid_out
from rules.samples.windows import max_of_windows, mean_of_windows
from strategies import FLOATS

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.nn.functional import avg_pool2d, max_pool2d
from tinygrad_mnist.nn.windows import Windows


@st.composite
def poolings(draw: st.DrawFn) -> tuple[tuple[int, ...], Any, Any, Any, Any]:
    """Draw the shape of images, and kernel, stride, padding and dilation that fit.

    No window lies in the padding altogether.
    """
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, dilation = draw(pairs), draw(pairs)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    size = [
        max(1, d * (k - 1) + 1 - (2 * p if d == 1 else 0)) + draw(st.integers(0, 3))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 2)), *size)
    return shape, kernel, draw(st.none() | pairs), padding, dilation


def values(shape: tuple[int, ...], seed: int, dtype: Any = np.float64) -> np.ndarray:
    """Draw few different numbers, so that they tie."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)


@given(poolings(), st.integers(0, 99), FLOATS)
def test_max_is_what_plain_loops_compute(drawn: Any, seed: int, dtype: Any) -> None:
    shape, kernel, stride, padding, dilation = drawn
    x = values(shape, seed, dtype)
    windows = Windows(kernel, stride or kernel, tuple((p, p) for p in padding), dilation)
    found = max_pool2d(x, kernel, stride, padding, dilation)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, max_of_windows(x, windows=windows))


@given(poolings(), st.integers(0, 99), st.booleans())
def test_mean_is_what_plain_loops_compute(drawn: Any, seed: int, padded: bool) -> None:
    shape, kernel, stride, padding, _ = drawn
    x = values(shape, seed)
    windows = Windows(kernel, stride or kernel, tuple((p, p) for p in padding))
    found = avg_pool2d(x, kernel, stride, padding, padded)
    expected = mean_of_windows(x, windows=windows, count_include_pad=padded)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(poolings(), st.integers(0, 99))
def test_the_first_of_the_largest_gets_the_gradient(drawn: Any, seed: int) -> None:
    shape, kernel, stride, padding, dilation = drawn
    x = values(shape, seed)
    y, gradient = everything(lambda t: max_pool2d(t, kernel, stride, padding, dilation), [x])
    framed = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), constant_values=-np.inf)
    expected = np.zeros(framed.shape)
    steps = stride or kernel
    for n, c, i, j in np.ndindex(y.shape):
        cut = tuple(
            slice(place * s, place * s + d * (k - 1) + 1, d)
            for place, s, d, k in zip((i, j), steps, dilation, kernel, strict=True)
        )
        window, target = framed[(n, c, *cut)], expected[(n, c, *cut)]
        target[np.unravel_index(np.argmax(window), window.shape)] += 1
    inside = tuple(slice(p, p + m) for p, m in zip(padding, shape[2:], strict=True))
    np.testing.assert_array_equal(gradient, expected[(..., *inside)])


def test_ties_by_example() -> None:
    _, gradient = everything(lambda t: max_pool2d(t, 2), [np.ones((1, 1, 2, 4))])
    np.testing.assert_array_equal(gradient[0, 0], [[1, 0, 1, 0], [0, 0, 0, 0]])


@given(poolings(), st.integers(0, 99), LAYOUTS, LAYOUTS)
def test_how_images_lie_in_memory_changes_no_bit(
    drawn: Any, seed: int, layout: str, layout_of_g: str
) -> None:
    shape, kernel, stride, padding, _ = drawn
    x = values(shape, seed)
    for function in (max_pool2d, avg_pool2d):
        g = values(function(x, kernel, stride, padding).shape, seed)
        found = [
            everything(lambda t, f=function: f(t, kernel, stride, padding), [a], b)
            for a, b in ((x, g), (laid_out(x, layout), laid_out(g, layout_of_g)))
        ]
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(one, other)


def test_nan_is_the_largest() -> None:
    x = np.array([[[[1.0, np.nan], [2.0, 3.0]]]])
    assert np.isnan(max_pool2d(x, 2)).all()


def test_a_kernel_of_many_taps() -> None:
    x = np.arange(18.0**2).reshape(1, 1, 18, 18)
    y, gradient = everything(lambda t: max_pool2d(t, 18), [x])
    assert y.item() == x.max()
    assert gradient[0, 0, -1, -1] == gradient.sum() == 1


def test_the_layers_are_the_functions() -> None:
    x = values((2, 3, 6, 7), 0)
    for layer, expected in (
        (nn.MaxPool2d(2), max_pool2d(x, 2)),
        (nn.MaxPool2d(3, 2, 1, 2), max_pool2d(x, 3, 2, 1, 2)),
        (nn.AvgPool2d((2, 3)), avg_pool2d(x, (2, 3))),
        (nn.AvgPool2d(3, 1, 1, False), avg_pool2d(x, 3, 1, 1, False)),
    ):
        assert not layer.parameters()
        np.testing.assert_array_equal(layer(Tensor(x)).numpy(), expected)


def test_printed_forms() -> None:
    assert repr(nn.MaxPool2d(2)) == "MaxPool2d(kernel_size=2)"
    assert repr(nn.MaxPool2d(3, 2, 1)) == "MaxPool2d(kernel_size=3, stride=2, padding=1)"
    layer = nn.AvgPool2d(2, count_include_pad=False)
    assert repr(layer) == "AvgPool2d(kernel_size=2, count_include_pad=False)"


@pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0,), "kernel_size is 0; expected 1 or more"),
        ((2, 0), "stride is 0; expected 1 or more"),
        ((2, None, -1), "padding is -1; expected 0 or more"),
        ((2, None, 2), "padding is 2 for windows of 2; expected at most half"),
    ],
)
def test_layers_that_make_no_sense(kind: Any, arguments: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{kind.__name__}: {sentence}$"):
        kind(*arguments)


@pytest.mark.parametrize("function", [max_pool2d, avg_pool2d])
def test_images_that_do_not_fit(function: Any) -> None:
    name = function.__name__
    with pytest.raises(ValueError, match=rf"^{name}: input of shape \(3, 4, 4\); expected \(N, C"):
        function(np.zeros((3, 4, 4)), 2)
    with pytest.raises(ValueError, match=rf"^{name}: input of shape \(1, 1, 4, 2\): a window of 3"):
        function(np.zeros((1, 1, 4, 2)), 3)
    with pytest.raises(TypeError, match=rf"^{name}: images are floating-point, not int64$"):
        function(np.zeros((1, 1, 4, 4), np.int64), 2)
