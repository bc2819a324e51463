"""The engine: it records what is computed, and carries gradients back. It knows no operation.

Values go down, gradients come up, by the same stairs: a value enters at a Tensor, is computed in
`tape.apply`, and leaves with a node; a gradient enters at `sweep.backward`, passes one rule a
node, and lands in a leaf. `grad_mode` says whether anything is recorded, and `memory` knows what
was changed in place since.
"""

from .grad_mode import enable_grad, is_grad_enabled, no_grad, recording
from .memory import wrote
from .sweep import backward, gradients
from .tape import (
    NO_KEYWORDS,
    Leaf,
    Node,
    PerInput,
    Rule,
    Traced,
    apply,
    as_array,
    plain_error,
    wrap,
)

__all__ = [
    "NO_KEYWORDS",
    "Leaf",
    "Node",
    "PerInput",
    "Rule",
    "Traced",
    "apply",
    "as_array",
    "backward",
    "enable_grad",
    "gradients",
    "is_grad_enabled",
    "no_grad",
    "plain_error",
    "recording",
    "wrap",
    "wrote",
]
