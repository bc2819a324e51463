"""Convolution against plain loops, however images lie in memory; the layer; what is refused."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.samples.windows import convolution
from strategies import FLOATS, arrays

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.nn.functional import conv2d
from tinygrad_mnist.nn.windows import Windows

LAYOUTS = st.sampled_from(["C", "batch last", "sliced", "reversed"])


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    """Copy images (N, C, H, W) into memory of another order, or with gaps."""
    if layout == "batch last":
        return np.ascontiguousarray(x.transpose(2, 1, 3, 0)).transpose(3, 1, 0, 2)
    if layout == "sliced":
        wider = np.full((*x.shape[:3], 2 * x.shape[3]), np.nan, x.dtype)
        wider[..., ::2] = x
        return wider[..., ::2]
    if layout == "reversed":
        return np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1]
    return np.ascontiguousarray(x)


def test_the_formulas_have_an_index_for_every_axis() -> None:
    y = conv2d(Tensor(np.ones((1, 1, 2, 2)), requires_grad=True), np.ones((1, 1, 1, 1)))
    assert y._node is not None
    rule = y._node.rule
    assert rule is not None
    axes = {"x": 4, "y": 4, "W": 4, "b": 1}
    for formula in rule.formula:
        found = re.findall(r"([xyWb])_(?:\{([^}]*)\}|(\w))", formula)
        assert len(found) >= 2
        assert all(len((more or one).split(",")) == axes[name] for name, more, one in found)
    _, weight, bias = rule.formula
    assert r"\sum_{n,p,q}" in weight
    assert r"\sum_{n,p,q}" in bias


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of a convolution that fit together, and its sizes."""
    small, pairs = st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, dilation = draw(pairs), draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    size = [
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 3))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    groups = draw(st.integers(1, 2))
    channels, outputs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    return {
        "x": (draw(small), channels, *size),
        "weight": (outputs, channels // groups, *kernel),
        "arguments": (draw(pairs), padding, dilation, groups),
    }


def draw_arrays(shapes: list[tuple[int, ...]], seed: int, dtype: Any = np.float64) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def everything(function: Any, inputs: list[np.ndarray], g: np.ndarray | None = None) -> list[Any]:
    """Compute the value, and the gradients of all inputs; those of ones without `g`."""
    leaves = [Tensor(a, requires_grad=True, copy=False) for a in inputs]
    y = function(*leaves)
    y.backward(np.ones(y.shape, y.dtype) if g is None else g)
    return [y.numpy(), *(leaf.grad.numpy() for leaf in leaves)]


@given(geometries(), st.integers(0, 99), st.booleans())
def test_it_is_what_plain_loops_compute(drawn: Any, seed: int, with_bias: bool) -> None:
    stride, padding, dilation, groups = drawn["arguments"]
    x, weight, bias = draw_arrays([drawn["x"], drawn["weight"], drawn["weight"][:1]], seed)
    windows = Windows(weight.shape[2:], stride, tuple((p, p) for p in padding), dilation)
    expected = convolution(x, weight, bias if with_bias else None, windows=windows, groups=groups)
    found = conv2d(x, weight, bias if with_bias else None, *drawn["arguments"])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(geometries(), st.integers(0, 99))
def test_gradients_are_those_of_a_bilinear_function(drawn: Any, seed: int) -> None:
    x, weight, bias, dx, dw, db = draw_arrays(
        [drawn["x"], drawn["weight"], drawn["weight"][:1]] * 2, seed
    )
    rest = drawn["arguments"]
    y = conv2d(x, weight, bias, *rest)
    (g,) = draw_arrays([y.shape], seed)
    _, by_x, by_weight, by_bias = everything(
        lambda *inputs: conv2d(*inputs, *rest), [x, weight, bias], g
    )
    for gradient, moved, step in (
        (by_x, conv2d(dx, weight, None, *rest), dx),
        (by_weight, conv2d(x, dw, None, *rest), dw),
        (by_bias, conv2d(0 * x, weight, db, *rest), db),
    ):
        assert gradient.shape == step.shape
        np.testing.assert_allclose(np.sum(gradient * step), np.sum(g * moved), 1e-10, 1e-10)


@given(geometries(), st.integers(0, 99), LAYOUTS, LAYOUTS, FLOATS)
def test_how_images_lie_in_memory_changes_no_bit(
    drawn: Any, seed: int, layout: str, layout_of_g: str, dtype: Any
) -> None:
    x, weight = draw_arrays([drawn["x"], drawn["weight"]], seed, dtype)
    rest = drawn["arguments"]
    (g,) = draw_arrays([conv2d(x, weight, None, *rest).shape], seed, dtype)
    found = [
        everything(lambda *inputs: conv2d(*inputs, None, *rest), [a, weight], b)
        for a, b in ((x, g), (laid_out(x, layout), laid_out(g, layout_of_g)))
    ]
    for one, other in zip(*found, strict=True):
        assert other.dtype == dtype
        np.testing.assert_array_equal(one, other)


@given(st.integers(1, 5), st.integers(1, 3), st.integers(5, 8))
def test_same_keeps_the_size_and_puts_the_odd_zero_last(k: int, dilation: int, n: int) -> None:
    x, weight = draw_arrays([(1, 1, 3 * n, 3 * n), (1, 1, k, k)], k)
    same = conv2d(x, weight, padding="same", dilation=dilation)
    assert same.shape == x.shape
    before = dilation * (k - 1) // 2
    after = dilation * (k - 1) - before
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    np.testing.assert_array_equal(same, conv2d(padded, weight, dilation=dilation))
    valid = conv2d(x, weight, padding="valid", dilation=dilation)
    np.testing.assert_array_equal(valid, conv2d(x, weight, dilation=dilation))


def test_results_lie_batch_last_and_a_relu_and_its_gradient_keep_that() -> None:
    x, weight = draw_arrays([(8, 3, 6, 5), (4, 3, 3, 3)], 0)
    leaf = Tensor(x, requires_grad=True)
    y = conv2d(leaf, Tensor(weight, requires_grad=True), padding=1)
    assert nn.windows.rows(y.numpy()).flags.c_contiguous
    r = nn.ReLU()(y)
    assert nn.windows.rows(r.numpy()).flags.c_contiguous
    passed: list[np.ndarray] = []
    for tensor in (y, leaf):
        tensor.register_hook(lambda g: passed.append(g.numpy()))
    r.backward(laid_out(np.ones(r.shape), "batch last"))
    assert [a.shape for a in passed] == [y.shape, leaf.shape]
    for a in passed:  # the padding that was cut off may leave gaps
        strides = nn.windows.rows(a).strides
        assert list(strides) == sorted(strides, reverse=True)


def test_no_gradient_is_computed_for_images_that_need_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(nn.convolution._by_input, "forward", never)
    layer = nn.Conv2d(1, 2, 3)
    layer(np.ones((1, 1, 4, 4), np.float32)).sum().backward()
    assert layer.weight.grad is not None


def test_a_kernel_of_one_pixel_is_a_product_of_channels() -> None:
    x, weight = draw_arrays([(2, 3, 4, 4), (5, 3, 1, 1)], 0)
    expected = np.einsum("nchw,oc->nohw", x, weight[:, :, 0, 0])
    np.testing.assert_allclose(conv2d(x, weight), expected, rtol=1e-12)


# --- the layer ----------------------------------------------------------------------------


@given(st.integers(1, 3), st.integers(1, 2), st.booleans(), FLOATS)
def test_the_layer_is_the_function(k: int, groups: int, bias: bool, dtype: Any) -> None:
    layer = nn.Conv2d(2, 4, k, 2, 1, 1, groups, bias, rng=np.random.default_rng(k), dtype=dtype)
    if layer.bias is not None:
        layer.load_state_dict(layer.state_dict() | {"bias": np.arange(4.0)})
    x = np.random.default_rng(0).standard_normal((2, 2, 5, 6)).astype(dtype)
    y = layer(x)
    assert y.dtype == dtype
    b = np.arange(4.0).astype(dtype) if bias else None
    expected = conv2d(x, layer.weight.numpy(), b, 2, 1, 1, groups)
    np.testing.assert_array_equal(y.numpy(), expected)
    y.sum().backward()
    assert len(layer.parameters()) == 1 + bias
    assert all(parameter.grad.dtype == dtype for parameter in layer.parameters())


def test_the_state_goes_out_and_comes_back() -> None:
    one, other = (nn.Conv2d(2, 3, (3, 2), rng=np.random.default_rng(seed)) for seed in (0, 1))
    assert {name: a.shape for name, a in one.state_dict().items()} == {
        "weight": (3, 2, 3, 2),
        "bias": (3,),
    }
    x = np.ones((1, 2, 4, 4), np.float32)
    assert (one(x).numpy() != other(x).numpy()).any()
    other.load_state_dict(one.state_dict())
    np.testing.assert_array_equal(one(x).numpy(), other(x).numpy())


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        (nn.init.he_normal, 2 / (20 * 9)),
        (nn.init.he_uniform, 2 / (20 * 9)),
        (nn.init.glorot_normal, 2 / (20 * 9 + 80 * 9)),
        (nn.init.glorot_uniform, 2 / (20 * 9 + 80 * 9)),
    ],
)
def test_every_tap_counts_as_an_input(init: Any, variance: float) -> None:
    layer = nn.Conv2d(40, 80, 3, groups=2, rng=np.random.default_rng(0), init=init)
    assert layer.weight.numpy().var() == pytest.approx(variance, rel=0.05)
    assert layer.bias is not None
    assert not layer.bias.numpy().any()


