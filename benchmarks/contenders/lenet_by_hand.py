"""LeNet-5 by hand in plain NumPy: forward, loss, backward, update.

A convolution is a matrix product once the windows of the images are laid out as rows. Within the
step images are (samples, height, width, channels), so that the product is the next layer's image.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from plain_mnist import Array, Labels, scale

KERNEL = 5
TEST_BATCH = 1000


def compute_logits(parameters: list[Array], images: Any) -> Array:
    """Compute the logits of grey levels from 0 to 255, shape (samples, 784)."""
    parts = range(0, len(images), TEST_BATCH)
    return np.concatenate(
        [_forward(parameters, scale(images[i : i + TEST_BATCH]))[-1] for i in parts]
    )


def train_step(parameters: list[Array], images: Array, labels: Labels, lr: float) -> np.float32:
    """Take one step of gradient descent, in place. Returns the loss before it."""
    K1, K2, W3, W4, W5 = parameters[::2]
    m = len(labels)
    rows = np.arange(m)

    X1, Z1, best1, X2, Z2, best2, A2, A3, A4, Z5 = _forward(parameters, images)
    Z5 -= Z5.max(axis=1, keepdims=True)
    E = np.exp(Z5)
    total = E.sum(axis=1, keepdims=True)
    loss: np.float32 = (np.log(total[:, 0]) - Z5[rows, labels]).mean()

    dZ5 = E / total
    dZ5[rows, labels] -= 1
    dZ5 /= m
    dZ4 = dZ5 @ W5.T * (A4 > 0)
    dZ3 = dZ4 @ W4.T * (A3 > 0)
    dA2 = (dZ3 @ W3.T).reshape(m, 16, 5, 5).transpose(0, 2, 3, 1)
    dZ2 = (_unpooled(dA2, best2) * (Z2 > 0)).reshape(-1, 16)
    dA1 = _gradient_of_input(dZ2, K2, size=14)
    dZ1 = (_unpooled(dA1, best1) * (Z1 > 0)).reshape(-1, 6)

    gradients = [
        (dZ1.T @ X1).reshape(K1.shape),
        dZ1.sum(axis=0),
        (dZ2.T @ X2).reshape(K2.shape),
        dZ2.sum(axis=0),
        A2.T @ dZ3,
        dZ3.sum(axis=0),
        A3.T @ dZ4,
        dZ4.sum(axis=0),
        A4.T @ dZ5,
        dZ5.sum(axis=0),
    ]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter -= lr * gradient
    return loss


def _forward(parameters: list[Array], images: Array) -> tuple[Any, ...]:
    K1, b1, K2, b2, W3, b3, W4, b4, W5, b5 = parameters
    m = len(images)
    framed = np.pad(images.reshape(m, 28, 28, 1), ((0, 0), (2, 2), (2, 2), (0, 0)))
    X1 = _windows(framed)
    Z1 = (X1 @ K1.reshape(6, -1).T + b1).reshape(m, 28, 28, 6)
    A1, best1 = _pooled(np.maximum(Z1, 0))
    X2 = _windows(A1)
    Z2 = (X2 @ K2.reshape(16, -1).T + b2).reshape(m, 10, 10, 16)
    P2, best2 = _pooled(np.maximum(Z2, 0))
    A2 = P2.transpose(0, 3, 1, 2).reshape(m, 400)
    A3 = np.maximum(A2 @ W3 + b3, 0)
    A4 = np.maximum(A3 @ W4 + b4, 0)
    return X1, Z1, best1, X2, Z2, best2, A2, A3, A4, A4 @ W5 + b5


def _windows(images: Array) -> Array:
    """Lay out what a kernel sees, a row for each place: channels, rows and columns of a window."""
    windows = sliding_window_view(images, (KERNEL, KERNEL), axis=(1, 2))
    return windows.reshape(-1, windows.shape[3] * KERNEL * KERNEL)


def _gradient_of_input(dZ: Array, kernel: Array, size: int) -> Array:
    """Add up what each place of a kernel sends back to images of size × size pixels."""
    width = size - KERNEL + 1
    samples = len(dZ) // width**2
    channels = kernel.shape[1]
    images = np.zeros((samples, size, size, channels), dZ.dtype)
    for i in range(KERNEL):
        for j in range(KERNEL):
            sent = (dZ @ kernel[:, :, i, j]).reshape(samples, width, width, channels)
            images[:, i : i + width, j : j + width] += sent
    return images


def _pooled(images: Array) -> tuple[Array, Any]:
    """Take the largest of each 2 × 2 pixels, and say which it is: the first, where some tie."""
    m, height, width, channels = images.shape
    fours = images.reshape(m, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    fours = fours.reshape(m, height // 2, width // 2, 4, channels)
    best = fours.argmax(axis=3, keepdims=True)
    return np.take_along_axis(fours, best, axis=3)[:, :, :, 0], best


def _unpooled(gradient: Array, best: Any) -> Array:
    """Give each largest pixel its gradient, and the others none."""
    m, height, width, channels = gradient.shape
    fours = np.zeros((m, height, width, 4, channels), gradient.dtype)
    np.put_along_axis(fours, best, gradient[:, :, :, None], axis=3)
    pixels = fours.reshape(m, height, width, 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return pixels.reshape(m, 2 * height, 2 * width, channels)
