"""One digit forward and back through a model, with all that is known of it on the way."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
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
    parts
        Its layers and their names; of a model that is no Sequential only itself, without a name.
    pixels
        The image as the model sees it: a row of grey levels from 0 to 1, shape (1, 784).
    label
        Which digit it shows.
    label_is_guess
        Whether nobody said so, and it is what the model takes it for.
    outputs
        What each part computed, a batch of one.
    layers
        Which part computed a value of the graph, by the value's number; the loss isn't there.
    probabilities
        The softmax of the logits, shape (10,).
    loss
        The cross-entropy, with its graph.
    trace
        The backward sweep.
    """

    model: nn.Module
    parts: tuple[tuple[str, nn.Module], ...]
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
    def weights(self) -> list[str]:
        """The names of the parameters that are arrays of weights, or of all if there are none."""
        gradients = self.trace.gradients
        return [name for name, one in gradients.items() if one.ndim > 1] or list(gradients)

    @property
    def is_two_layer(self) -> bool:
        """Whether the model is the network whose gradients were derived by hand."""
        kinds = [type(layer) for _, layer in self.parts]
        shapes = [parameter.shape for parameter in self.model.parameters()]
        return kinds == [nn.Linear, nn.ReLU, nn.Linear] and shapes == [
            (784, 10),
            (10,),
            (10, 10),
            (10,),
        ]


def follow(model: nn.Module, image: Array, label: int | None = None) -> Digit:
    """Take a digit through a model and its gradient back.

    Parameters
    ----------
    model
        A module from 784 pixels to the logits of ten digits. It stays as it is.
    image
        uint8 (0 is the background, 255 full ink) or floating (0 to 1), of 784 pixels.
    label
        Which digit it shows; by default, what the model takes it for.

    Raises
    ------
    TypeError
        If the model isn't a module, or the image neither uint8 nor floating.
    ValueError
        If the model doesn't take such an image or answer with ten logits, a pixel is out of range,
        a number on the way isn't finite, or there is no such label.

    Examples
    --------
    >>> from tinygrad_mnist.models import mlp
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> digit = follow(model, np.ones((28, 28)), label=3)
    >>> [step.operation for step in digit.trace]
    ['softmax_cross_entropy', 'affine', 'relu', 'affine']
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"explain_page: expected a model such as a Sequential, found {type(model).__name__}"
        )
    model = deepcopy(model).eval()
    pixels = _grey_levels(image)
    parts: list[tuple[str, nn.Module]] = [("", model)]
    if isinstance(model, nn.Sequential):
        parts = [(str(i), layer) for i, layer in enumerate(model)]
    # What is infinite or no number is told of below, in a sentence.
    with np.errstate(over="ignore", invalid="ignore"):
        logits = Tensor(pixels)
        outputs = [logits := part(logits) for _, part in parts]
    if logits.shape != (1, 10):
        raise ValueError(f"expected a model with ten logits, found the shape {logits.shape}")
    guess = int(logits.numpy().argmax())
    given, label = label, guess if label is None else label
    with np.errstate(over="ignore", invalid="ignore"):
        loss = nn.SoftmaxCrossEntropy()(logits, np.array([label]))
        swept = trace(loss, model)
    _check_finite(
        {f"output of layer {i}": output.numpy() for i, output in enumerate(outputs)}
        | {"loss": loss.numpy()}
        | {f"gradient of {name}": gradient for name, gradient in swept.gradients.items()}
    )
    return Digit(
        model,
        tuple(parts),
        pixels,
        label,
        given is None,
        tuple(output.numpy() for output in outputs),
        _layers(outputs, loss),
        nn.functional.softmax(logits.numpy(), axis=1)[0],
        loss,
        swept,
    )


def _check_finite(arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        bad = array[~np.isfinite(array)]
        if bad.size:
            raise ValueError(
                f"explain_page: the model computes {bad[0]} for this image, in the {name}"
            )


def _grey_levels(image: Array) -> Array:
    """Flatten an image, whose pixels must be within the range of its type."""
    image = np.asarray(image).reshape(1, -1)
    if np.issubdtype(image.dtype, np.floating):
        outside = image[~((image >= 0) & (image <= 1))]
        if outside.size:
            raise ValueError(
                "explain_page: expected grey levels from 0 to 1 in a floating image, found "
                f"{outside[0]:g}; one of 0 to 255 must be uint8"
            )
    return scale(image)


def _layers(outputs: Sequence[Tensor], loss: Tensor) -> dict[int, int]:
    """Find out which layer computed which value: one that was there when the layer had ended."""
    found: dict[int, int] = {}
    last = [output._node.time if output._node else -1 for output in outputs]
    for number, node in enumerate(recorded(loss, "explain_page").nodes):
        layer = bisect_left(last, node.time)
        if node.rule is not None and layer < len(outputs):
            found[number] = layer
    return found
