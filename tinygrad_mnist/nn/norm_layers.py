"""The layers that normalise: `BatchNorm1d`, `BatchNorm2d` and `LayerNorm`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..checks import arguments, count, not_negative, optional, share
from ..engine import is_known
from ..tensor import Tensor
from .module import Module
from .normalisation import batch_norm, layer_norm, shape_of

__all__ = ["BatchNorm1d", "BatchNorm2d", "LayerNorm"]


class _BatchNorm(Module):
    """What batch normalisation is, for inputs of any number of axes."""

    axes: tuple[int, ...]
    expected: str

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.num_features, self.eps, self.momentum = arguments(
            type(self).__name__,
            num_features=(count, num_features),
            eps=(not_negative, eps),
            momentum=(optional(share), momentum),
        )
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Tensor(np.ones(num_features, dtype), requires_grad=True) if affine else None
        self.bias = Tensor(np.zeros(num_features, dtype), requires_grad=True) if affine else None
        self.running_mean: Tensor | None = None
        self.running_var: Tensor | None = None
        self.num_batches_tracked: Tensor | None = None
        if track_running_stats:
            self.running_mean = Tensor(np.zeros(num_features, dtype))
            self.running_var = Tensor(np.ones(num_features, dtype))
            self.num_batches_tracked = Tensor(np.array(0))

    def forward(self, x: Any) -> Any:
        """Normalise: by this batch in training, else by the running statistics."""
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: input of shape {x.shape}; expected {self.expected}, "
                f"with C = {self.num_features}"
            )
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            seen = self.num_batches_tracked + 1
            if momentum is None:
                momentum = 1 / seen.item() if is_known(seen) else 1 / seen._array
        y = batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            0.0 if momentum is None else momentum,
            self.eps,
        )
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked[...] = seen
        return y

    def extra_repr(self) -> str:
        """Write the arguments, those that are not the usual ones by their names."""
        text = f"{self.num_features}"
        text += f", eps={self.eps}" if self.eps != 1e-5 else ""
        text += f", momentum={self.momentum}" if self.momentum != 0.1 else ""
        text += ", affine=False" if self.weight is None else ""
        return text if self.running_mean is not None else f"{text}, track_running_stats=False"


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of features, or of channels of sequences: see `functional.batch_norm`.

    Parameters
    ----------
    num_features
        The number of features, C.
    eps
        What is added to the variance.
    momentum
        How far the running statistics move with each batch, from 0 to 1; None takes the mean of all
        batches so far.
    affine
        Whether there are a weight and a bias, which are learned.
    track_running_stats
        Whether there are running statistics; without, evaluation normalises by its own batch, too.
    dtype
        The dtype of parameters and statistics.

    Attributes
    ----------
    weight, bias
        Tensors of shape (C,), which start at 1 and 0; or None.
    running_mean, running_var
        Tensors of shape (C,), which are not learned; or None. The variance is the unbiased one.
    num_batches_tracked
        The number of batches seen in training, an integer Tensor; or None.

    Raises
    ------
    ValueError
        If an argument makes no sense, or `forward` is given an input that does not fit.

    Examples
    --------
    >>> BatchNorm1d(10)(np.ones((32, 10), np.float32)).shape
    (32, 10)
    """

    axes = (2, 3)
    expected = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of the channels of images (N, C, H, W): as `BatchNorm1d`.

    Examples
    --------
    >>> BatchNorm2d(6)(np.ones((8, 6, 28, 28), np.float32)).shape
    (8, 6, 28, 28)
    """

    axes = (4,)
    expected = "(N, C, H, W)"


class LayerNorm(Module):
    """Normalisation along the last axes, each sample by itself: see `functional.layer_norm`.

    Parameters
    ----------
    normalized_shape
        The lengths of the last axes.
    eps
        What is added to the variance.
    elementwise_affine
        Whether there are a weight and a bias, which are learned.
    bias
        Whether there is a bias beside the weight.
    dtype
        The parameters' dtype.

    Attributes
    ----------
    weight, bias
        Tensors of the normalised shape, which start at 1 and 0; or None.

    Raises
    ------
    ValueError, TypeError
        If an argument makes no sense, or `forward` is given an input that does not fit.

    Examples
    --------
    >>> LayerNorm(10)(np.ones((32, 10), np.float32)).shape
    (32, 10)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.normalized_shape = shape_of("LayerNorm", normalized_shape)
        (self.eps,) = arguments("LayerNorm", eps=(not_negative, eps))
        self.elementwise_affine = elementwise_affine
        ones, zeros = np.ones(self.normalized_shape, dtype), np.zeros(self.normalized_shape, dtype)
        self.weight = Tensor(ones, requires_grad=True) if elementwise_affine else None
        self.bias = Tensor(zeros, requires_grad=True) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Any:
        """Normalise an array of shape (..., *normalized_shape)."""
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Write the arguments, those that are not the usual ones by their names."""
        text = f"{self.normalized_shape}"
        text += f", eps={self.eps}" if self.eps != 1e-5 else ""
        if self.weight is None:
            return f"{text}, elementwise_affine=False"
        return text if self.bias is not None else f"{text}, bias=False"
