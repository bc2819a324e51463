"""The variables that a step uses may be bound to something else, wherever they are."""

import types
import warnings
from typing import Any

import numpy as np
import pytest
from small_steps import batch, classifier, compiled, same, two_layers

from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.compile.c_library import CompileWarning

Array = Any

IMAGES = np.arange(12, dtype=np.float32).reshape(2, 6)
factor = 2.0
table = Tensor(np.ones(6, np.float32))
bare = np.ones(6, np.float32)
settings = types.SimpleNamespace(factor=2.0, inner={"shift": [1.0]})
module = types.ModuleType("settings_of_mine")


class Settings:
    factor = 2.0


class Slotted:
    __slots__ = ("factor",)

    def __init__(self) -> None:
        self.factor = 2.0


def helper(images: Array) -> Any:
    return images * factor


def helper_with_default(images: Array, scale: float = 1.0) -> Any:
    return images * scale


class Scaled(nn.Module):
    """A layer that uses a global variable in its `forward`."""

    def forward(self, images: Array) -> Any:
        return images * factor


class Trainer:
    """Something whose method is the step."""

    def __init__(self) -> None:
        self.scale = 2.0
        self.model = two_layers()

    def times(self, images: Array) -> Any:
        return images * factor

    def step(self, images: Array) -> Any:
        return self.times(images * self.scale)

    def __call__(self, images: Array) -> Any:
        return images * self.scale * factor


def ways() -> dict[str, tuple[Any, Any]]:
    """Return, by name, a step and how to change what it uses."""
    here = globals()
    local, trainer, scaled, slotted = 2.0, Trainer(), Scaled(), Slotted()
    module.factor = 2.0  # type: ignore[attr-defined]

    def of_closure(images: Array) -> Any:
        return images * local

    def rebind() -> None:
        nonlocal local
        local = 3.0

    def set_global(name: str, value: Any) -> Any:
        return lambda: here.__setitem__(name, value)

    def set_item(container: Any, key: Any, value: Any) -> Any:
        return lambda: container.__setitem__(key, value)

    def set_attribute(thing: Any, name: str, value: Any) -> Any:
        return lambda: setattr(thing, name, value)

    return {
        "closure": (of_closure, rebind),
        "global number": (lambda images: images * factor, set_global("factor", 3.0)),
        "global of a helper": (lambda images: helper(images), set_global("factor", 3.0)),
        "the helper": (
            lambda images: helper(images),
            set_global("helper", lambda images: images - 1),
        ),
        "default of a helper": (
            lambda images: helper_with_default(images),
            set_attribute(helper_with_default, "__defaults__", (3.0,)),
        ),
        "global tensor": (
            lambda images: images + table,
            set_global("table", Tensor(np.full(6, 3, np.float32))),
        ),
        "array of a global tensor": (
            lambda images: images + table,
            lambda: setattr(here["table"], "_array", np.full(6, 5, np.float32)),
        ),
        "global array": (
            lambda images: images + bare,
            set_global("bare", np.full(6, 3, np.float32)),
        ),
        "in a namespace": (
            lambda images: images * settings.factor,
            set_attribute(settings, "factor", 3.0),
        ),
        "deep inside": (
            lambda images: images * settings.inner["shift"][0],
            set_item(settings.inner["shift"], 0, 3.0),
        ),
        "in a slot": (
            lambda images: images * slotted.factor,
            set_attribute(slotted, "factor", 3.0),
        ),
        "attribute of a class": (
            lambda images: images * Settings.factor,
            set_attribute(Settings, "factor", 3.0),
        ),
        "attribute of a module": (
            lambda images: images * module.factor,  # type: ignore[attr-defined]
            set_attribute(module, "factor", 3.0),
        ),
        "global of a layer": (lambda images: scaled(images), set_global("factor", 3.0)),
        "attribute of a method": (trainer.step, set_attribute(trainer, "scale", 3.0)),
        "global of a method": (trainer.step, set_global("factor", 3.0)),
        "attribute of something called": (trainer, set_attribute(trainer, "scale", 3.0)),
        "global of something called": (trainer, set_global("factor", 3.0)),
    }


