"""What people write the same way for this package and for PyTorch: networks and a training step.

`layers` is `tinygrad_mnist.nn` or `torch.nn`. Nothing is imported here, so that a process that
measures the one does not load the other.
"""

from collections.abc import Callable
from typing import Any

Network = Callable[..., Any]  # builds a network of the layers of `nn` or of `torch.nn`
Step = Callable[[Any, Any], Any]  # takes images and labels, returns the loss


def two_layer(layers: Any, hidden: int, **keywords: Any) -> Any:
    """Build 784-hidden-10."""
    return layers.Sequential(
        layers.Linear(784, hidden, **keywords), layers.ReLU(), layers.Linear(hidden, 10, **keywords)
    )


def lenet(layers: Any, **keywords: Any) -> Any:
    """Build LeNet-5."""
    return layers.Sequential(
        layers.Unflatten(1, (1, 28, 28)),
        layers.Conv2d(1, 6, 5, padding=2, **keywords),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Conv2d(6, 16, 5, **keywords),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Flatten(),
        layers.Linear(400, 120, **keywords),
        layers.ReLU(),
        layers.Linear(120, 84, **keywords),
        layers.ReLU(),
        layers.Linear(84, 10, **keywords),
    )


def training_step(model: Any, loss_fn: Any, optimiser: Any) -> Step:
    """Make a step of gradient descent."""

    def step(images: Any, labels: Any) -> Any:
        loss = loss_fn(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    return step
