"""Functions of neural networks, under the names that `torch.nn.functional` has for them.

This is the list; each lives in the file of its family.
"""

from numpy import tanh

from ..rules import (
    elu,
    erf,
    erfc,
    gelu,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
)
from .activations import log_softmax, softmax
from .affine import affine
from .convolution import conv2d
from .cross_entropy import cross_entropy, nll_loss
from .elementwise_losses import (
    binary_cross_entropy_with_logits,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from .normalisation import batch_norm, layer_norm
from .pooling import avg_pool2d, max_pool2d
from .softmax_cross_entropy import softmax_cross_entropy

__all__ = [
    "affine",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "cross_entropy",
    "elu",
    "erf",
    "erfc",
    "gelu",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "tanh",
]
