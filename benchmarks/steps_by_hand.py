"""Steps of gradient descent on 784-hidden-10 by hand in NumPy, against which others are measured.

They take the parameters W1, b1, W2, b2 and update them in place; samples are rows.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from plain_mnist import Array, Labels, train_step

Step = Callable[[Array, Labels], Any]  # returns the loss, if it has one


def plain_step(parameters: list[Array], lr: float) -> Step:
    """Make the step that a good engineer writes by hand."""

    def step(images: Array, labels: Labels) -> np.float32:
        return train_step(parameters, images, labels, lr)

    return step


def preallocated_step(parameters: list[Array], m: int, lr: float) -> Step:
    """Make the plain step with an array set aside for every temporary of some size."""
    W1, b1, W2, b2 = parameters
    rows = np.arange(m)
    hidden, classes = W2.shape
    Z1, A1, dZ1 = (np.empty((m, hidden), np.float32) for _ in range(3))
    Z2, dZ2 = (np.empty((m, classes), np.float32) for _ in range(2))
    positive = np.empty((m, hidden), np.bool_)
    highest, total = (np.empty((m, 1), np.float32) for _ in range(2))
    dW1, db1, dW2, db2 = gradients = [np.empty_like(parameter) for parameter in parameters]

    def step(images: Array, labels: Labels) -> np.float32:
        np.matmul(images, W1, out=Z1)
        np.add(Z1, b1, out=Z1)
        np.maximum(Z1, 0, out=A1)
        np.matmul(A1, W2, out=Z2)
        np.add(Z2, b2, out=Z2)
        np.maximum.reduce(Z2, axis=1, keepdims=True, out=highest)
        np.subtract(Z2, highest, out=Z2)
        np.exp(Z2, out=dZ2)
        np.add.reduce(dZ2, axis=1, keepdims=True, out=total)
        np.divide(dZ2, total, out=dZ2)
        np.log(total, out=total)
        loss: np.float32 = (total[:, 0] - Z2[rows, labels]).mean()

        dZ2[rows, labels] -= 1
        np.divide(dZ2, m, out=dZ2)
        np.matmul(A1.T, dZ2, out=dW2)
        np.add.reduce(dZ2, axis=0, out=db2)
        np.matmul(dZ2, W2.T, out=dZ1)
        np.greater(Z1, 0, out=positive)
        np.multiply(dZ1, positive, out=dZ1)
        np.matmul(images.T, dZ1, out=dW1)
        np.add.reduce(dZ1, axis=0, out=db1)

        for parameter, gradient in zip(parameters, gradients, strict=True):
            np.multiply(gradient, lr, out=gradient)
            np.subtract(parameter, gradient, out=parameter)
        return loss

    return step


def products(parameters: list[Array], m: int) -> Step:
    """Make the five matrix products of the step, on fixed activations, and nothing else."""
    W1, _, W2, _ = parameters
    hidden, classes = W2.shape
    rng = np.random.default_rng(0)
    A1, dZ1 = (rng.standard_normal((m, hidden), np.float32) for _ in range(2))
    dZ2 = rng.standard_normal((m, classes), np.float32)
    wide, narrow = np.empty_like(A1), np.empty_like(dZ2)
    dW1, dW2 = np.empty_like(W1), np.empty_like(W2)

    def step(images: Array, _: Labels) -> None:
        np.matmul(images, W1, out=wide)
        np.matmul(A1, W2, out=narrow)
        np.matmul(A1.T, dZ2, out=dW2)
        np.matmul(dZ2, W2.T, out=wide)
        np.matmul(images.T, dZ1, out=dW1)

    return step
