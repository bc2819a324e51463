"""Where the digits come from: the IDX format, MNIST itself, and batches to learn from.

The room knows NumPy and the standard library, and nothing of Tensors or gradients.
"""

from tinygrad_mnist.data.augment import Compose, ElasticTransform, RandomAffine
from tinygrad_mnist.data.batches import Batches, scale
from tinygrad_mnist.data.digits import Digits, split
from tinygrad_mnist.data.idx import IDXError, read_idx, write_idx
from tinygrad_mnist.data.mnist import MNIST, load_mnist
from tinygrad_mnist.data.prefetch import Prefetch

__all__ = [
    "MNIST",
    "Batches",
    "Compose",
    "Digits",
    "ElasticTransform",
    "IDXError",
    "Prefetch",
    "RandomAffine",
    "load_mnist",
    "read_idx",
    "scale",
    "split",
    "write_idx",
]
