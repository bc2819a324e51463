"""Normalisation against its definition, running statistics, train and eval, what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nn.test_conv2d import LAYOUTS, everything, laid_out
from strategies import FLOATS

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.nn.functional import batch_norm, layer_norm

SHAPES = st.sampled_from([(4, 3), (2, 3, 2), (2, 3, 2, 3), (5, 1), (3, 2, 1, 1)])


def values(shape: tuple[int, ...], seed: int, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(seed).normal(3.0, 2.0, shape).astype(dtype)


def standardised(x: Any, axes: Any) -> Any:
    """Write normalisation as NumPy's own functions."""
    mean = np.mean(x, axis=axes, keepdims=True)
    variance = np.mean((x - mean) * (x - mean), axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


@given(SHAPES, st.integers(0, 99), FLOATS)
def test_batch_norm_in_training_is_its_steps_in_one(shape: Any, seed: int, dtype: Any) -> None:
    axes = (0, *range(2, len(shape)))
    inputs = [values(s, seed, dtype) for s in (shape, shape[1:2], shape[1:2])]
    g = values(shape, seed + 1, dtype)
    found = everything(lambda *a: batch_norm(a[0], None, None, *a[1:], True), inputs, g)
    kept = (1, -1, *(1 for _ in shape[2:]))
    expected = everything(
        lambda x, w, b: standardised(x, axes) * w.reshape(kept) + b.reshape(kept), inputs, g
    )
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        tolerance = 1e-9 if dtype == np.float64 else 2e-3
        np.testing.assert_allclose(one, other, tolerance, tolerance * 10)


@given(SHAPES, st.integers(0, 99))
def test_each_gradient_is_the_same_alone(shape: Any, seed: int) -> None:
    inputs = [values(s, seed) for s in (shape, shape[1:2], shape[1:2])]
    g = values(shape, seed + 1)

    def function(x: Any, weight: Any, bias: Any) -> Any:
        return batch_norm(x, None, None, weight, bias, True)

    together = everything(function, inputs, g)[1:]
    for i, expected in enumerate(together):
        alone = [Tensor(a, requires_grad=i == j) for j, a in enumerate(inputs)]
        function(*alone).backward(g)
        np.testing.assert_array_equal(alone[i].grad.numpy(), expected)


def test_a_graph_that_is_kept_is_swept_anew() -> None:
    x = Tensor(values((4, 3), 0), requires_grad=True)
    kept = batch_norm(x, None, None, training=True)
    for seed in (1, 2, 1):
        gradients = []
        for y in (kept, batch_norm(x, None, None, training=True)):
            x.grad = None
            y.backward(values((4, 3), seed), retain_graph=True)
            gradients.append(x.grad.numpy().copy())
        np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda *a: batch_norm(a[0], None, None, *a[1:], True), [(4, 3), (3,), (3,)]),
        (lambda x: layer_norm(x, 3), [(4, 3)]),
    ],
)
def test_one_buffer_may_carry_one_gradient_after_another(function: Any, shapes: Any) -> None:
    inputs = [values(shape, 0) for shape in shapes]
    leaves = [Tensor(a, requires_grad=True) for a in inputs]
    y, g = function(*leaves), np.empty((4, 3))
    for seed in (1, 2):
        g[...] = values((4, 3), seed)
        expected = everything(function, inputs, g.copy())[1:]
        for leaf in leaves:
            leaf.grad = None
        y.backward(Tensor(g, copy=False), retain_graph=True)
        for leaf, other in zip(leaves, expected, strict=True):
            np.testing.assert_array_equal(leaf.grad.numpy(), other)


@given(st.integers(0, 99), LAYOUTS, LAYOUTS)
def test_how_images_lie_in_memory_changes_next_to_nothing(
    seed: int, layout: str, layout_of_g: str
) -> None:
    shape = (3, 2, 4, 5)
    x, g, weight, bias = (values(s, seed) for s in (shape, shape, (2,), (2,)))
    found = [
        everything(lambda *t: batch_norm(t[0], None, None, *t[1:], True), [a, weight, bias], b)
        for a, b in ((x, g), (laid_out(x, layout), laid_out(g, layout_of_g)))
    ]
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, 1e-11, 1e-11)


def test_results_and_gradients_stay_batch_last() -> None:
    x = Tensor(laid_out(values((8, 3, 4, 5), 0), "batch last"), requires_grad=True, copy=False)
    for training in (True, False):
        x.grad = None
        y = batch_norm(x, np.zeros(3), np.ones(3), training=training)
        y.backward(laid_out(values(y.shape, 1), "batch last"))
        assert nn.windows.rows(y.numpy()).flags.c_contiguous
        assert nn.windows.rows(x.grad.numpy()).flags.c_contiguous


