"""What can't be captured is refused: the error says why and where, and nothing has changed."""

import random
import re
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from small_steps import Training, adam, batch, classifier, compiled, same, two_layers

import tinygrad_mnist as tg
from tinygrad_mnist import CompileError, Tensor, nn, optim

Array = Any
Inside = Callable[[Tensor, Array, Array], Any]  # what a step does with its loss and arguments

GENERATOR = np.random.default_rng(5)
FORMER = np.random.RandomState(0)
PYTHONS = random.Random(0)
LAYER = nn.Dropout(0.5, np.random.default_rng(0))
BARE = np.zeros(3, np.float32)
SCHEDULED = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
LOG: list[Any] = []
KEPT: dict[str, Any] = {}
LAST: Any = None
HOLDER = types.SimpleNamespace(last=None)


class Named(NamedTuple):
    loss: Any


class Slotted:
    __slots__ = ("last",)


SLOTTED = Slotted()


def keep_in_a_variable(loss: Any, images: Array, labels: Array) -> None:
    global LAST
    LAST = loss


SCHEDULE = optim.lr_scheduler.ExponentialLR(SCHEDULED, 0.5)


def write_to_bare_array(loss: Tensor, images: Array, labels: Array) -> None:
    BARE[0] = 1


def write_a_result_to_bare_array(loss: Tensor, images: Array, labels: Array) -> None:
    np.add(images.sum(), 1, out=BARE[0:1].reshape(()))


def write_to_argument(loss: Tensor, images: Array, labels: Array) -> Any:
    images[0, 0] = 5
    return images.sum()


def enlarge_argument(loss: Tensor, images: Array, labels: Array) -> Any:
    images += 1
    return images.sum()


def go_on_while(loss: Tensor, images: Array, labels: Array) -> int:
    count = 0
    while loss > count:
        count += 1
    return count


def catch_the_error(loss: Tensor, images: Array, labels: Array) -> float:
    try:
        return loss.item()
    except CompileError:
        return 0.0


LOOKING: dict[str, Inside] = {
    "item": lambda loss, images, labels: loss.item(),
    "if": lambda loss, images, labels: 1 if loss > 1 else 0,
    "while": go_on_while,
    "and": lambda loss, images, labels: loss > 1 and loss < 2,
    "float": lambda loss, images, labels: float(loss),
    "int": lambda loss, images, labels: int(labels[0]),
    "range": lambda loss, images, labels: list(range(labels[0])),
    "a slice": lambda loss, images, labels: images[: labels[0]],
    "numpy()": lambda loss, images, labels: loss.numpy(),
    "tolist": lambda loss, images, labels: labels.tolist(),
    "np.asarray": lambda loss, images, labels: np.asarray(images),
    "np.array": lambda loss, images, labels: np.array(images),
    "formatting": lambda loss, images, labels: f"{images[0, 0]:.3f}",
    "a mask": lambda loss, images, labels: images[images > 0.5],
    "nonzero": lambda loss, images, labels: np.nonzero(images)[0],
    "unique": lambda loss, images, labels: np.unique(labels),
    "bincount": lambda loss, images, labels: np.bincount(labels),
    "an error that is caught": catch_the_error,
}
WRITING: dict[str, Inside] = {
    "a bare array": write_to_bare_array,
    "a bare array, as a result": write_a_result_to_bare_array,
    "an argument": write_to_argument,
    "an argument, in place": enlarge_argument,
    "put": lambda loss, images, labels: np.put(images, [0], 1.0),
    "place": lambda loss, images, labels: np.place(images, images > 0.5, [1.0]),
    "putmask": lambda loss, images, labels: np.putmask(images, images > 0.5, [1.0]),
    "fill_diagonal": lambda loss, images, labels: np.fill_diagonal(images, 0.0),
    "add.at": lambda loss, images, labels: np.add.at(images, [0], 1.0),
    "copyto": lambda loss, images, labels: np.copyto(images, 0),
    "nan_to_num": lambda loss, images, labels: np.nan_to_num(images, copy=False),
    "fill": lambda loss, images, labels: images.fill(0),
    "sort": lambda loss, images, labels: images.sort(),
}
DRAWING: dict[str, Inside] = {
    "a generator": lambda loss, images, labels: images + GENERATOR.random(images.shape),
    "its normal numbers": lambda loss, images, labels: GENERATOR.standard_normal(3),
    "numbers of another kind": lambda loss, images, labels: LAYER.rng.gumbel(size=3),
    "a generator of NumPy's former kind": lambda loss, images, labels: FORMER.random(3),
    "Python's own": lambda loss, images, labels: images * random.random(),
    "a generator of Python's": lambda loss, images, labels: images * PYTHONS.random(),
    "NumPy's own": lambda loss, images, labels: images + np.random.random(images.shape),  # noqa: NPY002
}
RETURNING: dict[str, Inside] = {
    "a set": lambda loss, images, labels: {1, 2},
    "a module": lambda loss, images, labels: nn.ReLU(),
    "a named tuple": lambda loss, images, labels: Named(loss),
}
ONCE: dict[str, Inside] = {
    "a schedule": lambda loss, images, labels: SCHEDULE.step(),
    "a list": lambda loss, images, labels: LOG.append(loss),
    "a dict": lambda loss, images, labels: KEPT.update(loss=loss),
    "a variable": keep_in_a_variable,
    "an attribute": lambda loss, images, labels: setattr(HOLDER, "last", loss),
    "a slot": lambda loss, images, labels: setattr(SLOTTED, "last", loss),
}
EVERYTHING = {
    f"{what}: {name}": inside
    for what, group in {
        "looking": LOOKING,
        "writing": WRITING,
        "drawing": DRAWING,
        "returning": RETURNING,
        "once": ONCE,
    }.items()
    for name, inside in group.items()
}


