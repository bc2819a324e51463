"""One entry of a gradient against a central difference, and what a check refuses."""

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from random_graphs import SMOOTH, graphs

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, study
from tinygrad_mnist.models import convnet, mlp
from tinygrad_mnist.rules import define

IMAGES = np.random.default_rng(1).random((5, 784), np.float32)
LABELS = np.array([3, 1, 4, 1, 5])


@given(graphs(SMOOTH), st.data())
def test_the_difference_is_the_gradient_of_backward(drawn: Any, data: st.DataObject) -> None:
    loss, leaves = drawn
    name = data.draw(st.sampled_from(sorted(leaves)))
    assume(leaves[name].size)
    index = data.draw(st.tuples(*(st.integers(-n, n - 1) for n in leaves[name].shape)))
    found = study.check(loss, name, index, leaves)
    assert all(leaf.grad is None for leaf in leaves.values())
    precise = all(node.dtype == np.float64 for node in study.graph(loss, leaves).nodes)
    loss.backward()
    assert leaves[name].grad is not None
    assert found.autodiff == leaves[name].grad.numpy()[index]
    assert found.value == leaves[name].numpy()[index]
    assert found.numeric == (found.above - found.below) / (2 * found.step)
    assert found.difference < (1e-8 if precise else 1e-4) * max(1.0, abs(found.numeric))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["0.weight", "0.bias", "2.weight", "2.bias"]))
