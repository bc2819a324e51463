"""Training: teach a model the digits, and examine what it has learned.

`fit` is the loop: a batch goes up through the model to the loss, its gradients come down again,
and the optimiser takes a step. `evaluate` and `predict` look at the model from outside. They work
with any module that maps images, one a row, to ten logits.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.data import MNIST, Batches, scale

__all__ = [
    "DivergedError",
    "Epoch",
    "Evaluation",
    "Settings",
    "Step",
    "evaluate",
    "fit",
    "predict",
]

DIGITS = 10
_BATCH = 1000  # images that `predict` has in memory as floating-point numbers at a time


@dataclass(frozen=True)
class Settings:
    """How to train.

    Parameters
    ----------
    epochs
        How often to go through the training digits.
    batch_size
        Digits for each step; 0 takes all of them, which is plain gradient descent.
    lr
        The learning rate of the first step. It falls linearly, to reach 0 after the last one.
    momentum
        How much of the last step's velocity stays, from 0 up to less than 1.

    Raises
    ------
    TypeError
        If a count is not an integer.
    ValueError
        If a number makes no sense.

    Examples
    --------
    >>> Settings(epochs=3, batch_size=0, lr=0.5, momentum=0.0).epochs
    3
    """

    epochs: int = 10
    batch_size: int = 32
    lr: float = 0.1
    momentum: float = 0.0

    def __post_init__(self) -> None:
        if operator.index(self.epochs) < 1:
            raise ValueError(f"epochs must be 1 or more, not {self.epochs}")
        if operator.index(self.batch_size) < 0:
            raise ValueError(f"batch size must be 0 (all digits) or more, not {self.batch_size}")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise ValueError(f"lr must be a finite number above 0, not {self.lr}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be from 0 up to less than 1, not {self.momentum}")


class Step(NamedTuple):
    """Where the training stands after a step of the `steps` of an epoch.

    Both are counted from 1. Loss and accuracy are means over the epoch so far.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float


