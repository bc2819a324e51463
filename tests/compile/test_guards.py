"""What was changed after capturing is noticed, and said in one line: no result is stale."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_steps import (
    Training,
    alike,
    backends,
    batch,
    classifier,
    compiled,
    momentum,
    same,
    two_layers,
)

from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.compile import CompileWarning

Array = Any
Change = Callable[[Training], None]


def normalised() -> Training:
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(6, 5, rng=rng),
        nn.BatchNorm1d(5),
        nn.ReLU(),
        nn.Dropout(0.3, np.random.default_rng(1)),
        nn.Linear(5, 4, rng=rng),
    )
    return with_all_gradients_cleared(classifier(momentum, model))


def with_all_gradients_cleared(training: Training) -> Training:
    """Clear the gradients of the parameters that the optimiser does not know, too."""
    inner = training.step

    def step(images: Array, labels: Array) -> Tensor:
        training.model.zero_grad()
        loss: Tensor = inner(images, labels)
        return loss

    return Training(training.model, training.optimiser, step)


def fresh(shape: tuple[int, ...], dtype: Any = np.float32) -> Tensor:
    values = np.random.default_rng(3).standard_normal(shape).astype(dtype)
    return Tensor(values, requires_grad=True)


def layer(training: Training, number: int) -> Any:
    return training.model.layers[number]


def set_weight(training: Training) -> None:
    layer(training, 4).weight = fresh((5, 4))


def set_wider(training: Training) -> None:
    rng = np.random.default_rng(4)
    training.model.layers[0] = nn.Linear(6, 7, rng=rng)
    training.model.layers[1] = nn.BatchNorm1d(7)
    training.model.layers[4] = nn.Linear(7, 4, rng=rng)


def set_dtype(training: Training) -> None:
    layer(training, 4).weight = fresh((5, 4), np.float64)


def set_values(training: Training) -> None:
    layer(training, 0).weight._array = fresh((6, 5)).numpy().copy()


def exchange_activation(training: Training) -> None:
    training.model.layers[2] = nn.Tanh()


def insert_layer(training: Training) -> None:
    training.model.layers.insert(2, nn.Tanh())


def remove_layer(training: Training) -> None:
    del training.model.layers[3]


def drop_bias(training: Training) -> None:
    layer(training, 4).bias = None


def evaluate(training: Training) -> None:
    training.model.eval()


def evaluate_one(training: Training) -> None:
    layer(training, 3).eval()


def drop_more(training: Training) -> None:
    layer(training, 3).p = 0.6


def normalise_slower(training: Training) -> None:
    layer(training, 1).momentum = 0.5


def freeze(training: Training) -> None:
    layer(training, 0).weight.requires_grad = False


def change_momentum(training: Training) -> None:
    training.optimiser.param_groups[0]["momentum"] = 0.5


def switch_momentum_off(training: Training) -> None:
    training.optimiser.param_groups[0]["momentum"] = 0.0


def decay(training: Training) -> None:
    training.optimiser.param_groups[0]["weight_decay"] = 0.1


def nesterov(training: Training) -> None:
    training.optimiser.param_groups[0]["nesterov"] = True


def load_optimiser(training: Training) -> None:
    state = training.optimiser.state_dict()
    for values in state["state"].values():
        values["momentum_buffer"] = values["momentum_buffer"] * 3
    training.optimiser.load_state_dict(state)


def forget_momentum(training: Training) -> None:
    training.optimiser.load_state_dict({**training.optimiser.state_dict(), "state": {}})


AGAIN: dict[str, Change] = {
    change.__name__: change
    for change in (
        set_weight, set_wider, set_dtype, set_values, exchange_activation, insert_layer,
        remove_layer, drop_bias, evaluate, evaluate_one, drop_more, normalise_slower, freeze,
        switch_momentum_off, decay, nesterov,
    )
}  # fmt: skip


def set_rate(training: Training) -> None:
    training.optimiser.param_groups[0]["lr"] = 0.01


def load_model(training: Training) -> None:
    state = training.model.state_dict()
    training.model.load_state_dict({name: array * 2 for name, array in state.items()})


def write_to_weight(training: Training) -> None:
    with no_grad():
        layer(training, 0).weight[...] = 0.5


def draw(training: Training) -> None:
    layer(training, 3).rng.random(7)


def exchange_generator(training: Training) -> None:
    layer(training, 3).rng = np.random.default_rng(99)


def set_gradients(training: Training) -> None:
    for parameter in training.model.parameters():
        parameter.grad = np.ones(parameter.shape, np.float32)


STAYS: dict[str, Change] = {
    change.__name__: change
    for change in (
        change_momentum, load_optimiser, forget_momentum, set_rate, load_model, write_to_weight,
        draw, set_gradients,
    )
}  # fmt: skip


def take(backend: str, change: Change, make: Callable[[], Training] = normalised) -> list[str]:
    """Take steps before and after a change, compiled and by Python; return what was said."""
    eager, training = make(), make()
    step = compiled(training.step, backend)
    for seed in range(2):
        alike(backend, step(*batch(seed=seed)), eager.step(*batch(seed=seed)))
    change(eager)
    change(training)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for seed in range(2, 5):
            data = batch(seed=seed)
            alike(backend, step(*data), eager.step(*data))
            alike(backend, training.state(), eager.state())
    assert all(issubclass(warning.category, CompileWarning) for warning in said)
    assert step.backend == backend
    return [str(warning.message) for warning in said]


@pytest.mark.parametrize("name", AGAIN)
def test_it_is_captured_again_and_one_line_says_why(name: str) -> None:
    (line,) = take("numpy", AGAIN[name])
    assert "step is captured again, since " in line
    assert "\n" not in line
    assert len(line) < 200
    assert "nothing" not in line.partition("since")[2].partition(" and is ")[0]


@pytest.mark.parametrize("name", STAYS)
def test_what_is_looked_up_in_every_step_needs_no_capture(name: str) -> None:
    assert take("numpy", STAYS[name]) == []


def test_another_generator_is_drawn_from() -> None:
    take("numpy", exchange_generator)


@backends
def test_changes_are_noticed_whatever_runs(backend: str) -> None:
    """A capture in C takes a second, so a few changes are made at once."""

    def several(training: Training) -> None:
        exchange_activation(training)
        set_weight(training)
        change_momentum(training)
        draw(training)
        set_rate(training)

    assert len(take(backend, several)) == 1


def test_the_same_reason_is_said_once() -> None:
    training = normalised()
    step = compiled(training.step)
    step(*batch())
    training.model.eval()
    with pytest.warns(CompileWarning, match="training"):
        step(*batch())
    training.model.train()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        step(*batch())
    training.model.eval()
    step(*batch())  # a second warning would be an error here


def test_switching_to_evaluation_and_back_between_steps_costs_nothing() -> None:
    """As every loop does that evaluates between epochs."""
    eager, training = normalised(), normalised()
    step = compiled(training.step)
    for seed in range(4):
        same(step(*batch(seed=seed)), eager.step(*batch(seed=seed)))
        for one in (eager, training):
            one.model.eval()
            with no_grad():
                one.model(batch()[0])
            one.model.train()
    same(training.state(), eager.state())


def test_a_last_batch_of_another_size_has_its_own_capture() -> None:
    eager, training = normalised(), normalised()
    step = compiled(training.step)
    for count in (8, 8, 3, 8, 3, 5):
        same(step(*batch(count)), eager.step(*batch(count)))
    same(training.state(), eager.state())


def test_other_dtypes_have_their_own_captures() -> None:
    eager, training = classifier(), classifier()
    step = compiled(training.step)
    for dtype, labels in ((np.float32, np.int64), (np.float64, np.uint8), (np.float32, np.int64)):
        images, targets = batch(dtype=dtype)
        same(step(images, targets.astype(labels)), eager.step(images, targets.astype(labels)))
    same(training.state(), eager.state())


def test_more_parameters_in_the_optimiser() -> None:
    def more() -> Training:
        model = two_layers()
        first = model.parameters()[0]
        return with_all_gradients_cleared(classifier(lambda _: optim.SGD([first], lr=0.1), model))

    def add(training: Training) -> None:
        others = training.model.parameters()[1:]
        training.optimiser.add_param_group({"params": others, "lr": 0.5})

    assert len(take("numpy", add, more)) == 1
