"""The calculus: for every function its derivative, as plain NumPy, one row of a table each.

The rows stand in `arithmetic`, `transcendental`, `rounding`, `comparing`, `choosing`,
`interpolation`, `activations`, `reduction`, `shape` and `linalg`; `table` says how a row is
made. The engine runs them; `tinygrad_mnist.Tensor` finds them when NumPy is called on it.
"""

from . import (
    activations,
    arithmetic,
    casting,
    choosing,
    comparing,
    interpolation,
    linalg,
    reduction,
    rounding,
    shape,
    transcendental,
)
from .activations import relu, sigmoid
from .casting import cast
from .dispatch import call, call_method
from .reduction import log_softmax, logsumexp, softmax
from .shape import getitem
from .table import CONSTANT, DERIVED, RULES, PerInput, constant, define, derive

__all__ = [
    "CONSTANT",
    "DERIVED",
    "RULES",
    "PerInput",
    "activations",
    "arithmetic",
    "call",
    "call_method",
    "cast",
    "casting",
    "choosing",
    "comparing",
    "constant",
    "define",
    "derive",
    "getitem",
    "interpolation",
    "linalg",
    "log_softmax",
    "logsumexp",
    "reduction",
    "relu",
    "rounding",
    "shape",
    "sigmoid",
    "softmax",
    "transcendental",
]