def training_with(inside: Inside) -> Training:
    """Make a step that does something at its end, when everything else has been captured."""
    model = nn.Sequential(
        *two_layers(), nn.BatchNorm1d(4), nn.Dropout(0.5, np.random.default_rng(1))
    )
    training = classifier(adam, model)

    def step(images: Array, labels: Array) -> Any:
        loss = training.step(images, labels)
        return inside(loss, images, labels)

    generators = [layer.rng for layer in model if isinstance(layer, nn.Dropout)]
    return Training(model, training.optimiser, step, generators)


@pytest.mark.parametrize("name", EVERYTHING)
def test_it_is_refused_and_nothing_has_changed(name: str) -> None:
    training, untouched = (training_with(EVERYTHING[name]) for _ in range(2))
    step, data = compiled(training.step), batch()
    kept, rates, drawn = data[0].copy(), SCHEDULE.state_dict(), GENERATOR.bit_generator.state
    LOG.clear()
    KEPT.clear()
    SLOTTED.last = None
    legacy = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    with pytest.raises(CompileError) as refusal:
        step(*data)
    assert len(str(refusal.value)) > 30
    same(training.state(), untouched.state())
    assert all(parameter.grad is None for parameter in training.model.parameters())
    np.testing.assert_array_equal(data[0], kept)
    np.testing.assert_array_equal(BARE, 0)
    assert (LOG, KEPT, LAST, HOLDER.last, SLOTTED.last) == ([], {}, None, None, None)
    assert SCHEDULE.state_dict() == rates
    assert GENERATOR.bit_generator.state == drawn
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)  # type: ignore[index]  # noqa: NPY002
    again, expected = (classifier(adam, t.model) for t in (training, untouched))
    same(again.step(*data), expected.step(*data))  # as if nothing had been tried
    same(again.state(), expected.state())


@pytest.mark.parametrize("name", [name for name in EVERYTHING if name.startswith("looking")])
def test_the_message_says_what_and_on_which_line(name: str) -> None:
    inside = EVERYTHING[name]
    with pytest.raises(CompileError, match="value of an array") as refusal:
        compiled(training_with(inside).step)(*batch())
    check_line(str(refusal.value))


def check_line(message: str) -> None:
    """See that a message names a line of this file."""
    named = re.search(r"called at (.*), line (\d+)", message)
    assert named, message
    assert Path(named.group(1)).name in (Path(__file__).name, "small_steps.py"), message


@pytest.mark.parametrize("name", ["writing: a bare array", "drawing: a generator"])
def test_where_the_line_is_not_known_none_is_named(name: str) -> None:
    """These are noticed when the step has ended; the place of that says nothing."""
    with pytest.raises(CompileError) as refusal:
        compiled(training_with(EVERYTHING[name]).step)(*batch())
    assert "contextlib" not in str(refusal.value)
    assert re.search("GENERATOR|BARE", str(refusal.value))


