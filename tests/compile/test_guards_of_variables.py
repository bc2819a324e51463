"""The variables that a step uses may be bound to something else, wherever they are."""

import types
import warnings
from collections import deque
from functools import partial
from typing import Any

import numpy as np
import pytest
from small_steps import batch, classifier, compiled, same, two_layers

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.compile import CompileWarning

Array = Any

IMAGES = np.arange(12, dtype=np.float32).reshape(2, 6)
factor = 2.0
table = Tensor(np.ones(6, np.float32))
bare = np.ones(6, np.float32)
settings = types.SimpleNamespace(factor=2.0, inner={"shift": [1.0]})
module = types.ModuleType("settings_of_mine")
package = types.ModuleType("package_of_mine")


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


def helper_with_keyword(images: Array, *, scale: float = 1.0) -> Any:
    return images * scale


class Late:
    """Something that has an attribute only later."""


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
    package.settings_of_mine = module  # type: ignore[attr-defined]
    members, queue, late = {2.0}, deque([2.0]), Late()
    whole = (np.full(6, 2, np.float32),)

    def exchange_member() -> None:
        members.clear()
        members.add(3.0)

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
        "in a set": (lambda images: images * max(members), exchange_member),
        "in a queue": (lambda images: images * queue[0], set_item(queue, 0, 3.0)),
        "constant of a module in a package": (
            lambda images: images * package.settings_of_mine.factor,  # type: ignore[attr-defined]
            set_attribute(module, "factor", 3.0),
        ),
        "keyword default of a helper": (
            lambda images: helper_with_keyword(images),
            set_attribute(helper_with_keyword, "__kwdefaults__", {"scale": 3.0}),
        ),
        "attribute that comes later": (
            lambda images: images * getattr(late, "factor", 2.0),
            set_attribute(late, "factor", 3.0),
        ),
        "in a function with some arguments": (
            partial(Trainer.__call__, trainer),
            set_attribute(trainer, "scale", 3.0),
        ),
        "array in a tuple": (lambda images: images * whole[0].max(), set_item(whole[0], 0, 3.0)),
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
    helper_with_keyword.__kwdefaults__ = {"scale": 1.0}


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


class Holder:
    scale = np.full(6, 2, np.float32)

    def __init__(self) -> None:
        self.own = np.full(6, 2, np.float32)


HOLDER = Holder()
HELD = [np.full(6, 2, np.float32)]
READING: dict[str, tuple[Any, Array]] = {
    "global": (lambda images: images + bare, bare),
    "what NumPy makes of it": (lambda images: images * np.exp(bare), bare),
    "its inverse": (lambda images: images * (1 / bare), bare),
    "some of it": (lambda images: images[:, :2] * bare[[0, 1]], bare),
    "in another dtype": (lambda images: images * bare.astype(np.float64), bare),
    "of an object": (lambda images: images / HOLDER.own, HOLDER.own),
    "of a class": (lambda images: images * np.sqrt(Holder.scale), Holder.scale),
    "in a list": (lambda images: images * np.log(HELD[0]), HELD[0]),
}


@pytest.mark.parametrize("name", READING)
def test_a_bare_array_that_changes_in_place_is_read_anew(name: str) -> None:
    function, array = READING[name]
    step, kept = compiled(function), array.copy()
    same(step(IMAGES), function(IMAGES))
    try:
        array[...] = 7
        same(step(IMAGES), function(IMAGES))
    finally:
        array[...] = kept
    assert isinstance(bare, np.ndarray)
    assert isinstance(Holder.scale, np.ndarray)
    assert isinstance(HELD[0], np.ndarray)


mask, counts, grid = np.arange(6) % 2 == 0, np.arange(6) + 1, np.arange(3.0)
LOOKING: dict[str, tuple[Any, str, Any]] = {
    "a mask": (lambda images: images[:, mask], "mask", mask[::-1]),
    "what is computed of it": (lambda images: images[:, ~mask], "mask", mask[::-1]),
    "counts": (lambda images: np.repeat(images[0], counts), "counts", counts + 1),
    "the end of a slice": (lambda images: images[:, : counts[2]], "counts", counts + 1),
    "a condition": (lambda images: images * (2 if mask[0] else 3), "mask", mask[::-1]),
    "places": (lambda images: images[:, np.flatnonzero(mask)], "mask", mask[::-1]),
    "a number": (lambda images: images * float(grid.max()), "grid", grid + 1),
}


