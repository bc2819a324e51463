"""The layers: what they compute, how they begin, how they print."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, arrays

from tinygrad_mnist import Tensor, nn


@given(data=st.data(), stack=st.lists(st.integers(0, 3), max_size=2), dtype=FLOATS)
@pytest.mark.parametrize("bias", [True, False])
def test_linear_maps_the_last_axis(
    bias: bool, data: st.DataObject, stack: list[int], dtype: Any
) -> None:
    x = data.draw(arrays((*stack, 3), dtype))
    layer = nn.Linear(3, 2, bias, rng=np.random.default_rng(0), dtype=dtype)
    if layer.bias is not None:
        layer.load_state_dict(layer.state_dict() | {"bias": np.full(2, 0.5)})
    y = layer(x)
    assert y.shape == (*stack, 2)
    assert y.dtype == dtype
    np.testing.assert_allclose(y.numpy(), x @ layer.weight.numpy() + 0.5 * bias, rtol=1e-5)
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_linear_begins_as_its_generator_and_init_say() -> None:
    first, again, other = (nn.Linear(4, 3, rng=np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.weight.numpy(), again.weight.numpy())
    assert (first.weight.numpy() != other.weight.numpy()).any()
    assert first.bias is not None
    assert not first.bias.numpy().any()
    glorot = nn.Linear(4, 3, rng=np.random.default_rng(1), init=nn.init.glorot_uniform)
    expected = nn.init.glorot_uniform((4, 3), np.random.default_rng(1))
    np.testing.assert_array_equal(glorot.weight.numpy(), expected)


def test_linear_without_a_generator_begins_differently_each_time() -> None:
    assert (nn.Linear(4, 3).weight.numpy() != nn.Linear(4, 3).weight.numpy()).any()


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0), (-1, 2)])
def test_linear_needs_positive_sizes(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"^Linear: .*_features is {min(sizes)}; expected a"):
        nn.Linear(*sizes)


def test_linear_names_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^affine: .*\(4, 5\).*\(3, 2\)"):
        nn.Linear(3, 2)(Tensor(np.zeros((4, 5))))
    with pytest.raises(ValueError, match=r"^matmul: \(4, 5\) @ \(3, 2\): inner sizes 5 and 3"):
        nn.Linear(3, 2, bias=False)(Tensor(np.zeros((4, 5))))


@given(x=arrays((2, 3), low=-2.0))
def test_activations_are_the_functions(x: np.ndarray) -> None:
    np.testing.assert_array_equal(nn.ReLU()(Tensor(x)).numpy(), np.maximum(x, 0))
    e = np.exp(x)
    for axis in (0, 1, -1):
        expected = e / e.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(nn.Softmax(axis)(Tensor(x)).numpy(), expected, rtol=1e-12)


def test_printed_forms() -> None:
    assert repr(nn.Linear(784, 10)) == "Linear(784, 10)  # 7,850 parameters"
    assert repr(nn.Linear(3, 2, bias=False)) == "Linear(3, 2, bias=False)  # 6 parameters"
    assert repr(nn.ReLU()) == "ReLU()"
    assert repr(nn.Softmax(axis=0)) == "Softmax(dim=0)"
    assert repr(nn.SoftmaxCrossEntropy()) == "SoftmaxCrossEntropy()"
