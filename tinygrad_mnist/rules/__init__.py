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
    differences,
    einsum,
    interpolation,
    linalg,
    logits,
    missing,
    norms,
    ordering,
    products,
    reduction,
    rounding,
    scans,
    shape,
    statistics,
    transcendental,
)
from .activations import relu, sigmoid
from .casting import cast
from .dispatch import call, call_method
from .logits import log_softmax, logsumexp, softmax
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
    "differences",
    "einsum",
    "getitem",
    "interpolation",
    "linalg",
    "log_softmax",
    "logits",
    "logsumexp",
    "missing",
    "norms",
    "ordering",
    "products",
    "reduction",
    "relu",
    "rounding",
    "scans",
    "shape",
    "sigmoid",
    "softmax",
    "statistics",
    "transcendental",
]
