"""Data sets for epochs, and epochs step by step."""

from typing import Any

import numpy as np

Array = Any
COUNT, BATCH = 30, 8


def data(dtype: Any = np.uint8, labels: Any = np.int64, count: int = COUNT) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 6)).astype(np.uint8)
    if np.dtype(dtype).kind == "f":
        images = (images / np.float32(255)).astype(dtype)
    return images, rng.integers(0, 4, count).astype(labels)


def pixels(images: Array) -> Array:
    return images / np.float32(255) if images.dtype == np.uint8 else images


def one_by_one(step: Any, images: Array, labels: Array, order: Array, size: int = BATCH) -> Any:
    """Take the steps of an epoch."""
    return [
        step(pixels(images[rows]), labels[rows])
        for rows in np.split(order, range(size, len(order), size))
        if len(rows)
    ]


def column(found: list[Any]) -> Array:
    return np.array([float(loss) for loss in found])


def order_of(count: int = COUNT, seed: int = 1) -> Array:
    return np.random.default_rng(seed).permutation(count)