@pytest.mark.parametrize("name", LOOKING)
def test_bare_arrays_that_python_looks_at_are_known_until_they_change(name: str) -> None:
    function, variable, other = LOOKING[name]
    array = globals()[variable]
    step, kept = compiled(function), array.copy()
    for _ in range(2):
        same(step(IMAGES), function(IMAGES))
    try:
        array[...] = other
        with pytest.warns(CompileWarning, match=f"the array {variable} was written to"):
            same(step(IMAGES), function(IMAGES))
    finally:
        array[...] = kept


class Affine(nn.Module):
    """A layer of the user's, with an array of its own."""

    def __init__(self) -> None:
        self.scale = np.full(6, 2, np.float32)

    def forward(self, images: Array) -> Any:
        return images * (1 / self.scale)


def test_an_array_of_a_module_is_read_anew() -> None:
    layer = Affine()
    step = compiled(lambda images: layer(images))
    for number in (2, 4):
        layer.scale[...] = number
        same(step(IMAGES), IMAGES / number)
    assert isinstance(layer.scale, np.ndarray)


def test_models_as_arguments_are_looked_at() -> None:
    model = nn.Sequential(*two_layers(), nn.Dropout(0.5, np.random.default_rng(0)))
    twin = nn.Sequential(*two_layers(), nn.Dropout(0.5, np.random.default_rng(0)))

    def apply(model: nn.Module, images: Array) -> Any:
        return model(images)

    step = compiled(apply)
    with no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", CompileWarning)
        for _ in range(3):  # other numbers are drawn each time
            same(step(model, batch()[0]), apply(twin, batch()[0]))
        model.eval()
        twin.eval()
        same(step(model, batch()[0]), apply(twin, batch()[0]))


def test_a_step_may_be_a_method() -> None:
    class Stepper:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        @tg.compile(backend="numpy")
        def step(self, images: Array) -> Any:
            return images * self.factor

    for stepper in (Stepper(2.0), Stepper(3.0)):
        same(stepper.step(IMAGES), IMAGES * stepper.factor)
        assert "step(" in stepper.step.source


def test_learning_rates_that_the_step_reads_are_those_of_now() -> None:
    eager, training = classifier(), classifier()

    def reading(training: Any) -> Any:
        def step(images: Array, labels: Array) -> Any:
            return training.step(images, labels), training.optimiser.param_groups[0]["lr"]

        return step

    step, expected = compiled(reading(training)), reading(eager)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompileWarning)
        for rate in (0.1, 0.05):
            for each in (eager, training):
                each.optimiser.param_groups[0]["lr"] = rate
            same(step(*batch()), expected(*batch()))


class Own(optim.Optimizer):
    """An optimiser of the user's, which looks up its numbers in Python."""

    options = {"lr": optim.SGD.options["lr"]}  # noqa: RUF012
    remembers = frozenset()

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.1})
        self.scale = 1.0

    def move(self, moving: Any, group: Any) -> None:
        for _, values, g in moving:
            values -= group["lr"] * self.scale * g


def test_numbers_of_an_optimiser_of_the_users_are_those_of_now() -> None:
    eager, training = classifier(Own), classifier(Own)
    step = compiled(training.step)
    changes = [("lr", 0.1, 1.0), ("lr", 0.05, 1.0), ("scale", 0.05, 2.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompileWarning)
        for _, rate, scale in changes:
            for each in (eager, training):
                each.optimiser.param_groups[0]["lr"] = rate
                each.optimiser.scale = scale  # type: ignore[attr-defined]
            same(step(*batch()), eager.step(*batch()))
    same(training.state(), eager.state())


def test_training_and_evaluation_by_turns_are_captured_once_each() -> None:
    layer = nn.Dropout(0.5, np.random.default_rng(0))
    step = compiled(lambda images: layer(images))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for turn in range(6):
            layer.train(turn % 2 == 0)
            step(IMAGES)
    assert len(said) == 1


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
    forms = ((2.0,), (3.0,), (3.0, "plus"), (2.0,), (True,), (1,), (1.0,), (0.0,), (-0.0,))
    for arguments in forms:
        same(step(IMAGES, *arguments), scale(IMAGES, *arguments))
        assert np.array_equal(
            np.signbit(step(IMAGES, *arguments)), np.signbit(scale(IMAGES, *arguments))
        )
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