def test_gradients_of_before_are_not_added_to() -> None:
    model = two_layers()
    optimiser, loss_fn = optim.SGD(model.parameters(), lr=0.1), nn.SoftmaxCrossEntropy()

    def step(images: Array, labels: Array) -> Tensor:
        loss: Tensor = loss_fn(model(images), labels)
        loss.backward()
        optimiser.step()
        return loss

    gradients = []
    for eager in (False, True):
        before = [parameter.grad for parameter in model.parameters()]
        with pytest.raises(CompileError, match=r"zero_grad\(\)") as refusal:
            compiled(step)(*batch())
        check_line(str(refusal.value))
        assert all(
            parameter.grad is old for parameter, old in zip(model.parameters(), before, strict=True)
        )
        if not eager:
            step(*batch())
            gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None for gradient in gradients)


def test_an_optimiser_that_steps_twice() -> None:
    """Its numbers for both steps are worked out before the first: the second would be stale."""
    training = classifier(adam)

    def step(images: Array, labels: Array) -> Tensor:
        training.step(images, labels)
        loss: Tensor = training.step(images, labels)
        return loss

    with pytest.raises(CompileError, match="steps twice") as refusal:
        compiled(step)(*batch())
    check_line(str(refusal.value))
    same(training.state(), classifier(adam).state())


def test_hooks_of_parameters_would_run_in_python() -> None:
    training = classifier()
    seen: list[Any] = []
    handle = training.model.parameters()[0].register_hook(seen.append)
    step = compiled(training.step)
    with pytest.raises(CompileError, match="hook") as refusal:
        step(*batch())
    assert "contextlib" not in str(refusal.value)
    assert not seen
    handle.remove()
    same(step(*batch()), classifier().step(*batch()))


def test_arrays_with_ways_of_their_own() -> None:
    with pytest.raises(CompileError, match="MaskedArray; expected a plain array"):
        compiled(lambda x: x * 2)(np.ma.masked_array(np.ones(2), [True, False]))


def test_an_argument_that_needs_a_gradient_would_lose_it() -> None:
    images, labels = batch()
    training = classifier()
    step = compiled(training.step)
    with pytest.raises(CompileError, match="argument images needs a gradient"):
        step(Tensor(images, requires_grad=True), labels)
    same(training.state(), classifier().state())
    same(step(Tensor(images), labels), classifier().step(images, labels))


def test_a_tensor_that_needs_a_gradient_must_be_within_reach() -> None:
    hidden = Tensor(np.ones(6, np.float32), requires_grad=True)
    find = weakref.ref(hidden)

    def step(images: Array, labels: Array) -> Any:
        (images * find()).sum().backward()
        return find().grad

    with pytest.raises(CompileError, match="does not reach"):
        compiled(step)(*batch())
    assert hidden.grad is None


def test_a_tensor_of_the_steps_own_gets_its_gradient() -> None:
    def step(images: Array) -> Any:
        own = Tensor(np.ones(6, np.float32), requires_grad=True)
        (images * own).sum().backward()
        return own.grad

    run = compiled(step)
    for seed in range(2):
        images, _ = batch(seed=seed)
        same(run(images), step(images))


def test_tensors_that_look_at_parts_of_each_other() -> None:
    whole = Tensor(np.ones(4, np.float32))
    part = Tensor(np.ones(2, np.float32))
    part._array = whole._array[:2]
    with pytest.raises(CompileError, match="share memory"):
        compiled(lambda images: (whole + images).sum() + part.sum())(np.ones(4, np.float32))


def test_an_error_of_the_step_itself_comes_through_and_nothing_has_changed() -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("of my own")

    training, untouched = training_with(fail), training_with(fail)
    with pytest.raises(RuntimeError, match="of my own"):
        compiled(training.step)(*batch())
    same(training.state(), untouched.state())


@pytest.mark.parametrize("argument", [[1.0], {"a": 1}, {1, 2}, bytearray(b"x")], ids=repr)
def test_arguments_are_arrays_or_fixed(argument: Any) -> None:
    with pytest.raises(CompileError, match=type(argument).__name__):
        compiled(lambda images: images)(argument)


def test_bad_uses_of_compile() -> None:
    with pytest.raises(ValueError, match="'cuda'"):
        tg.compile(lambda x: x, backend="cuda")
    with pytest.raises(TypeError, match="int"):
        tg.compile(3)
    with pytest.raises(TypeError, match="name its arguments"):
        tg.compile(lambda *arrays: arrays)
    with pytest.raises(TypeError, match="argument"):
        compiled(lambda images: images)()
