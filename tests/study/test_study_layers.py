"""Which layer an operation belongs to, against what was running when it was recorded."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import nn, study
from tinygrad_mnist.engine.memory import clock
from tinygrad_mnist.nn.module import walk
from tinygrad_mnist.study.tape import recorded

RNG = np.random.default_rng(0)


class Residual(nn.Module):
    """A layer of one's own, which no `Sequential` knows the inside of."""

    def __init__(self) -> None:
        self.inner = nn.Sequential(nn.Linear(4, 4, rng=RNG), nn.ReLU(), nn.Linear(4, 4, rng=RNG))

    def forward(self, x: Any) -> Any:
        return x + np.tanh(self.inner(np.tanh(x)))


class Scaled(nn.Module):
    """A layer of one's own that has a parameter of its own."""

    def __init__(self) -> None:
        self.scale = nn.Linear(4, 4, rng=RNG).weight

    def forward(self, x: Any) -> Any:
        return np.maximum(np.cos(-(x @ self.scale)), 0.1) * 2.0


class Stacked(nn.Module):
    """A layer of one's own with operations that its code does not name."""

    def __init__(self) -> None:
        self.scale = nn.Linear(4, 4, rng=RNG).weight

    def forward(self, x: Any) -> Any:
        (y,) = np.stack([x @ self.scale])
        return y


class Before(nn.Module):
    """A layer of one's own that calls something, but not after its parameter."""

    def __init__(self) -> None:
        self.scale = nn.Linear(4, 4, rng=RNG).weight

    def forward(self, x: Any) -> Any:
        return np.sin(x) @ self.scale


class Twice(nn.Module):
    """A layer of one's own that calls something twice."""

    def forward(self, x: Any) -> Any:
        return np.sin(np.sin(x))


class Again(nn.Module):
    """Calls another module several times, and something else in between."""

    def __init__(self, inner: nn.Module, times: int) -> None:
        self.inner, self.times = inner, times

    def forward(self, x: Any) -> Any:
        for _ in range(self.times):
            x = np.tanh(self.inner(x))
        return x


KNOWN: list[Callable[[], nn.Module]] = [
    lambda: nn.Linear(4, 4, rng=RNG),
    lambda: nn.Linear(4, 4, bias=False, rng=RNG),
    lambda: nn.BatchNorm1d(4),
    lambda: nn.Dropout(0.5, rng=RNG),
    nn.ReLU,
    nn.Tanh,
    nn.GELU,
    nn.Softmax,
]
OTHERS: list[Callable[[], nn.Module]] = [
    lambda: nn.LayerNorm(4),  # has an operation before its parameters'
    lambda: nn.Dropout(0.5, rng=RNG).eval(),  # has none
    lambda: nn.Flatten(),  # has one that a linear layer could have, too
    Residual,
    Scaled,
    Stacked,
    Before,
    Twice,
]


def chains(parts: list[Callable[[], nn.Module]]) -> st.SearchStrategy[nn.Module]:
    """Draw `Sequential` models that begin with a linear layer, with others inside."""
    return st.lists(layers_of(parts), min_size=1, max_size=6).map(
        lambda drawn: nn.Sequential(nn.Linear(4, 4, rng=RNG), *drawn)
    )


@st.composite
def sharing(draw: st.DrawFn) -> nn.Module:
    """Draw models that call some of their layers several times, and may be called so themselves."""
    pool = [nn.Linear(4, 4, rng=RNG), *draw(st.lists(layers_of(KNOWN + OTHERS), max_size=4))]
    drawn = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=6))
    ends = draw(st.lists(st.just(nn.Linear(4, 4, rng=RNG)), max_size=1))
    return Again(nn.Sequential(pool[0], *drawn, *ends), draw(st.integers(1, 3)))


def layers_of(parts: list[Callable[[], nn.Module]]) -> st.SearchStrategy[nn.Module]:
    """Draw layers, and `Sequential` models of them."""
    part = st.sampled_from(parts).map(lambda make: make())
    return st.recursive(part, lambda inner: st.lists(inner, max_size=4).map(_sequential))


def _sequential(layers: list[nn.Module]) -> nn.Module:
    return nn.Sequential(*layers)


@contextmanager
def noted_calls() -> Iterator[list[tuple[int, nn.Module, int]]]:
    """Note which module is called when, by the clock of the tape."""
    calls: list[tuple[int, nn.Module, int]] = []
    call = nn.Module.__call__

    def noting(module: nn.Module, *inputs: Any) -> Any:
        start = next(clock)
        y = call(module, *inputs)
        calls.append((start, module, next(clock)))
        return y

    nn.Module.__call__ = noting  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        nn.Module.__call__ = call  # type: ignore[method-assign]


def found_and_true(
    model: nn.Module, shape: tuple[int, ...] = (3, 4)
) -> Iterator[tuple[str | None, str | None, bool]]:
    """List for each operation its layer, its true one, and whether a parameter comes after it."""
    names = {id(part): name for name, part in reversed(list(walk("", model)))}
    with noted_calls() as calls:
        loss = np.sum(np.arctan(model(RNG.random(shape, np.float32))))
    graph = study.graph(loss, model)
    parameters = [edge.target for edge in graph.edges if graph.nodes[edge.source].is_leaf]
    for node, shown in zip(recorded(loss, "the test").nodes, graph.nodes, strict=True):
        running = [(end - start, m) for start, m, end in calls if start < node.time < end]
        truth = names[id(min(running, key=lambda call: call[0])[1])] if running else None
        if not shown.is_leaf:
            yield shown.layer, truth, shown.number <= max(parameters)


