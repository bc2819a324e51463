"""MyGrad: its tensors and layers, with its memory guard off, as its documentation advises."""

from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu
from mygrad.nnet.layers import conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy
from plain_mnist import Array, Labels, scale

from .contender import LEARNING_RATE, LENET, Contender, Order


def _two_layer(parameters: list[Any], images: Array) -> Any:
    W1, b1, W2, b2 = parameters
    return relu(images @ W1 + b1) @ W2 + b2


def _lenet(parameters: list[Any], images: Array) -> Any:
    K1, b1, K2, b2, W3, b3, W4, b4, W5, b5 = parameters
    x = images.reshape(-1, 1, 28, 28)
    x = relu(conv_nd(x, K1, stride=1, padding=2) + b1.reshape(-1, 1, 1))
    x = max_pool(x, (2, 2), 2)
    x = relu(conv_nd(x, K2, stride=1) + b2.reshape(-1, 1, 1))
    x = max_pool(x, (2, 2), 2)
    x = relu(x.reshape(len(images), 400) @ W3 + b3)
    return relu(x @ W4 + b4) @ W5 + b5


class MyGrad(Contender):
    """The step with MyGrad's gradients."""

    def prepare(self, weights: list[Array]) -> None:
        """Make tensors of the weights."""
        mg.turn_memory_guarding_off()
        self._parameters = [mg.tensor(array) for array in weights]
        self._logits = _lenet if self.network == LENET else _two_layer

    def epoch(self, order: Order) -> float:
        """Pick and scale each batch, and take a step."""
        images, labels = self.digits.images, self.digits.labels
        losses = [self.step(scale(images[batch]), labels[batch]) for batch in self.batches(order)]
        return float(np.mean(losses))

    def weights(self) -> list[Array]:
        """Return the weights."""
        return [parameter.data for parameter in self._parameters]

    def step(self, images: Array, labels: Labels) -> Any:
        """Take a step."""
        loss = softmax_crossentropy(self._logits(self._parameters, images), labels)
        loss.backward()
        for parameter in self._parameters:
            parameter.data -= LEARNING_RATE * parameter.grad
        return loss.item()
