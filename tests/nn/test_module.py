"""`Module`: how it finds what it is made of, and how its state goes out and comes back."""

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import Tensor, nn


class Zoo(nn.Module):
    """Tensors and modules in every place where they are looked for."""

    def __init__(self) -> None:
        self.own = Tensor([1.0], requires_grad=True)
        self.constant = Tensor([2.0])
        self.size = 3
        self.layer = nn.Linear(2, 1)
        self.several = [nn.ReLU(), Tensor([3.0], requires_grad=True)]
        self.pair = (nn.Linear(1, 1, bias=False), "text")
        self.named = {"deep": [{"er": Tensor([4.0], requires_grad=True)}], "no": None}
        self.again = self.own

    def forward(self, x: Any) -> Any:
        return x * self.own


NAMES = ["own", "layer.weight", "layer.bias", "several.1", "pair.0.weight", "named.deep.0.er"]


def model(seed: int = 0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(4, 3, rng=rng), nn.ReLU(), nn.Linear(3, 2, rng=rng))


# --- finding ------------------------------------------------------------------------------


def test_parameters_are_found_wherever_they_are_each_once() -> None:
    zoo = Zoo()
    assert [name for name, _ in zoo.named_parameters()] == NAMES
    assert zoo.parameters()[0] is zoo.own
    assert len(zoo.parameters()) == len(NAMES)


def test_the_state_holds_what_is_not_learned_too() -> None:
    assert set(Zoo().state_dict()) == {*NAMES, "constant", "again"}


def test_a_shared_layer_is_learned_once() -> None:
    layer = nn.Linear(2, 2)
    twice = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(twice.parameters()) == 2
    assert set(twice.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    twice(np.ones((1, 2), np.float32)).sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_modules_are_found_from_the_outside_in() -> None:
    inner = model()
    outer = nn.Sequential(inner, nn.ReLU())
    kinds = [type(module).__name__ for module in outer.modules()]
    assert kinds == ["Sequential", "Sequential", "Linear", "ReLU", "Linear", "ReLU"]


def test_training_and_evaluation_reach_every_part() -> None:
    zoo = Zoo()
    parts: list[Any] = [zoo, zoo.layer, zoo.several[0], zoo.pair[0]]
    assert all(part.training for part in parts)
    assert zoo.eval() is zoo
    assert not any(part.training for part in parts)
    zoo.train()
    assert all(part.training for part in parts)
    assert "training" not in zoo.state_dict()


def test_zero_grad_reaches_every_parameter() -> None:
    zoo = Zoo()
    for parameter in zoo.parameters():
        parameter.grad = np.ones(parameter.shape)
    zoo.zero_grad()
    assert [parameter.grad for parameter in zoo.parameters()] == [None] * len(NAMES)


def test_a_module_without_forward_says_so() -> None:
    class Empty(nn.Module):
        pass

    with pytest.raises(TypeError, match=r"^Empty has no forward\(\): define it in the class$"):
        Empty()(1.0)


def test_forward_is_inherited_and_overridden() -> None:
    class Twice(Zoo):
        def forward(self, x: Any) -> Any:
            return super().forward(x) * 2

    class Same(Twice):
        pass

    assert Zoo()(3.0).tolist() == [3.0]
    assert Twice()(3.0).tolist() == [6.0]
    assert Same()(3.0).tolist() == [6.0]


# --- Sequential ---------------------------------------------------------------------------


def test_layers_are_applied_in_turn() -> None:
    layers = model()
    x = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    expected = layers[2](layers[1](layers[0](x)))
    np.testing.assert_array_equal(layers(x).numpy(), expected.numpy())
    assert len(layers) == 3
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU, nn.Linear]
    assert nn.Sequential()(x) is x


def test_printed_form() -> None:
    assert repr(nn.Sequential(model(), nn.Softmax())) == (
        "Sequential(\n"
        "  (0): Sequential(\n"
        "    (0): Linear(4, 3)  # 15 parameters\n"
        "    (1): ReLU()\n"
        "    (2): Linear(3, 2)  # 8 parameters\n"
        "  )  # 23 parameters\n"
        "  (1): Softmax(dim=-1)\n"
        ")  # 23 parameters"
    )


# --- state --------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(0, 99))
def test_state_goes_round(one: int, other: int) -> None:
    source, target = model(one), model(other)
    target.load_state_dict(source.state_dict())
    for (name, a), (same, b) in zip(source.named_state(), target.named_state(), strict=True):
        assert name == same
        np.testing.assert_array_equal(a.numpy(), b.numpy(), strict=True)
        assert not np.shares_memory(a.numpy(), b.numpy())


def test_a_state_is_a_copy() -> None:
    layers = model()
    state = layers.state_dict()
    before = layers[0].weight.tolist()  # type: ignore[attr-defined]
    for array in state.values():
        array += 1.0
    assert layers[0].weight.tolist() == before  # type: ignore[attr-defined]
    layers.load_state_dict(state)
    state["0.weight"][...] = 0.0
    assert layers[0].weight.numpy().any()  # type: ignore[attr-defined]


def test_loading_keeps_the_parameters_and_their_dtype() -> None:
    layers = model()
    parameters = layers.parameters()
    layers.load_state_dict(
        {name: a.astype(np.float64) for name, a in model(1).state_dict().items()}
    )
    assert all(a is b for a, b in zip(parameters, layers.parameters(), strict=True))
    assert {parameter.dtype for parameter in parameters} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"2.bias": None}, "2.bias is missing"),
        ({"2.bais": np.zeros(2)}, "2.bais is unknown"),
        ({"2.bias": np.zeros(3)}, r"2.bias has shape \(3,\) where \(2,\) was expected"),
        ({"2.weight": np.full((3, 2), "a")}, "2.weight holds <U1, not real numbers"),
        ({"0.weight": np.ones((4, 3)) * 1j}, "0.weight holds complex128, not real numbers"),
        (
            {"0.bias": None, "2.weight": np.zeros((2, 3)), "more": 1.0},
            r"0.bias is missing; 2.weight has shape \(2, 3\) where .* expected; more is unknown",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused_as_a_whole(
    change: dict[str, Any], sentence: str
) -> None:
    layers = model()
    before = layers.state_dict()
    state = {name: array + 1.0 for name, array in before.items()} | change
    state = {name: array for name, array in state.items() if array is not None}
    with pytest.raises(ValueError, match=rf"^load_state_dict: {sentence}$"):
        layers.load_state_dict(state)
    for name, array in layers.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_deep_copy_is_a_model_of_its_own() -> None:
    layer = nn.Linear(2, 2)
    tied = nn.Sequential(layer, layer)
    twin = copy.deepcopy(tied)
    assert len(twin.parameters()) == 2
    for a, b in zip(tied.parameters(), twin.parameters(), strict=True):
        assert a is not b
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        assert b.requires_grad
