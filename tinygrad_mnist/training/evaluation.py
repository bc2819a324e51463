"""What a model makes of digits: its answers, and how good they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import Tensor, nn, no_grad
from tinygrad_mnist.data import scale

__all__ = [
    "DIGITS",
    "Evaluation",
    "NotFiniteError",
    "Score",
    "check_fit",
    "check_pixels",
    "evaluate",
    "in_mode",
    "measure",
    "predict",
]

DIGITS = 10
# Images at a time: a convolution's 64 channels of 28 x 28 take 50 MB for them, and a small
# network is no faster with more.
_BATCH = 250
_PART = 40 * _BATCH  # whose logits are kept at a time


class NotFiniteError(FloatingPointError):
    """Numbers of a model that are infinite or not a number, found here and by nobody else."""


@dataclass(frozen=True, eq=False)
class Score:
    """How many labelled digits a model recognises, and how surely.

    Attributes
    ----------
    loss
        The mean cross-entropy, in nats.
    confusion
        int64 of shape (10, 10): how many digits of each kind (row) were taken for which (column).
    """

    loss: float
    confusion: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """The share of digits that were recognised, from 0 to 1."""
        return float(self.confusion.trace() / self.confusion.sum())

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of the answers that name a digit, the share that is right; NaN where none names it."""
        return self._shares(axis=0)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of the images of a digit, the share that was recognised; NaN where there is none."""
        return self._shares(axis=1)

    def _shares(self, axis: int) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            shares: NDArray[np.float64] = self.confusion.diagonal() / self.confusion.sum(axis=axis)
        return shares


@dataclass(frozen=True, eq=False)
class Evaluation(Score):
    """How a model does on labelled digits.

    Attributes
    ----------
    loss, confusion
        As of `Score`.
    probabilities
        Shape (digits, 10): what the model gives to each answer.
    """

    probabilities: NDArray[np.floating[Any]]


def evaluate(
    model: nn.Module, images: NDArray[Any], labels: NDArray[np.integer[Any]]
) -> Evaluation:
    """Examine a model on labelled digits.

    Parameters
    ----------
    model, images
        As for `predict`.
    labels
        Integers from 0 to 9, shape (digits,).

    Raises
    ------
    ValueError
        If there are no digits, shapes do not belong together, a pixel is infinite or not a number,
        or a label is not a digit.
    TypeError
        If the images are no array of uint8 or floating-point numbers, or the labels none of
        integers.
    FloatingPointError
        If what the model computes is infinite or not a number.

    Examples
    --------
    >>> from tinygrad_mnist.data import load_mnist
    >>> from tinygrad_mnist.models import mlp
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> evaluation = evaluate(model, *load_mnist("sample").test)
    >>> int(evaluation.confusion.sum()), evaluation.accuracy < 0.3
    (1000, True)
    """
    probabilities: list[NDArray[np.float64]] = []
    score = measure(model, images, labels, probabilities)
    return Evaluation(score.loss, score.confusion, np.concatenate(probabilities))


def measure(
    model: nn.Module,
    images: NDArray[Any],
    labels: NDArray[np.integer[Any]],
    probabilities: list[NDArray[np.float64]] | None = None,
) -> Score:
    """Do as `evaluate` does, in little memory: probabilities only go to a list, if there is one.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As `evaluate`.
    """
    _check_array("labels", labels)
    _check_array("images", images)
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"expected a label for each image, found labels of shape {labels.shape} and images of "
            f"shape {images.shape}"
        )
    loss, confusion = 0.0, np.zeros(DIGITS * DIGITS, np.int64)
    for start, logits in _logits(model, images):
        own = labels[start : start + len(logits)]
        part = float(nn.functional.softmax_cross_entropy(logits, own))
        loss += (part - loss) * (len(own) / (start + len(own)))
        places = DIGITS * own.astype(np.intp) + logits.argmax(axis=1)
        confusion += np.bincount(places, minlength=DIGITS * DIGITS)
        if probabilities is not None:
            probabilities.append(nn.functional.softmax(logits, axis=1))
    return Score(loss, confusion.reshape(DIGITS, DIGITS))


def predict(model: nn.Module, images: NDArray[Any]) -> NDArray[np.float64]:
    """Compute how probable each digit is for each image.

    The model is in evaluation mode meanwhile.

    Parameters
    ----------
    model
        Maps floating-point images of shape (samples, 784) to logits of shape (samples, 10).
    images
        uint8 (0 is the background, 255 full ink) or floating (0 to 1), shape (samples, 28, 28)
        or (samples, 784).

    Returns
    -------
    numpy.ndarray
        float64 of shape (samples, 10); rows sum to 1.

    Raises
    ------
    ValueError
        If there are no images, a pixel is infinite or not a number, or the model does not take such
        images or answer with ten logits.
    TypeError
        If the images are no array of uint8 or floating-point numbers.
    FloatingPointError
        If what the model computes is infinite or not a number.

    Examples
    --------
    >>> from tinygrad_mnist.models import mlp
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> predict(model, np.zeros((5, 28, 28), np.uint8))[0, :2]
    array([0.1, 0.1])
    """
    _check_array("images", images)
    parts = [nn.functional.softmax(logits, axis=1) for _, logits in _logits(model, images)]
    return np.concatenate(parts)


def check_fit(model: nn.Module, images: NDArray[Any]) -> None:
    """Say by their shapes, or by what comes out, that images do not fit a model; try one.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As `predict`.
    """
    _check_array("images", images)
    for _ in _logits(model, images[:1]):
        pass


def _check_array(name: str, array: Any) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, not {type(array).__name__}")


def _logits(model: nn.Module, images: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Run the model on a part of the images after another; each part begins at the number given.

    Logits are float64, so that no softmax overflows afterwards.
    """
    if len(images) == 0:
        raise ValueError(f"expected at least one image, found an array of shape {images.shape}")
    for start in range(0, len(images), _PART):
        part = images[start : start + _PART]
        logits = _logits_of(model, part.reshape(len(part), -1), images.shape[1:])
        if logits.shape != (len(part), DIGITS):
            raise ValueError(
                f"expected a model with {DIGITS} outputs for each of {len(part):,} images, "
                f"found outputs of shape {logits.shape}"
            )
        if not np.isfinite(logits).all():
            check_pixels(part, "the images")
            raise NotFiniteError("the model's outputs are not all finite numbers")
        yield start, logits


def _logits_of(model: nn.Module, rows: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Run the model batch by batch; `shape` is that of an image, for errors."""
    found = []
    # What overflows is found afterwards, in all logits together.
    with in_mode(model, training=False), no_grad(), np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(rows), _BATCH):
            x = Tensor(scale(rows[start : start + _BATCH]), copy=False)
            try:
                found.append(model(x).numpy())
            except ValueError as error:
                raise ValueError(
                    f"images of shape {shape} do not fit the model: {error}"
                ) from error
    return np.concatenate(found, dtype=np.float64)


def check_pixels(images: NDArray[Any], what: str) -> None:
    """Refuse pixels that are infinite or not a number."""
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise ValueError(f"{what} hold pixels that are infinite or not a number")


@contextmanager
def in_mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Switch a model to training or evaluation for the block, and each part back afterwards."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode
