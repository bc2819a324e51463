"""scikit-learn: `MLPClassifier`, whose `partial_fit` takes one step for each batch."""

from typing import Any

import numpy as np
from plain_mnist import Array, Labels, scale
from sklearn.neural_network import MLPClassifier

from .contender import LEARNING_RATE, Contender, Order

CLASSES = np.arange(10)


class ScikitLearn(Contender):
    """Gradient descent without momentum and penalty, as for all."""

    def prepare(self, weights: list[Array]) -> None:
        """Make the classifier, and give it these weights."""
        self._classifier = MLPClassifier(
            hidden_layer_sizes=(len(weights[1]),),
            solver="sgd",
            learning_rate_init=LEARNING_RATE,
            momentum=0.0,
            nesterovs_momentum=False,
            alpha=0.0,
            batch_size=self.batch_size,
            shuffle=False,
        )
        # Its weights exist, and can be set, once it has seen a digit.
        self.step(scale(self.digits.images[:1]), self.digits.labels[:1])
        for own, array in zip(self._arrays(), weights, strict=True):
            own[...] = array

    def epoch(self, order: Order) -> float:
        """Pick and scale each batch, and take a step."""
        images, labels = self.digits.images, self.digits.labels
        losses = [self.step(scale(images[batch]), labels[batch]) for batch in self.batches(order)]
        return float(np.mean(losses))

    def weights(self) -> list[Array]:
        """Return the weights."""
        return self._arrays()

    def step(self, images: Array, labels: Labels) -> Any:
        """Take a step."""
        self._classifier.batch_size = len(labels)  # a larger one would be warned of
        self._classifier.partial_fit(images, labels, classes=CLASSES)
        return self._classifier.loss_

    def _arrays(self) -> list[Array]:
        """List weight and bias, layer by layer: the classifier's own arrays."""
        layers = zip(self._classifier.coefs_, self._classifier.intercepts_, strict=True)
        return [array for layer in layers for array in layer]