@given(chains(KNOWN))
def test_in_a_sequential_every_operation_finds_its_own(model: nn.Module) -> None:
    for layer, truth, parameters_follow in found_and_true(model):
        assert layer == truth or not parameters_follow


@given(chains(KNOWN + OTHERS))
def test_an_operation_belongs_to_its_layer_or_to_a_module_around_it(model: nn.Module) -> None:
    for layer, truth, parameters_follow in found_and_true(model):
        assert layer is not None or not parameters_follow
        if layer is not None:
            assert truth is not None
            assert not layer or f"{truth}.".startswith(f"{layer}.")


@given(sharing())
def test_and_so_where_layers_are_called_again(model: nn.Module) -> None:
    for layer, truth, _ in found_and_true(model):
        if layer is not None:
            assert truth is not None
            assert not layer or f"{truth}.".startswith(f"{layer}.")


def test_what_lies_between_two_calls_of_a_layer_is_not_the_layers() -> None:
    shared, last = nn.Linear(4, 4, rng=RNG), nn.Linear(4, 4, rng=RNG)
    pairs = list(found_and_true(nn.Sequential(shared, nn.Tanh(), shared, last)))
    assert [layer for layer, _, _ in pairs][:4] == ["0", "", "0", "3"]
    twice = nn.Sequential(shared, nn.Tanh(), shared)
    assert [layer for layer, _, _ in found_and_true(twice)][:3] == ["0", None, "0"]
    recurrent = Again(last, 3)
    assert [layer for layer, _, _ in found_and_true(recurrent)][:3] == ["inner", None, "inner"]


def test_what_lies_between_two_calls_of_a_model_is_not_the_models() -> None:
    model = nn.Sequential(nn.Linear(4, 4, rng=RNG), nn.Tanh(), nn.Linear(4, 4, rng=RNG))
    loss = np.sum(model(np.sin(model(np.ones((1, 4), np.float32)))))
    graph = study.graph(loss, model)
    assert [n.layer for n in graph.nodes if n.operation == "tanh"] == ["1", "1"]
    assert [n.layer for n in graph.nodes if n.operation == "sin"] == [None]


def test_a_penalty_on_the_weights_is_not_another_call() -> None:
    model = Residual()
    loss = np.sum(model(np.ones((1, 4), np.float32)))
    for parameter in model.parameters():
        loss = loss + np.sum(parameter**2)
    graph = study.graph(loss, model)
    assert [n.layer for n in graph.nodes if n.operation == "relu"] == ["inner.1"]


def test_reshaping_beside_a_flatten() -> None:
    first, last = nn.Linear(4, 4, rng=RNG), nn.Linear(8, 4, rng=RNG)
    model = nn.Sequential(first, nn.Flatten(), last)
    for layer, truth, _ in found_and_true(model, (3, 2, 4)):
        assert layer in (truth, "")
    flat = nn.Sequential(nn.Linear(4, 8, rng=RNG), nn.Flatten(), last)
    assert all(layer == truth for layer, truth, _ in found_and_true(flat))


def test_two_calls_of_one_layer_are_not_shared_out() -> None:
    model = nn.Sequential(Before(), Twice(), nn.Linear(4, 4, rng=RNG))
    for layer, truth, _ in found_and_true(model):
        assert layer in (truth, "")


def lines_run(run: Callable[[], Any]) -> int:
    """Count the lines of Python that something runs."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def test_a_layer_more_takes_as_long_in_a_deep_model_as_in_a_shallow_one() -> None:
    def lines(layers: int) -> int:
        parts = [part for _ in range(layers) for part in (nn.Linear(4, 4), nn.Tanh())]
        model = nn.Sequential(*parts)
        loss = np.sum(model(np.ones((1, 4), np.float32)))
        return lines_run(lambda: study.graph(loss, model).fold())

    lines(5)  # looks up what is kept from then on
    assert lines(160) < 4.5 * lines(40)


def test_without_a_model_there_are_no_layers() -> None:
    weight = nn.Linear(2, 2, rng=RNG).weight
    graph = study.graph(np.sum(weight * weight))
    assert [node.layer for node in graph.nodes] == [None] * 3
    assert graph.layers == {}


def test_a_module_that_is_called_twice() -> None:
    shared = nn.Linear(4, 4, rng=RNG)
    model = nn.Sequential(shared, nn.Tanh(), shared, nn.ReLU(), nn.Linear(4, 4, rng=RNG))
    graph = study.graph(np.sum(model(np.ones((1, 4), np.float32))), model)
    assert [n.layer for n in graph.nodes if n.operation == "affine"] == ["0", "0", "4"]
    assert {n.layer for n in graph.nodes if n.operation in ("tanh", "relu")} == {""}


def test_a_layer_that_does_nothing_gets_nothing() -> None:
    linear = nn.Linear(4, 4, rng=RNG)
    dropout = nn.Dropout(0.5, rng=RNG).eval()
    model = nn.Sequential(linear, dropout)
    graph = study.graph(np.sum(model(np.ones((1, 4), np.float32)) * 2.0), model)
    assert [node.layer for node in graph.nodes if node.operation == "multiply"] == [None]
    own = nn.Sequential(Stacked(), dropout, nn.Linear(4, 4, rng=RNG))
    graph = study.graph(np.sum(own(np.ones((1, 4), np.float32))), own)
    assert "1" not in [node.layer for node in graph.nodes]
