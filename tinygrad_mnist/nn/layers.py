"""The layers, and the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine import NO_KEYWORDS, apply
from ..tensor import Tensor
from .functional import affine, relu, softmax, softmax_cross_entropy
from .init import he_normal
from .module import Module

__all__ = ["Linear", "ReLU", "Softmax", "SoftmaxCrossEntropy"]


class Linear(Module):
    """An affine map: ``x @ weight + bias``.

    Parameters
    ----------
    in_features, out_features
        Length of the input's and of the result's last axis.
    bias
        Whether there is a bias.
    rng
        Where the initial weights are drawn from; a new, unseeded generator if not given.
    init
        How they are drawn: one of `tinygrad_mnist.nn.init`, or a function like those. The bias
        starts at 0.
    dtype
        The parameters' dtype.

    Attributes
    ----------
    weight
        Tensor of shape (in_features, out_features).
    bias
        Tensor of shape (out_features,), or None.

    Examples
    --------
    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
        init: Callable[..., np.ndarray] = he_normal,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if in_features < 1 or out_features < 1:
            raise ValueError(f"Linear: sizes must be positive, not {in_features}, {out_features}")
        values = init((in_features, out_features), rng or np.random.default_rng(), dtype)
        self.weight = Tensor(values, dtype, requires_grad=True)
        self.bias = Tensor(np.zeros(out_features, dtype), requires_grad=True) if bias else None

    def forward(self, x: Any) -> Any:
        """Map an array of shape (..., in_features) to one of shape (..., out_features)."""
        if self.bias is None:
            return x @ self.weight
        return affine(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Write the sizes."""
        sizes = ", ".join(map(str, self.weight.shape))
        return sizes if self.bias is not None else f"{sizes}, bias=False"


class ReLU(Module):
    """The rectifier: what is negative becomes 0."""

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return apply(relu, (x,), NO_KEYWORDS, False)


class Softmax(Module):
    """The softmax: exponentials, normalised to sum to 1 along an axis."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        """Turn logits into probabilities."""
        return softmax(x, axis=self.axis)

    def extra_repr(self) -> str:
        """Write the axis."""
        return f"axis={self.axis}"


class SoftmaxCrossEntropy(Module):
    """The loss of a classifier: the mean cross-entropy of the softmax of its logits.

    Examples
    --------
    >>> loss_fn = SoftmaxCrossEntropy()
    >>> round(float(loss_fn(np.zeros((2, 4)), [0, 3])), 4)  # log 4
    1.3863
    """

    def forward(self, logits: Any, labels: Any) -> Any:
        """Compute the loss of logits (samples, classes) and integer labels (samples,)."""
        return softmax_cross_entropy(logits, labels)