@given(SHAPES, st.integers(0, 99), st.sampled_from([0.0, 0.1, 0.7, 1.0, None]))
def test_running_statistics_follow_the_batches(shape: Any, seed: int, momentum: Any) -> None:
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    layer = kind(shape[1], momentum=momentum, dtype=np.float64)
    mean, variance = np.zeros(shape[1]), np.ones(shape[1])
    axes = (0, *range(2, len(shape)))
    for number in range(1, 4):
        x = values(shape, seed + number)
        layer(x)
        m = 1 / number if momentum is None else momentum
        mean += m * (x.mean(axis=axes) - mean)
        variance += m * (x.var(axis=axes, ddof=1) - variance)
        state = layer.state_dict()
        np.testing.assert_allclose(state["running_mean"], mean, 1e-10, 1e-10)
        np.testing.assert_allclose(state["running_var"], variance, 1e-10, 1e-10)
        assert state["num_batches_tracked"] == number


@given(SHAPES, st.integers(0, 99))
def test_evaluation_normalises_by_the_running_statistics(shape: Any, seed: int) -> None:
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    layer = kind(shape[1], dtype=np.float64)
    layer.load_state_dict(
        {name: values(a.shape, seed) ** 2 + 1 for name, a in layer.state_dict().items()}
    )
    before = layer.eval().state_dict()
    x = values(shape, seed)
    kept = (1, -1, *(1 for _ in shape[2:]))
    part = {name: array.reshape(kept) for name, array in before.items()}
    expected = (x - part["running_mean"]) / np.sqrt(part["running_var"] + 1e-5)
    expected = expected * part["weight"] + part["bias"]
    leaf = Tensor(x, requires_grad=True)
    y = layer(leaf)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-10)
    y.sum().backward()
    assert leaf.grad is not None
    assert all(parameter.grad is not None for parameter in layer.parameters())
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_without_running_statistics_evaluation_uses_its_batch() -> None:
    layer = nn.BatchNorm1d(3, track_running_stats=False, affine=False).eval()
    assert layer.state_dict() == {}
    y = layer(values((50, 3), 0, np.float32))
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=0), 1, atol=1e-4)


def test_the_state_goes_out_and_comes_back() -> None:
    one, other = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    x = values((4, 3, 2, 2), 0, np.float32)
    one(x)
    other.load_state_dict(one.state_dict())
    assert [name for name, _ in one.named_parameters()] == ["weight", "bias"]
    np.testing.assert_array_equal(one.eval()(x).numpy(), other.eval()(x).numpy())
    assert other(x).dtype == np.float32
    assert other.num_batches_tracked.item() == 1


@pytest.mark.parametrize("training", [True, False])
def test_a_large_mean_does_no_harm(training: bool) -> None:
    x = values((256, 4), 0, np.float32) + np.float32(1000)
    y = np.asarray(batch_norm(x, x.mean(axis=0), x.var(axis=0), training=training))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.std(axis=0), 1, atol=1e-2)


@given(st.integers(0, 99), st.sampled_from([1.0, 300.0, 9000.0]), st.sampled_from(["f2", "f4"]))
def test_halves_do_not_overflow(seed: int, scale: float, dtype: str) -> None:
    x = (scale * np.random.default_rng(seed).standard_normal((40, 5))).astype(np.float16)
    weight, bias = (values((5,), seed + i, dtype) for i in range(2))
    g = values(x.shape, seed, np.float16)
    mean, variance = np.zeros(5, np.float32), np.zeros(5, np.float32)
    functions = (
        lambda x, w, b: batch_norm(x, mean, variance, w, b, True, 1.0),
        lambda x, w, b: batch_norm(x, mean, variance, w, b),  # by what the first one has seen
        lambda x, w, b: layer_norm(x, 5, w, b),
    )
    for function in functions:
        found = everything(function, [x, weight, bias], g)
        wide = [a.astype(np.float64) for a in (x, weight, bias, g)]
        expected = everything(function, wide[:3], wide[3])
        assert [a.dtype for a in found] == [np.float16, np.float16, weight.dtype, weight.dtype]
        for one, other in zip(found, expected, strict=True):
            assert np.isfinite(one).all()
            np.testing.assert_allclose(one, other, 0.01, 0.05)


