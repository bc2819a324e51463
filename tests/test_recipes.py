"""Recipes build what they say, refuse what makes no sense, and the presets learn."""

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_mnist import nn, optim
from tinygrad_mnist.data import load_mnist, split
from tinygrad_mnist.recipes import (
    AUGMENTATIONS,
    NETWORKS,
    OPTIMISERS,
    PRESETS,
    SCHEDULES,
    Recipe,
)

KINDS = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
}


@given(
    st.sampled_from(SCHEDULES),
    st.integers(1, 5),
    st.integers(1, 7),
    st.sampled_from([0.0, 0.5, 0.9]),
)
def test_every_schedule_stays_between_0_and_the_highest_rate(
    schedule: str, epochs: int, steps: int, warmup: float
) -> None:
    warmup = 0.0 if schedule == "one-cycle" else warmup
    recipe = Recipe(schedule=schedule, epochs=epochs, lr=0.4, warmup=warmup)
    optimiser = recipe.build_optimiser(recipe.build_model(np.random.default_rng(0)))
    built = recipe.build_schedule(optimiser, steps)
    rates = []
    for _ in range(epochs * steps):
        rates.append(optimiser.param_groups[0]["lr"])
        if built:
            optimiser.step()
            built.step()
    assert min(rates) >= 0
    assert max(rates) <= 0.4 + 1e-12
    rise = int(warmup * steps)
    assert rates[:rise] == pytest.approx([0.4 * (i + 1) / (rise + 1) for i in range(rise)])
    if schedule not in ("one-cycle", "constant") and len(rates) > rise + 3:
        assert rates[rise] == pytest.approx(0.4)
        assert rates[-1] < 0.4


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_optimiser_is_the_one_named(name: str) -> None:
    recipe = Recipe(optimiser=name, lr=0.02, weight_decay=0.01)
    optimiser = recipe.build_optimiser(recipe.build_model(np.random.default_rng(0)))
    assert type(optimiser) is KINDS[name]
    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.02, 0.01)


def group_of(recipe: Recipe) -> dict[str, Any]:
    model = recipe.build_model(np.random.default_rng(0))
    (group,) = recipe.build_optimiser(model).param_groups
    return group


def test_optimisers_have_their_momentum() -> None:
    for nesterov in (True, False):
        group = group_of(Recipe(optimiser="sgd", momentum=0.7, nesterov=nesterov))
        assert (group["momentum"], group["nesterov"]) == (0.7, nesterov)
    assert group_of(Recipe(optimiser="rmsprop", momentum=0.6))["momentum"] == 0.6


@pytest.mark.parametrize(
    ("recipe", "layers"),
    [
        (Recipe(network="convnet", dropout=0.3), 1),
        (Recipe(hidden=(20, 10), dropout=0.3), 2),
        (Recipe(hidden=(20, 10)), 0),
    ],
)
def test_networks_leave_units_out(recipe: Recipe, layers: int) -> None:
    model = recipe.build_model(np.random.default_rng(0))
    assert [layer.p for layer in model if isinstance(layer, nn.Dropout)] == [0.3] * layers


def rates_of(recipe: Recipe, steps_per_epoch: int) -> list[float]:
    """List the learning rates of all steps, and that after the last."""
    optimiser = recipe.build_optimiser(recipe.build_model(np.random.default_rng(0)))
    schedule = recipe.build_schedule(optimiser, steps_per_epoch)
    assert schedule is not None
    rates = [optimiser.param_groups[0]["lr"]]
    for _ in range(recipe.epochs * steps_per_epoch):
        schedule.step()
        rates.append(optimiser.param_groups[0]["lr"])
    return rates


