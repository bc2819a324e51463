"""The four pictures of a training run: how it learned, what it confuses, what it looks at.

Each function turns plain arrays and numbers into a matplotlib ``Figure`` of its own, touching no
global state, and :func:`save_pictures` writes figures as PNG files. Matplotlib is imported when
the first picture is asked for. The colours are told apart by colour-blind readers too.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.extras import need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = [
    "confident_mistakes",
    "confusion_matrix",
    "first_layer",
    "learning_curves",
    "save_pictures",
]

DPI = 150
INK, FAINT = "#333333", "#b0b0b0"
MOST_UNITS = 100  # of a hidden layer in one picture; more would be too small to see
# Which digits, in what colour and line: blue and vermilion differ for every kind of eye.
DIGITS = {
    "train": ("training digits", "#0072b2", "--"),
    "valid": ("validation digits", "#009e73", "-"),
    "test": ("test digits", "#d55e00", "-"),
}


def learning_curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Draw loss and accuracy against the epoch, for the digits that were watched.

    Parameters
    ----------
    history
        One mapping for each epoch, with its number under ``epoch`` and any of ``train_loss``,
        ``valid_loss``, ``test_loss`` (cross-entropy in nats), ``train_accuracy``,
        ``valid_accuracy`` and ``test_accuracy`` (from 0 to 1). What an epoch lacks is not drawn;
        each side needs one curve at least.

    Raises
    ------
    ValueError
        If there is no epoch, an epoch lacks its number, or nothing is known of loss or accuracy.

    Examples
    --------
    >>> figure = learning_curves([{"epoch": 1, "train_loss": 0.3, "train_accuracy": 0.91}])
    >>> [axes.get_title() for axes in figure.axes]
    ['Loss: 0.300 on the training digits', 'Accuracy: 91.0 % on the training digits']
    """
    if not history or any("epoch" not in epoch for epoch in history):
        raise ValueError("learning curves need at least one epoch, each with its number in 'epoch'")
    figure = _figure(9, 3.6)
    loss, accuracy = figure.subplots(1, 2)
    name, value = _draw_curves(loss, history, "loss")
    loss.set_title(f"Loss: {value:.3f} on the {name}")
    loss.set_ylabel("cross-entropy (nats)")
    name, value = _draw_curves(accuracy, history, "accuracy", factor=100)
    accuracy.set_title(f"Accuracy: {value:.1f} % on the {name}")
    accuracy.set_ylabel("accuracy (%)")
    return figure


def confusion_matrix(matrix: ArrayLike) -> Figure:
    """Draw which digits were taken for which.

    The colour of a cell is its share of its row, that is, of the digits that truly are such. The
    diagonal stays grey, so that the colours serve the mistakes alone, which are few.

    Parameters
    ----------
    matrix
        Counts of shape (classes, classes): a row for each true digit, a column for each
        predicted one.

    Raises
    ------
    TypeError
        If the counts are not integers.
    ValueError
        If the matrix is not square, holds a negative count, or counts nothing.

    Examples
    --------
    >>> confusion_matrix([[9, 1], [0, 10]]).axes[0].get_title()
    '95.0 % right: 1 mistake in 20 digits'
    """
    counts = np.asarray(matrix)
    if not np.issubdtype(counts.dtype, np.integer):
        raise TypeError(f"a confusion matrix holds integer counts, not {counts.dtype}")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix must be square, not of shape {counts.shape}")
    if (counts < 0).any() or not counts.any():
        raise ValueError("a confusion matrix must hold counts of zero and more, and not only zeros")
    total, right = int(counts.sum()), int(counts.trace())
    mistakes = np.ma.masked_array(counts, np.eye(len(counts), dtype=bool))
    share = 100 * mistakes / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    largest = share.max() or 1

    figure = _figure(7, 6)
    axes = figure.subplots()
    colours = need("matplotlib", "cli", "drawing a picture").colormaps["Oranges"]
    colours = colours.with_extremes(bad="#e8e8e8")
    image = axes.imshow(share, cmap=colours, vmin=0, vmax=largest)
    for (row, column), count in np.ndenumerate(counts):
        on_diagonal = row == column
        if on_diagonal:
            colour = INK
        elif count == 0:
            colour = FAINT
        else:
            colour = "white" if share[row, column] > 0.65 * largest else INK
        axes.text(
            column,
            row,
            f"{count:,}",
            color=colour,
            ha="center",
            va="center",
            size=9,
            weight="bold" if on_diagonal else "normal",
        )
    _plain(axes)
    axes.set_xticks(range(len(counts)))
    axes.set_yticks(range(len(counts)))
    axes.tick_params(length=0)
    axes.set_xlabel("predicted digit")
    axes.set_ylabel("true digit")
    accuracy = 100 * right / total
    axes.set_title(f"{accuracy:.1f} % right: {_mistakes(total - right)} in {total:,} digits")
    _colour_bar(figure, image, "mistaken so (% of the true digit)")
    return figure