class Epoch(NamedTuple):
    """What an epoch brought.

    The figures for the training digits are means over the epoch, during which the model learned;
    those for the test digits are the model's at its end. Losses are in nats, accuracies from 0
    to 1, and `seconds` include the test.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


class DivergedError(FloatingPointError):
    """A training whose loss has become infinite or not a number.

    Attributes
    ----------
    epoch, step
        Where, both counted from 1.
    history
        The epochs that went well.
    """

    def __init__(self, epoch: int, step: int, history: list[Epoch]) -> None:
        weights = f"those of the end of epoch {epoch - 1}" if history else "the initial ones"
        super().__init__(
            f"the loss stopped being a finite number in epoch {epoch}, step {step}; the weights "
            f"are set back to {weights}; a smaller learning rate may help"
        )
        self.epoch, self.step, self.history = epoch, step, history


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
    def digit_accuracy(self) -> NDArray[np.float64]:
        """The same for each of the ten digits; not a number for a digit that does not occur."""
        with np.errstate(invalid="ignore"):
            shares: NDArray[np.float64] = self.confusion.diagonal() / self.confusion.sum(axis=1)
        return shares


def fit(
    model: nn.Module,
    digits: MNIST,
    settings: Settings,
    rng: np.random.Generator,
    *,
    on_step: Callable[[Step], object] | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> list[Epoch]:
    """Train a model, by stochastic gradient descent on the mean cross-entropy.

    Parameters
    ----------
    model
        Maps floating-point images of shape (samples, 784) to logits of shape (samples, 10). Its
        parameters are changed in place.
    digits
        What to learn from, and what to test on after each epoch.
    settings
        How to train.
    rng
        Shuffles the training digits, for every epoch anew.
    on_step, on_epoch
        Called after every step and every epoch, to show how it goes.

    Returns
    -------
    list of Epoch
        One for each epoch.

    Raises
    ------
    DivergedError
        If the loss becomes infinite or not a number. The model has the weights of the last
        epoch's end then, or the initial ones.

    Examples
    --------
    >>> from tinygrad_mnist.data import load_mnist
    >>> from tinygrad_mnist.models import mlp
    >>> rng = np.random.default_rng(0)
    >>> history = fit(mlp([784, 10, 10], rng), load_mnist("sample"), Settings(epochs=2), rng)
    >>> history[1].train_loss < history[0].train_loss
    True
    """
    batches = Batches(_rows(digits.train_images), digits.train_labels, settings.batch_size, rng)
    loss_fn = nn.SoftmaxCrossEntropy()
    optimiser = optim.SGD(model.parameters(), settings.lr, settings.momentum)
    fall = settings.lr / (settings.epochs * len(batches))
    history: list[Epoch] = []
    with np.errstate(over="ignore", invalid="ignore"):  # the loss tells what matters
        for epoch in range(1, settings.epochs + 1):
            begin = time.perf_counter()
            good = model.state_dict()
            loss_sum, right, seen = 0.0, 0, 0
            try:
                for step, (x, y) in enumerate(batches, start=1):
                    logits = model(Tensor(x, copy=False))
                    loss = loss_fn(logits, y)
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    optimiser.lr -= fall
                    loss_sum += loss.item() * len(y)
                    if not math.isfinite(loss_sum):
                        raise FloatingPointError(f"the loss is {loss.item()}")
                    right += int(np.count_nonzero(logits.numpy().argmax(axis=1) == y))
                    seen += len(y)
                    if on_step:
                        on_step(Step(epoch, step, len(batches), loss_sum / seen, right / seen))
                test = evaluate(model, digits.test_images, digits.test_labels)
            except FloatingPointError as error:
                model.load_state_dict(good)
                raise DivergedError(epoch, step, history) from error
            seconds = time.perf_counter() - begin
            history.append(
                Epoch(epoch, loss_sum / seen, right / seen, test.loss, test.accuracy, seconds)
            )
            if on_epoch:
                on_epoch(history[-1])
    return history


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
    >>> digits = load_mnist("sample")
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> evaluation = evaluate(model, digits.test_images, digits.test_labels)
    >>> int(evaluation.confusion.sum()), evaluation.accuracy < 0.3
    (1000, True)
    """
    logits = _logits(model, images)
    loss = nn.functional.softmax_cross_entropy(logits, labels)
    places = DIGITS * labels.astype(np.intp) + logits.argmax(axis=1)
    confusion = np.bincount(places, minlength=DIGITS * DIGITS).reshape(DIGITS, DIGITS)
    return Evaluation(float(loss), confusion, nn.functional.softmax(logits, axis=1))


def predict(model: nn.Module, images: NDArray[Any]) -> NDArray[np.float64]:
    """Compute how probable each digit is for each image.

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
    probabilities: NDArray[np.float64] = nn.functional.softmax(_logits(model, images), axis=1)
    return probabilities


def _logits(model: nn.Module, images: NDArray[Any]) -> NDArray[np.float64]:
    """Run the model batch by batch; in float64, so that no softmax overflows afterwards."""
    if len(images) == 0:
        raise ValueError(f"expected at least one image, found an array of shape {images.shape}")
    rows = _rows(images)
    parts = []
    with no_grad(), np.errstate(over="ignore", invalid="ignore"):  # checked as a whole below
        for start in range(0, len(rows), _BATCH):
            parts.append(model(Tensor(scale(rows[start : start + _BATCH]), copy=False)).numpy())
    logits = np.concatenate(parts, dtype=np.float64)
    if logits.shape != (len(images), DIGITS):
        raise ValueError(
            f"expected a model with {DIGITS} outputs for each of {len(images):,} images, "
            f"found outputs of shape {logits.shape}"
        )
    if not np.isfinite(logits).all():
        raise FloatingPointError("the model's outputs are not all finite numbers")
    return logits


def _rows(images: NDArray[Any]) -> NDArray[Any]:
    """Look at each image as a row of pixels."""
    return images.reshape(len(images), -1)