@given(st.integers(1, 5), st.integers(1, 8), st.floats(0.01, 10.0))
def test_schedules_do_what_the_recipe_says(epochs: int, steps: int, lr: float) -> None:
    recipe, count = Recipe(epochs=epochs, lr=lr), epochs * steps
    falls = {name: rates_of(replace(recipe, schedule=name), steps) for name in SCHEDULES[1:]}
    assert falls["exponential"][-1] == pytest.approx(lr / 100)
    assert falls["linear"][-1] == pytest.approx(0, abs=1e-9)
    assert falls["cosine"][-1] == pytest.approx(0, abs=1e-9)
    assert max(falls["one-cycle"]) <= lr * (1 + 1e-12)
    third = max(1, count // 3)
    tenths = [lr * 0.1 ** (step // third) for step in range(count + 1)]
    assert falls["step"] == pytest.approx(tenths)


def test_training_is_given_all_that_the_recipe_says(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def fit(model: Any, digits: Any, optimiser: Any, **others: Any) -> list[Any]:
        given.update(others, model=model, digits=digits, optimiser=optimiser)
        return []

    monkeypatch.setattr("tinygrad_mnist.recipes.fit", fit)
    recipe = Recipe(
        epochs=7,
        batch_size=300,
        schedule="step",
        label_smoothing=0.1,
        clip_norm=2.5,
        average=0.75,
        augment="elastic",
        patience=4,
    )
    train, valid = split(load_mnist("sample").train, 3000)
    rng = np.random.default_rng(0)
    handed_on: dict[str, Any] = {"valid": valid, "callbacks": [1], "checkpoints": 2, "resume": 3}
    model = recipe.build_model(rng)
    assert recipe.train(model, train, rng, **handed_on) == []
    average, schedule, loss_fn = (given[name] for name in ("average", "schedule", "loss_fn"))
    assert repr(given["augment"]) == repr(AUGMENTATIONS["elastic"]())
    assert (average.decay, average.is_of(model)) == (0.75, True)
    assert schedule.optimizer is given["optimiser"]
    assert schedule.options["step_size"] == 7 * 4 // 3  # 1,000 digits are four batches
    assert (type(loss_fn), loss_fn.label_smoothing) == (nn.CrossEntropyLoss, 0.1)
    expected: dict[str, Any] = {
        **handed_on,
        "model": model,
        "digits": train,
        "rng": rng,
        "epochs": 7,
        "batch_size": 300,
        "clip_norm": 2.5,
        "patience": 4,
    }
    assert {name: given[name] for name in expected} == expected
    Recipe().train(model, train, rng)
    assert (given["augment"], given["average"]) == (None, None)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_maps_pixels_to_digits(network: str) -> None:
    model = Recipe(network=network).build_model(np.random.default_rng(0))
    assert model(np.zeros((2, 784), np.float32)).shape == (2, 10)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"network": "alexnet"}, "network must be one of mlp, lenet5, convnet, not 'alexnet'"),
        ({"optimiser": "lion"}, "optimiser must be one of"),
        ({"schedule": "cos"}, "schedule must be one of"),
        ({"augment": "mixup"}, "augment must be one of none, affine, elastic, not 'mixup'"),
        ({"epochs": 0}, "epochs must be an integer, 1 or more, not 0"),
        ({"batch_size": -1}, r"batch size must be an integer, 0 \(all digits\) or more, not -1"),
        ({"lr": 0.0}, "lr must be a finite number above 0"),
        ({"lr": float("nan")}, "lr must be a finite number above 0"),
        ({"momentum": 1.0}, "momentum must be from 0 up to less than 1"),
        ({"dropout": 1.0}, "dropout must be from 0 up to less than 1"),
        ({"weight_decay": -1.0}, "weight decay must be a finite number, 0 or more"),
        ({"label_smoothing": 1.0}, "label smoothing must be"),
        ({"clip_norm": 0.0}, "clip norm must be"),
        ({"average": 1.0}, "average must be"),
        ({"patience": 0}, "patience must be an integer, 1 or more"),
        ({"warmup": 10.0}, "warmup must end before the 10 epochs"),
        (
            {"hidden": (10, 0)},
            "hidden must be integers, 1 unit or more for",
        ),
        ({"network": "lenet5", "hidden": (5,)}, "hidden belongs to the network mlp, not to lenet5"),
        ({"network": "lenet5", "dropout": 0.5}, "dropout belongs to the network mlp or convnet"),
        (
            {"optimiser": "adam", "momentum": 0.9},
            "momentum belongs to the optimiser sgd or",
        ),
        ({"nesterov": True}, "nesterov needs a momentum"),
        ({"hidden": (), "dropout": 0.3}, "dropout needs a hidden layer"),
        ({"warmup": 1.0, "schedule": "one-cycle"}, "warmup is a part of"),
    ],
)
def test_what_makes_no_sense_is_told(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 1.5) for name in ("epochs", "batch_size", "patience")),
        *((name, True) for name in ("epochs", "lr", "dropout")),
        *((name, "0.1") for name in ("lr", "momentum", "average", "warmup")),
        *((name, None) for name in ("epochs", "batch_size", "lr", "momentum", "network")),
        ("nesterov", "no"),
        ("hidden", 10),
        ("hidden", (2.5,)),
    ],
)
def test_other_types_are_told_by_their_field(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name.replace('_', ' ')} must be "):
        Recipe(**{name: value})  # type: ignore[arg-type]


