"""Where the digits come from: the IDX format, MNIST itself, and batches to learn from.

The room knows NumPy and the standard library, and nothing of Tensors or gradients.
"""

from tinygrad_mnist.data.batches import Batches, scale
from tinygrad_mnist.data.idx import IDXError, read_idx, write_idx
from tinygrad_mnist.data.mnist import MNIST, load_mnist

__all__ = ["MNIST", "Batches", "IDXError", "load_mnist", "read_idx", "scale", "write_idx"]
