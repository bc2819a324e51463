"""Models: the networks that read digits, from a linear classifier to a convolutional one.

Each maps images, one a row of pixels, to the logits of the ten digits. `recipes` says how they are
trained, `model_files` saves them, and `nn` has the layers that they are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tinygrad_mnist import nn

__all__ = ["IMAGE", "convnet", "lenet5", "mlp"]

IMAGE = (1, 28, 28)  # channels, height, width


def mlp(sizes: Sequence[int], rng: np.random.Generator, dropout: float = 0.0) -> nn.Sequential:
    """Build a multilayer perceptron: linear layers with a ReLU between each two.

    Parameters
    ----------
    sizes
        The number of inputs, the units of each hidden layer, and the number of classes.
    rng
        Draws the weights, float32, by He's rule; the biases start at 0. It draws what is dropped,
        too.
    dropout
        The probability with which each hidden unit is left out, for a training step.

    Returns
    -------
    Sequential
        Maps an array of shape (samples, inputs) to logits of shape (samples, classes).

    Raises
    ------
    ValueError
        If there are fewer than two sizes, or one is less than 1.

    Examples
    --------
    >>> mlp([784, 10, 10], np.random.default_rng(0))
    Sequential(
      (0): Linear(784, 10)  # 7,850 parameters
      (1): ReLU()
      (2): Linear(10, 10)  # 110 parameters
    )  # 7,960 parameters
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"expected two or more layer sizes of at least 1, found {list(sizes)}")
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs, rng=rng), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout, rng=rng))
    return nn.Sequential(*layers[: -2 if dropout else -1])


def lenet5(rng: np.random.Generator) -> nn.Sequential:
    """Build LeNet-5, with what has replaced its parts since: ReLU, max pooling and a softmax.

    LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    recognition", figure 2: the maps and units are as there, but every map of the second
    convolution looks at all maps of the first.

    Parameters
    ----------
    rng
        Draws the weights, float32.

    Returns
    -------
    Sequential
        Maps images of shape (samples, 784) to logits of shape (samples, 10).

    Examples
    --------
    >>> model = lenet5(np.random.default_rng(0))
    >>> model(np.zeros((2, 784), np.float32)).shape
    (2, 10)
    """
    return nn.Sequential(
        nn.Unflatten(1, IMAGE),
        nn.Conv2d(1, 6, 5, padding=2, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120, rng=rng),
        nn.ReLU(),
        nn.Linear(120, 84, rng=rng),
        nn.ReLU(),
        nn.Linear(84, 10, rng=rng),
    )


def convnet(rng: np.random.Generator, dropout: float = 0.0) -> nn.Sequential:
    """Build a small convolutional network of today: three convolutions, each with batch norm.

    Pooling comes before batch norm and ReLU, which then have a quarter of the numbers to pass.

    Parameters
    ----------
    rng
        Draws the weights, float32, and what is dropped.
    dropout
        The probability with which each input of the last layer is left out, for a training step.

    Returns
    -------
    Sequential
        Maps images of shape (samples, 784) to logits of shape (samples, 10).

    Examples
    --------
    >>> model = convnet(np.random.default_rng(0), dropout=0.2).eval()
    >>> model(np.zeros((2, 784), np.float32)).shape
    (2, 10)
    """
    layers: list[nn.Module] = [nn.Unflatten(1, IMAGE)]
    for channels, maps, kernel in ((1, 32, 5), (32, 64, 3), (64, 128, 3)):
        layers += [
            nn.Conv2d(channels, maps, kernel, padding="same", bias=False, rng=rng),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(maps),
            nn.ReLU(),
        ]
    layers += [nn.Flatten(), nn.Dropout(dropout, rng=rng), nn.Linear(128 * 3 * 3, 10, rng=rng)]
    return nn.Sequential(*layers)