@given(
    st.sampled_from(sorted(PRESETS)),
    st.fixed_dictionaries(
        {},
        optional={
            "network": st.sampled_from(NETWORKS),
            "optimiser": st.sampled_from(OPTIMISERS),
            "schedule": st.sampled_from(SCHEDULES),
            "epochs": st.integers(1, 50),
            "momentum": st.just(0.0),
        },
    ),
)
def test_a_preset_can_be_changed_in_part(name: str, changes: dict[str, Any]) -> None:
    preset = PRESETS[name]
    recipe = preset.changed(**changes)
    assert all(getattr(recipe, field) == value for field, value in changes.items())
    if recipe.schedule != "one-cycle":
        assert recipe.warmup / recipe.epochs == pytest.approx(preset.warmup / preset.epochs)
    assert recipe.augment == preset.augment


def test_what_is_given_is_never_left_out() -> None:
    with pytest.raises(ValueError, match="momentum belongs to"):
        PRESETS["mlp-800"].changed(optimiser="adam", momentum=0.5)
    with pytest.raises(ValueError, match="warmup is a part of"):
        PRESETS["mlp-800"].changed(schedule="one-cycle", warmup=1.0)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_comes_back_from_json(name: str) -> None:
    assert Recipe(**json.loads(json.dumps(asdict(PRESETS[name])))) == PRESETS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_learns(name: str) -> None:
    preset = PRESETS[name]
    train, _ = split(load_mnist("sample").train, 3000)
    epochs = 40 if preset.batch_size == 0 else 2
    size = preset.batch_size and 50
    short = replace(preset, epochs=epochs, warmup=min(preset.warmup, 0.5), batch_size=size)
    rng = np.random.default_rng(0)
    history = short.train(short.build_model(rng), train, rng)
    assert history[-1].train_loss < 0.9 * history[0].train_loss


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(sorted(AUGMENTATIONS)), st.sampled_from([0.0, 0.3]), st.integers(0, 99))
def test_the_same_generator_gives_the_same_model(augment: str, dropout: float, seed: int) -> None:
    train, _ = split(load_mnist("sample").train, 3800)
    states = []
    for _ in range(2):
        rng = np.random.default_rng(seed)
        recipe = Recipe(epochs=1, augment=augment, dropout=dropout, average=0.9)
        model = recipe.build_model(rng)
        recipe.train(model, train, rng)
        states.append(model.state_dict())
    assert all((states[0][name] == states[1][name]).all() for name in states[0])


def test_smoothing_changes_the_loss_that_is_trained() -> None:
    train, _ = split(load_mnist("sample").train, 3800)
    losses = []
    for smoothing in (0.0, 0.2):
        rng = np.random.default_rng(0)
        recipe = Recipe(epochs=1, label_smoothing=smoothing)
        losses.append(recipe.train(recipe.build_model(rng), train, rng)[0].train_loss)
    assert losses[0] != losses[1]
