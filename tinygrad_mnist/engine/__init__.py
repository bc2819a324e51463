"""The engine: it records what is computed, and carries gradients back. It knows no operation.

Values go down, gradients come up, by the same stairs: a value enters at a Tensor, is computed in
`tape.apply`, and leaves with a node; a gradient enters at `sweep.backward`, passes one rule a
node, and lands in a leaf. `grad_mode` says whether anything is recorded, `memory` knows what was
changed in place since, `hooks` who else wants to see a gradient, `anomaly` finds where a NaN came
from, and `origin` where the user called what.
"""

from .anomaly import detect_anomaly
from .capturing import (
    ForeignArray,
    ensure,
    in_one_piece,
    is_known,
    live,
    never_captured,
    numbers,
    recorder,
)
from .grad_mode import enable_grad, is_grad_enabled, no_grad, recording, transforming
from .hooks import Handle, watch, watch_of
from .memory import wrote
from .sweep import backward, fitted, freed, gradients, swept
from .tape import (
    NO_KEYWORDS,
    Leaf,
    Node,
    PerInput,
    Rule,
    Traced,
    apply,
    as_array,
    check_result,
    owned,
    plain_error,
    wrap,
)

__all__ = [
    "NO_KEYWORDS",
    "ForeignArray",
    "Handle",
    "Leaf",
    "Node",
    "PerInput",
    "Rule",
    "Traced",
    "apply",
    "as_array",
    "backward",
    "check_result",
    "detect_anomaly",
    "enable_grad",
    "ensure",
    "fitted",
    "freed",
    "gradients",
    "in_one_piece",
    "is_grad_enabled",
    "is_known",
    "live",
    "never_captured",
    "no_grad",
    "numbers",
    "owned",
    "plain_error",
    "recorder",
    "recording",
    "swept",
    "transforming",
    "watch",
    "watch_of",
    "wrap",
    "wrote",
]
