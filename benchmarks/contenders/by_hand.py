"""NumPy by hand: the step plain, the step with every array set aside, its matrix products alone."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
from plain_mnist import Array, Labels, scale
from steps_by_hand import Step, plain_step, preallocated_step, products

from . import lenet_by_hand
from .contender import LEARNING_RATE, LENET, Contender, Order


class Plain(Contender):
    """The step as a good engineer writes it."""

    def prepare(self, weights: list[Array]) -> None:
        """Keep the weights."""
        self._weights = weights
        self._step: Step = (
            partial(lenet_by_hand.train_step, weights, lr=LEARNING_RATE)
            if self.network == LENET
            else plain_step(weights, LEARNING_RATE)
        )

    def epoch(self, order: Order) -> float:
        """Pick and scale each batch, and take a step."""
        images, labels = self.digits.images, self.digits.labels
        losses = [self._step(scale(images[batch]), labels[batch]) for batch in self.batches(order)]
        return float(np.mean(losses))

    def weights(self) -> list[Array]:
        """Return the weights."""
        return self._weights

    def step(self, images: Array, labels: Labels) -> Any:
        """Take a step."""
        return self._step(images, labels)


class Preallocated(Contender):
    """The same arithmetic, writing into arrays that exist."""

    def prepare(self, weights: list[Array]) -> None:
        """Keep the weights; the arrays are set aside for each size of a batch when it comes."""
        self._weights = weights
        self._steps: dict[int, Step] = {}
        self._pixels = np.empty((self.batch_size, 784), np.uint8)
        self._images = np.empty((self.batch_size, 784), np.float32)

    def epoch(self, order: Order) -> float:
        """Pick and scale each batch into its place, and take a step."""
        losses = []
        for batch in self.batches(order):
            pixels, images = self._pixels[: len(batch)], self._images[: len(batch)]
            # mode="clip" lets `take` write where it shall without a copy between.
            self.digits.images.take(batch, axis=0, out=pixels, mode="clip")
            np.divide(pixels, 255, out=images, dtype=np.float32)
            losses.append(self.step(images, self.digits.labels[batch]))
        return float(np.mean(losses))

    def weights(self) -> list[Array]:
        """Return the weights."""
        return self._weights

    def step(self, images: Array, labels: Labels) -> Any:
        """Take a step."""
        size = len(labels)
        if size not in self._steps:
            self._steps[size] = self._make_step(size)
        return self._steps[size](images, labels)

    def _make_step(self, size: int) -> Step:
        return preallocated_step(self._weights, size, LEARNING_RATE)


class Products(Preallocated):
    """The matrix products of the step and nothing else: it learns nothing."""

    trains: ClassVar[bool] = False

    def prepare(self, weights: list[Array]) -> None:
        """Keep the weights, and the first batch for all."""
        super().prepare(weights)
        self._images[...] = scale(self.digits.images[: self.batch_size])

    def epoch(self, order: Order) -> float:
        """Multiply for each batch, of which the pixels stay the same."""
        for batch in self.batches(order):
            self.step(self._images[: len(batch)], batch)
        return 0.0

    def _make_step(self, size: int) -> Step:
        return products(self._weights, size)
