"""The graph as data is what the tape holds, and its pictures are of it."""

import html
import json
import re
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from random_graphs import graphs

from tinygrad_mnist import Tensor, nn, study
from tinygrad_mnist.models import lenet5, mlp
from tinygrad_mnist.rules import define
from tinygrad_mnist.study.graph import DRAWABLE, LEGIBLE

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def lenet() -> tuple[nn.Sequential, Tensor]:
    rng = np.random.default_rng(0)
    model = lenet5(rng)
    return model, nn.SoftmaxCrossEntropy()(model(rng.random((2, 784), np.float32)), [3, 4])


class Net(nn.Module):
    """A model with models in it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.first = nn.Linear(3, 4, rng=rng)
        self.blocks = [mlp([4, 4, 4], rng), mlp([4, 2, 3, 4], rng)]

    def forward(self, x: Any) -> Any:
        x = np.tanh(self.first(x))
        for block in self.blocks:
            x = x + block(x)
        return x


def net() -> tuple[Net, Tensor]:
    model = Net(np.random.default_rng(0))
    return model, np.sum(model(np.ones((2, 3), np.float32)))


@given(graphs())
def test_nodes_and_edges_are_those_of_the_tape(drawn: Any) -> None:
    loss, leaves = drawn
    graph = study.graph(loss, leaves)
    found = {loss._node}
    for _ in range(len(graph)):
        found |= {parent for node in found for parent in node.followed}
    nodes = sorted(found, key=lambda node: node.time)
    assert [node.number for node in graph.nodes] == list(range(len(nodes)))
    for node, shown in zip(nodes, graph.nodes, strict=True):
        assert (shown.operation, shown.shape, shown.dtype) == (node.name, node.shape, node.dtype)
        assert shown.is_leaf == (node.rule is None)
    edges = set()
    for node in nodes:
        parents = node.parents if node.place < 0 else [None] * node.place + [node.parents]
        for place, parent in enumerate(parents):
            if parent is not None:
                edges.add((nodes.index(parent), nodes.index(node), place))
    assert {(edge.source, edge.target, edge.place) for edge in graph.edges} == edges
    assert len(graph.edges) == len(edges)
    assert {node.name for node in graph.nodes if node.is_leaf} == leaves.keys()


def test_a_node_has_one_formula_for_each_edge_into_it() -> None:
    graph = study.graph(lenet()[1])
    for node in graph.nodes:
        assert len(node.formulas) == sum(edge.target == node.number for edge in graph.edges)
    x = Tensor([1.0], requires_grad=True)
    joined = study.graph(np.concatenate([x, x, x]))
    assert joined.nodes[-1].formulas == joined.nodes[-1].formulas[:1] * 3  # any number of inputs


@pytest.mark.usefixtures("table")
def test_an_input_without_a_rule_of_its_own_is_no_part_of_the_graph() -> None:
    def blended(a: Any, b: Any, c: Any) -> Any:
        return a + np.floor(b) + c

    rule = define(
        blended, vjps=(lambda g, y, a, b, c: g, None, lambda g, y, a, b, c: g), formula=("", "", "")
    )
    a, b, c = (Tensor(1.0, requires_grad=True) for _ in range(3))
    loss = rule(a, b, c)
    graph = study.graph(loss)
    assert [node.name for node in graph.nodes] == ["a", "c", "loss"]
    assert [(edge.source, edge.target, edge.place) for edge in graph.edges] == [
        (0, 2, 0),
        (1, 2, 2),
    ]
    assert study.trace(loss).gradients == {"a": 1, "c": 1}
    with pytest.raises(ValueError, match="blended: input 1 has no gradient"):
        study.check(loss, "a")


def test_a_graph_finds_its_nodes() -> None:
    graph = study.graph(*lenet()[::-1])
    assert graph["1.weight"].shape == (6, 1, 5, 5)
    assert graph[graph["1.weight"].number] is graph["1.weight"]
    assert len(graph) == len(graph.nodes)
    with pytest.raises(KeyError, match=r"did you mean '1\.weight'"):
        graph["1.weigth"]
    with pytest.raises(KeyError, match="no value of this graph is called 999"):
        graph[999]
    assert repr(graph) == f"Graph({len(graph.nodes)} nodes, {len(graph.edges)} edges)"
    lines = str(graph).splitlines()
    assert len(lines) == 2 + len(graph)
    assert lines[-1].split()[:2] == [str(graph.nodes[-1].number), "softmax_cross_entropy"]


def test_the_graph_stays_as_it_is() -> None:
    model, loss = lenet()
    study.graph(loss, model)
    loss.backward()
    assert model[1].weight.grad is not None


# --- folding ----------------------------------------------------------------------------------


@st.composite
def views(draw: st.DrawFn) -> tuple[study.Graph, study.Graph]:
    """Draw a graph and a view of it with some layers folded."""
    whole = study.graph(*draw(st.sampled_from([lenet, net]))()[::-1])
    view = whole.fold(draw(st.integers(0, 3)))
    for _ in range(draw(st.integers(0, 3))):
        if view.folded:
            view = view.open(draw(st.sampled_from(sorted(view.folded))))
    return whole, view


@given(views())
def test_a_view_shows_each_node_once_and_the_edges_between_what_it_shows(drawn: Any) -> None:
    whole, view = drawn
    shown = {n: node.number for node in view.nodes for n in (node.inside or (node.number,))}
    assert sorted(shown) == [node.number for node in whole.nodes]
    assert {(edge.source, edge.target) for edge in view.edges} == {
        (shown[edge.source], shown[edge.target])
        for edge in whole.edges
        if shown[edge.source] != shown[edge.target]
    }
    assert view.folded == {node.name for node in view.nodes if node.inside}
    for node in view.nodes:
        for number in node.inside:
            layer = whole.nodes[number].layer
            assert layer is not None
            assert f"{layer}.".startswith(f"{node.name}." if node.name else "")
    for node in view.nodes:
        assert node.inside or node == whole.nodes[node.number]


def test_layers_fold_into_boxes() -> None:
    graph = study.graph(*lenet()[::-1]).fold()
    assert [node.name for node in graph.nodes] == [*map(str, range(1, 13)), None]
    box = graph["1"]
    assert box.operation == "Conv2d(1, 6, kernel_size=(5, 5), padding=2)"
    assert (box.shape, box.layer, len(box.inside)) == ((2, 6, 28, 28), "", 3)
    assert [(edge.source, edge.target) for edge in graph.edges] == [
        (a.number, b.number) for a, b in zip(graph.nodes, graph.nodes[1:], strict=False)
    ]


def test_what_a_layer_uses_twice_is_one_edge_into_its_box() -> None:
    class Squared(nn.Module):
        def __init__(self) -> None:
            self.scale = Tensor(2.0, requires_grad=True)

        def forward(self, x: Any) -> Any:
            return self.scale * x * (self.scale * x)

    model = nn.Sequential(nn.Linear(3, 3), Squared(), nn.Linear(3, 3))
    graph = study.graph(np.sum(model(np.ones((2, 3), np.float32))), model).fold()
    first, squared, second, total = (node.number for node in graph.nodes)
    assert graph.edges == (
        study.GraphEdge(first, squared, 0),
        study.GraphEdge(squared, second, 0),
        study.GraphEdge(second, total, 0),
    )


def test_layers_open_again() -> None:
    whole = study.graph(*net()[::-1])
    folded = whole.fold()
    assert folded.folded == {"first", "blocks.0", "blocks.1"}
    opened = folded.open("blocks.0")
    assert opened.folded == {"first", "blocks.0.0", "blocks.0.1", "blocks.0.2", "blocks.1"}
    for layer in ("first", "blocks.0.0", "blocks.0.1", "blocks.0.2", "blocks.1"):
        opened = opened.open(layer)
    assert opened.folded == {f"blocks.1.{i}" for i in range(5)}
    for layer in sorted(opened.folded):
        opened = opened.open(layer)
    assert (opened.nodes, opened.edges) == (whole.nodes, whole.edges)
    assert folded.fold(0).folded == {""}
    assert [node.label for node in whole.fold(0).nodes] == ["Net", "add", "sum"]
    assert whole.fold(2).folded >= {"first", "blocks.0.0"}


def test_wrong_depths_and_layers_are_refused() -> None:
    graph = study.graph(*lenet()[::-1])
    with pytest.raises(ValueError, match="depth is -1"):
        graph.fold(-1)
    with pytest.raises(KeyError, match="no folded layer is called '1'; there are none"):
        graph.open("1")
    with pytest.raises(KeyError, match="did you mean '12'"):
        graph.fold().open("122")


def test_what_has_no_layers_folds_into_itself() -> None:
    x = Tensor([1.0], requires_grad=True)
    graph = study.graph(x * x)
    assert graph.fold().nodes == graph.nodes
    assert graph.fold(0).edges == graph.edges


# --- pictures -----------------------------------------------------------------------------------

VISIBLE = st.characters(codec="utf-8", categories=("L", "N", "P", "S"))
NAMES = st.lists(st.text(VISIBLE, min_size=1, max_size=12), min_size=1, max_size=3, unique=True)


def drawn_by_dot(text: str) -> Any:
    """Let Graphviz read a graph."""
    done = subprocess.run(
        ["dot", "-Tdot_json"],  # noqa: S607
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    assert not done.stderr
    return json.loads(done.stdout)


@needs_dot
@pytest.mark.parametrize("made", [lenet, net])
@pytest.mark.parametrize("depth", [None, 0, 1])
def test_graphviz_reads_what_is_written_for_it(made: Any, depth: int | None) -> None:
    graph = study.graph(*made()[::-1])
    graph = graph if depth is None else graph.fold(depth)
    read = drawn_by_dot(graph.to_dot())
    clusters = [part for part in read["objects"] if part["name"].startswith("cluster")]
    nodes = {part["_gvid"]: part for part in read["objects"] if part not in clusters}
    assert {part["name"] for part in nodes.values()} == {f"n{n.number}" for n in graph.nodes}
    for part in nodes.values():
        assert part["label"].split(r"\n") == list(graph[int(part["name"][1:])].lines)
    edges = [(nodes[e["tail"]]["name"], nodes[e["head"]]["name"]) for e in read.get("edges", ())]
    assert sorted(edges) == sorted((f"n{e.source}", f"n{e.target}") for e in graph.edges)
    shown = {node.layer for node in graph.nodes if node.layer is not None}
    assert {part["name"].removeprefix("cluster ") for part in clusters} >= shown
    for part in clusters:
        inside = {nodes[i]["name"] for i in part["nodes"]}
        layer = part["name"].removeprefix("cluster ")
        own = {f"n{node.number}" for node in graph.nodes if node.layer == layer}
        assert own <= inside


@needs_dot
@given(NAMES)
@example(["&amp;", "a&lt;b", "&#65;&"])
def test_names_come_through_graphviz_as_they_are(names: list[str]) -> None:
    leaves = {name: Tensor(1.0, requires_grad=True) for name in names}
    drawn = study.graph(sum(leaves.values()), leaves).to_svg()
    shown = {html.unescape(text) for text in re.findall("<text[^>]*>(.*?)</text>", drawn)}
    assert set(names) <= shown


MERMAID = re.compile(
    r"""flowchart\ TB
    | \s+ n\d+ ( \["[^"]*"\] | \(\["[^"]*"\]\):::leaf | \[\["[^"]*"\]\] )
    | \s+ subgraph\ layer\d+ \["[^"]*"\]
    | \s+ end
    | \s+ n\d+\ -->\ n\d+
    | \s+ classDef\ leaf\ .*""",
    re.VERBOSE,
)


@given(NAMES)
def test_mermaid_has_no_name_that_could_be_its_syntax(names: list[str]) -> None:
    leaves = {name: Tensor(1.0, requires_grad=True) for name in names}
    lines = study.graph(sum(leaves.values()), leaves).to_mermaid().splitlines()
    assert all(MERMAID.fullmatch(line) for line in lines)
    labels = [line.partition('"')[2].partition("<br>")[0] for line in lines if ":::leaf" in line]
    assert all(re.fullmatch(r"(\w|[_.,:() ]|#\d+;)+", label) for label in labels)
    assert {re.sub(r"#(\d+);", lambda m: chr(int(m[1])), label) for label in labels} == set(names)


@pytest.mark.parametrize("made", [lenet, net])
def test_mermaid_shows_nodes_edges_and_layers(made: Any) -> None:
    graph = study.graph(*made()[::-1]).fold()
    lines = graph.to_mermaid().splitlines()
    assert all(MERMAID.fullmatch(line) for line in lines)
    assert sum("-->" in line for line in lines) == len(graph.edges)
    assert sum(bool(re.match(r"\s+n\d+[\[(]", line)) for line in lines) == len(graph)
    assert sum("subgraph" in line for line in lines) == sum(line.strip() == "end" for line in lines)


@needs_dot
def test_svg_is_drawn_and_shown() -> None:
    graph = study.graph(*lenet()[::-1]).fold()
    svg = graph.to_svg()
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")
    assert "MaxPool2d" in svg
    assert graph._repr_svg_() == svg


@needs_dot
def test_a_large_graph_is_shown_folded_with_layers_that_open() -> None:
    graph = study.graph(*net()[::-1])
    assert len(graph) > LEGIBLE
    shown = graph._repr_html_()
    assert graph._repr_svg_() == graph.fold().to_svg()
    assert shown.count("<svg") == shown.count("<details>") + 1
    summaries = re.findall("<summary>(.*?)</summary>", shown)
    assert summaries == [
        "first: Linear(3, 4)",
        "blocks.0: Sequential",
        "blocks.0.0: Linear(4, 4)",
        "blocks.0.2: Linear(4, 4)",
        "blocks.1: Sequential",
        "blocks.1.0: Linear(4, 2)",
        "blocks.1.2: Linear(2, 3)",
        "blocks.1.4: Linear(3, 4)",
    ]
    first = shown.index("<summary>first")
    assert "first.weight" in shown[first : shown.index("</details>", first)]
    assert "blocks.0.0.weight" not in shown[first : shown.index("</details>", first)]


@needs_dot
def test_a_small_graph_is_shown_as_it_is() -> None:
    x = Tensor([1.0], requires_grad=True)
    graph = study.graph(x * x)
    assert graph._repr_html_() == f'<div style="overflow:auto">{graph.to_svg()}</div>'


def test_a_graph_that_is_too_large_is_not_drawn() -> None:
    y = x = Tensor([1.0], requires_grad=True)
    for _ in range(DRAWABLE):
        y = y * x
    graph = study.graph(y)
    assert graph._repr_svg_() is None
    assert graph._repr_html_() == f"<p>{graph!r}: too many for a picture; print() lists them</p>"


def test_without_graphviz_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = study.graph(lenet()[1])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImportError, match=r"program dot.*apt install graphviz.*to_mermaid\(\)"):
        graph.to_svg()
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match=r"pip install 'tinygrad-mnist\[study\]'"):
        graph.to_svg()
    assert graph._repr_svg_() is None
    shown = graph._repr_html_()
    assert "tinygrad-mnist[study]" in html.unescape(shown)
    assert html.escape(graph.to_mermaid().splitlines()[0]) in shown
