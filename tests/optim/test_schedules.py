"""Schedules against their formulas, and what they remember."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_mnist import Tensor
from tinygrad_mnist.optim import SGD, Adam, Optimizer, RMSprop
from tinygrad_mnist.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

Make = Callable[[Optimizer], LRScheduler]
Formula = Callable[[float, int], float]  # of the first learning rate and the number of steps


def optimiser(*lrs: float, kind: Any = SGD) -> Any:
    return kind([{"params": Tensor(1.0, requires_grad=True), "lr": lr} for lr in lrs])


counts = st.integers(1, 12)
shares = st.floats(0.0, 1.0)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Make, Formula]:
    """Draw how to make a schedule, and its formula."""
    kind = draw(st.sampled_from(["step", "exponential", "linear", "cosine"]))
    n, gamma = draw(counts), draw(st.floats(0.0, 1.2))
    start, end = draw(st.floats(0.01, 1.0)), draw(shares)
    make: dict[str, Make] = {
        "step": lambda o: StepLR(o, n, gamma),
        "exponential": lambda o: ExponentialLR(o, gamma),
        "linear": lambda o: LinearLR(o, start, end, n),
        "cosine": lambda o: CosineAnnealingLR(o, n, end),
    }
    formula: dict[str, Formula] = {
        "step": lambda lr, k: lr * math.prod([gamma] * (k // n)),
        "exponential": lambda lr, k: lr * math.prod([gamma] * k),
        "linear": lambda lr, k: lr * float(np.interp(k, [0, n], [start, end])),
        "cosine": lambda lr, k: (lr + end) / 2 + (lr - end) / 2 * math.cos(math.pi / n * k),
    }
    return make[kind], formula[kind]


@given(drawn=schedules(), lrs=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=3))
def test_the_formula_of_the_step_and_of_each_groups_first_learning_rate(
    drawn: tuple[Make, Formula], lrs: list[float]
) -> None:
    make, formula = drawn
    own = optimiser(*lrs)
    schedule = make(own)
    for k in range(30):
        expected = [formula(lr, k) for lr in lrs]
        assert schedule.get_last_lr() == pytest.approx(expected, abs=1e-12)
        assert [group["lr"] for group in own.param_groups] == schedule.get_last_lr()
        assert schedule.last_epoch == k
        assert min(schedule.get_last_lr()) >= 0  # nor by rounding: the optimiser would refuse it
        schedule.step()


@given(first=schedules(), second=schedules(), third=schedules(), a=counts, b=counts)
def test_one_after_another_each_from_its_own_beginning(
    first: tuple[Make, Formula],
    second: tuple[Make, Formula],
    third: tuple[Make, Formula],
    a: int,
    b: int,
) -> None:
    own = optimiser(0.5, 0.25)
    parts = [make(own) for make, _ in (first, second, third)]
    schedule = SequentialLR(own, parts, [a, a + b])
    for k in range(30):
        (_, formula), begin = (first, 0) if k < a else (second, a) if k < a + b else (third, a + b)
        expected = [formula(lr, k - begin) for lr in (0.5, 0.25)]
        assert schedule.get_last_lr() == pytest.approx(expected, abs=1e-12)
        assert [group["lr"] for group in own.param_groups] == schedule.get_last_lr()
        schedule.step()


@given(
    total=st.integers(1, 20),
    pct_start=shares,
    way=st.sampled_from(["cos", "linear"]),
    kind=st.sampled_from([SGD, Adam, RMSprop]),
)
def test_one_cycle_goes_up_and_down_and_the_momentum_the_other_way(
    total: int, pct_start: float, way: str, kind: Any
) -> None:
    own = optimiser(0.1, 0.1, kind=kind)
    schedule = OneCycleLR(own, [1.0, 2.0], total, pct_start=pct_start, anneal_strategy=way)
    found = []
    for _ in range(total):
        group, other = own.param_groups
        momentum = group["betas"][0] if kind is Adam else group["momentum"]
        assert other["lr"] == pytest.approx(2 * group["lr"])
        assert 0.85 - 1e-12 <= momentum <= 0.95 + 1e-12
        found.append((group["lr"], momentum))
        schedule.step()
    lrs = [lr for lr, _ in found]
    top = lrs.index(max(lrs))
    assert lrs == sorted(lrs[:top]) + sorted(lrs[top:], reverse=True)
    assert top == pytest.approx(max(0.0, pct_start * total - 1), abs=1.0 + 1e-9)
    low, high = sorted(found)[0], sorted(found)[-1]
    assert low[1] >= high[1]  # the highest learning rate goes with the lowest momentum
    final = 1.0 / 25 / 1e4
    if top < total - 1:
        assert lrs[-1] == pytest.approx(final)
    assert own.param_groups[0]["lr"] >= final * (1 - 1e-9)  # after the last step, too


def test_a_line_to_zero_ends_there() -> None:
    schedule = LinearLR(optimiser(1.0), 0.7977583920253981, 0.0, 3)
    for _ in range(4):
        schedule.step()
    assert schedule.get_last_lr() == [0.0]


def test_one_cycle_in_numbers() -> None:
    own = optimiser(0.1)
    schedule = OneCycleLR(own, 1.0, 11, pct_start=6 / 11, div_factor=2, final_div_factor=5)
    lrs, momenta = [], []
    for _ in range(11):
        lrs.append(own.param_groups[0]["lr"])
        momenta.append(own.param_groups[0]["momentum"])
        schedule.step()
    wave = [(1 - math.cos(math.pi * k / 5)) / 2 for k in range(6)]
    up, down = [0.5 + 0.5 * w for w in wave], [1.0 - 0.9 * w for w in wave]
    assert lrs == pytest.approx(up + down[1:])
    rise = [0.85 + 0.1 * w for w in wave]
    assert momenta == pytest.approx(rise[::-1] + rise[1:])


@pytest.mark.parametrize(("total", "pct_start"), [(1, 0.0), (1, 1.0), (4, 0.25), (4, 1.0)])
def test_one_cycle_with_a_phase_of_no_length(total: int, pct_start: float) -> None:
    own = optimiser(0.1)
    schedule = OneCycleLR(own, 1.0, total, pct_start=pct_start)
    for _ in range(total):
        assert 0 < own.param_groups[0]["lr"] <= 1
        schedule.step()


def test_three_phases_in_numbers() -> None:
    own = optimiser(0.1)
    schedule = OneCycleLR(
        own,
        1.0,
        epochs=3,
        steps_per_epoch=5,
        pct_start=4 / 15,
        anneal_strategy="linear",
        div_factor=10,
        final_div_factor=10,
        three_phase=True,
    )
    found = []
    for _ in range(15):
        found.append((own.param_groups[0]["lr"], own.param_groups[0]["momentum"]))
        schedule.step()
    lrs = [0.1, 0.4, 0.7, 1.0, 0.7, 0.4, 0.1, *(0.1 - 0.09 * k / 8 for k in range(1, 9))]
    assert [lr for lr, _ in found] == pytest.approx(lrs)
    rise = [0.85 + 0.1 * k / 3 for k in range(4)]
    momenta = rise[::-1] + rise[1:] + [0.95] * 8
    assert [momentum for _, momentum in found] == pytest.approx(momenta)


@pytest.mark.parametrize("given", [(None, 3, 4), (12, None, None), (12, 9, None), (12, 3, 4)])
def test_the_steps_of_all_epochs_are_a_product(given: tuple[Any, ...]) -> None:
    schedule = OneCycleLR(optimiser(0.1), 1.0, *given)
    assert schedule.options["total_steps"] == 12


def test_without_cycling_the_momentum_stays() -> None:
    own = SGD([Tensor(1.0, requires_grad=True)], momentum=0.5)
    schedule = OneCycleLR(own, 1.0, 10, cycle_momentum=False)
    schedule.step()
    assert own.param_groups[0]["momentum"] == 0.5


def test_more_steps_than_one_cycle_has_are_an_error() -> None:
    own = optimiser(0.1)
    schedule = OneCycleLR(own, 1.0, 3)
    for _ in range(3):
        schedule.step()
    before = own.param_groups[0]["lr"]
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^OneCycleLR: step 4 of 3 total_steps$"):
            schedule.step()
    assert (schedule.last_epoch, own.param_groups[0]["lr"]) == (3, before)


@given(drawn=schedules(), steps=st.integers(0, 5))
def test_a_group_that_was_added_needs_another_schedule(
    drawn: tuple[Make, Formula], steps: int
) -> None:
    own = optimiser(0.5, 0.25)
    makes: list[Make] = [drawn[0], lambda o: SequentialLR(o, [drawn[0](o), drawn[0](o)], [3])]
    for make in makes:
        schedule = make(own)
        for _ in range(steps):
            schedule.step()
        own.add_param_group({"params": Tensor(1.0, requires_grad=True)})
        before = schedule.state_dict(), own.state_dict()
        sentence = "the optimiser has . groups, and had . when the schedule was made; make a new"
        with pytest.raises(ValueError, match=sentence):
            schedule.step()
        assert (schedule.state_dict(), own.state_dict()) == before


@pytest.mark.parametrize("make", [lambda o: ExponentialLR(o, 1e200), lambda o: StepLR(o, 1, 1e200)])
@pytest.mark.parametrize(("lr", "steps"), [(1.0, 1), (1e200, 0)])
def test_a_learning_rate_too_large_for_a_number_is_told(make: Make, lr: float, steps: int) -> None:
    own = optimiser(lr)
    schedule = make(own)
    for _ in range(steps):
        schedule.step()
    before = schedule.state_dict(), own.state_dict()
    sentence = f"^{type(schedule).__name__}: a learning rate after {steps + 1} steps is too large"
    with pytest.raises(ValueError, match=sentence):
        schedule.step()
    assert (schedule.state_dict(), own.state_dict()) == before


@st.composite
def any_schedule(draw: st.DrawFn) -> Make:
    """Draw how to make any schedule."""
    drawn = [draw(schedules())[0] for _ in range(2)]
    a = draw(counts)
    return draw(
        st.sampled_from(
            [
                drawn[0],
                lambda o: OneCycleLR(o, 1.0, 40),
                lambda o: SequentialLR(o, [make(o) for make in drawn], [a]),
                lambda o: SequentialLR(o, [drawn[0](o), OneCycleLR(o, 1.0, 40)], [a]),
            ]
        )
    )


@given(make=any_schedule(), steps=st.integers(0, 20), optimiser_first=st.booleans())
def test_a_schedule_that_is_loaded_continues_with_the_same_bits(
    make: Make, steps: int, optimiser_first: bool
) -> None:
    own, other = optimiser(0.5, 0.25), optimiser(0.5, 0.25)
    schedule, continued = make(own), make(other)
    for _ in range(steps):
        schedule.step()
    state = json.loads(json.dumps([own.state_dict(), schedule.state_dict()]))
    loads = [lambda: other.load_state_dict(state[0]), lambda: continued.load_state_dict(state[1])]
    for load in loads if optimiser_first else loads[::-1]:
        load()
    for _ in range(10):
        assert continued.get_last_lr() == schedule.get_last_lr()
        assert other.state_dict() == own.state_dict()
        schedule.step()
        continued.step()
    assert continued.state_dict() == schedule.state_dict()


def _edited(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda state: state.update({key: value})


@pytest.mark.parametrize(
    ("make", "edit", "sentence"),
    [
        (lambda o: StepLR(o, 3), lambda s: s.pop("base_lrs"), r"expected \['last_epoch'"),
        (lambda o: StepLR(o, 3), lambda s: s["options"].pop("gamma"), r"expected options \["),
        (lambda o: StepLR(o, 3), _edited("last_epoch", -1), "last_epoch is -1; expected"),
        (lambda o: StepLR(o, 3), _edited("last_epoch", "7"), "last_epoch is '7'; expected"),
        (lambda o: StepLR(o, 3), _edited("base_lrs", [0.1]), "expected one for each of 2"),
        (lambda o: StepLR(o, 3), _edited("base_lrs", [0.1, -1]), "expected a finite number"),
        (lambda o: StepLR(o, 3), lambda s: s["options"].update(step_size=0), "step_size is 0"),
        (lambda o: OneCycleLR(o, 1.0, 5), _edited("last_epoch", 6), "step 6 of 5"),
        (lambda o: OneCycleLR(o, 1.0, 5), lambda s: s["options"].update(total_steps=0), "total_st"),
        (
            lambda o: OneCycleLR(o, 1.0, 5),
            lambda s: s.update(last_epoch=6, options={**s["options"], "pct_start": 0.9}),
            "step 6 of 5",
        ),
        (
            lambda o: SequentialLR(o, [StepLR(o, 1), ExponentialLR(o, 0.5)], [4]),
            lambda s: (
                s["schedulers"][0]["options"].update(gamma=0.7),
                s["schedulers"][1]["options"].update(gamma=-1),
            ),
            "ExponentialLR: gamma is -1; expected",
        ),
        (
            lambda o: SequentialLR(o, [StepLR(o, 3), ExponentialLR(o, 0.5)], [4]),
            _edited("schedulers", []),
            "0 schedules where 2 were expected",
        ),
        (
            lambda o: SequentialLR(o, [StepLR(o, 3), ExponentialLR(o, 0.5)], [4]),
            lambda s: s["schedulers"][1]["options"].update(gamma=-1),
            "ExponentialLR: gamma is -1; expected",
        ),
        (
            lambda o: SequentialLR(o, [StepLR(o, 3), ExponentialLR(o, 0.5)], [4]),
            lambda s: s["options"].update(milestones=[4, 5]),
            "milestones is .4, 5.; expected growing numbers",
        ),
    ],
)
def test_a_state_of_something_else_is_refused_and_changes_nothing(
    make: Make, edit: Callable[[dict[str, Any]], Any], sentence: str
) -> None:
    own = optimiser(0.5, 0.25)
    schedule = make(own)
    schedule.step()
    before = schedule.state_dict(), own.state_dict()
    state = schedule.state_dict()
    edit(state)
    with pytest.raises(ValueError, match=sentence) as caught:
        schedule.load_state_dict(state)
    assert "\n" not in str(caught.value)
    assert (schedule.state_dict(), own.state_dict()) == before


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda o: StepLR(o, 0), "StepLR: step_size is 0; expected a whole number, 1 or more"),
        (lambda o: StepLR(o, 1.5), "StepLR: step_size is 1.5; expected"),
        (lambda o: StepLR(o, 1, -1.0), "StepLR: gamma is -1.0; expected a finite number"),
        (lambda o: ExponentialLR(o, np.nan), "ExponentialLR: gamma is nan; expected"),
        (lambda o: LinearLR(o, 0.0), "LinearLR: start_factor is 0.0; expected a number above 0"),
        (lambda o: LinearLR(o, 1.5), "LinearLR: start_factor is 1.5; expected"),
        (lambda o: LinearLR(o, end_factor=2), "LinearLR: end_factor is 2; expected a number from"),
        (lambda o: LinearLR(o, total_iters=0), "LinearLR: total_iters is 0; expected"),
        (lambda o: CosineAnnealingLR(o, 0), "CosineAnnealingLR: T_max is 0; expected"),
        (lambda o: CosineAnnealingLR(o, 3, -1), "CosineAnnealingLR: eta_min is -1; expected"),
        (lambda o: OneCycleLR(o, -1, 5), "OneCycleLR: max_lr is -1; expected"),
        (lambda o: OneCycleLR(o, [1, 2], 5), r"OneCycleLR: max_lr is \[1, 2\]; expected one for"),
        (lambda o: OneCycleLR(o, 1, 0), "OneCycleLR: total_steps is 0; expected"),
        (lambda o: OneCycleLR(o, 1, 5, None, None, 1.5), "OneCycleLR: pct_start is 1.5; expected"),
        (
            lambda o: OneCycleLR(o, 1, 5, None, None, 0.3, "sine"),
            "OneCycleLR: anneal_strategy is 'sine'; expected 'cos' or 'linear'",
        ),
        (lambda o: OneCycleLR(o, 1, 5, max_momentum=1), "OneCycleLR: max_momentum is 1; expected"),
        (lambda o: OneCycleLR(o, 1, 5, three_phase=1), "OneCycleLR: three_phase is 1; expected"),
        (lambda o: OneCycleLR(o, 1), "OneCycleLR: give total_steps, or both epochs and steps"),
        (lambda o: OneCycleLR(o, 1, epochs=3), "OneCycleLR: give total_steps, or both epochs and"),
        (lambda o: OneCycleLR(o, 1, None, 0, 3), "OneCycleLR: epochs is 0; expected"),
        (lambda o: OneCycleLR(o, 1, 5, 2, 3), "OneCycleLR: total_steps is 5, and epochs .* are 6"),
        (
            lambda o: OneCycleLR(o, 1, 5, base_momentum=0.9, max_momentum=0.8),
            "OneCycleLR: base_momentum is 0.9; expected no more than max_momentum, 0.8",
        ),
        (lambda o: OneCycleLR(o, 1, 5, div_factor=0), "OneCycleLR: div_factor is 0; expected"),
        (lambda o: SequentialLR(o, [], []), "SequentialLR: milestones is .*; expected growing"),
        (lambda o: SequentialLR(o, [StepLR(o, 1)] * 2, 5), "SequentialLR: milestones is 5; exp"),
        (lambda o: SequentialLR(o, [1, 2], [1]), r"SequentialLR: schedulers is \[1, 2\]; expected"),
        (lambda o: SequentialLR(o, StepLR(o, 1), []), "SequentialLR: schedulers is .*; expected"),
        (lambda o: SequentialLR(o, [StepLR(o, 1)] * 2, []), "SequentialLR: milestones is"),
        (lambda o: SequentialLR(o, [StepLR(o, 1)] * 3, [5, 5]), "SequentialLR: milestones is"),
        (
            lambda o: SequentialLR(o, [StepLR(optimiser(0.1), 1)], []),
            "SequentialLR: a schedule belongs to another optimiser",
        ),
    ],
)
def test_arguments_that_make_no_sense(make: Make, sentence: str) -> None:
    own = optimiser(0.1)
    with pytest.raises(ValueError, match=rf"^{sentence}") as caught:
        make(own)
    assert "\n" not in str(caught.value)


def test_only_an_optimiser_has_a_learning_rate() -> None:
    with pytest.raises(TypeError, match=r"^StepLR: expected an optimiser, not 3$"):
        StepLR(3, 1)  # type: ignore[arg-type]


@settings(max_examples=10)
@given(make=any_schedule())
def test_the_printed_form_names_the_schedule(make: Make) -> None:
    schedule = make(optimiser(0.1))
    assert repr(schedule).startswith(f"{type(schedule).__name__}(")
