"""A small autograd framework on NumPy, and the digit recogniser that it was made for."""

from . import nn, optim
from .engine import detect_anomaly, enable_grad, is_grad_enabled, no_grad
from .tensor import Tensor
from .transforms import check_grads, grad, value_and_grad

__all__ = [
    "Tensor",
    "check_grads",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "is_grad_enabled",
    "nn",
    "no_grad",
    "optim",
    "value_and_grad",
]
