"""Optimisers, schedules and clipping against PyTorch's, over random options and many steps."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optim.references import KINDS, OPTIONS

from tinygrad_mnist import Tensor, optim
from tinygrad_mnist.nn import utils

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::UserWarning")]

SHAPES = ((3, 2), (4,), ())
EXACT = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(scope="session")
def torch() -> Any:
    return pytest.importorskip("torch", reason="the extra `peers` brings what to compare with")


class Pair:
    """The same parameters here and there."""

    def __init__(self, torch: Any, seed: int) -> None:
        self.torch = torch
        self.rng = np.random.default_rng(seed)
        values = [self.rng.standard_normal(shape) for shape in SHAPES]
        self.ours = [Tensor(value, requires_grad=True) for value in values]
        self.theirs = [torch.tensor(value, requires_grad=True) for value in values]

    def give_gradients(self, scale: float = 1.0) -> None:
        for own, its in zip(self.ours, self.theirs, strict=True):
            g = scale * self.rng.standard_normal(own.shape)
            there = self.rng.random() < 0.8
            own.grad, its.grad = (g, self.torch.tensor(g)) if there else (None, None)

    def check(self, attribute: str = "values") -> None:
        for own, its in zip(self.ours, self.theirs, strict=True):
            if attribute == "values":
                np.testing.assert_allclose(own.numpy(), its.detach().numpy(), **EXACT)
            elif own.grad is not None:
                np.testing.assert_allclose(own.grad.numpy(), its.grad.numpy(), **EXACT)


def groups(parameters: list[Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"params": parameters[:1]}, {"params": parameters[1:], **options}]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_optimisers(torch: Any, kind: Any, data: st.DataObject, seed: int) -> None:
    pair = Pair(torch, seed)
    options = data.draw(OPTIONS[kind])
    if options.get("centered"):
        options["alpha"] = max(options["alpha"], 0.5)  # else the variance is rounding alone
    ours = kind(groups(pair.ours, options))
    theirs = getattr(torch.optim, kind.__name__)(groups(pair.theirs, options))
    for _ in range(8):
        pair.give_gradients()
        ours.step()
        theirs.step()
        pair.check()
    state, its = ours.state_dict(), theirs.state_dict()
    for i, values in state["state"].items():
        for name, value in values.items():
            np.testing.assert_allclose(value, its["state"][i][name].numpy(), **EXACT)
    for group, its_group in zip(state["param_groups"], its["param_groups"], strict=True):
        assert group == {name: its_group[name] for name in group}


NUMBERS = st.integers(1, 8)
SCHEDULES: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "StepLR": st.tuples(NUMBERS, st.floats(0.0, 1.0)),
    "ExponentialLR": st.tuples(st.floats(0.1, 1.0)),
    "CosineAnnealingLR": st.tuples(NUMBERS, st.floats(0.0, 0.2)),
    "LinearLR": st.tuples(st.floats(0.1, 1.0), st.floats(0.0, 1.0), NUMBERS),
    "OneCycleLR": st.tuples(
        st.floats(0.1, 1.0),
        *map(st.just, (None, 5, 5)),
        st.floats(0.0, 1.0),
        st.sampled_from(["cos", "linear"]),
        st.booleans(),
        st.floats(0.5, 0.8),
        st.floats(0.8, 0.95),
        st.floats(1.0, 30.0),
        st.floats(1.0, 1e4),
        st.booleans(),
    ),
}


def make_ours(name: str, optimiser: Any, drawn: tuple[Any, ...]) -> Any:
    return getattr(optim.lr_scheduler, name)(optimiser, *drawn)


def make_theirs(torch: Any, name: str, optimiser: Any, drawn: tuple[Any, ...]) -> Any:
    return getattr(torch.optim.lr_scheduler, name)(optimiser, *drawn)


@pytest.mark.parametrize("name", SCHEDULES)
@settings(max_examples=40)
@given(data=st.data(), kind=st.sampled_from(["SGD", "Adam", "RMSprop"]))
def test_schedules(torch: Any, name: str, data: st.DataObject, kind: str) -> None:
    pair = Pair(torch, 0)
    drawn = data.draw(SCHEDULES[name])
    options = {"lr": data.draw(st.floats(0.01, 1.0))}
    ours, theirs = (
        getattr(library, kind)(groups(parameters, options), 0.5)
        for library, parameters in ((optim, pair.ours), (torch.optim, pair.theirs))
    )
    mine, its = make_ours(name, ours, drawn), make_theirs(torch, name, theirs, drawn)
    for _ in range(25):
        assert mine.get_last_lr() == pytest.approx(its.get_last_lr(), abs=1e-9)
        for group, its_group in zip(ours.param_groups, theirs.param_groups, strict=True):
            assert group["lr"] == pytest.approx(its_group["lr"], abs=1e-9)
            key = "betas" if kind == "Adam" else "momentum"
            assert group[key] == pytest.approx(its_group[key])
        ours.step()
        theirs.step()
        if mine.last_epoch < 24:
            mine.step()
            its.step()


@settings(max_examples=40)
@given(data=st.data())
def test_schedules_one_after_another(torch: Any, data: st.DataObject) -> None:
    names = data.draw(
        st.lists(
            st.sampled_from(["StepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR"]),
            min_size=1,
            max_size=3,
        )
    )
    drawn = [data.draw(SCHEDULES[name]) for name in names]
    steps = st.lists(NUMBERS, min_size=len(names) - 1, max_size=len(names) - 1)
    milestones = np.cumsum(data.draw(steps)).astype(int).tolist()
    pair = Pair(torch, 0)
    ours, theirs = optim.SGD(pair.ours, 0.5), torch.optim.SGD(pair.theirs, 0.5)
    mine = optim.lr_scheduler.SequentialLR(
        ours,
        [make_ours(name, ours, own) for name, own in zip(names, drawn, strict=True)],
        milestones,
    )
    its = torch.optim.lr_scheduler.SequentialLR(
        theirs,
        [make_theirs(torch, name, theirs, own) for name, own in zip(names, drawn, strict=True)],
        milestones,
    )
    for _ in range(25):
        assert mine.get_last_lr() == pytest.approx(its.get_last_lr(), abs=1e-9)
        theirs.step()
        mine.step()
        its.step()


@given(
    seed=st.integers(0, 1000),
    max_norm=st.floats(0.0, 5.0),
    norm_type=st.sampled_from([1.0, 2.0, 3.0, np.inf]),
    scale=st.sampled_from([1.0, np.inf, np.nan]),
)
def test_clipping_by_norm(
    torch: Any, seed: int, max_norm: float, norm_type: float, scale: float
) -> None:
    pair = Pair(torch, seed)
    pair.give_gradients(scale)
    norm = utils.clip_grad_norm_(pair.ours, max_norm, norm_type)
    its = torch.nn.utils.clip_grad_norm_(pair.theirs, max_norm, norm_type)
    assert norm == pytest.approx(float(its), nan_ok=True)
    pair.check("gradients")


@given(seed=st.integers(0, 1000), value=st.floats(0.0, 2.0))
def test_clipping_by_value(torch: Any, seed: int, value: float) -> None:
    pair = Pair(torch, seed)
    pair.give_gradients()
    assume(any(own.grad is not None for own in pair.ours))  # PyTorch fails where there is none
    utils.clip_grad_value_(pair.ours, value)
    torch.nn.utils.clip_grad_value_(pair.theirs, value)
    pair.check("gradients")
