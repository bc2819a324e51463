"""PyTorch: eager, and with the whole step compiled by `torch.compile`."""

from functools import partial
from typing import Any

import torch
from plain_mnist import Array, Labels
from written_alike import lenet, training_step, two_layer

from .contender import LEARNING_RATE, LENET, Contender, Order


class Eager(Contender):
    """The step as people write it."""

    def prepare(self, weights: list[Array]) -> None:
        """Build the network with these weights, and hold the digits as tensors."""
        hidden = len(weights[1])
        self._model = lenet(torch.nn) if self.network == LENET else two_layer(torch.nn, hidden)
        with torch.no_grad():
            for parameter, array in zip(self._model.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(_transposed(array)))
        optimiser = torch.optim.SGD(self._model.parameters(), lr=LEARNING_RATE)
        self._step = training_step(self._model, torch.nn.CrossEntropyLoss(), optimiser)
        self._images = torch.from_numpy(self.digits.images)
        self._labels = torch.from_numpy(self.digits.labels).long()

    def epoch(self, order: Order) -> float:
        """Pick and scale each batch, and take a step."""
        losses = [
            self._step(self._images[batch].float().div_(255), self._labels[batch]).detach()
            for batch in torch.from_numpy(order).split(self.batch_size)
        ]
        return torch.stack(losses).mean().item()

    def weights(self) -> list[Array]:
        """Return the weights."""
        return [_transposed(array.detach().numpy()) for array in self._model.parameters()]

    def ready(self, images: Array, labels: Labels) -> tuple[Any, Any]:
        """Make tensors of a batch."""
        return torch.from_numpy(images), torch.from_numpy(labels).long()

    def step(self, images: Any, labels: Any) -> Any:
        """Take a step."""
        return self._step(images, labels)


class Compiled(Eager):
    """The whole step compiled, update included, for each size of a batch.

    Written with `torch.func`, it is one graph. Compiling only the network in the eager step leaves
    it slower than eager on the small networks.
    """

    def prepare(self, weights: list[Array]) -> None:
        """Have the step compiled when it is first called."""
        super().prepare(weights)
        parameters = {name: p.detach() for name, p in self._model.named_parameters()}
        self._step = partial(torch.compile(self._whole_step, dynamic=False), parameters)

    def _whole_step(self, parameters: dict[str, Any], images: Any, labels: Any) -> Any:
        def loss(parameters: dict[str, Any]) -> Any:
            logits = torch.func.functional_call(self._model, parameters, (images,))
            return torch.nn.functional.cross_entropy(logits, labels)

        gradients, value = torch.func.grad_and_value(loss)(parameters)
        for name, parameter in parameters.items():
            parameter.sub_(gradients[name], alpha=LEARNING_RATE)
        return value


def _transposed(array: Array) -> Array:
    """Turn a matrix, which PyTorch has the other way around; leave the rest."""
    return array.T if array.ndim == 2 else array
