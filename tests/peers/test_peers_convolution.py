"""Convolution, pooling and normalisation against PyTorch's, over arguments drawn at random.

Values, gradients, and gradients of gradients. ``make test-peers`` runs this.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nn.test_conv2d import geometries
from nn.test_pooling import poolings

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.nn import functional as ours

torch = pytest.importorskip("torch", reason="the extra `peers` brings what to compare with")
theirs = torch.nn.functional

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

EXACT = {"rtol": 1e-9, "atol": 1e-10}


def draw_arrays(shapes: Sequence[tuple[int, ...]], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.array(rng.standard_normal(shape)) for shape in shapes]


def everything(function: Callable[..., Any], inputs: Sequence[Any], leaf: Any, grad: Any) -> Any:
    """List the value, its gradients in a direction, and those of their length, squared."""
    leaves = [leaf(a) for a in inputs]
    y = function(*leaves)
    (g,) = draw_arrays([tuple(y.shape)], 7)
    total = (y * y * leaf(g)).sum()
    first = grad(total, leaves)
    second = grad(sum((a * a).sum() for a in first), leaves)
    return [y, *first, *second]


def our_grad(y: Any, leaves: Sequence[Any]) -> list[Any]:
    y.backward(create_graph=True)
    found = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    return [np.zeros(leaf.shape) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


def their_grad(y: Any, leaves: Sequence[Any]) -> Any:
    return torch.autograd.grad(y, leaves, create_graph=True, materialize_grads=True)


def compare(own: Callable[..., Any], other: Callable[..., Any], inputs: Sequence[Any]) -> None:
    mine = everything(own, inputs, lambda a: Tensor(a, requires_grad=True), our_grad)
    its = everything(other, inputs, lambda a: torch.tensor(a, requires_grad=True), their_grad)
    for a, b in zip(mine, its, strict=True):
        a = a.numpy() if isinstance(a, Tensor) else a
        scale = max(1.0, float(np.abs(a).max(initial=0)))
        np.testing.assert_allclose(a / scale, b.detach().numpy() / scale, **EXACT)


@given(geometries(), st.integers(0, 99), st.booleans())
@settings(max_examples=25)
def test_conv2d(drawn: Any, seed: int, bias: bool) -> None:
    shapes = [drawn["x"], drawn["weight"], drawn["weight"][:1]][: 2 + bias]
    stride, padding, dilation, groups = drawn["arguments"]
    keywords = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    compare(
        lambda *a: ours.conv2d(*a, **keywords),
        lambda *a: theirs.conv2d(*a, **keywords),
        draw_arrays(shapes, seed),
    )


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 2), st.sampled_from(["same", "valid"]))
@settings(max_examples=25)
def test_conv2d_with_padding_in_words(kh: int, kw: int, dilation: int, padding: str) -> None:
    keywords = {"padding": padding, "dilation": dilation}
    compare(
        lambda *a: ours.conv2d(*a, **keywords),
        lambda *a: theirs.conv2d(*a, **keywords),
        draw_arrays([(2, 1, 8, 7), (2, 1, kh, kw)], kh),
    )


@given(poolings(), st.integers(0, 99), st.booleans(), st.booleans(), st.none() | st.integers(1, 9))
def test_pooling(drawn: Any, seed: int, padded: bool, up: bool, divisor: int | None) -> None:
    shape, kernel, stride, padding, dilation = drawn
    inputs = draw_arrays([shape], seed)
    compare(
        lambda x: ours.max_pool2d(x, kernel, stride, padding, dilation, up),
        lambda x: theirs.max_pool2d(x, kernel, stride, padding, dilation, up),
        inputs,
    )
    compare(
        lambda x: ours.avg_pool2d(x, kernel, stride, padding, up, padded, divisor),
        lambda x: theirs.avg_pool2d(x, kernel, stride, padding, up, padded, divisor),
        inputs,
    )


@pytest.mark.parametrize("extreme", [0.0, np.nan, -np.inf])
def test_ties_go_to_the_same_element(extreme: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (3, 2, 7, 7)).astype(np.float64)
    x[rng.random(x.shape) < 0.5] = extreme
    own, its = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, expected = ours.max_pool2d(own, 3, 2, 1), theirs.max_pool2d(its, 3, 2, 1)
    np.testing.assert_array_equal(y.numpy(), expected.detach().numpy())
    g = rng.standard_normal(y.shape)
    y.backward(g)
    expected.backward(torch.tensor(g))
    assert own.grad is not None
    np.testing.assert_allclose(own.grad.numpy(), its.grad.numpy(), **EXACT)


SHAPES = st.sampled_from([(4, 3), (3, 2, 3), (2, 3, 2, 3)])


@given(SHAPES, st.integers(0, 99), st.booleans())
def test_batch_norm(shape: Any, seed: int, training: bool) -> None:
    channels = shape[1:2]
    mean, variance = draw_arrays([channels, channels], seed + 1)
    variance = variance**2 + 1
    own = mean.copy(), variance.copy()
    other = torch.tensor(mean), torch.tensor(variance)
    compare(
        lambda x, w, b: ours.batch_norm(x, *own, w, b, training, 0.3, 0.1),
        lambda x, w, b: theirs.batch_norm(x, *other, w, b, training, 0.3, 0.1),
        draw_arrays([shape, channels, channels], seed),
    )
    for a, b in zip(own, other, strict=True):
        np.testing.assert_allclose(a, b.numpy(), **EXACT)


@given(st.sampled_from([((4, 3), (3,)), ((2, 3, 4), (3, 4))]), st.integers(0, 99))
def test_layer_norm(drawn: Any, seed: int) -> None:
    shape, last = drawn
    compare(
        lambda x, w, b: ours.layer_norm(x, last, w, b, 0.1),
        lambda x, w, b: theirs.layer_norm(x, last, w, b, 0.1),
        draw_arrays([shape, last, last], seed),
    )


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_layers_through_training_and_evaluation(momentum: float | None) -> None:
    own = nn.BatchNorm2d(3, momentum=momentum, dtype=np.float64)
    other = torch.nn.BatchNorm2d(3, momentum=momentum, dtype=torch.float64)
    for seed in range(4):
        (x,) = draw_arrays([(2, 3, 4, 4)], seed)
        if seed == 3:
            own.eval()
            other.eval()
        expected = other(torch.tensor(x)).detach().numpy()
        np.testing.assert_allclose(own(x).numpy(), expected, **EXACT)
    for name, array in own.state_dict().items():
        np.testing.assert_allclose(array, other.state_dict()[name].numpy(), **EXACT)


@given(st.integers(1, 2), st.booleans())
def test_the_shapes_of_layers(groups: int, bias: bool) -> None:
    own = nn.Conv2d(4, 6, (3, 2), groups=groups, bias=bias).state_dict()
    other = torch.nn.Conv2d(4, 6, (3, 2), groups=groups, bias=bias).state_dict()
    assert {k: a.shape for k, a in own.items()} == {k: tuple(a.shape) for k, a in other.items()}
