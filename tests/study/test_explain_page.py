"""The page that explains a digit: what it says, and that it stands alone."""

import base64
import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from tinygrad_mnist import nn, study
from tinygrad_mnist.data import load_mnist, scale
from tinygrad_mnist.models import convnet, lenet5, mlp
from tinygrad_mnist.rules import RULES
from tinygrad_mnist.study.explain import explain_page
from tinygrad_mnist.study.explain.digit import follow
from tinygrad_mnist.study.explain.markup import math, number, table
from tinygrad_mnist.study.explain.page import _for_script
from tinygrad_mnist.tensor import Tensor

TWO_LAYER_STEPS = [
    "image",
    "layer-1",
    "relu",
    "layer-2",
    "softmax",
    "loss",
    "back-loss",
    "back-layer-2",
    "back-relu",
    "back-layer-1",
    "check",
    "turn",
]
MODELS = {
    "two-layer": lambda rng: mlp([784, 10, 10], rng),
    "linear": lambda rng: mlp([784, 10], rng),
    "wide": lambda rng: mlp([784, 128, 10], rng),
    "very wide": lambda rng: mlp([784, 800, 10], rng),
    "wide and deep": lambda rng: mlp([784, 600, 600, 10], rng),
    "lenet5": lenet5,
    "convnet": convnet,
}


@cache
def model_of(name: str) -> nn.Sequential:
    return MODELS[name](np.random.default_rng(0))


@cache
def digit() -> tuple[np.ndarray, int]:
    digits = load_mnist("sample")
    return digits.test_images[3], int(digits.test_labels[3])


@cache
def page_of(name: str) -> str:
    return explain_page(model_of(name), *digit(), source="Test digit 3")


def data_of(page: str) -> Any:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(found)


def section(page: str, key: str) -> str:
    (found,) = re.findall(
        rf'<section class="step \w+" id="step-{key}".*?</section>', page, re.DOTALL
    )
    return found


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