def test_printed_form() -> None:
    assert repr(nn.Conv2d(1, 6, 5)) == "Conv2d(1, 6, kernel_size=(5, 5))  # 156 parameters"
    layer = nn.Conv2d(4, 6, (3, 1), 2, "valid", groups=2, bias=False)
    assert repr(layer) == (
        "Conv2d(4, 6, kernel_size=(3, 1), stride=2, padding='valid', groups=2, bias=False)"
        "  # 36 parameters"
    )


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "sentence"),
    [
        ((0, 2, 3), {}, ValueError, "Conv2d: in_channels is 0; expected a whole"),
        ((2, 3, 3), {"groups": 2}, ValueError, "Conv2d: 2 channels in and 3 out .* 2 groups"),
        ((2, 2, 3), {"groups": 0}, ValueError, "Conv2d: groups is 0; expected a whole number"),
        ((2, 2, 0), {}, ValueError, "Conv2d: kernel_size is 0; expected 1 or more"),
        ((2, 2, (3, 3, 3)), {}, TypeError, r"Conv2d: kernel_size is \(3, 3, 3\); expected an int"),
        ((2, 2, 3), {"stride": 0}, ValueError, "conv2d: stride is 0; expected 1 or more"),
        ((2, 2, 3), {"dilation": (1, 0)}, ValueError, r"conv2d: dilation is \(1, 0\)"),
        ((2, 2, 3), {"padding": -1}, ValueError, "conv2d: padding is -1; expected 0 or more"),
        ((2, 2, 3), {"padding": 1.5}, TypeError, "conv2d: padding is 1.5; expected an integer"),
        ((2, 2, 3), {"padding": "full"}, ValueError, "conv2d: padding is 'full'; expected"),
        ((2, 2, 3), {"padding": "same", "stride": 2}, ValueError, "conv2d: padding 'same' is for"),
    ],
)
def test_layers_that_make_no_sense(
    arguments: Any, keywords: Any, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=f"^{sentence}") as caught:
        nn.Conv2d(*arguments, **keywords)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("x", "weight", "bias", "sentence"),
    [
        ((2, 3, 5), (1, 3, 2, 2), None, r"input of shape \(2, 3, 5\); expected \(N, C, H, W\)"),
        ((2, 3, 5, 5), (1, 3, 2), None, r"weight of shape \(1, 3, 2\); expected \(outputs,"),
        ((2, 3, 5, 5), (1, 1, 2, 2), None, r"input of shape \(2, 3, 5, 5\) .* expected 1 chan"),
        ((2, 3, 5, 5), (4, 3, 2, 2), (3,), r"bias of shape \(3,\); expected \(4,\)"),
        ((2, 3, 2, 5), (4, 3, 3, 3), None, r"input of shape \(2, 3, 2, 5\): a window of 3 × 3 .*"),
    ],
)
def test_shapes_that_do_not_belong_together(x: Any, weight: Any, bias: Any, sentence: str) -> None:
    inputs = [None if shape is None else np.zeros(shape) for shape in (x, weight, bias)]
    for kind in (np.asarray, Tensor):
        with pytest.raises(ValueError, match=f"^conv2d: {sentence}") as caught:
            conv2d(*(a if a is None else kind(a) for a in inputs))
        assert "\n" not in str(caught.value)


@given(arrays((1, 1, 3, 3)))
def test_whole_numbers_and_other_dtypes_widen_as_in_numpy(x: np.ndarray) -> None:
    weight = np.ones((1, 1, 2, 2), np.float32)
    assert conv2d(x, weight).dtype == np.float64
    assert conv2d(x.astype(np.uint8), weight).dtype == np.float32