def test_a_network_from_its_graph_and_anew(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    model = mlp([784, 6, 10], rng)
    loss = nn.SoftmaxCrossEntropy()(model(IMAGES), LABELS)
    shape = dict(model.named_parameters())[name].shape
    index = tuple(rng.integers(shape).tolist())
    from_graph = study.check(loss, name, index)
    anew = study.check(lambda: nn.SoftmaxCrossEntropy()(model(IMAGES), LABELS), name, index)
    assert from_graph.index == anew.index == index
    assert from_graph.numeric_dtype == anew.numeric_dtype == np.float64
    assert from_graph.dtype == np.float32
    assert abs(from_graph.numeric - anew.numeric) < 1e-9
    assert from_graph.difference < 1e-5


def test_what_a_function_draws_and_counts_is_as_before() -> None:
    rng = np.random.default_rng(0)
    model = convnet(rng, dropout=0.5)
    rng.random(3)
    before = model.state_dict()
    drawn = rng.bit_generator.state
    arrays = {name: tensor._array for name, tensor in model.named_state()}
    found = study.check(
        lambda: nn.CrossEntropyLoss()(model(IMAGES), LABELS), "5.weight", (1, 2, 0, 1)
    )
    assert found.relative < 1e-3
    assert found.numeric_dtype == np.float64
    assert rng.bit_generator.state == drawn
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, tensor in model.named_state():
        assert tensor._array is arrays[name]
        assert_array_equal(tensor.numpy(), before[name], strict=True)


class Holder:
    """Holds a model that no variable holds."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def loss(self) -> Any:
        return np.sum(self.model(IMAGES) ** 2)

    __call__ = loss


HELD = Holder(nn.Sequential(nn.Linear(784, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)))


def loss_of_the_held() -> Any:
    return HELD.loss()


def ways_to_a_model() -> dict[str, tuple[Any, nn.Module]]:
    """Give functions that lead to a model which is no variable of theirs, with the model."""
    held, model = HELD, HELD.model
    table = {"a": [model]}
    return {
        "a dict": (lambda: np.sum(table["a"][0](IMAGES) ** 2), model),
        "an attribute": (lambda: held.loss(), model),
        "a method": (held.loss, model),
        "an object": (held, model),
        "a partial function": (partial(Holder.loss, held), model),
        "a default value": (lambda model=model: np.sum(model(IMAGES) ** 2), model),
        "another function": (lambda: loss_of_the_held(), model),
        "another module of Python": (lambda: found_elsewhere.LOSS(), model),
    }


found_elsewhere = ModuleType("found_elsewhere")
vars(found_elsewhere)["LOSS"] = HELD


@pytest.mark.parametrize("way", ways_to_a_model())
def test_a_model_is_as_before_wherever_the_function_finds_it(way: str) -> None:
    function, model = ways_to_a_model()[way]
    weight = next(iter(model.parameters()))
    before = model.state_dict()
    drawn = model[2].rng.bit_generator.state
    study.check(function, "weight", (0, 0), {"weight": weight})
    for name, tensor in model.named_state():
        assert_array_equal(tensor.numpy(), before[name], strict=True)
    assert model[2].rng.bit_generator.state == drawn


def test_the_graph_of_a_convolutional_network() -> None:
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 3, 5, rng=rng),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(3),
        nn.GELU(),
        nn.Flatten(),
        nn.Dropout(0.5, rng=rng),
        nn.Linear(3 * 12 * 12, 10, rng=rng),
    )
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)(model(IMAGES), LABELS)
    before = model.state_dict()
    for name, index in (("1.weight", (1, 0, 0, 1)), ("1.bias", 2), ("3.weight", 0), ("7.bias", 9)):
        found = study.check(loss, name, index)
        assert found.numeric_dtype == np.float64
        assert found.difference < 1e-5
    for name, tensor in model.named_state():
        assert_array_equal(tensor.numpy(), before[name], strict=True)


def test_it_is_as_it_was_after_an_error() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    array = w._array
    calls = []

    def fails_later() -> Tensor:
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("it fails")
        return (w * w).sum()

    with pytest.raises(RuntimeError, match="it fails"):
        study.check(fails_later, "w", 0)
    assert w._array is array


def test_the_graph_is_kept() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    study.check(loss, "x", 0)
    loss.backward()
    assert x.grad is not None


def test_a_wrong_rule_is_seen(table: None) -> None:
    wrong = define(np.cbrt, vjps=(lambda g, y, a: g * a,), formula=(r"\bar a = \bar y\, a",))
    x = Tensor(np.array([2.0, 3.0]), requires_grad=True)
    found = study.check(np.sum(wrong(x)), "x", 1)
    assert found.autodiff == 3
    assert abs(found.numeric - 3 ** (-2 / 3) / 3) < 1e-9
    assert found.difference > 2
    assert found.relative > 0.9


def test_it_says_that_hooks_may_have_changed_the_gradient() -> None:
    x = Tensor([1.0, 3.0], requires_grad=True)
    assert study.check((x * x).sum(), "x", 1).hooked == ()
    x.register_hook(lambda g: g * 2.0)
    y = x * x
    y.register_hook(lambda g: None)
    for loss in (y.sum(), lambda: (x * x).sum()):
        found = study.check(loss, "x", 1)
        assert found.autodiff == 12
        assert round(found.numeric, 6) == 6
        assert "x" in found.hooked
        assert str(found).splitlines()[-1].startswith("  hooks may have changed the gradient, on ")


def test_a_numeral_by_itself() -> None:
    x = Tensor(3.0, requires_grad=True)
    found = study.check(x * x, "x")
    assert (found.index, found.value, found.autodiff) == ((), 3, 6)
    assert found.difference < 1e-8


def test_it_prints_both() -> None:
    x = Tensor([1.0, 3.0], requires_grad=True)
    lines = str(study.check((x * x).sum(), "x", 1)).splitlines()
    assert lines[0] == "x[1] = 3"
    assert lines[1].split()[:3] == ["by", "autodiff", "6.000000000e+00"]
    assert "(float32)" in lines[1]
    assert "(float64, steps of 1.8e-05)" in lines[2]


def test_nothing_is_apart_where_both_are_0() -> None:
    x = Tensor([1.0, 3.0], requires_grad=True)
    assert study.check((x * x)[0] * 2.0, "x", 1).relative == 0


def test_an_operation_that_insists_on_float32_gets_longer_steps() -> None:
    x = Tensor(np.array([1.0, 3.0]), requires_grad=True)
    found = study.check((x * x).astype(np.float32).sum(), "x", 1)
    assert found.numeric_dtype == np.float32
    assert found.step > 1e-3
    assert found.relative < 1e-3


def test_the_values_when_the_loss_was_computed_are_needed() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    loss = (w * 3.0 + w).sum()
    with tg.no_grad():
        w[0] = 5.0
    with pytest.raises(RuntimeError, match=r"w was changed after the loss was computed"):
        study.check(loss, "w", 0)


def test_a_leaf_that_nothing_holds_is_told_of() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    loss = (w * Tensor([3.0, 4.0], requires_grad=True)).sum()
    with pytest.raises(ValueError, match=r"nothing here holds the leaf of shape \(2,\)"):
        study.check(loss, "w", 0)


def test_what_the_graph_has_not_kept_is_told_of() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"add: input 1 .* not kept .* give a function instead"):
        study.check((w + 1.0).sum(), "w", 0)
    assert study.check(lambda: (w + 1.0).sum(), "w", 0).difference < 1e-9


@pytest.mark.parametrize("loss_fn", [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss()])
def test_targets_that_are_subtracted_need_a_function(loss_fn: Any) -> None:
    model = mlp([784, 6, 10], np.random.default_rng(0))
    y = np.random.default_rng(2).random((5, 10), np.float32)
    with pytest.raises(ValueError, match=r"squared error; give a function .*lambda: loss_fn"):
        study.check(loss_fn(model(IMAGES), y), "2.bias", 3)
    assert study.check(lambda: loss_fn(model(IMAGES), y), "2.bias", 3).difference < 1e-5


@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_has_no_derivative(scale: float) -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    for loss in ((w * scale).sum(), lambda: (w * scale).sum()):
        with pytest.raises(ValueError, match=f"the loss is {scale}, which has no derivative"):
            study.check(loss, "w", 0)


def test_a_step_that_leaves_the_domain_is_told_of() -> None:
    w = Tensor(np.array([1e-12, 2.0]), requires_grad=True)
    for loss in (np.sqrt(w).sum(), lambda: np.sqrt(w).sum()):
        with pytest.raises(ValueError, match=r"with w\[0\] = 1e-12 - 6.1e-06 the loss is nan"):
            study.check(loss, "w", 0)


def test_a_gradient_that_is_not_finite_beside_a_difference_that_is() -> None:
    w = Tensor([0.0, 2.0], requires_grad=True)
    with np.errstate(all="ignore"):
        found = study.check(np.where([False, True], np.sqrt(abs(w)), 0.0 * w).sum(), "w", 0)
    assert np.isnan(found.autodiff)
    assert str(found).splitlines()[3] == "  apart                     nan"


def test_a_function_must_compute_the_same_each_time() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="it must compute the same each time"):
        study.check(lambda: (w * rng.random(2)).sum(), "w", 0)


def test_a_loss_is_one_number() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"must be one number, not of shape \(2,\)"):
        study.check(w * w, "w", 0)
    with pytest.raises(TypeError, match="of what the function returns: takes a Tensor, not float"):
        study.check(lambda: 3.0, "w", 0)
    assert study.check((w * w)[:1], "w", 0).autodiff == 2


def test_a_name_must_be_a_leafs() -> None:
    model = mlp([784, 6, 10], np.random.default_rng(0))
    hidden = model[0](IMAGES)
    loss = nn.SoftmaxCrossEntropy()(model[2](hidden), LABELS)
    with pytest.raises(KeyError, match=r"no leaf that is called '2\.weigth'; did you mean '2\.wei"):
        study.check(loss, "2.weigth", 0)
    with pytest.raises(KeyError, match="no leaf that is called 'hidden'"):
        study.check(loss, "hidden", (0, 0))


@pytest.mark.parametrize("index", [(2, 0), (0, 3), (-3, 0), 0, (0, 0, 0), (), (0.5, 1), "ab", None])
def test_an_index_must_be_an_entrys(index: Any) -> None:
    w = Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(IndexError, match=r"w has shape \(2, 3\), and .* expected 2 integers"):
        study.check((w * w).sum(), "w", index)


def test_an_index_may_count_from_the_end() -> None:
    w = Tensor(np.ones((2, 3)), requires_grad=True)
    assert study.check((w * w).sum(), "w", (-1, np.int64(-3))).index == (1, 0)
