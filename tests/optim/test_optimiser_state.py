"""What an optimiser remembers leaves as data, and comes back so that no bit differs."""

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optim.references import KINDS, OPTIONS

from tinygrad_mnist import Tensor
from tinygrad_mnist.optim import SGD, Adam, RMSprop

SHAPES = ((3, 2), (4,), ())


def make(kind: Any, values: list[Any], **options: Any) -> tuple[Any, list[Tensor]]:
    tensors = [Tensor(value, requires_grad=True) for value in values]
    return kind([{"params": tensors[:1]}, {"params": tensors[1:], **options}]), tensors


def run(optimiser: Any, tensors: list[Tensor], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(3):
        for tensor in tensors:
            g = rng.standard_normal(tensor.shape).astype(np.float32)
            tensor.grad = g if rng.random() < 0.7 else None
        optimiser.step()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_a_run_that_is_loaded_continues_with_the_same_bits(
    kind: Any, data: st.DataObject, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]
    first, tensors = make(kind, values, **data.draw(OPTIONS[kind]))
    run(first, tensors, seed)
    state = first.state_dict()
    kept = copy.deepcopy(state)
    second, others = make(kind, [tensor.numpy() for tensor in tensors])
    state["param_groups"] = json.loads(json.dumps(state["param_groups"]))
    second.load_state_dict(state)
    for optimiser, own in ((first, tensors), (second, others)):
        run(optimiser, own, seed + 1)
    for a, b in zip(tensors, others, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    for values_then, values_now in zip(
        kept["state"].values(), state["state"].values(), strict=True
    ):
        for name in values_then:  # neither optimiser writes to what was handed out
            np.testing.assert_array_equal(values_then[name], values_now[name])


def test_the_form_is_that_of_pytorch() -> None:
    p, q = (Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    optimiser = Adam([{"params": [p], "lr": 0.5}, {"params": [q]}])
    q.grad = [1.0, 0.0]
    optimiser.step()
    state = optimiser.state_dict()
    assert [*state["state"]] == [1]
    assert state["state"][1]["step"] == 1
    np.testing.assert_allclose(state["state"][1]["exp_avg"], [0.1, 0.0])
    np.testing.assert_allclose(state["state"][1]["exp_avg_sq"], [0.001, 0.0])
    rest = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    assert state["param_groups"] == [
        {"lr": 0.5, **rest, "params": [0]},
        {"lr": 1e-3, **rest, "params": [1]},
    ]


def _with(state: dict[str, Any], value: Any, *path: Any) -> dict[str, Any]:
    for step in path[:-1]:
        state = state[step]
    state[path[-1]] = value
    return state


WRONG: list[tuple[Any, Callable[[dict[str, Any]], Any], str]] = [
    (Adam, lambda s: s.pop("state"), "expected 'state' and 'param_groups'"),
    (Adam, lambda s: s["param_groups"].pop(), r"groups of \[1\] parameters where \[1, 2\]"),
    (Adam, lambda s: s["param_groups"][1]["params"].pop(), r"groups of \[1, 1\] parameters"),
    (Adam, lambda s: s["param_groups"][0].pop("lr"), "a group without lr"),
    (Adam, lambda s: _with(s, -1.0, "param_groups", 0, "lr"), "lr is -1.0; expected"),
    (Adam, lambda s: _with(s, np.nan, "param_groups", 1, "lr"), "lr is nan; expected"),
    (Adam, lambda s: _with(s, 1.0, "param_groups", 1, "momentum"), "momentum is unknown"),
    (Adam, lambda s: _with(s, s["state"].pop(0), "state", 7), "parameter 7 of 3"),
    (Adam, lambda s: s["state"][0].pop("exp_avg"), "parameter 0: exp_avg is missing"),
    (Adam, lambda s: _with(s, 1, "state", 0, "exp"), "parameter 0: exp is unknown"),
    (Adam, lambda s: _with(s, 0, "state", 0, "step"), "step is 0; expected"),
    (Adam, lambda s: _with(s, 1.5, "state", 0, "step"), "step is 1.5; expected"),
    (
        Adam,
        lambda s: _with(s, np.zeros(3), "state", 0, "exp_avg"),
        r"parameter 0: exp_avg is float64 of shape \(3,\) where float32 of shape \(3, 2\) was",
    ),
    (SGD, lambda s: _with(s, {"step": 3}, "state", 0), "parameter 0: step is unknown"),
    (SGD, lambda s: _with(s, True, "param_groups", 0, "nesterov"), "nesterov needs a momentum"),
    (RMSprop, lambda s: s["state"][0].pop("square_avg"), "square_avg is missing"),
]


@pytest.mark.parametrize(("kind", "spoil", "sentence"), WRONG)
def test_a_state_of_something_else_is_refused_and_changes_nothing(
    kind: Any, spoil: Callable[[dict[str, Any]], Any], sentence: str
) -> None:
    optimiser, tensors = make(kind, [np.ones(shape, np.float32) for shape in SHAPES])
    for tensor in tensors:
        tensor.grad = np.ones(tensor.shape, np.float32)
    optimiser.step()
    before = optimiser.state_dict()
    state = optimiser.state_dict()
    state["param_groups"][0]["lr"] = 0.123
    spoil(state)
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: .*{sentence}") as caught:
        optimiser.load_state_dict(state)
    assert "\n" not in str(caught.value)
    after = optimiser.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert str(after["state"]) == str(before["state"])
