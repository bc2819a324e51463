"""Neural networks: modules, layers, losses, and how weights begin.

`functional` holds the fused functions and their rules, `module` what a module is, `layers` the
modules there are, and `init` the random numbers that they start from.
"""

from . import functional, init
from .layers import Linear, ReLU, Softmax, SoftmaxCrossEntropy
from .module import Module, Sequential

__all__ = [
    "Linear",
    "Module",
    "ReLU",
    "Sequential",
    "Softmax",
    "SoftmaxCrossEntropy",
    "functional",
    "init",
]
