"""Where the names of a graph's values come from."""

import re
from typing import Any

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, study
from tinygrad_mnist.models import mlp
from tinygrad_mnist.study.names import UnknownName

X = np.ones((2, 3), np.float32)


def made(seed: int = 0) -> nn.Sequential:
    return mlp([3, 3, 3], np.random.default_rng(seed))


def leaf_names(graph: study.Graph) -> list[str | None]:
    return [node.name for node in graph.nodes if node.is_leaf]


PLAIN = ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_the_models_names() -> None:
    graph = study.graph(np.sum(made()(X)))
    assert leaf_names(graph) == [None] * 4
    network = made()
    assert leaf_names(study.graph(np.sum(network(X)), network)) == PLAIN
    pair = {"a": network, "b": Tensor(2.0, requires_grad=True)}
    graph = study.graph(np.sum(network(X)) * pair["b"], pair)
    assert leaf_names(graph) == [*(f"a.{name}" for name in PLAIN), "b"]
    assert graph.layers == {
        "a": "Sequential",
        "a.0": "Linear(3, 3)",
        "a.1": "ReLU",
        "a.2": "Linear(3, 3)",
    }


def test_a_model_among_the_callers_variables() -> None:
    network = made()
    other = made()  # has no part in it
    same = network
    layer = network[0]
    loss = np.sum(same(X))
    graph = study.graph(loss)
    assert leaf_names(graph) == PLAIN
    assert graph.nodes[-1].name == "loss"
    assert layer is network[0]
    assert other is not network


def test_several_models_are_told_apart_by_their_variables() -> None:
    first, second = made(0), made(1)
    graph = study.graph(np.sum(second(first(X))))
    assert leaf_names(graph) == [f"{m}.{name}" for m in ("first", "second") for name in PLAIN]
    assert [node.layer for node in graph.nodes if node.operation == "affine"] == [
        "first.0",
        "first.2",
        "second.0",
        "second.2",
    ]
    assert {node.name for node in graph.fold(0).nodes} == {"first", "second", None}


def test_a_models_own_attribute() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.network = made()

        def graph(self) -> study.Graph:
            return study.graph(np.sum(self.network(X)))

    assert leaf_names(Trainer().graph()) == PLAIN


def test_within_a_models_forward() -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            self.part = made()
            self.seen: list[str | None] = []

        def forward(self, x: Any) -> Any:
            y = np.sum(self.part(x))
            self.seen = leaf_names(study.graph(y))
            return y

    module = Inner()
    module(X)
    assert module.seen == [f"part.{name}" for name in PLAIN]


GLOBAL = Tensor(2.0, requires_grad=True)


def test_tensors_among_the_variables_and_in_what_they_hold() -> None:
    local = Tensor(3.0, requires_grad=True)
    listed = [Tensor(4.0, requires_grad=True)]
    parameters = {
        "w": Tensor(5.0, requires_grad=True),
        "deep": [{"b": Tensor(6.0, requires_grad=True)}],
    }
    product = GLOBAL * local
    graph = study.graph(product * listed[0] * parameters["w"] * parameters["deep"][0]["b"])
    assert sorted(filter(None, leaf_names(graph))) == [
        "GLOBAL",
        "listed.0",
        "local",
        "parameters.deep.0.b",
        "parameters.w",
    ]
    assert graph["product"].operation == "multiply"


def test_a_local_variable_hides_a_global_one() -> None:
    GLOBAL = Tensor(3.0, requires_grad=True)
    assert study.graph(GLOBAL * 2.0)["GLOBAL"].number == 0


def test_what_a_notebook_keeps_under_an_underscore_has_a_better_name() -> None:
    _ = Tensor(3.0, requires_grad=True)
    result = _
    graph = study.graph(result * 2.0)
    assert leaf_names(graph) == ["result"]
    _only = Tensor(3.0, requires_grad=True)
    graph = study.graph(_only * 2.0)
    assert leaf_names(graph) == ["_only"]


def test_no_name_is_given_twice() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            self.w = Tensor(2.0, requires_grad=True)

    odd = Odd()
    w = Tensor(3.0, requires_grad=True)
    assert sorted(filter(None, leaf_names(study.graph(w * odd.w)))) == ["w", "w'"]
    assert study.check(w * odd.w, "w").autodiff == 3
    assert study.check(w * odd.w, "w'").autodiff == 2


def test_a_shared_parameter_has_one_name() -> None:
    network = made()
    network.layers[2].weight = network[0].weight
    assert leaf_names(study.graph(np.sum(network(X)))) == ["0.weight", "0.bias", "2.bias"]


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected a Module, or a list or dict .*, not int"):
        study.graph(GLOBAL * 2.0, 3)


def test_an_unknown_name() -> None:
    assert str(UnknownName("b", "no", ["a", "bb"])) == "no 'b'; did you mean 'bb'?"
    assert str(UnknownName("zzz", "no", ["a", "b"])) == "no 'zzz'; did you mean 'a', 'b'?"
    assert str(UnknownName("zzz", "no", [])) == "no 'zzz'; there are none"
    assert re.match("no 'w'; ", str(UnknownName("w", "no", map(str, range(100)))))


@pytest.mark.parametrize(
    "function", [study.graph, study.trace, lambda loss, model: study.check(loss, "x", (), model)]
)
def test_another_model_than_the_graphs_is_refused(function: Any) -> None:
    x = Tensor(2.0, requires_grad=True)
    other: Any
    for other in (nn.Linear(2, 2), [nn.Linear(2, 2)], {"w": Tensor(1.0, requires_grad=True)}):
        with pytest.raises(ValueError, match="model: the graph has none of its parameters"):
            function(x * x, other)
    frozen = nn.Linear(2, 2)
    for parameter in frozen.parameters():
        parameter.requires_grad = False
    for other in (frozen, nn.ReLU(), {}, [frozen, {"x": x}]):
        assert len(study.graph(x * x, other)) == 2