def first_layer(weights: ArrayLike) -> Figure:
    """Draw the weights that look at the image: what each unit, or each filter, looks for.

    Parameters
    ----------
    weights
        Shape (units, height, width): for each unit of a first ``Linear`` layer the weights of all
        pixels, or for each map of a first ``Conv2d`` its filter. The first 100 are drawn.

    Raises
    ------
    ValueError
        If the shape is another, there is no unit, or a weight is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> first_layer(rng.normal(size=(10, 28, 28))).axes[0].get_title()
    'First layer, 1 to 10 of 10: red pixels excite, blue ones inhibit'
    """
    images = np.asarray(weights, float)
    if images.ndim != 3 or images.size == 0:
        raise ValueError(f"weights must have the shape (units, height, width), not {images.shape}")
    if not np.isfinite(images).all():
        raise ValueError("the weights must be finite, and some are not")
    units = len(images)
    images = images[:MOST_UNITS]
    mosaic = _mosaic(images)
    # A few extreme weights would leave the others pale: they share the last colour instead.
    limit = np.percentile(np.abs(images), 99.5) or 1

    figure = _figure(9, 7.6 * mosaic.shape[0] / mosaic.shape[1] + 0.6)
    axes = figure.subplots()
    image = axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    _plain(axes)
    axes.set_title(
        f"First layer, 1 to {len(images)} of {units:,}: red pixels excite, blue ones inhibit"
    )
    _colour_bar(figure, image, "weight of the pixel", extend="both")
    return figure


