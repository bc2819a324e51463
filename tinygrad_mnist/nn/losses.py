"""Losses as modules: the functions of `nn.functional` with their options set beforehand."""

from __future__ import annotations

from typing import Any

from ..checks import arguments, not_negative, share, whole
from ..engine import as_array
from ..tensor import Tensor
from .cross_entropy import cross_entropy, nll_loss
from .elementwise_losses import (
    binary_cross_entropy_with_logits,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from .module import Module
from .reductions import check_reduction
from .softmax_cross_entropy import softmax_cross_entropy

__all__ = [
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
    "SoftmaxCrossEntropy",
]


def _constant(values: Any) -> Tensor | None:
    """Make of weights what belongs to a module's state, as in PyTorch, and is not learned."""
    return None if values is None else Tensor(as_array(values))


class SoftmaxCrossEntropy(Module):
    """The loss of a classifier: the mean cross-entropy of the softmax of its logits.

    It is `CrossEntropyLoss` without options, for logits (samples, classes) and integer labels
    (samples,), which all count. That one comes down to this wherever it can.

    Examples
    --------
    >>> import numpy as np
    >>> loss_fn = SoftmaxCrossEntropy()
    >>> round(float(loss_fn(np.zeros((2, 4)), [0, 3])), 4)  # log 4
    1.3863
    """

    def forward(self, logits: Any, labels: Any) -> Any:
        """Compute the loss of logits (samples, classes) and integer labels (samples,)."""
        return softmax_cross_entropy(logits, labels)


class _Loss(Module):
    """A loss of an input and a target, reduced to its mean, to its sum, or not at all."""

    def __init__(self, reduction: str, *others: str) -> None:
        check_reduction(type(self).__name__, reduction, *others)
        self.reduction = reduction

    def extra_repr(self) -> str:
        """Write the reduction."""
        return f"reduction={self.reduction!r}"


class CrossEntropyLoss(_Loss):
    """The cross-entropy of the softmax of logits: `functional.cross_entropy`.

    Examples
    --------
    >>> import numpy as np
    >>> loss_fn = CrossEntropyLoss(label_smoothing=0.1)
    >>> round(float(loss_fn(np.zeros((2, 4)), [0, 3])), 4)  # log 4
    1.3863
    """

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weight = _constant(weight)
        self.ignore_index, self.label_smoothing = arguments(
            "CrossEntropyLoss",
            ignore_index=(whole, ignore_index),
            label_smoothing=(share, label_smoothing),
        )

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss of logits with integer labels or with probabilities."""
        return cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class NLLLoss(_Loss):
    """The negative log-likelihood of what `LogSoftmax` returned: `functional.nll_loss`."""

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.weight = _constant(weight)
        (self.ignore_index,) = arguments("NLLLoss", ignore_index=(whole, ignore_index))

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss of logarithms of probabilities, with integer labels."""
        return nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(_Loss):
    """The squared error: `functional.mse_loss`."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss of an input and a target of equal shapes."""
        return mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """The absolute error: `functional.l1_loss`."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss of an input and a target of equal shapes."""
        return l1_loss(input, target, self.reduction)


class SmoothL1Loss(_Loss):
    """The absolute error, smooth where it is less than `beta`: `functional.smooth_l1_loss`."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        (self.beta,) = arguments("SmoothL1Loss", beta=(not_negative, beta))

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss of an input and a target of equal shapes."""
        return smooth_l1_loss(input, target, self.reduction, self.beta)


class BCEWithLogitsLoss(_Loss):
    """The cross-entropy of yes-or-no answers: `functional.binary_cross_entropy_with_logits`."""

    def __init__(
        self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
    ) -> None:
        super().__init__(reduction)
        self.weight = _constant(weight)
        self.pos_weight = _constant(pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss of logits and probabilities of equal shapes."""
        return binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )


class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence: `functional.kl_div`."""

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction, "batchmean")
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss of logarithms of probabilities, and probabilities to compare with."""
        return kl_div(input, target, self.reduction, self.log_target)
