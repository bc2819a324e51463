"""HIPS autograd: the loss in its copy of NumPy, differentiated by `value_and_grad`."""

from typing import Any

import autograd.numpy as np
from autograd import value_and_grad
from plain_mnist import Array, Labels, scale

from .contender import LEARNING_RATE, Contender, Order


def _loss(parameters: list[Any], images: Array, labels: Labels) -> Any:
    W1, b1, W2, b2 = parameters
    Z2 = np.dot(np.maximum(np.dot(images, W1) + b1, 0), W2) + b2
    Z2 = Z2 - np.max(Z2, axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(Z2), axis=1))
    return np.mean(log_total - Z2[np.arange(len(labels)), labels])


class Autograd(Contender):
    """The networks of two layers."""

    def prepare(self, weights: list[Array]) -> None:
        """Keep the weights."""
        self._weights = weights
        self._value_and_grad = value_and_grad(_loss)

    def epoch(self, order: Order) -> float:
        """Pick and scale each batch, and take a step."""
        images, labels = self.digits.images, self.digits.labels
        losses = [self.step(scale(images[batch]), labels[batch]) for batch in self.batches(order)]
        return float(np.mean(losses))

    def weights(self) -> list[Array]:
        """Return the weights."""
        return self._weights

    def step(self, images: Array, labels: Labels) -> Any:
        """Take a step."""
        loss, gradients = self._value_and_grad(self._weights, images, labels)
        for parameter, gradient in zip(self._weights, gradients, strict=True):
            parameter -= LEARNING_RATE * gradient
        return loss
