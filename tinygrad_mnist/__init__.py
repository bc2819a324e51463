"""A small autograd framework on NumPy, and the digit recogniser that it was made for."""

from typing import TYPE_CHECKING, Any

from . import nn, optim
from .compile import CompileError, CompileWarning, compile
from .engine import detect_anomaly, enable_grad, is_grad_enabled, no_grad
from .tensor import Tensor
from .transforms import check_grads, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from . import study

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
    "study",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    """Import `study` when it is asked for: few programs look inside."""
    if name != "study":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"{__name__}.study")