@pytest.fixture(autouse=True)
def _variables_as_before() -> Any:
    names = ("factor", "table", "bare", "helper")
    before = {name: globals()[name] for name in names}
    array = table._array
    yield
    globals().update(before)
    table._array = array
    settings.factor, settings.inner["shift"][0], Settings.factor = 2.0, 1.0, 2.0
    helper_with_default.__defaults__ = (1.0,)


@pytest.mark.parametrize("name", ways())
def test_what_is_bound_to_something_else_is_noticed(name: str) -> None:
    function, change = ways()[name]
    step = compiled(function)
    for _ in range(2):
        same(step(IMAGES), function(IMAGES))
    before = np.array(step(IMAGES))
    change()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            same(step(IMAGES), function(IMAGES))
    assert not np.array_equal(before, np.array(step(IMAGES)))
    assert len(said) == 1
    assert issubclass(said[0].category, CompileWarning)


def test_a_bare_array_that_changes_in_place_is_read_anew() -> None:
    step = compiled(lambda images: images + bare)
    kept = bare.copy()
    step(IMAGES)
    try:
        bare[...] = 7
        same(step(IMAGES), IMAGES + 7)
    finally:
        bare[...] = kept


def test_another_model_under_the_same_name() -> None:
    model = two_layers(seed=0)

    def forward(images: Array) -> Any:
        return model(images)

    step = compiled(forward)
    with no_grad():
        same(step(batch()[0]), forward(batch()[0]))
        model = two_layers(seed=1)
        with pytest.warns(CompileWarning, match="model"):
            found = step(batch()[0])
        same(found, forward(batch()[0]))


def test_fixed_arguments_have_their_own_captures() -> None:
    def scale(images: Array, by: float, how: str = "times") -> Any:
        return images * by if how == "times" else images + by

    step = compiled(scale)
    for arguments in ((2.0,), (3.0,), (3.0, "plus"), (2.0,), (True,), (1,), (1.0,)):
        same(step(IMAGES, *arguments), scale(IMAGES, *arguments))
    same(step(how="plus", by=2.0, images=IMAGES), scale(IMAGES, 2.0, "plus"))


RATES = [float("nan"), float("inf"), -0.1, "fast", None]


@pytest.mark.parametrize("rate", RATES, ids=repr)
def test_learning_rates_that_make_no_sense_are_refused_as_by_python(rate: Any) -> None:
    eager, training = classifier(), classifier()
    step = compiled(training.step)
    same(step(*batch()), eager.step(*batch()))
    weights = training.model.state_dict()
    messages = []
    for one, run in ((eager, eager.step), (training, step)):
        one.optimiser.param_groups[0]["lr"] = rate
        with pytest.raises((ValueError, TypeError)) as refusal:
            run(*batch())
        messages.append((type(refusal.value), str(refusal.value)))
        one.optimiser.param_groups[0]["lr"] = 0.05
    assert messages[0] == messages[1]
    same(training.model.state_dict(), weights)
    same(step(*batch()), eager.step(*batch()))
    same(training.state(), eager.state())


def test_schedules_are_followed_without_capturing_again() -> None:
    def make() -> tuple[Any, Any]:
        training = classifier()
        optimiser = training.optimiser
        warm_up = optim.lr_scheduler.LinearLR(optimiser, total_iters=3)
        rest = optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=5)
        return training, optim.lr_scheduler.SequentialLR(optimiser, [warm_up, rest], [3])

    (eager, first), (training, second) = make(), make()
    step = compiled(training.step)
    for seed in range(8):
        same(step(*batch(seed=seed)), eager.step(*batch(seed=seed)))
        first.step()
        second.step()
    same(training.state(), eager.state())


def test_a_schedule_of_rate_and_momentum_is_followed() -> None:
    """Each step has a momentum of its own; to capture each would take longer than to take it."""
    eager, training = classifier(), classifier()
    first, second = (
        optim.lr_scheduler.OneCycleLR(one.optimiser, 0.5, 8) for one in (eager, training)
    )
    step = compiled(training.step)
    for seed in range(8):
        same(step(*batch(seed=seed)), eager.step(*batch(seed=seed)))
        first.step()
        second.step()
    same(training.state(), eager.state())
