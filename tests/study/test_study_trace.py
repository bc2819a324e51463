"""The trace of a sweep: what it notes is what the sweep does, and nothing is left behind."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal
from random_graphs import graphs

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, study
from tinygrad_mnist.models import mlp
from tinygrad_mnist.rules import RULES, define
from tinygrad_mnist.study.tape import recorded


def two_layers() -> tuple[nn.Sequential, Tensor]:
    """Make the two-layer network and its loss on three samples."""
    rng = np.random.default_rng(0)
    model = mlp([6, 5, 4], rng)
    loss = nn.SoftmaxCrossEntropy()(model(rng.random((3, 6), np.float32)), np.array([0, 3, 1]))
    return model, loss


def contributions(trace: study.Trace, number: int) -> list[np.ndarray]:
    """List what arrives at a node, in the order in which it does."""
    return [
        part.array for step in trace for part in step.contributions if part.input.number == number
    ]


def total(arrays: list[np.ndarray]) -> np.ndarray:
    first, *others = arrays
    for array in others:
        first = first + array
    return first


@given(graphs())
def test_contributions_add_up_to_the_gradients_of_backward(drawn: Any) -> None:
    loss, leaves = drawn
    trace = study.trace(loss, leaves)
    assert all(leaf.grad is None for leaf in leaves.values())
    loss.backward()
    assert trace.gradients.keys() == leaves.keys()
    for name, leaf in leaves.items():
        arrived = total(contributions(trace, trace.graph[name].number))
        assert leaf.grad is not None
        assert_array_equal(arrived, leaf.grad.numpy(), strict=True)
        assert_array_equal(trace.gradients[name], leaf.grad.numpy(), strict=True)


@given(graphs())
def test_a_step_passes_on_all_that_arrived_at_its_node(drawn: Any) -> None:
    loss, leaves = drawn
    first, *others = study.trace(loss, leaves)
    assert_array_equal(first.upstream, np.ones(loss.shape))
    trace = study.trace(loss, leaves)
    for step in others:
        assert_array_equal(step.upstream, total(contributions(trace, step.node.number)))


@given(graphs())
def test_every_operation_is_a_step_the_newest_first(drawn: Any) -> None:
    loss, leaves = drawn
    trace = study.trace(loss, leaves)
    operations = [node for node in trace.graph.nodes if not node.is_leaf]
    assert [step.node for step in trace] == operations[::-1]
    assert [step.number for step in trace] == list(range(len(trace)))
    reached = {(p.input.number, s.node.number, p.place) for s in trace for p in s.contributions}
    assert reached == {(edge.source, edge.target, edge.place) for edge in trace.graph.edges}


@given(graphs())
def test_what_was_summed_and_what_was_added_to(drawn: Any) -> None:
    loss, leaves = drawn
    so_far: dict[int, np.ndarray] = {}
    for step in study.trace(loss, leaves):
        assert step.shapes == tuple(part.input.shape for part in step.contributions)
        for part in step.contributions:
            whole = np.sum(part.unsummed, axis=part.axes).reshape(part.input.shape)
            assert_array_equal(whole.astype(part.input.dtype), part.array, strict=True)
            earlier = so_far.get(part.input.number)
            assert (part.earlier is None) == (earlier is None)
            if earlier is not None:
                assert part.earlier is not None
                assert_array_equal(part.earlier, earlier, strict=True)
            so_far[part.input.number] = part.total


def test_stretched_and_shared_inputs_are_told_of() -> None:
    row = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    square = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    step = study.trace(np.sum(row * square + row))[1]
    assert (step.operation, step.formulas) == ("add", (r"\bar a = \bar y", r"\bar b = \bar y"))
    product, stretched = step.contributions
    assert product.axes == ()
    assert product.earlier is None
    assert stretched.axes == (0,)
    assert stretched.input.name == "row"
    assert stretched.unsummed.shape == (2, 3)
    assert_array_equal(stretched.array, [2, 2, 2])
    again = study.trace(np.sum(row * square + row))["row"][-1].contributions[0]
    assert again.earlier is not None
    assert_array_equal(again.earlier, [2, 2, 2])
    assert_array_equal(again.total, [4, 4, 4])


def test_how_a_weight_got_its_gradient() -> None:
    model, loss = two_layers()
    trace = study.trace(loss, model)
    path = trace["0.weight"]
    assert [step.operation for step in path] == [
        "softmax_cross_entropy",
        "affine",
        "relu",
        "affine",
    ]
    assert [[part.input.label for part in step.contributions] for step in path] == [
        ["affine"],
        ["relu"],
        ["affine"],
        ["0.weight"],
    ]
    assert path.gradients.keys() == {"0.weight"}
    assert_array_equal(path[-1].contributions[0].array, path.gradients["0.weight"])
    assert len(trace["2.bias"]) == 2
    assert path.graph is trace.graph


@given(graphs())
def test_the_steps_to_a_leaf_are_those_on_a_way_to_it(drawn: Any) -> None:
    loss, leaves = drawn
    trace = study.trace(loss, leaves)
    for name in leaves:
        leading = {trace.graph[name].number}
        for edge in sorted(trace.graph.edges, key=lambda edge: edge.target):
            if edge.source in leading:
                leading.add(edge.target)
        path = trace[name]
        assert {step.node.number for step in path} == leading - {trace.graph[name].number}
        assert all(p.input.number in leading for step in path for p in step.contributions)


def test_nothing_is_left_behind() -> None:
    model, loss = two_layers()
    nodes = recorded(loss, "the test").nodes
    rules = [node.rule for node in nodes]
    study.trace(loss)
    assert [node.rule for node in nodes] == rules
    assert all(parameter.grad is None for parameter in model.parameters())
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.usefixtures("table")
def test_nothing_is_left_behind_by_a_rule_that_fails() -> None:
    def failing(g: Any, y: Any, a: Any) -> Any:
        raise FloatingPointError("this rule fails")

    fragile = define(np.cbrt, vjps=(failing,), formula=(r"\bar a = \bot",))
    x = Tensor(2.0, requires_grad=True)
    loss = np.cbrt(x) * 2.0
    assert loss._node is not None
    (inner,) = loss._node.followed
    with pytest.raises(FloatingPointError, match="this rule fails"):
        study.trace(loss)
    assert inner.rule is fragile
    assert loss._node.rule is RULES[np.multiply]


def test_a_hook_is_called_and_what_it_returns_is_passed_on() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3.0
    y.register_hook(lambda g: g * 10.0)
    trace = study.trace(y.sum())
    assert_array_equal(trace[1].upstream, [10, 10])
    assert_array_equal(trace.gradients["x"], [30, 30])


def test_it_says_where_a_hook_changed_a_gradient() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3.0
    loss = y.sum()
    seen: list[Any] = []
    for tensor in (x, y, loss):
        tensor.register_hook(seen.append)  # which changes nothing
    trace = study.trace(loss)
    assert len(seen) == 3
    assert [step.hooked for step in trace] == [False, False]
    assert trace.hooked == ()
    assert "hook" not in str(trace)
    y.register_hook(lambda g: g * 10.0)
    trace = study.trace(loss)
    assert [step.hooked for step in trace] == [False, True]
    assert str(trace).splitlines()[3].startswith("   1  multiply   (2,), by a hook")
    x.register_hook(lambda g: g * 2.0)
    loss.register_hook(lambda g: g * 5.0)
    trace = study.trace(loss)
    assert [step.hooked for step in trace] == [True, True]
    assert trace.hooked == trace["x"].hooked == ("x",)
    assert str(trace).splitlines()[-1] == "a hook changed the gradient of x"


def test_a_gradient_to_start_with_is_not_a_hooks() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    y.register_hook(lambda g: None)
    assert [step.hooked for step in study.trace(y, gradient=[0.1, 10])] == [False]


def test_a_sweep_during_a_trace_is_not_noted() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3.0
    loss = y.sum()
    nodes = recorded(loss, "the test").nodes
    rules = [node.rule for node in nodes]
    inside: list[Any] = []

    def look_in(g: Any) -> None:
        if not inside:
            inside.append([node.rule for node in nodes])
            loss.backward(retain_graph=True)
            inside.append(study.trace(loss))

    y.register_hook(look_in)
    trace = study.trace(loss)
    assert [step.operation for step in trace] == ["sum", "multiply"]
    assert [step.operation for step in inside[1]] == ["sum", "multiply"]
    assert inside[0] == rules


def test_threads_trace_one_graph_at_the_same_time() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3.0
    loss = y.sum()
    rules = [node.rule for node in recorded(loss, "the test").nodes]
    both = Barrier(2, timeout=60)

    def meet(g: Any) -> None:
        both.wait()

    y.register_hook(meet)
    with ThreadPoolExecutor(2) as pool:
        traces = [*pool.map(study.trace, [loss, loss], [{"x": x}] * 2)]
    for trace in traces:
        assert [step.operation for step in trace] == ["sum", "multiply"]
        assert [len(step.contributions) for step in trace] == [1, 1]
        assert_array_equal(trace.gradients["x"], [3, 3])
    assert [node.rule for node in recorded(loss, "the test").nodes] == rules


def test_a_retained_gradient_is_not_touched() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3.0
    y.retain_grad()
    study.trace(y.sum())
    assert y.grad is None


def test_the_arrays_cannot_be_written_to() -> None:
    model, loss = two_layers()
    trace = study.trace(loss, model)
    parts = [part for step in trace for part in step.contributions]
    arrays = [step.upstream for step in trace] + list(trace.gradients.values())
    for array in (*arrays, *(p.array for p in parts), *(p.unsummed for p in parts)):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_trace_outlives_the_graph() -> None:
    model, loss = two_layers()
    trace = study.trace(loss)
    loss.backward()
    assert [step.operation for step in trace["2.weight"]] == ["softmax_cross_entropy", "affine"]
    assert len(trace.graph) == 8
    assert model[0].weight.grad is not None
    assert_array_equal(trace.gradients["0.weight"], model[0].weight.grad.numpy())


def test_it_is_a_sequence_and_a_table() -> None:
    trace = study.trace(two_layers()[1])
    assert len(trace) == 4
    assert trace[-1] is trace[3]
    assert trace[1:3] == trace.steps[1:3]
    lines = str(trace).splitlines()
    head = ["step", "operation", "upstream", "to", "formula", "summed", "added to", "µs", "bytes"]
    assert lines[0].split() == " ".join(head).split()
    assert len(lines) == 2 + sum(len(step.contributions) for step in trace)
    assert lines[2].startswith("   0  softmax_cross_entropy  ()")
    assert trace.bytes == sum(step.bytes for step in trace)
    assert trace.seconds == sum(step.seconds for step in trace)
    assert all(part.seconds > 0 for step in trace for part in step.contributions)
    assert trace[3].bytes == 4 * (6 * 5 + 5)


def test_in_a_notebook_its_formulas_are_typeset() -> None:
    x = Tensor([3.0, 4.0], requires_grad=True)
    x.register_hook(lambda g: g * 2.0)
    trace = study.trace(np.linalg.norm(abs(x)))
    shown = trace._repr_markdown_()
    table, _, note = shown.rpartition("\n\n")
    head, line, *rows = table.splitlines()
    assert note == "a hook changed the gradient of x"
    assert line == "|" + " --- |" * 9
    assert all(row.count("|") == 10 for row in (head, *rows))
    formulas = [part.formula for step in trace for part in step.contributions]
    for row, formula in zip(rows, formulas, strict=True):
        cell = row.split(" | ")[4]
        assert (cell[0], cell[-1]) == ("$", "$")
        assert cell[1:-1].replace(r"\Vert ", r"\|").replace(r"\vert ", "|") == formula


def test_the_table_tells_values_of_one_operation_apart() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    trace = study.trace((((x * 2.0) * (x * 3.0)) * 4.0).sum(), {"x": x})
    head, _, *lines = str(trace).splitlines()
    targets = [line[head.index(" to ") + 1 : head.index("formula")].strip() for line in lines]
    assert targets == [
        "1: multiply (2,)",
        "2: multiply (2,)",
        "4: multiply (2,)",
        "3: multiply (2,)",
        "x (2,)",
        "x (2,)",
    ]
    assert "4: multiply" in str(trace["x"])


def test_it_runs_where_no_gradient_is_recorded() -> None:
    model, loss = two_layers()
    with tg.no_grad():
        assert len(study.trace(loss, model)) == 4


def test_a_vector_needs_a_gradient_to_start_with() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    with pytest.raises(RuntimeError, match="only a scalar has a gradient of its own"):
        study.trace(y)
    assert_array_equal(study.trace(y, gradient=[1.0, 10.0]).gradients["x"], [2, 40])


def test_a_leaf_by_itself_has_no_steps() -> None:
    x = Tensor(2.0, requires_grad=True)
    trace = study.trace(x)
    assert len(trace) == 0
    assert trace.gradients == {"x": 1}


@pytest.mark.parametrize(
    "function", [study.graph, study.trace, lambda loss: study.check(loss, "x")]
)
def test_bad_input_is_told_in_a_sentence(function: Any) -> None:
    x = Tensor(2.0, requires_grad=True)
    loss = x * x
    loss.backward()
    with pytest.raises(RuntimeError, match=r"multiply: .* freed .*backward\(retain_graph=True\)"):
        function(loss)
    with pytest.raises(RuntimeError, match="has no history"):
        function(Tensor(2.0) * 3.0)
    with pytest.raises(TypeError, match="takes a Tensor, not float"):
        function(2.0)


def test_a_name_that_does_not_exist_gets_the_nearest_ones() -> None:
    model, loss = two_layers()
    trace = study.trace(loss, model)
    with pytest.raises(KeyError) as error:
        trace["0.wieght"]
    assert "did you mean '0.weight'" in str(error.value)
    assert not str(error.value).startswith('"')


def test_a_part_of_the_graph_that_is_freed_is_noticed() -> None:
    x = Tensor(2.0, requires_grad=True)
    y = x * x
    loss = y + y
    y.backward()
    with pytest.raises(RuntimeError, match="multiply: this part of the graph was already swept"):
        study.trace(loss)


@pytest.mark.parametrize(
    "function", [study.graph, study.trace, lambda loss: study.check(loss, "x")]
)
def test_a_compiled_step_refuses(function: Any) -> None:
    x = Tensor([2.0, 3.0], requires_grad=True)

    @tg.compile
    def step() -> Any:
        loss = np.sum(x * x)
        function(loss)
        return loss

    with pytest.raises(tg.CompileError, match="looks at the graph of one step"):
        step()
