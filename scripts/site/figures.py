"""The figures of the site: each is drawn from the code that it shows, when the site is built.

A page says ``<!-- figure: name -->``. A figure is a function here that draws with matplotlib, or
returns SVG. The colours are those of the page, light or dark.
"""

import inspect
import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
import rooms
from drawing import Box, layered
from matplotlib.figure import Figure

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, optim, study
from tinygrad_mnist.data import Batches, load_mnist, scale

__all__ = ["FIGURES", "drawn"]

INK, FIRST, SECOND = "#010203", "#040506", "#070809"  # they become the colours of the page
COLOURS = {INK: "currentColor", FIRST: "var(--figure-first)", SECOND: "var(--figure-second)"}
STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK
    ),
}
DIRECTIVE = re.compile(r"^<!-- figure: (\w+) -->$", re.MULTILINE)

Draw = Callable[..., Any]
FIGURES: dict[str, tuple[Draw, str]] = {}


def drawn(markdown: str) -> str:
    """Put the figures into a page where it asks for them."""
    return DIRECTIVE.sub(lambda found: _figure(found[1]), markdown)


def _figure(name: str) -> str:
    draw, caption = FIGURES[name]
    picture = _plotted(name, draw, caption) if inspect.signature(draw).parameters else draw()
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _plotted(name: str, draw: Callable[[Figure], None], caption: str) -> str:
    """Draw with matplotlib, as SVG that stands within a page."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.0), layout="constrained")
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(caption)}" class="plot"', 1)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for placeholder, colour in COLOURS.items():
        svg = svg.replace(placeholder, colour)
    return re.sub(r"\n\s*", " ", svg)


def figure(name: str, caption: str) -> Callable[[Draw], Draw]:
    """Register a figure."""

    def register(draw: Draw) -> Draw:
        FIGURES[name] = draw, caption
        return draw

    return register


@figure(
    "secant",
    "The line through the points at x − h and x + h is nearly parallel to the tangent at x.",
)
def _secant(figure: Figure) -> None:
    axes = figure.add_subplot()
    x = np.linspace(-0.2, 2.4, 200)
    middle, h = 1.0, 0.7
    slope = float(tg.grad(np.sin)(middle))
    ends = np.array([middle - h, middle + h])
    axes.plot(x, np.sin(x), color=INK)
    axes.plot(x, np.sin(middle) + slope * (x - middle), color=FIRST, label="tangent")
    axes.plot(ends, np.sin(ends), "o-", color=SECOND, label="secant")
    axes.set(
        xticks=[*ends, middle], xticklabels=["x − h", "x + h", "x"], yticks=[], ylim=(-0.3, 1.6)
    )
    axes.legend(loc="upper left", labelcolor=INK)


@figure(
    "step_sizes",
    "The error of a difference by its step h, for sin at 1: large steps miss the curve, small ones "
    "lose their digits to rounding.",
)
def _step_sizes(figure: Figure) -> None:
    axes = figure.add_subplot()
    h = 10.0 ** np.arange(-14, 0.5, 0.25)
    for name, slopes, colour in (
        ("one-sided", (np.sin(1 + h) - np.sin(1)) / h, SECOND),
        ("central", (np.sin(1 + h) - np.sin(1 - h)) / (2 * h), FIRST),
    ):
        axes.loglog(h, np.abs(slopes - np.cos(1)) + 1e-17, color=colour, label=name)
    axes.set(xlabel="h", ylabel="error", ylim=(1e-13, 1))
    axes.legend(labelcolor=INK)


@figure(
    "small_graph",
    "The graph of y = (a + b) · a at a = 2, b = 3. Arrows lead from a value to those that were "
    "computed from it.",
)
def _small_graph() -> str:
    values, graph, _ = _small_example()
    return _layered(graph, {name: f"{value.item():g}" for name, value in values.items()})


@figure(
    "small_sweep",
    "The same graph with the derivative of y by each value. They come up, against the arrows. Two "
    "contributions come together in a: 5 from the product, and 2 from the sum.",
)
def _small_sweep() -> str:
    _, graph, trace = _small_example()
    parts: dict[str, list[str]] = {"y": ["1"]}
    for step in trace:
        for part in step.contributions:
            parts.setdefault(part.input.label, []).append(f"{part.array:g}")
    return _layered(graph, {n: f"{n}\u0304 = {' + '.join(sums)}" for n, sums in parts.items()})


def _small_example() -> tuple[dict[str, Tensor], study.Graph, study.Trace]:
    """Compute y = (a + b) · a, and look at how that was recorded and is swept."""
    a, b = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
    s = a + b
    y = s * a
    return {"a": a, "b": b, "s": s, "y": y}, study.graph(y), study.trace(y)


def _layered(graph: study.Graph, notes: dict[str, str]) -> str:
    labels = {node.number: node.label for node in graph.nodes}
    boxes = {node.label: Box((_words(node), notes[node.label])) for node in graph.nodes}
    edges: dict[str, list[str]] = {name: [] for name in boxes}
    for edge in graph.edges:
        edges[labels[edge.source]].append(labels[edge.target])
    return layered(boxes, edges, "The graph of four values")


def _words(node: study.GraphNode) -> str:
    return node.label if node.is_leaf else f"{node.label}: {node.operation}"


@figure(
    "templates",
    "What the ten hidden units look for after five epochs on the 4,000 digits of the sample: the "
    "weights of each as an image. Ink on red, which is positive, excites the unit; ink on blue, "
    "which is negative, inhibits it.",
)
def _templates(figure: Figure) -> None:
    model = _trained(epochs=5)[0]
    weights = model[0].weight.numpy()
    limit = np.abs(weights).max()
    for i, image in enumerate(weights.T.reshape(-1, 28, 28)):
        axes = figure.add_subplot(2, 5, i + 1)
        axes.imshow(image, cmap="coolwarm", vmin=-limit, vmax=limit)
        axes.set_axis_off()


@figure("learning", "The loss of each batch of 32 digits during five epochs on the sample.")
def _learning(figure: Figure) -> None:
    axes = figure.add_subplot()
    losses = _trained(epochs=5)[1]
    axes.plot(losses, color=FIRST, linewidth=0.8)
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None))


def _trained(epochs: int) -> tuple[nn.Sequential, list[float]]:
    """Train the two-layer network as the tutorial does."""
    rng = np.random.default_rng(0)
    digits = load_mnist("sample")
    model = nn.Sequential(nn.Linear(784, 10, rng=rng), nn.ReLU(), nn.Linear(10, 10, rng=rng))
    loss_fn, optimiser = nn.SoftmaxCrossEntropy(), optim.SGD(model.parameters(), lr=0.1)
    losses = []
    images = digits.train_images.reshape(-1, 784)
    for _ in range(epochs):
        for x, t in Batches(images, digits.train_labels, 32, rng):
            loss = loss_fn(model(Tensor(x)), t)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    return model, losses


@figure("digits", "The first digits of the sample.")
def _digits(figure: Figure) -> None:
    sample = load_mnist("sample")
    for i in range(10):
        axes = figure.add_subplot(2, 5, i + 1)
        axes.imshow(1 - scale(sample.train_images[i]), cmap="gray", vmin=0, vmax=1)
        axes.set_title(str(sample.train_labels[i]))
        axes.set_axis_off()


@figure(
    "derivatives_of_tanh",
    "The hyperbolic tangent and its first three derivatives, each the gradient of the last.",
)
def _derivatives_of_tanh(figure: Figure) -> None:
    axes = figure.add_subplot()
    x = np.linspace(-3, 3, 241)
    function: Callable[..., Any] = np.tanh
    for order, (colour, style) in enumerate(
        ((INK, "-"), (FIRST, "-"), (SECOND, "-"), (SECOND, ":"))
    ):
        axes.plot(x, [float(function(v)) for v in x], style, color=colour, label=f"order {order}")
        function = tg.grad(function)
    axes.set(xlabel="x")
    axes.legend(labelcolor=INK)


@figure(
    "house",
    "The rooms. Each stands above those that it imports; an arrow that follows from "
    "others is left out. Read off the import statements.",
)
def _house() -> str:
    return rooms.picture()