class _Nesting(HTMLParser):
    """Checks that what is opened is closed, in turn, and notes every reference and id."""

    EMPTY = ("meta", "link", "br", "input", "line", "circle", "path", "rect", "mspace", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.references += [v for k, v in found.items() if k in ("src", "href") and v]
        self.ids += [v for k, v in found.items() if k == "id" and v]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


@pytest.mark.parametrize("name", MODELS)
def test_the_page_is_sound_small_and_refers_to_nothing_outside(name: str) -> None:
    page = page_of(name)
    parser = _Nesting()
    parser.feed(page)
    assert parser.open == []
    assert len(set(parser.ids)) == len(parser.ids)
    assert all(reference.startswith(("#", "data:,")) for reference in parser.references)
    assert "@import" not in page
    assert "url(" not in page.replace("url(#inside)", "")
    assert len(page.encode()) < 1_500_000
    assert "$" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_the_steps_of_the_two_layer_network_come_in_their_order() -> None:
    page = page_of("two-layer")
    assert re.findall(r'<section class="step \w+" id="step-([^"]*)"', page) == TWO_LAYER_STEPS
    assert page.count('<span class="symbol">') == len(TWO_LAYER_STEPS)


def test_every_array_of_the_page_is_the_engines() -> None:
    model, (image, label) = model_of("two-layer"), digit()
    pictures = data_of(page_of("two-layer"))["pictures"]
    x = scale(image.reshape(1, -1))
    z1 = x @ model[0].weight.numpy() + model[0].bias.numpy()
    loss = nn.SoftmaxCrossEntropy()(model(x), np.array([label]))
    gradients = study.trace(loss, model).gradients
    expected = {
        "X": x.T,
        "W1": model[0].weight.numpy().T,
        "b1 lying": model[0].bias.numpy(),
        "Z1 lying": z1.T,
        "A1 lying": np.maximum(z1, 0).T,
        "W2": model[2].weight.numpy().T,
        "dW1": gradients["0.weight"].T,
        "db1 lying": gradients["0.bias"],
        "dW2": gradients["2.weight"].T,
        "db2": gradients["2.bias"],
    }
    for key, array in expected.items():
        values = np.frombuffer(base64.b64decode(pictures[key]["values"]), "<f4")
        np.testing.assert_allclose(values, array.ravel(), rtol=1e-6, atol=1e-7, err_msg=key)


def test_the_tables_have_the_engines_numbers() -> None:
    found = follow(model_of("two-layer"), *digit())
    (z1,), (a1,), (z2,) = found.outputs
    loss, second, relu, _ = found.trace
    expected = {
        "relu": (z1, a1),
        "softmax": (z2, np.exp(z2 - z2.max()), found.probabilities),
        "back-loss": (found.probabilities, loss.contributions[0].array[0]),
        "back-relu": (second.contributions[0].array[0], relu.contributions[0].array[0]),
    }
    for key, columns in expected.items():
        values = re.findall(r'data-value="([^"]*)"', section(page_of("two-layer"), key))
        np.testing.assert_allclose(np.array(values, float), np.stack(columns, axis=1).ravel())


def test_the_units_that_died_are_marked_forward_and_back() -> None:
    page = page_of("two-layer")
    hidden = follow(model_of("two-layer"), *digit()).outputs[0][0]
    dead = {str(i) for i in np.flatnonzero(hidden <= 0)}
    assert 0 < len(dead) < 10
    for key, word in (("relu", "died"), ("back-relu", "stopped")):
        rows = re.findall(
            r'<tr class="dead"><th scope="row">(\d)</th>(.*?)</tr>', section(page, key)
        )
        assert {row[0] for row in rows} == dead
        assert all(word in row[1] for row in rows)
    tiles = re.findall(r'<div class="tile dead">.*?unit (\d)', section(page, "back-layer-1"))
    assert set(tiles) == dead
    assert f"{len(dead)} of the 10 units have died" in text(section(page, "relu"))


def test_the_rules_formulas_stand_beside_those_by_hand() -> None:
    page = page_of("two-layer")
    for step in follow(model_of("two-layer"), *digit()).trace:
        for formula in step.formulas:
            assert math(formula) in page
    for key, latex, line in (
        ("back-loss", r"dZ^{[2]} = A^{[2]} - Y", None),
        ("back-layer-2", r"dW^{[2]} = \frac{1}{m}\, dZ^{[2]} A^{[1]\mathsf T}", "dW2 = 1 / m"),
        ("back-relu", r"dZ^{[1]} = W^{[2]\mathsf T} dZ^{[2]} \mathbin{.*}", None),
        ("back-layer-1", r"dB^{[1]} = \frac{1}{m} \Sigma\, dZ^{[1]}", "db1 = 1 / m"),
    ):
        html = section(page, key)
        assert latex in html
        assert "in every bit the same" in html or "apart: rounding" in html
        assert line is None or f"<code>{line}" in html


@pytest.mark.parametrize("name", ["two-layer", "wide"])
def test_the_page_says_how_to_read_its_formulas(name: str) -> None:
    legend = text(
        re.sub("<math.*?</math>", "…", re.findall("<aside.*?</aside>", page_of(name), re.DOTALL)[0])
    )
    assert "A bar means “gradient of”" in legend
    assert "what the operation computed" in legend
    assert "A sample is a row" in legend
    assert "with the first rule" in legend
    by_hand = "rows and columns exchanged", "the truth", "By hand it waits"
    assert all((words in legend) == (name == "two-layer") for words in by_hand)


def test_the_checked_gradient_agrees() -> None:
    words = text(section(page_of("two-layer"), "check"))
    numeric = re.search(r"the difference quotient ([−\d.e]+)", words)
    swept = re.search(r"the gradient of the sweep ([−\d.e]+)", words)
    assert numeric is not None
    assert swept is not None
    values = [float(found[1].replace("−", "-")) for found in (numeric, swept)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    gradient = follow(model_of("two-layer"), *digit()).trace.gradients["0.weight"]
    assert abs(values[1]) == pytest.approx(np.abs(gradient).max(), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("two-layer", r"W1\[\d+, \d+\] \(in the engine 0\.weight\[\d+, \d+\] \)"),
        ("wide", r"0\.weight\[\d+, \d+\]"),
    ],
)
def test_the_checked_weight_is_named(name: str, called: str) -> None:
    words = text(section(page_of(name), "check"))
    assert re.search(
        rf"So the weight {called} ?, whose gradient is the largest of its layer, is moved", words
    )


@pytest.mark.parametrize("name", [name for name in MODELS if name != "two-layer"])
def test_another_network_gets_its_graph_and_sweep_and_no_derivation_by_hand(name: str) -> None:
    page, model = page_of(name), model_of(name)
    assert "leaves the derivation by hand out" in page
    assert "By hand" not in page
    assert "by_hand.py" not in page
    keys = re.findall(r'<section class="step \w+" id="step-([^"]*)"', page)
    swept = follow(model, *digit()).trace
    assert keys == [
        "image",
        *(f"layer-{i}" for i in range(len(model))),
        "softmax",
        "loss",
        *(f"sweep-{i}" for i in range(len(swept))),
        "check",
        "turn",
    ]
    for step in swept:
        for part in step.contributions:
            assert math(part.formula) in section(page, f"sweep-{step.number}")
    for node in swept.graph.nodes:
        assert f'<th scope="row">{node.number}</th>' in page


def test_what_comes_up_goes_on_up() -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", section(page_of("wide"), "sweep-1"))
    assert captions[0] == "What came up"
    assert "What goes on up" in captions


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz' program dot")
@pytest.mark.parametrize("name", ["two-layer", "convnet"])
def test_the_graph_is_drawn_with_its_layers_folded_if_it_is_large(name: str) -> None:
    pytest.importorskip("graphviz")
    (drawn,) = re.findall(
        r'<svg role="img" aria-label="The graph as a pict.*?</svg>', page_of(name), re.DOTALL
    )
    shown = text(drawn)
    folded = name == "convnet"
    assert all((words in shown) == folded for words in ("3: BatchNorm2d", "1: Conv2d"))
    assert all((words in shown) != folded for words in ("affine", "0.weight"))


def test_without_graphviz_a_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    page = explain_page(model_of("wide"), *digit())
    assert "There is no picture of the graph: drawing a graph needs the package graphviz" in page
    assert "The graph as a picture" not in page


def test_a_step_of_the_sweep_stands_below_the_layer_that_it_passes() -> None:
    found = follow(model_of("convnet"), *digit())
    kinds = [type(layer).__name__ for layer in found.model]
    passed = {
        (step.operation, kinds[found.layers[step.node.number]])
        for step in found.trace
        if step.node.number in found.layers
    }
    assert passed >= {
        ("convolution", "Conv2d"),
        ("max_of_windows", "MaxPool2d"),
        ("multiply", "BatchNorm2d"),
        ("relu", "ReLU"),
        ("reshape", "Flatten"),
        ("affine", "Linear"),
    }
    outside = {s.operation for s in found.trace if s.node.number not in found.layers}
    assert outside == {"softmax_cross_entropy"}


def test_the_losses_of_the_slider_are_the_engines() -> None:
    model, (image, label) = model_of("lenet5"), digit()
    turn = data_of(page_of("lenet5"))["turn"]
    names = [name for name, parameter in model.named_parameters() if parameter.ndim > 1]
    assert [choice["name"] for choice in turn["choices"]] == names
    for choice in turn["choices"][:2]:
        for mark in (-20, 0, 7):
            other = lenet5(np.random.default_rng(0))
            state = other.state_dict()
            state[choice["name"]][tuple(choice["index"])] += np.float32(mark * turn["reach"] / 20)
            other.load_state_dict(state)
            loss = nn.SoftmaxCrossEntropy()(other(scale(image.reshape(1, -1))), np.array([label]))
            assert choice["losses"][20 + mark] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize("name", ["two-layer", "convnet"])
def test_the_model_stays_as_it_is(name: str) -> None:
    model = MODELS[name](np.random.default_rng(1)).train()
    before = model.state_dict()
    explain_page(model, digit()[0])
    after = model.state_dict()
    assert all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    for key, array in before.items():
        np.testing.assert_array_equal(after[key], array)


def test_without_a_label_the_page_says_whose_loss_it_shows() -> None:
    page = explain_page(model_of("two-layer"), digit()[0], source="mine.png")
    answer = follow(model_of("two-layer"), digit()[0]).answer
    assert f"mine.png is taken for a {answer} by the network" in page
    assert "Nobody said what it shows" in section(page, "image")


def test_a_name_cannot_break_out_of_the_page() -> None:
    page = explain_page(model_of("linear"), *digit(), source='</p><script>alert("x")</script>')
    assert "<script>alert" not in page
    assert "&lt;/p&gt;&lt;script&gt;" in page


def test_data_cannot_end_its_script() -> None:
    nasty = {"a": "</script><!--<script>&\u2028"}
    written = _for_script(nasty)
    assert not set("<>&") & set(written)
    assert json.loads(written) == nasty
    with pytest.raises(ValueError, match="JSON"):
        _for_script(float("nan"))


@pytest.mark.parametrize(
    ("image", "label", "error", "words"),
    [
        (np.zeros((28, 28), np.uint8), 10, ValueError, "10"),
        (np.zeros((28, 28), np.uint8), -1, ValueError, "-1"),
        (np.zeros((27, 28), np.uint8), 1, ValueError, "756"),
        (np.zeros((28, 28), int), 1, TypeError, "int64"),
        (np.full((28, 28), 254.5), 1, ValueError, r"from 0 to 1 in a floating image, found 254\.5"),
        (np.full((28, 28), -0.5), 1, ValueError, r"found -0\.5"),
        (np.full((28, 28), np.nan), 1, ValueError, "found nan"),
    ],
)
def test_what_makes_no_sense_is_refused(
    image: np.ndarray, label: int, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        explain_page(model_of("two-layer"), image, label)


def test_a_model_without_ten_logits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ten logits, found the shape \(1, 5\)"):
        explain_page(mlp([784, 5], np.random.default_rng(0)), digit()[0])


@pytest.mark.parametrize("model", [None, len, [nn.Linear(784, 10)]])
def test_what_is_no_model_is_refused(model: object) -> None:
    with pytest.raises(TypeError, match=f"found {type(model).__name__}"):
        explain_page(model, digit()[0])


def test_a_model_without_layers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ten logits, found the shape \(1, 784\)"):
        explain_page(nn.Sequential(), digit()[0])


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_model_that_computes_no_numbers_is_refused(weight: float) -> None:
    model = mlp([784, 10], np.random.default_rng(0))
    state = model.state_dict()
    state["0.weight"][:] = weight
    model.load_state_dict(state)
    with pytest.raises(ValueError, match=r"computes (nan|-?inf) for this image, in the output of"):
        explain_page(model, digit()[0])


class Own(nn.Module):
    """A network that isn't a chain, with a name of its own for each part."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.hidden, self.out = nn.Linear(784, 12, rng), nn.Linear(12, 10, rng)
        self.scale = Tensor(np.ones(12, np.float32), requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        """Add the hidden units to their own squares."""
        hidden = self.hidden(x)
        return self.out(hidden * hidden * self.scale + hidden)


@pytest.mark.parametrize("build", [Own, lambda: nn.Linear(784, 10)])
def test_a_module_that_is_no_sequential_is_shown_as_one(build: Callable[[], nn.Module]) -> None:
    model = build()
    page = explain_page(model, *digit())
    keys = re.findall(r'<section class="step \w+" id="step-([^"]*)"', page)
    swept = study.trace(follow(model, *digit()).loss)
    assert keys[:4] == ["image", "layer-0", "softmax", "loss"]
    assert keys[4:-2] == [f"sweep-{i}" for i in range(len(swept))]
    for name, parameter in model.named_parameters():
        assert f"Its <code>{name}</code>" in section(page, "layer-0")
        values = np.frombuffer(base64.b64decode(data_of(page)["pictures"][name]["values"]), "<f4")
        assert sorted(values) == sorted(parameter.numpy().ravel())
    assert "Back through the network" in page
    assert f"The network: {type(model).__name__}" in page


def test_a_frozen_layer_is_shown_without_its_gradients() -> None:
    model = mlp([784, 10, 10], np.random.default_rng(0))
    model[0].weight.requires_grad = False
    page = explain_page(model, *digit())
    assert "leaves the derivation by hand out" in page
    assert [one["name"] for one in data_of(page)["turn"]["choices"]] == ["2.weight"]


def test_a_digit_that_changes_nothing_is_shown_as_well() -> None:
    """A blank image, dead units only, and a network that is sure."""
    model = mlp([784, 10, 10], np.random.default_rng(0))
    state = model.state_dict()
    state["0.bias"][:] = -1.0
    state["2.bias"][4] = 200.0
    model.load_state_dict(state)
    page = explain_page(model, np.zeros((28, 28), np.uint8), 4)
    assert "10 of the 10 units have died" in text(page)
    assert "more than 99.99 %" in page


def test_every_rule_can_be_typeset() -> None:
    formulas = {formula for rule in RULES.values() for formula in rule.formula if formula}
    assert len(formulas) > 100
    for formula in formulas:
        assert "\\" not in re.sub(r'alttext="[^"]*"', "", math(formula)), formula


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (-0.123456, "−0.1235"),
        (1e-7, "1e−7"),
        (-0.0, "0"),
        (123456, "1.235e5"),
        (2.5, "2.5"),
    ],
)
def test_numbers_are_written_for_people(value: float, words: str) -> None:
    assert number(value) == words


def test_a_table_has_a_heading_for_every_row_and_column() -> None:
    html = table("name", ["a", "b"], [("1", "2"), ("3", "4")])
    assert html.count('scope="col"') == html.count('scope="row"') == 2
