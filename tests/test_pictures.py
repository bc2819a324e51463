"""The pictures show the numbers that they were given, and files appear whole or not at all."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from tinygrad_mnist.pictures import (
    confident_mistakes,
    confusion_matrix,
    first_layer,
    learning_curves,
    save_pictures,
)

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=10, deadline=None)  # a figure takes tens of milliseconds
fraction = st.floats(0, 1)
epochs = st.lists(
    st.fixed_dictionaries(
        {"train_loss": st.floats(0, 10), "train_accuracy": fraction, "test_accuracy": fraction}
    ),
    min_size=1,
    max_size=5,
)


def shown(figure: Figure) -> NDArray[np.float64]:
    """Return the numbers behind the first image of a figure; masked ones are not a number."""
    return np.ma.asarray(figure.axes[0].images[0].get_array(), float).filled(np.nan)


@few
@given(epochs)
def test_curves_go_through_the_numbers(history: list[dict[str, float]]) -> None:
    history = [{"epoch": number, **epoch} for number, epoch in enumerate(history, 1)]
    loss, accuracy = learning_curves(history).axes
    for line, key, factor in [
        (loss.lines[0], "train_loss", 1),
        (accuracy.lines[0], "train_accuracy", 100),
        (accuracy.lines[1], "test_accuracy", 100),
    ]:
        expected = [(epoch["epoch"], factor * epoch[key]) for epoch in history]
        np.testing.assert_allclose(np.asarray(line.get_xydata(), float), np.array(expected))
    assert len(loss.lines) == 1  # no test loss was given
    assert loss.get_title() == f"Loss: {history[-1]['train_loss']:.3f} on the training digits"
    assert f"{100 * history[-1]['test_accuracy']:.1f} % on the test" in accuracy.get_title()


def test_a_single_epoch_is_seen() -> None:
    loss, accuracy = learning_curves([{"epoch": 1, "test_loss": 0.5, "test_accuracy": 0.9}]).axes
    for axes in (loss, accuracy):
        assert axes.lines[0].get_marker() not in ("", "None", None)
        assert axes.get_xlabel() == "epoch"


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "at least one epoch"),
        ([{"train_loss": 1.0, "train_accuracy": 0.5}], "its number in 'epoch'"),
        ([{"epoch": 1, "train_loss": 1.0}], "neither train_accuracy nor test_accuracy"),
    ],
)
def test_a_history_without_numbers_is_refused(
    history: list[dict[str, float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        learning_curves(history)


@few
@given(hnp.arrays(np.int64, (10, 10), elements=st.integers(0, 2000)))
def test_every_count_is_written_in_its_cell(counts: NDArray[np.int64]) -> None:
    counts[0, 0] += 1  # so that something was counted
    figure = confusion_matrix(counts)
    written = np.zeros_like(counts)
    for text in figure.axes[0].texts:
        column, row = text.get_position()
        written[int(row), int(column)] = int(text.get_text().replace(",", ""))
    np.testing.assert_array_equal(written, counts)
    right = 100 * np.trace(counts) / counts.sum()
    assert figure.axes[0].get_title().startswith(f"{right:.1f} % right")


def test_colours_are_shares_of_the_row_and_leave_out_the_diagonal() -> None:
    figure = confusion_matrix([[90, 10, 0], [0, 5, 15], [0, 0, 0]])
    off_diagonal = [[np.nan, 10, 0], [0, np.nan, 75], [0, 0, np.nan]]
    np.testing.assert_allclose(shown(figure), off_diagonal)
    assert figure.axes[0].images[0].get_clim() == (0, 75)


def test_a_matrix_without_mistakes_is_drawn() -> None:
    figure = confusion_matrix(np.diag([3, 4]))
    assert figure.axes[0].get_title() == "100.0 % right: 0 mistakes in 7 digits"


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        ([[0.5, 0.5], [0, 1]], TypeError, "integer counts, not float64"),
        ([[1, 2, 3], [4, 5, 6]], ValueError, r"must be square, not of shape \(2, 3\)"),
        ([[1, -1], [0, 1]], ValueError, "zero and more"),
        ([[0, 0], [0, 0]], ValueError, "not only zeros"),
    ],
)
def test_what_is_not_a_confusion_matrix_is_refused(
    matrix: list[list[float]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        confusion_matrix(matrix)


@few
@given(seeds, st.integers(1, 120), st.integers(2, 6), st.integers(2, 6))
def test_each_unit_is_an_image_in_the_mosaic(
    seed: int, units: int, height: int, width: int
) -> None:
    weights = np.random.default_rng(seed).normal(size=(units, height, width))
    figure = first_layer(weights)
    mosaic = shown(figure)
    drawn = min(units, 100)
    assert np.isfinite(mosaic).sum() == drawn * height * width
    columns = mosaic.shape[1] // (width + 2)
    for unit in range(drawn):
        row, column = divmod(unit, columns)
        top, left = row * (height + 2) + 1, column * (width + 2) + 1
        np.testing.assert_array_equal(
            mosaic[top : top + height, left : left + width], weights[unit]
        )
    assert f"1 to {drawn} of {units}" in figure.axes[0].get_title()


def test_the_colours_of_weights_are_centred_at_zero() -> None:
    image = first_layer(np.linspace(-1, 5, 784).reshape(1, 28, 28)).axes[0].images[0]
    low, high = image.get_clim()
    assert low == -high
    blue, grey, red = np.asarray(image.to_rgba(np.array([-4.0, 0.0, 4.0])))[:, :3]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert np.ptp(grey) < 0.01


def test_weights_of_zero_are_drawn() -> None:
    assert len(first_layer(np.zeros((3, 28, 28))).axes) == 2  # the mosaic and the colour bar


@pytest.mark.parametrize("shape", [(784,), (784, 10), (0, 28, 28), (10, 1, 5, 5)])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must have the shape \(units, height, width\)"):
        first_layer(np.zeros(shape))


def test_weights_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        first_layer(np.full((2, 28, 28), np.nan))


@few
@given(seeds, st.integers(1, 40), st.integers(1, 8), st.booleans())
def test_mistakes_come_in_order_of_confidence(seed: int, n: int, count: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    images = rng.random((n, 3, 4))
    labels = rng.integers(0, 10, n)
    probabilities = rng.dirichlet(np.full(10, 0.3), n)
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    expected = sorted(wrong, key=lambda index: -probabilities[index].max())[:count]

    given_images = images.reshape(n, -1) if flat else images
    figure = confident_mistakes(given_images, labels, probabilities, count, (3, 4))
    assert len(figure.axes) == len(expected)
    for axes, index in zip(figure.axes, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), images[index])
        assert axes.get_title().startswith(f"{labels[index]} → {predicted[index]}, ")


@pytest.mark.parametrize(
    ("probability", "text"), [(0.98, "98 %"), (0.994, "99 %"), (0.9999, "> 99 %"), (1.0, "> 99 %")]
)
def test_confidence_is_never_rounded_up_to_certainty(probability: float, text: str) -> None:
    figure = confident_mistakes(np.zeros((1, 784)), [1], [[probability, 1 - probability]])
    assert figure.axes[0].get_title() == f"1 → 0, {text}"


def test_no_mistakes_are_a_friendly_sentence() -> None:
    figure = confident_mistakes(np.zeros((2, 784)), [0, 1], np.eye(2))
    assert figure.axes == []
    assert [text.get_text() for text in figure.texts] == ["No mistakes in 2 digits"]


@pytest.mark.parametrize(
    ("images", "labels", "probabilities", "count", "message"),
    [
        ((3, 784), 2, np.eye(2), 20, r"2 labels need as many images of 28 × 28 pixels"),
        ((2, 783), 2, np.eye(2), 20, r"not images of shape \(2, 783\)"),
        ((2, 784), 2, np.eye(3), 20, r"probabilities of shape \(2, classes\), not \(3, 3\)"),
        ((2, 784), 2, np.full((2, 2), np.nan), 20, "must be from 0 to 1"),
        ((2, 784), 2, np.full((2, 2), 7.5), 20, "must be from 0 to 1"),
        ((2, 784), 2, np.eye(2), 0, "must be positive, not 0"),
    ],
)
def test_mistakes_that_do_not_fit_are_refused(
    images: tuple[int, ...],
    labels: int,
    probabilities: NDArray[np.float64],
    count: int,
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        confident_mistakes(np.zeros(images), np.zeros(labels, int), probabilities, count)


def test_pictures_are_saved_under_their_names(tmp_path: Path) -> None:
    figures = {
        "curves": learning_curves([{"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.9}]),
        "confusion": confusion_matrix(np.eye(10, dtype=int)),
    }
    files = save_pictures(tmp_path / "made" / "here", figures)
    assert [file.name for file in files] == ["curves.png", "confusion.png"]
    assert sorted(files) == sorted((tmp_path / "made" / "here").iterdir())
    for file, figure in zip(files, figures.values(), strict=True):
        with Image.open(file) as image:
            assert image.format == "PNG"
            np.testing.assert_allclose(image.size, figure.get_size_inches() * 150, atol=1)


def test_a_picture_that_cannot_be_drawn_leaves_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = Figure(), Figure()

    def fail(*_: object, **__: object) -> None:
        raise ValueError("cannot be drawn")

    monkeypatch.setattr(bad, "savefig", fail)
    with pytest.raises(ValueError, match="cannot be drawn"):
        save_pictures(tmp_path / "new", {"good": good, "bad": bad})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"^cannot write pictures to .*: No space left on device$"):
        save_pictures(tmp_path, {"empty": Figure()})
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    with pytest.raises(FileExistsError, match=r"^cannot write pictures to .*file: File exists$"):
        save_pictures(tmp_path / "file", {"empty": Figure()})


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"tinygrad-mnist\[cli\]"):
        learning_curves([{"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.9}])


def test_pyplot_is_left_alone() -> None:
    first_layer(np.zeros((1, 28, 28)))
    assert "matplotlib.pyplot" not in sys.modules
