"""The calculus: for every function its derivative, as plain NumPy, one row of a table each.

`table` says how a row is made, and every other file holds the rows of one family. The engine runs
them; `dispatch` finds them when NumPy is called on a Tensor.
"""

from . import (
    activations,
    arithmetic,
    casting,
    choosing,
    comparing,
    convolution,
    decompositions,
    determinants,
    einsum,
    interpolation,
    linalg,
    products,
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
    "convolution",
    "decompositions",
    "define",
    "derive",
    "determinants",
    "einsum",
    "getitem",
    "interpolation",
    "linalg",
    "log_softmax",
    "logsumexp",
    "products",
    "reduction",
    "relu",
    "rounding",
    "shape",
    "sigmoid",
    "softmax",
    "transcendental",
]
