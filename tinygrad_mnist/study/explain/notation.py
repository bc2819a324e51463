"""What the letters in the formulas mean, and how the engine's are those of the paper."""

from __future__ import annotations

import re

from .markup import math

__all__ = ["notation"]

# Formulas stand between dollars.
_RULES = r"""
<p><strong>Formulas.</strong> A bar means “gradient of”: $\bar x$ says how the loss changes with
$x$. In a rule of the engine $y$ is what the operation computed, and the other letters are what went
into it; the rule makes their gradients of $\bar y$, which comes up to it. A bracket $[a > 0]$ is 1
where that holds, and 0 elsewhere.</p>
"""
_ANY_MODEL = r"""
<p>A sample is a row. The loss is a mean over $m$ samples, so that $1/m$ enters with the first rule,
that of softmax and loss; here $m$ is 1.</p>
"""
_TWO_LAYER = r"""
<p><strong>Engine and paper.</strong> By hand the gradient of $W$ is called $dW$, and the capital
$Y$ is the truth. A sample is a row in the engine; it is a column on paper, and in the pictures
here. So $W^{[2]}$ is the engine's <code>2.weight</code> with rows and columns exchanged, and the
factors of a product change places: $\bar W = x^{\mathsf T} \bar y$ becomes
$dW^{[2]} = \frac{1}{m}\, dZ^{[2]} A^{[1]\mathsf T}$. The $1/m$ of the mean over $m$ samples enters
the engine with the first rule, that of softmax and loss, and is in every $\bar y$ from there on. By
hand it waits until the samples are summed, in $dW$ and $dB$, so that $dZ$ is $m$ times the
gradient. Here $m$ is 1.</p>
"""


def notation(*, by_hand: bool) -> str:
    """Say how to read the engine's rules; with `by_hand`, also beside the derivation by hand."""
    words = _RULES + (_TWO_LAYER if by_hand else _ANY_MODEL)
    return re.sub(r"\$(.*?)\$", lambda found: math(found[1]), words).strip()
