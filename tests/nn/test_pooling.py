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
    found = avg_pool2d(x, kernel, stride, padding, False, padded)
    expected = mean_of_windows(x, windows=windows, count_include_pad=padded)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(poolings(), st.integers(0, 99), st.booleans(), st.none() | st.integers(1, 9))
def test_rounding_up_lets_a_last_window_in(
    drawn: Any, seed: int, padded: bool, divisor: int | None
) -> None:
    shape, kernel, stride, padding, dilation = drawn
    x, steps = values(shape, seed), stride or kernel
    for spread in (dilation, (1, 1)):  # the mean has no dilation
        behind, number = [], []
        for n, k, s, p, d in zip(shape[2:], kernel, steps, padding, spread, strict=True):
            # As many windows as begin before the end and could not be left out.
            begins = [i * s for i in range(n + 2 * p) if i * s < n + p]
            begins = [b for b in begins if b - s + d * (k - 1) + 1 < n + 2 * p or b == 0]
            number.append(len(begins))
            behind.append((p, p + max(0, begins[-1] + d * (k - 1) + 1 - n - 2 * p)))
        windows = Windows(kernel, steps, tuple(behind), spread)
        if spread == dilation:
            found = max_pool2d(x, kernel, stride, padding, dilation, True)
            np.testing.assert_array_equal(found, max_of_windows(x, windows=windows))
            assert found.shape[2:] == tuple(number)
    found = avg_pool2d(x, kernel, stride, padding, True, padded, divisor)
    assert found.shape[2:] == tuple(number)
    expected = mean_of_windows(x, windows=windows, count_include_pad=padded, divisor=divisor)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


EXTREMES = st.sampled_from([(), (np.nan,), (-np.inf,), (np.nan, -np.inf, np.inf)])


@given(poolings(), st.integers(0, 99), EXTREMES)
def test_the_first_of_the_largest_gets_the_gradient_and_the_last_of_nan(
    drawn: Any, seed: int, extremes: tuple[float, ...]
) -> None:
    shape, kernel, stride, padding, dilation = drawn
    rng = np.random.default_rng(seed)
    x = values(shape, seed)
    for extreme in extremes:
        x[rng.random(shape) < rng.choice([0.1, 0.9])] = extreme
    y, gradient = everything(lambda t: max_pool2d(t, kernel, stride, padding, dilation), [x])
    around = ((0, 0), (0, 0), *((p, p) for p in padding))
    framed = np.pad(x, around, constant_values=-np.inf)
    outside = np.pad(np.zeros(shape, bool), around, constant_values=True)
    expected = np.zeros(framed.shape)
    steps = stride or kernel
    for n, c, i, j in np.ndindex(y.shape):
        cut = tuple(
            slice(place * s, place * s + d * (k - 1) + 1, d)
            for place, s, d, k in zip((i, j), steps, dilation, kernel, strict=True)
        )
        window, target = framed[(n, c, *cut)].ravel(), expected[(n, c, *cut)]
        missing, inside = np.isnan(window), ~outside[(n, c, *cut)].ravel()
        largest = window == np.max(window)
        place = missing.nonzero()[0][-1] if missing.any() else np.argmax(largest & inside)
        target[np.unravel_index(place, target.shape)] += 1
    inside = tuple(slice(p, p + m) for p, m in zip(padding, shape[2:], strict=True))
    np.testing.assert_array_equal(gradient, expected[(..., *inside)])


def test_ties_by_example() -> None:
    _, gradient = everything(lambda t: max_pool2d(t, 2), [np.ones((1, 1, 2, 4))])
    np.testing.assert_array_equal(gradient[0, 0], [[1, 0, 1, 0], [0, 0, 0, 0]])
    _, gradient = everything(lambda t: max_pool2d(t, 3, 3, 1), [np.full((1, 1, 2, 2), -np.inf)])
    np.testing.assert_array_equal(gradient[0, 0], [[1, 0], [0, 0]])


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
        (nn.MaxPool2d(3, 2, 0, 1, False, True), max_pool2d(x, 3, 2, ceil_mode=True)),
        (nn.AvgPool2d(3, 1, 1, False, False), avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
        (nn.AvgPool2d(3, 2, 1, True, True, 5), avg_pool2d(x, 3, 2, 1, True, divisor_override=5)),
    ):
        assert not layer.parameters()
        np.testing.assert_array_equal(layer(Tensor(x)).numpy(), expected)


def test_printed_forms() -> None:
    assert repr(nn.MaxPool2d(2)) == "MaxPool2d(kernel_size=2)"
    assert repr(nn.MaxPool2d(3, 2, 1)) == "MaxPool2d(kernel_size=3, stride=2, padding=1)"
    layer = nn.AvgPool2d(2, ceil_mode=True, divisor_override=3)
    assert repr(layer) == "AvgPool2d(kernel_size=2, ceil_mode=True, divisor_override=3)"
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


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: nn.MaxPool2d(2, 2, 0, 1, True), "MaxPool2d: return_indices is True; expected Fa"),
        (lambda: nn.MaxPool2d(2, ceil_mode=1), "MaxPool2d: ceil_mode is 1; expected True or Fa"),
        (lambda: nn.AvgPool2d(2, 2, 0, None), "AvgPool2d: ceil_mode is None; expected True or"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), "AvgPool2d: divisor_override is 0; expect"),
    ],
)
def test_what_pytorch_has_and_is_not_here(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        make()


@pytest.mark.parametrize("function", [max_pool2d, avg_pool2d])
def test_images_that_do_not_fit(function: Any) -> None:
    name = function.__name__
    with pytest.raises(ValueError, match=rf"^{name}: input of shape \(3, 4, 4\); expected \(N, C"):
        function(np.zeros((3, 4, 4)), 2)
    with pytest.raises(ValueError, match=rf"^{name}: input of shape \(1, 1, 4, 2\): a window of 3"):
        function(np.zeros((1, 1, 4, 2)), 3)
    with pytest.raises(TypeError, match=rf"^{name}: images are floating-point, not int64$"):
        function(np.zeros((1, 1, 4, 4), np.int64), 2)