def confident_mistakes(
    images: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    count: int = 20,
    image_shape: tuple[int, int] = (28, 28),
) -> Figure:
    """Draw the digits that were taken for another one with the greatest confidence.

    Parameters
    ----------
    images
        Grey levels of n images, bright on dark: shape (n, height, width) or (n, pixels).
    labels
        The true digits: integers of shape (n,).
    probabilities
        What the network gives to each digit: shape (n, classes), from 0 to 1.
    count
        How many mistakes to draw at most.
    image_shape
        Height and width of an image, in pixels.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, a probability is none, or ``count`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> figure = confident_mistakes(np.ones((2, 784)), [1, 0], [[0.9, 0.1], [0.8, 0.2]])
    >>> figure.axes[0].get_title()
    '1 → 0, 90 %'
    """
    images, labels, probabilities = map(np.asarray, (images, labels, probabilities))
    total, (height, width) = len(labels), image_shape
    if labels.ndim != 1 or images.shape not in ((total, height, width), (total, height * width)):
        raise ValueError(
            f"{total} labels need as many images of {height} × {width} pixels, "
            f"not images of shape {images.shape}"
        )
    if probabilities.ndim != 2 or len(probabilities) != total:
        raise ValueError(
            f"{total} labels need probabilities of shape ({total}, classes), "
            f"not {probabilities.shape}"
        )
    if not ((probabilities >= 0) & (probabilities <= 1.001)).all():  # a little off by rounding
        raise ValueError("probabilities must be from 0 to 1, and some are not")
    if count < 1:
        raise ValueError(f"the count of mistakes to draw must be positive, not {count}")
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    mistakes = np.flatnonzero(predicted != labels)
    shown = mistakes[np.argsort(-confidence[mistakes], kind="stable")][:count]
    if shown.size == 0:
        figure = _figure(7, 2)
        figure.text(0.5, 0.5, f"No mistakes in {total:,} digits", ha="center", va="center", size=16)
        return figure

    columns = min(len(shown), 5)
    rows = -(-len(shown) // columns)
    figure = _figure(max(1.6 * columns, 5), 1.9 * rows + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, index in zip(grid, shown, strict=False):
        axes.imshow(images[index].reshape(image_shape), cmap="gray", interpolation="nearest")
        percent = _percent(confidence[index])
        axes.set_title(f"{labels[index]} → {predicted[index]}, {percent}", size=10)
        _plain(axes)
    for axes in grid[len(shown) :]:
        axes.remove()
    figure.suptitle(
        f"The most confident of {_mistakes(mistakes.size)} in {total:,} digits\n"
        "true digit → predicted digit, confidence",
    )
    return figure


def save_pictures(directory: str | PathLike[str], figures: Mapping[str, Figure]) -> list[Path]:
    """Write each figure to ``<name>.png`` in a directory, which is made if need be.

    All figures are drawn before the first is written, and each file appears whole or not at all.

    Parameters
    ----------
    directory
        Where to write.
    figures
        The figures by name.

    Returns
    -------
    list of pathlib.Path
        The files, in the order of the figures.

    Raises
    ------
    OSError
        If the directory cannot be made, or a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     files = save_pictures(directory, {"confusion": confusion_matrix([[9, 1], [0, 10]])})
    >>> [file.name for file in files]
    ['confusion.png']
    """
    pictures = {}
    for name, figure in figures.items():
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=DPI)
        pictures[Path(directory, f"{name}.png")] = content.getbuffer()
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        for path, picture in pictures.items():
            with atomic_write(path) as file:
                file.write(picture)
    except OSError as error:
        raise type(error)(f"cannot write pictures to {directory}: {error.strerror}") from None
    return list(pictures)


def _figure(width: float, height: float) -> Figure:
    """Make an empty figure, in inches, that leaves room for every label."""
    module = need("matplotlib.figure", "cli", "drawing a picture")
    layout = need("matplotlib.layout_engine", "cli", "drawing a picture")
    figure: Figure = module.Figure(
        figsize=(width, height),
        dpi=DPI,
        layout=layout.ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08),
    )
    return figure


def _draw_curves(
    axes: Axes, history: Sequence[Mapping[str, float]], quantity: str, factor: float = 1
) -> tuple[str, float]:
    """Draw a quantity for each set of digits; return the name and end of the last curve."""
    ticker = need("matplotlib.ticker", "cli", "drawing a picture")
    for digits, (name, colour, line) in DIGITS.items():
        key = f"{digits}_{quantity}"
        points = [(epoch["epoch"], factor * epoch[key]) for epoch in history if key in epoch]
        if points:
            axes.plot(*zip(*points, strict=True), line, color=colour, marker=".", label=name)
    if not axes.lines:
        raise ValueError(f"the history holds neither train_{quantity} nor test_{quantity}")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(color="#e4e4e4")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    last = axes.lines[-1]
    return str(last.get_label()), float(np.asarray(last.get_ydata())[-1])


def _plain(axes: Axes) -> None:
    """Take away the frame and the ticks of a picture whose pixels need no scale."""
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


def _colour_bar(
    figure: Figure, image: AxesImage, label: str, extend: Literal["neither", "both"] = "neither"
) -> None:
    bar = figure.colorbar(image, ax=image.axes, label=label, extend=extend, pad=0.02)
    bar.outline.set_visible(False)


def _mosaic(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay images (n, height, width) out in rows, in a wide grid with gaps that are not a number."""
    count, height, width = images.shape
    columns = min(count, int(np.ceil(np.sqrt(2 * count))))
    rows = -(-count // columns)
    grid = np.full((rows * columns, height + 2, width + 2), np.nan)
    grid[:count, 1:-1, 1:-1] = images
    grid = grid.reshape(rows, columns, height + 2, width + 2)
    return grid.transpose(0, 2, 1, 3).reshape(rows * (height + 2), columns * (width + 2))


def _mistakes(count: int) -> str:
    return f"{count:,} mistake" if count == 1 else f"{count:,} mistakes"


def _percent(probability: float) -> str:
    """Round to whole percent, but never up to a certainty that was not there."""
    return f"{probability:.0%}".replace("%", " %") if probability < 0.995 else "> 99 %"
