"""The digit recogniser written by hand in plain, clear NumPy: what the framework is held against.

`train_step` is the step against which the engine's step is measured; the program around it is what
the whole process is measured against. Run as ``python benchmarks/plain_mnist.py DIRECTORY``, where
the directory holds the four gzipped files of MNIST.
"""

import gzip
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Labels = NDArray[np.uint8]


def load(directory: Path, name: str) -> tuple[NDArray[np.uint8], Labels]:
    """Read the images (n, 784) and labels (n,) of ``train`` or ``t10k``."""
    with gzip.open(directory / f"{name}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(directory / f"{name}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return images, labels


def scale(images: NDArray[np.uint8]) -> Array:
    """Turn grey levels from 0 to 255 into numbers from 0 to 1."""
    scaled: Array = np.divide(images, 255, dtype=np.float32)
    return scaled


def init_parameters(rng: np.random.Generator) -> list[Array]:
    """Draw W1 (784, 10) and W2 (10, 10); b1 and b2 are zero."""
    W1 = rng.standard_normal((784, 10), np.float32) * np.float32(np.sqrt(2 / 784))
    W2 = rng.standard_normal((10, 10), np.float32) * np.float32(np.sqrt(2 / 10))
    return [W1, np.zeros(10, np.float32), W2, np.zeros(10, np.float32)]


def train_step(parameters: list[Array], images: Array, labels: Labels, lr: float) -> np.float32:
    """Take one step of gradient descent, in place; samples are rows. Returns the loss before it."""
    W1, b1, W2, b2 = parameters
    m = len(labels)
    rows = np.arange(m)

    Z1 = images @ W1 + b1
    A1 = np.maximum(Z1, 0)
    Z2 = A1 @ W2 + b2
    Z2 -= Z2.max(axis=1, keepdims=True)
    E = np.exp(Z2)
    total = E.sum(axis=1, keepdims=True)
    loss: np.float32 = (np.log(total[:, 0]) - Z2[rows, labels]).mean()

    dZ2 = E / total
    dZ2[rows, labels] -= 1
    dZ2 /= m
    dW2 = A1.T @ dZ2
    db2 = dZ2.sum(axis=0)
    dZ1 = dZ2 @ W2.T * (Z1 > 0)
    dW1 = images.T @ dZ1
    db1 = dZ1.sum(axis=0)

    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    return loss


def test_accuracy(parameters: list[Array], images: NDArray[np.uint8], labels: Labels) -> float:
    """Compute the share of digits that are recognised."""
    W1, b1, W2, b2 = parameters
    logits = np.maximum(scale(images) @ W1 + b1, 0) @ W2 + b2
    return float((logits.argmax(axis=1) == labels).mean())


def train(directory: Path, epochs: int, batch_size: int, lr: float) -> float:
    """Load, train and evaluate; returns the test accuracy."""
    images, labels = load(directory, "train")
    rng = np.random.default_rng(0)
    parameters = init_parameters(rng)
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            train_step(parameters, scale(images[batch]), labels[batch], lr)
    return test_accuracy(parameters, *load(directory, "t10k"))


if __name__ == "__main__":
    accuracy = train(Path(sys.argv[1]), epochs=3, batch_size=32, lr=0.1)
    print(f"test accuracy {accuracy:.2%}")
