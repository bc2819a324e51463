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
    "compute_logits",
    "evaluate",
    "in_mode",
    "predict",
]

DIGITS = 10
# Images at a time: a convolution's 64 channels of 28 x 28 take 50 MB for them, and a small
# network is no faster with more.
_BATCH = 250


class NotFiniteError(FloatingPointError):
    """Numbers of a model that are infinite or not a number, found here and by nobody else."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How a model does on labelled digits.

    Attributes
    ----------
    loss
        The mean cross-entropy, in nats.
    confusion
        int64 of shape (10, 10): how many digits of each kind (row) were taken for which (column).
    probabilities
        Shape (digits, 10): what the model gives to each answer.
    """

    loss: float
    confusion: NDArray[np.int64]
    probabilities: NDArray[np.floating[Any]]

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
        If there are no digits, shapes do not belong together, or a label is not a digit.
    TypeError
        If the images are neither uint8 nor floating, or the labels are not integers.
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
    logits = compute_logits(model, images)
    loss = nn.functional.softmax_cross_entropy(logits, labels)
    places = DIGITS * labels.astype(np.intp) + logits.argmax(axis=1)
    confusion = np.bincount(places, minlength=DIGITS * DIGITS).reshape(DIGITS, DIGITS)
    return Evaluation(float(loss), confusion, nn.functional.softmax(logits, axis=1))


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
        If there are no images, or the model does not take such images or answer with ten logits.
    TypeError
        If the images are neither uint8 nor floating.
    FloatingPointError
        If what the model computes is infinite or not a number.

    Examples
    --------
    >>> from tinygrad_mnist.models import mlp
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> predict(model, np.zeros((5, 28, 28), np.uint8))[0, :2]
    array([0.1, 0.1])
    """
    logits = compute_logits(model, images)
    probabilities: NDArray[np.float64] = nn.functional.softmax(logits, axis=1)
    return probabilities


def compute_logits(model: nn.Module, images: NDArray[Any]) -> NDArray[np.float64]:
    """Run the model batch by batch; in float64, so that no softmax overflows afterwards.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As `predict`.
    """
    if len(images) == 0:
        raise ValueError(f"expected at least one image, found an array of shape {images.shape}")
    rows = images.reshape(len(images), -1)
    parts = []
    # What overflows is found below, in all logits together.
    with in_mode(model, training=False), no_grad(), np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(rows), _BATCH):
            x = Tensor(scale(rows[start : start + _BATCH]), copy=False)
            try:
                parts.append(model(x).numpy())
            except ValueError as error:
                raise ValueError(
                    f"images of shape {images.shape[1:]} do not fit the model: {error}"
                ) from error
    logits = np.concatenate(parts, dtype=np.float64)
    if logits.shape != (len(images), DIGITS):
        raise ValueError(
            f"expected a model with {DIGITS} outputs for each of {len(images):,} images, "
            f"found outputs of shape {logits.shape}"
        )
    if not np.isfinite(logits).all():
        raise NotFiniteError("the model's outputs are not all finite numbers")
    return logits


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
