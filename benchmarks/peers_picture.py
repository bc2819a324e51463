"""Draw the seconds of an epoch, by network and contender, on a logarithmic scale."""

import io
import math
from collections.abc import Sequence
from typing import Any

from contenders import OURS, PRODUCTS
from figures import Comparison, Spread

COLUMNS = 2
OURS_COLOUR, OTHERS_COLOUR, PRODUCTS_COLOUR = "#d1495b", "#7a93ac", "#d5dae0"
STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "benchmarks",  # the same figures give the same file
}


def draw(comparisons: Sequence[Comparison], file_format: str = "svg") -> bytes:
    """Draw a panel for each network and batch size; return the picture's file."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    lines = math.ceil(len(comparisons) / COLUMNS)
    with rc_context(STYLE):
        figure = Figure(figsize=(5.2 * COLUMNS, 3.3 * lines), layout="constrained")
        figure.suptitle("Seconds an epoch of 60,000 digits (logarithmic; less is better)")
        for place, comparison in enumerate(comparisons, start=1):
            _panel(figure.add_subplot(lines, COLUMNS, place), comparison)
        file = io.BytesIO()
        metadata = {"Date": None} if file_format == "svg" else None
        figure.savefig(file, format=file_format, facecolor="white", metadata=metadata, dpi=100)
    return file.getvalue()


def _panel(axes: Any, comparison: Comparison) -> None:
    """Draw the bars, the quickest first, with the median at the end of each."""
    from matplotlib.ticker import NullFormatter

    spreads = {name: Spread.of(one.epoch) for name, one in comparison.figures.items()}
    names = sorted(spreads, key=lambda name: spreads[name].median)
    medians = [spreads[name].median for name in names]
    bars = axes.barh(names, medians, color=[_colour(name) for name in names], height=0.72)
    axes.bar_label(bars, [f"{value:.3g}" for value in medians], padding=3, color="#444444")
    axes.set_xscale("log")
    # A bar on a logarithmic scale has no natural start; the room at its end is for the label.
    axes.set_xlim(min(medians) / 2.5, max(medians) * 2.2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.invert_yaxis()
    axes.set_title(comparison.case, loc="left", fontsize=10, fontweight="bold")
    axes.tick_params(axis="y", left=False)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _colour(name: str) -> str:
    if name == PRODUCTS:
        return PRODUCTS_COLOUR
    return OURS_COLOUR if name in OURS else OTHERS_COLOUR
