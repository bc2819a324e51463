"""The source of a step: what people read is what runs, and has the names of the derivation."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_steps import (
    Training,
    adam,
    backends,
    batch,
    classifier,
    compiled,
    momentum,
    same,
    two_layers,
)

from tinygrad_mnist import Tensor, by_hand, nn, optim

Array = Any
NAMES = ["W1", "b1", "W2", "b2", "Z1", "A1", "Z2", "dZ2", "dW2", "db2", "dZ1", "dW1", "db1"]


def seed_network(parameters: by_hand.FourArrays, dtype: Any = np.float32) -> Training:
    """Make the network that everything began with, 784-10-10, and its step."""
    W1, b1, W2, b2 = (np.ascontiguousarray(array.T, dtype) for array in parameters)
    (pixels, hidden), classes = W1.shape, W2.shape[1]
    model = nn.Sequential(
        nn.Linear(pixels, hidden, dtype=dtype), nn.ReLU(), nn.Linear(hidden, classes, dtype=dtype)
    )
    model.load_state_dict({"0.weight": W1, "0.bias": b1[0], "2.weight": W2, "2.bias": b2[0]})
    return classifier(lambda p: optim.SGD(p, lr=0.1), model)


def digits(count: int = 32, dtype: Any = np.float32) -> tuple[Array, Array]:
    rng = np.random.default_rng(3)
    return rng.random((count, 784)).astype(dtype), rng.integers(0, 10, count)


def body(source: str) -> list[str]:
    """List the lines of the step, comments among them."""
    inside = source.partition("    def step(")[2].partition("\n    return step")[0]
    return [line.strip() for line in inside.splitlines()[1:] if line.strip()]


def built(step: Any) -> tuple[Any, list[Array]]:
    """Run the source by itself, on copies of the arrays that live on; return those, too."""
    source, needs = step.source, given_to(step)
    namespace = dict(needs)
    exec(compile(source, "<source>", "exec"), namespace)  # it is what is tested
    copies = [array.copy() for array in states_of(step)]
    return namespace["build"](*copies), copies


def given_to(step: Any) -> dict[str, Any]:
    """Return what the source says that it needs."""
    wanted = re.search(r"^# Given: (.*)\.$", step.source, re.MULTILINE)
    given = step._shown()._source.given
    names = wanted.group(1).split(", ") if wanted else []
    assert set(names) <= given.keys()
    return {name: given[name] for name in names}


def states_of(step: Any) -> list[Array]:
    return [value.array for value in step._shown()._source.states]


@pytest.fixture
def seed_step() -> tuple[Training, Any]:
    training = seed_network(by_hand.init_params(np.random.default_rng(0)))
    step = compiled(training.step)
    step(*digits())
    return training, step


def test_the_seeds_network_takes_thirty_statements(seed_step: tuple[Training, Any]) -> None:
    lines = [line for line in body(seed_step[1].source) if not line.startswith("#")]
    assert 0 < len(lines) <= 30
    assert not any(";" in line.partition("#")[0] for line in lines)


def test_the_names_are_those_of_the_derivation(seed_step: tuple[Training, Any]) -> None:
    _, step = seed_step
    for name in NAMES:
        assert re.search(rf"\b{name}\b", step.source), name
    text = "\n".join(body(step.source))
    for formula in ("images @ W1 + b1", "Z2 = A1 @ W2 + b2", "dW2 = A1.T @ dZ2", "dW1 * rate"):
        assert formula in text.replace("A1_T", "A1.T"), formula


def test_each_layer_has_a_comment(seed_step: tuple[Training, Any]) -> None:
    comments = "\n".join(line for line in body(seed_step[1].source) if line.startswith("#"))
    for layer in ("0: Linear(784, 10)", "1: ReLU()", "2: Linear(10, 10)", "SoftmaxCrossEntropy"):
        assert layer in comments
    assert "# backward" in comments
    assert "# update" in comments


def test_no_line_is_long(seed_step: tuple[Training, Any]) -> None:
    assert max(map(len, seed_step[1].source.splitlines())) <= 120


def test_it_runs_on_its_own_with_the_same_numbers() -> None:
    parameters = by_hand.init_params(np.random.default_rng(0))
    eager, training = seed_network(parameters), seed_network(parameters)
    step = compiled(training.step)
    images, labels = digits()
    eager.step(images, labels)
    step(images, labels)
    own, arrays = built(step)
    for _ in range(5):
        expected = eager.step(images, labels)
        same(own(images, labels, [np.float32(0.1)]), expected.numpy())
    found = {id(a): b for a, b in zip(states_of(step), arrays, strict=True)}
    for mine, other in zip(training.model.parameters(), eager.model.parameters(), strict=True):
        same(found[id(mine._array)], other)


@settings(max_examples=15)
@given(
    pixels=st.integers(1, 20),
    hidden=st.integers(1, 12),
    classes=st.integers(2, 12),
    samples=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_it_computes_what_was_derived_by_hand(
    pixels: int, hidden: int, classes: int, samples: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parameters = by_hand.init_params(rng, (pixels, hidden, classes), np.float64)
    X, labels = rng.standard_normal((pixels, samples)), rng.integers(0, classes, samples)
    training = seed_network(parameters, np.float64)
    step = compiled(training.step)
    Y = by_hand.one_hot(labels, classes, np.float64)
    for _ in range(5):
        Z1, A1, Z2, A2 = by_hand.forward(X, *parameters)
        loss = step(np.ascontiguousarray(X.T), labels)
        np.testing.assert_allclose(
            loss.item(), by_hand.cross_entropy(Z2, Y), rtol=1e-10, atol=1e-10
        )
        gradients = by_hand.backward(X, Y, Z1, A1, A2, parameters[2])
        parameters = by_hand.update(parameters, gradients, 0.1)
        for found, expected in zip(training.model.parameters(), parameters, strict=True):
            wanted = expected.T.reshape(found.shape)
            np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", [momentum, adam])
def test_sources_with_an_optimisers_memory_run_on_their_own(make: Any) -> None:
    eager, training = classifier(make), classifier(make)
    step = compiled(training.step)
    data = batch()
    same(step(*data), eager.step(*data))
    own, _ = built(step)
    numbers = [
        np.float32(number) for each in step._shown()._program.numbers for number in each.fetch()
    ]
    same(own(*data, numbers), eager.step(*data).numpy())


@backends
def test_source_and_plan_are_there_whatever_runs(backend: str) -> None:
    training = classifier()
    step = compiled(training.step, backend)
    with pytest.raises(RuntimeError, match="call it once"):
        _ = step.source
    with pytest.raises(RuntimeError, match="call it once"):
        _ = step.plan
    step(*batch())
    assert "def step(images, labels, numbers):" in step.source
    for word in ("Z1", "float32 (8, 5)", "memory"):
        assert word in step.plan
    assert step.backend == backend


def test_the_source_is_that_of_the_last_call() -> None:
    step = compiled(classifier().step)
    sources = []
    for count in (8, 3, 8):
        step(*batch(count))
        sources.append(step.source)
    assert sources[0] == sources[2] != sources[1]


HOSTILE = [
    "numbers", "memory", "given", "total", "part", "i", "o0", "r", "begin", "double", "register",
    "main", "exp", "np", "step", "build", "out", "add", "dot", "copyto", "W1", "Z1", "loss", "rate",
    "float_", "NAN", "numpy", "uint8_t",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_arguments_may_have_any_name(name: str) -> None:
    check_names(name, "labels", "numpy")


@backends
def test_arguments_with_names_of_the_generated_code(backend: str) -> None:
    for first, second in (("total", "memory"), ("double", "numbers"), ("i", "given")):
        check_names(first, second, backend)


def check_names(first: str, second: str, backend: str) -> None:
    """Take a step whose arguments have such names."""
    eager, training = (classifier(model=two_layers()) for _ in range(2))
    namespace = {"inner": training.step}
    exec(f"def step({first}, {second}): return inner({first}, {second})", namespace)
    step = compiled(namespace["step"], backend)
    for seed in range(2):
        found, expected = step(*batch(seed=seed)), eager.step(*batch(seed=seed))
        assert isinstance(found, Tensor)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5)
    assert step.backend == backend
