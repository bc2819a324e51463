"""The calculus: for every function its derivative, as plain NumPy, one row of a table each.

The rows stand in `elementwise`, `reduction`, `shape` and `linalg`; `table` says how a row is
made. The engine runs them; `tinygrad_mnist.Tensor` finds them when NumPy is called on it.
"""

from . import casting, elementwise, linalg, reduction, shape
from .casting import cast
from .dispatch import call
from .elementwise import relu, sigmoid
from .reduction import log_softmax, logsumexp, softmax
from .shape import getitem
from .table import CONSTANT, DERIVED, RULES, PerInput, constant, define, derive

__all__ = [
    "CONSTANT",
    "DERIVED",
    "RULES",
    "PerInput",
    "call",
    "cast",
    "casting",
    "constant",
    "define",
    "derive",
    "elementwise",
    "getitem",
    "linalg",
    "log_softmax",
    "logsumexp",
    "reduction",
    "relu",
    "shape",
    "sigmoid",
    "softmax",
]
