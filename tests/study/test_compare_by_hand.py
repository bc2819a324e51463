"""The two derivations side by side: values, lines and rules."""

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, by_hand, nn, study
from tinygrad_mnist.models import mlp

NAMES = ["dW1", "db1", "dW2", "db2"]
PARAMETERS = ["0.weight", "0.bias", "2.weight", "2.bias"]


def compared(
    sizes: list[int], samples: int, seed: int, dtype: Any
) -> tuple[nn.Sequential, np.ndarray, np.ndarray, study.Comparison]:
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Linear(sizes[0], sizes[1], rng=rng, dtype=dtype),
        nn.ReLU(),
        nn.Linear(sizes[1], sizes[2], rng=rng, dtype=dtype),
    )
    images = rng.random((samples, sizes[0])).astype(dtype)
    labels = rng.integers(0, sizes[2], samples)
    return model, images, labels, study.compare_by_hand(model, images, labels)


@given(
    st.lists(st.integers(1, 6), min_size=3, max_size=3),
    st.integers(1, 5),
    st.integers(0, 99),
    st.sampled_from([(np.float64, 1e-12), (np.float32, 1e-5)]),
)
def test_both_are_what_they_are_called(
    sizes: list[int], samples: int, seed: int, dtype: tuple[Any, float]
) -> None:
    model, images, labels, found = compared(sizes, samples, seed, dtype[0])
    assert [each.name for each in found] == NAMES
    assert [each.parameter for each in found] == PARAMETERS
    assert all(parameter.grad is None for parameter in model.parameters())
    nn.SoftmaxCrossEntropy()(model(images), labels).backward()
    W1, b1, W2, b2 = (np.atleast_2d(p.numpy()).T for p in model.parameters())
    Z1, A1, _, A2 = by_hand.forward(images.T, W1, b1, W2, b2)
    Y = by_hand.one_hot(labels, sizes[2], images.dtype)
    hand = by_hand.backward(images.T, Y, Z1, A1, A2, W2)
    for each, parameter, gradient in zip(found, model.parameters(), hand, strict=True):
        assert parameter.grad is not None
        assert_array_equal(each.by_autodiff, parameter.grad.numpy(), strict=True)
        assert_array_equal(each.by_hand, gradient.T.reshape(parameter.shape), strict=True)
        assert each.difference == np.abs(each.by_hand - each.by_autodiff).max()
        assert each.difference < dtype[1]
        assert found[each.name] is found[each.parameter] is each
    assert found.difference == max(each.difference for each in found)


def test_the_lines_are_those_of_the_file() -> None:
    *_, found = compared([784, 10, 10], 8, 0, np.float32)
    source = inspect.getsource(by_hand).splitlines()
    for each in found:
        assert source[each.line - 1].strip() == each.code
        assert each.code.startswith(f"{each.name} = ")


def test_the_rules_are_those_on_the_way() -> None:
    *_, found = compared([784, 10, 10], 8, 0, np.float32)
    assert found["dW1"].rules == ("softmax_cross_entropy", "affine", "relu", "affine")
    assert found["db2"].rules == ("softmax_cross_entropy", "affine")
    assert found["dW2"].formula == r"\bar W = x^{\mathsf T} \bar y"
    assert found["db1"].formula == r"\bar b = \bar y^{\mathsf T} \mathbf 1"


def test_a_slip_by_hand_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    right = by_hand.backward

    def slipped(*arrays: Any) -> Any:
        dW1, db1, dW2, db2 = right(*arrays)
        return dW1, db1, dW2 * 2, db2

    monkeypatch.setattr(by_hand, "backward", slipped)
    monkeypatch.setattr(
        "tinygrad_mnist.study.derivations._lines", dict.fromkeys(NAMES, (1, "")).copy
    )
    *_, found = compared([6, 5, 4], 3, 0, np.float64)
    assert found["dW2"].difference > 1e-3
    assert found["dW1"].difference < 1e-12


def test_it_prints_as_a_table() -> None:
    *_, found = compared([784, 10, 10], 8, 0, np.float32)
    lines = str(found).splitlines()
    assert len(lines) == 6
    assert lines[2].startswith("dW1       0.weight  ")
    assert "softmax_cross_entropy → affine → relu → affine" in lines[2]
    assert f"line {found[0].line}: dW1 = 1 / m * dZ1 @ X.T" in lines[2]
    assert repr(found) == str(found)
    with pytest.raises(
        KeyError, match=r"no gradient or parameter is called 'dw1'; did you mean .*'dW1'"
    ):
        found["dw1"]


def test_tensors_and_no_grad_will_do() -> None:
    model, images, labels, found = compared([6, 5, 4], 3, 0, np.float64)
    with tg.no_grad():
        again = study.compare_by_hand(model, Tensor(images), Tensor(labels))
    assert_array_equal(found["dW1"].by_autodiff, again["dW1"].by_autodiff)


class Doubled(nn.Sequential):
    """Looks like the two-layer network, but is not."""

    def forward(self, x: Any) -> Any:
        return super().forward(x) * 2.0


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (mlp([4, 3], RNG), "Linear"),
        (mlp([4, 3, 3, 3], RNG), "Linear, ReLU, Linear, ReLU, Linear"),
        (nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)), "Linear, Tanh, Linear"),
        (nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 3)), "Linear, ReLU, "),
        (Doubled(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3)), "Doubled"),
        (nn.Sequential(), "Sequential"),
        (nn.Linear(4, 3), "Linear"),
        (3, "int"),
    ],
)
def test_another_model_is_refused(model: Any, what: str) -> None:
    with pytest.raises(ValueError, match=f"for the two-layer network only, .*is {what}"):
        study.compare_by_hand(model, np.ones((2, 4), np.float32), [0, 1])


@pytest.mark.parametrize("name", ["0.weight", "0.bias", "2.weight", "2.bias"])
def test_a_frozen_parameter_is_refused(name: str) -> None:
    model = mlp([4, 3, 3], RNG)
    dict(model.named_parameters())[name].requires_grad = False
    with pytest.raises(ValueError, match=f"{name} is frozen: it needs requires_grad=True"):
        study.compare_by_hand(model, np.ones((2, 4), np.float32), [0, 1])


def test_parameters_that_are_shared_are_refused() -> None:
    linear, other = nn.Linear(3, 3), nn.Linear(3, 3)
    other.weight = linear.weight
    for last in (linear, other):
        model = nn.Sequential(linear, nn.ReLU(), last)
        with pytest.raises(ValueError, match="parameters of their own, and these share some"):
            study.compare_by_hand(model, np.ones((2, 3), np.float32), [0, 1])


def test_wrong_data_is_refused() -> None:
    model = mlp([4, 3, 3], RNG)
    with pytest.raises(TypeError, match=r"images: expected floats, .*, not uint8"):
        study.compare_by_hand(model, np.ones((2, 4), np.uint8), [0, 1])
    with pytest.raises(ValueError, match="affine: input of shape"):
        study.compare_by_hand(model, np.ones((2, 5), np.float32), [0, 1])
    with pytest.raises(ValueError, match="label 3 is not one of the 3 classes"):
        study.compare_by_hand(model, np.ones((2, 4), np.float32), [0, 3])
    with pytest.raises(TypeError, match="labels are integers"):
        study.compare_by_hand(model, np.ones((2, 4), np.float32), [0.0, 1.0])
