"""What every contender is: a network with given weights, to be trained on the same digits.

A contender is handed the digits as MNIST has them, a byte a pixel, and scales each batch to float32
when it comes to it; that is part of an epoch for all.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from plain_mnist import Array, Labels, load, test_accuracy

from .lenet_by_hand import compute_logits

LEARNING_RATE = 0.1
LENET = "LeNet-5"

Pixels = NDArray[np.uint8]
Order = NDArray[np.intp]


@dataclass(frozen=True)
class Digits:
    """MNIST: images (n, 784), a byte a pixel, and labels (n,)."""

    images: Pixels
    labels: Labels
    test_images: Pixels
    test_labels: Labels

    @classmethod
    def read(cls, directory: Path) -> "Digits":
        """Read the four gzipped files."""
        arrays = [*load(directory, "train"), *load(directory, "t10k")]
        return cls(*(array.copy() for array in arrays))  # writable, which PyTorch asks for


class Contender(ABC):
    """A network in training.

    Parameters
    ----------
    network
        Its name, as in `cases`.
    weights
        Where it starts: of each layer the weight, (inputs, outputs) or (outputs, inputs, height,
        width), and the bias. It takes copies.
    digits
        What it trains on.
    batch_size
        Digits in a step; the last step of an epoch takes what is left.

    Attributes
    ----------
    takes_steps
        Whether a single step can be asked of it.
    trains
        Whether it has weights that learn.
    """

    takes_steps: ClassVar[bool] = True
    trains: ClassVar[bool] = True

    def __init__(
        self, network: str, weights: Sequence[Array], digits: Digits, batch_size: int
    ) -> None:
        self.network, self.digits, self.batch_size = network, digits, batch_size
        self.prepare([array.copy() for array in weights])

    @abstractmethod
    def prepare(self, weights: list[Array]) -> None:
        """Build the network with these weights, and whatever trains it."""

    @abstractmethod
    def epoch(self, order: Order) -> float:
        """Train on the digits in this order, batch by batch; return the mean loss of the steps."""

    @abstractmethod
    def weights(self) -> list[Array]:
        """Return the weights as they are now, in the form of the initial ones."""

    def ready(self, images: Array, labels: Labels) -> tuple[Any, Any]:
        """Bring a batch, scaled already, into the form that `step` takes."""
        return images, labels

    def step(self, images: Any, labels: Any) -> Any:
        """Train on a batch; return the loss."""
        raise NotImplementedError

    def steps(self, batches: Sequence[tuple[Any, Any]]) -> None:
        """Train on one batch after the other, and return when the last step is done."""
        for images, labels in batches:
            self.step(images, labels)

    def batches(self, order: Order) -> Iterator[Order]:
        """Cut an order into the indices of each batch."""
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

    def accuracy(self) -> float:
        """Compute the share of the test digits that are recognised, in NumPy for all."""
        weights, digits = self.weights(), self.digits
        if self.network == LENET:
            logits = compute_logits(weights, digits.test_images)
            return float((logits.argmax(axis=1) == digits.test_labels).mean())
        return test_accuracy(weights, digits.test_images, digits.test_labels)