@given(
    st.sampled_from([((4, 3), 3), ((2, 3, 4), (4,)), ((2, 3, 4), (3, 4)), ((3,), 3)]),
    st.integers(0, 99),
    FLOATS,
)
def test_layer_norm_is_its_steps_in_one(drawn: Any, seed: int, dtype: Any) -> None:
    shape, normalized = drawn
    last = normalized if isinstance(normalized, tuple) else (normalized,)
    axes = tuple(range(len(shape) - len(last), len(shape)))
    inputs = [values(s, seed + i, dtype) for i, s in enumerate((shape, last, last))]
    g = values(shape, seed + 3, dtype)
    found = everything(lambda x, w, b: layer_norm(x, normalized, w, b), inputs, g)
    expected = everything(lambda x, w, b: standardised(x, axes) * w + b, inputs, g)
    tolerance = 1e-9 if dtype == np.float64 else 2e-3
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        np.testing.assert_allclose(one, other, tolerance, tolerance * 10)


def test_the_layer_norm_layer() -> None:
    layer = nn.LayerNorm((2, 3))
    x = values((4, 2, 3), 0, np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), layer_norm(x, (2, 3)))
    assert {name: a.shape for name, a in layer.state_dict().items()} == {
        "weight": (2, 3),
        "bias": (2, 3),
    }
    assert set(nn.LayerNorm(3, bias=False).state_dict()) == {"weight"}
    assert nn.LayerNorm(3, elementwise_affine=False).state_dict() == {}


def test_printed_forms() -> None:
    assert repr(nn.BatchNorm1d(3)) == "BatchNorm1d(3)  # 6 parameters"
    layer = nn.BatchNorm2d(3, 0.1, None, affine=False, track_running_stats=False)
    expected = "BatchNorm2d(3, eps=0.1, momentum=None, affine=False, track_running_stats=False)"
    assert repr(layer) == expected
    assert repr(nn.LayerNorm(3, bias=False)) == "LayerNorm((3,), bias=False)  # 3 parameters"


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: nn.BatchNorm1d(0), ValueError, "BatchNorm1d: num_features is 0; expected"),
        (lambda: nn.BatchNorm2d(2, -1.0), ValueError, "BatchNorm2d: eps is -1.0; expected"),
        (lambda: nn.BatchNorm2d(2, 1e-5, 1.5), ValueError, "BatchNorm2d: momentum is 1.5; expec"),
        (lambda: nn.LayerNorm(0), ValueError, "LayerNorm: normalized_shape is 0; expected pos"),
        (lambda: nn.LayerNorm(()), ValueError, r"LayerNorm: normalized_shape is \(\); expected"),
        (lambda: nn.LayerNorm(1.5), TypeError, "LayerNorm: normalized_shape is 1.5; expected in"),
        (
            lambda: nn.BatchNorm2d(3)(np.zeros((2, 4, 3, 3))),
            ValueError,
            r"BatchNorm2d: input of shape \(2, 4, 3, 3\); expected \(N, C, H, W\), with C = 3",
        ),
        (lambda: nn.BatchNorm1d(3)(np.zeros((2, 3, 3, 3))), ValueError, "BatchNorm1d: input of sh"),
        (
            lambda: nn.BatchNorm1d(3)(np.zeros((1, 3))),
            ValueError,
            r"batch_norm: input of shape \(1, 3\): a variance needs two values .* larger batch$",
        ),
        (
            lambda: batch_norm(np.zeros((2, 3)), None, None),
            ValueError,
            "batch_norm: running statistics are needed where not training",
        ),
        (
            lambda: batch_norm(np.zeros((2, 3)), np.zeros(2), np.zeros(3)),
            ValueError,
            r"batch_norm: input of shape \(2, 3\), of 3 channels, with .* of shape \(2,\); expect",
        ),
        (lambda: batch_norm(np.zeros(2), None, None), ValueError, r"batch_norm: input of shape \("),
        (
            lambda: batch_norm(np.zeros((2, 3), int), None, None, training=True),
            TypeError,
            "batch_norm: input is floating-point, not int64",
        ),
        (
            lambda: layer_norm(np.zeros((2, 3)), 2),
            ValueError,
            r"layer_norm: input of shape \(2, 3\) does not end in \(2,\)",
        ),
        (
            lambda: layer_norm(np.zeros((2, 3)), 3, np.zeros(2)),
            ValueError,
            r"layer_norm: weight or bias of shape \(2,\); expected \(3,\)",
        ),
        (
            lambda: layer_norm(np.zeros((2, 3), int), 3),
            TypeError,
            "layer_norm: input is floating-point, not int64",
        ),
    ],
)
def test_refusals(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{sentence}") as caught:
        make()
    assert "\n" not in str(caught.value)
