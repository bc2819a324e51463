"""One digit forward and back through a model, with all that is known of it on the way."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import nn
from ...data import scale
from ...tensor import Tensor
from ..tape import recorded
from ..trace import Trace, trace

__all__ = ["Digit", "follow"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Digit:
    """What a model made of a digit.

    Attributes
    ----------
    model
        A copy of the model, in evaluation mode.
    pixels
        The image as the model sees it: a row of grey levels from 0 to 1, shape (1, 784).
    label
        Which digit it shows.
    label_is_guess
        Whether nobody said so, and it is what the model takes it for.
    outputs
        What each layer computed, a batch of one.
    layers
        Which layer computed a value of the graph, by the value's number; the loss isn't there.
    probabilities
        The softmax of the logits, shape (10,).
    loss
        The cross-entropy, with its graph.
    trace
        The backward sweep.
    """

    model: nn.Sequential
    pixels: Array
    label: int
    label_is_guess: bool
    outputs: tuple[Array, ...]
    layers: dict[int, int]
    probabilities: Array
    loss: Tensor
    trace: Trace

    @property
    def answer(self) -> int:
        """The digit that the model takes it for."""
        return int(self.probabilities.argmax())

    def loss_of(self, model: nn.Module) -> Tensor:
        """Compute the loss of another model, or of this one anew."""
        logits = model(Tensor(self.pixels))
        loss: Tensor = nn.SoftmaxCrossEntropy()(logits, np.array([self.label]))
        return loss

    @property
    def is_two_layer(self) -> bool:
        """Whether the model is the network whose gradients were derived by hand."""
        kinds = [type(layer) for layer in self.model]
        shapes = [parameter.shape for parameter in self.model.parameters()]
        return kinds == [nn.Linear, nn.ReLU, nn.Linear] and shapes == [
            (784, 10),
            (10,),
            (10, 10),
            (10,),
        ]


def follow(model: nn.Sequential, image: Array, label: int | None = None) -> Digit:
    """Take a digit through a model and its gradient back.

    Parameters
    ----------
    model
        Layers from 784 pixels to the logits of ten digits. It stays as it is.
    image
        uint8 (0 is the background, 255 full ink) or floating (0 to 1), of 784 pixels.
    label
        Which digit it shows; by default, what the model takes it for.

    Raises
    ------
    ValueError
        If the model doesn't take such an image or answer with ten logits, or there is no such
        label.

    Examples
    --------
    >>> from tinygrad_mnist.models import mlp
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> digit = follow(model, np.ones((28, 28)), label=3)
    >>> [step.operation for step in digit.trace]
    ['softmax_cross_entropy', 'affine', 'relu', 'affine']
    """
    model = deepcopy(model).eval()
    pixels = scale(np.asarray(image).reshape(1, -1))
    outputs: list[Tensor] = []
    for layer in model:
        outputs.append(layer(outputs[-1] if outputs else Tensor(pixels)))
    logits = outputs[-1]
    if logits.shape != (1, 10):
        raise ValueError(f"expected a model with ten logits, found the shape {logits.shape}")
    guess = int(logits.numpy().argmax())
    given, label = label, guess if label is None else label
    loss = nn.SoftmaxCrossEntropy()(logits, np.array([label]))
    return Digit(
        model,
        pixels,
        label,
        given is None,
        tuple(output.numpy() for output in outputs),
        _layers(outputs, loss),
        nn.functional.softmax(logits.numpy(), axis=1)[0],
        loss,
        trace(loss, model),
    )


def _layers(outputs: Sequence[Tensor], loss: Tensor) -> dict[int, int]:
    """Find out which layer computed which value: one that was there when the layer had ended."""
    found: dict[int, int] = {}
    last = [output._node.time if output._node else -1 for output in outputs]
    for number, node in enumerate(recorded(loss, "explain_page").nodes):
        layer = bisect_left(last, node.time)
        if node.rule is not None and layer < len(outputs):
            found[number] = layer
    return found
