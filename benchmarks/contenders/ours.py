"""The step that people write with this package: as it is, and compiled."""

from typing import Any, ClassVar, Literal

import numpy as np
from plain_mnist import Array, Labels
from written_alike import lenet, training_step, two_layer

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.data import scale

from .contender import LEARNING_RATE, LENET, Contender, Order


class _Ours(Contender):
    """The network, and the step as people write it."""

    def prepare(self, weights: list[Array]) -> None:
        """Build the network with these weights."""
        hidden = len(weights[1])
        self._model = lenet(nn) if self.network == LENET else two_layer(nn, hidden)
        self._model.load_state_dict(dict(zip(self._model.state_dict(), weights, strict=True)))
        optimiser = optim.SGD(self._model.parameters(), lr=LEARNING_RATE)
        self._step = training_step(self._model, nn.SoftmaxCrossEntropy(), optimiser)

    def weights(self) -> list[Array]:
        """Return the weights."""
        return [parameter.numpy() for parameter in self._model.parameters()]


class Eager(_Ours):
    """Every step is recorded anew."""

    def epoch(self, order: Order) -> float:
        """Pick and scale each batch, and take a step."""
        images, labels = self.digits.images, self.digits.labels
        losses = [
            self._step(Tensor(scale(images[batch]), copy=False), labels[batch])
            for batch in self.batches(order)
        ]
        return float(np.mean([loss.item() for loss in losses]))

    def ready(self, images: Array, labels: Labels) -> tuple[Any, Any]:
        """Make a Tensor of the images."""
        return Tensor(images, copy=False), labels

    def step(self, images: Any, labels: Any) -> Any:
        """Take a step."""
        return self._step(images, labels)


class _Compiled(_Ours):
    """The step is captured once and replayed."""

    backend: ClassVar[Literal["numpy", "c"]]

    def prepare(self, weights: list[Array]) -> None:
        """Build the network, and have its step compiled when it is first called."""
        super().prepare(weights)
        self._compiled = tg.compile(self._step, backend=self.backend)

    def epoch(self, order: Order) -> float:
        """Replay the step for each batch."""
        digits = self.digits
        losses = self._compiled.epoch(digits.images, digits.labels, order, self.batch_size)
        if self._compiled.backend != self.backend:
            raise RuntimeError(f"the step runs in {self._compiled.backend}, not {self.backend}")
        return float(np.mean(losses))

    def step(self, images: Any, labels: Any) -> Any:
        """Replay the step."""
        return self._compiled(images, labels)


class CompiledToNumPy(_Compiled):
    """It is replayed as NumPy."""

    backend: ClassVar[Literal["numpy", "c"]] = "numpy"


class CompiledToC(_Compiled):
    """It is replayed as machine code."""

    backend: ClassVar[Literal["numpy", "c"]] = "c"
