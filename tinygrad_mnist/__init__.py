"""A small autograd framework on NumPy, and the digit recogniser that it was made for."""

from . import nn, optim
from .compile import CompileError, CompileWarning, compile
from .engine import detect_anomaly, enable_grad, is_grad_enabled, no_grad
from .tensor import Tensor
from .transforms import check_grads, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "CompileError",
    "CompileWarning",
    "Tensor",
    "check_grads",
    "compile",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "nn",
    "no_grad",
    "optim",
    "value_and_grad",
    "vjp",
]
