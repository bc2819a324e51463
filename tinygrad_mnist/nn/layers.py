"""Layers: affine maps, tables of vectors, other shapes, and what is left out at random."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..checks import arguments, count, generator, optional, share, whole
from ..engine import NO_KEYWORDS, apply, as_array, ensure, is_known
from ..rules import RULES
from ..tensor import Tensor
from .affine import affine
from .init import he_normal
from .module import Module

__all__ = ["Dropout", "Embedding", "Flatten", "Linear", "Unflatten"]

_multiply = RULES[np.multiply]


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
        in_features, out_features, rng = arguments(
            "Linear",
            in_features=(count, in_features),
            out_features=(count, out_features),
            rng=(generator, rng),
        )
        values = init((in_features, out_features), rng, dtype)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Tensor(values, dtype, requires_grad=True)
        self.bias = Tensor(np.zeros(out_features, dtype), requires_grad=True) if bias else None

    def forward(self, x: Any) -> Any:
        """Map an array of shape (..., in_features) to one of shape (..., out_features)."""
        if self.bias is None:
            return x @ self.weight
        return affine(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Write the sizes."""
        sizes = f"{self.in_features}, {self.out_features}"
        return sizes if self.bias is not None else f"{sizes}, bias=False"


class Embedding(Module):
    """A table of vectors, of which integers pick rows.

    Parameters
    ----------
    num_embeddings, embedding_dim
        How many vectors there are, and how long they are.
    padding_idx
        A row that starts at 0 and gets no gradient; a negative one counts from the end.
    rng
        Where the initial vectors are drawn from, which are normally distributed; a new, unseeded
        generator if not given.
    dtype
        The vectors' dtype.

    Attributes
    ----------
    weight
        Tensor of shape (num_embeddings, embedding_dim).

    Raises
    ------
    ValueError
        If a size is not positive or the padding is not a row; when it is called, if an index is
        not a row.
    TypeError
        When it is called, if the indices are not integers.

    Examples
    --------
    >>> layer = Embedding(10, 4, rng=np.random.default_rng(0))
    >>> layer([[1, 2, 3], [3, 3, 9]]).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        num_embeddings, embedding_dim, padding_idx, rng = arguments(
            "Embedding",
            num_embeddings=(count, num_embeddings),
            embedding_dim=(count, embedding_dim),
            padding_idx=(optional(whole), padding_idx),
            rng=(generator, rng),
        )
        values = rng.standard_normal((num_embeddings, embedding_dim)).astype(dtype)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(
                    f"Embedding: padding_idx {padding_idx} is not one of {num_embeddings} rows"
                )
            padding_idx %= num_embeddings
            values[padding_idx] = 0
        self.weight = Tensor(values, requires_grad=True)
        self.padding_idx = padding_idx

    def forward(self, indices: Any) -> Any:
        """Pick a row for each index: an array of one more axis, the last."""
        indices = np.array(indices) if is_known(indices) else as_array(indices)
        rows = len(self.weight)
        if indices.dtype.kind not in "iu":
            raise TypeError(f"Embedding: indices are integers, not {indices.dtype}")
        wrong = (indices < 0) | (indices >= rows)
        which = f" {indices[wrong][0]}" if is_known(wrong) and wrong.any() else ""
        ensure(~wrong.any(), f"Embedding: index{which} is not one of {rows} rows")
        picked = self.weight[indices]
        if self.padding_idx is None:
            return picked
        padding = self.weight.detach()[self.padding_idx]
        return np.where((indices == self.padding_idx)[..., None], padding, picked)

    def extra_repr(self) -> str:
        """Write the sizes, and the padding if there is one."""
        sizes = ", ".join(map(str, self.weight.shape))
        return sizes if self.padding_idx is None else f"{sizes}, padding_idx={self.padding_idx}"


class Flatten(Module):
    """Makes one axis of those from `start_dim` to `end_dim`.

    Examples
    --------
    >>> Flatten()(np.zeros((5, 16, 4, 4))).shape
    (5, 256)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = arguments(
            "Flatten", start_dim=(whole, start_dim), end_dim=(whole, end_dim)
        )

    def forward(self, x: Any) -> Any:
        """Reshape an array that has these axes."""
        start, end = (_axis("Flatten", dim, x.shape) for dim in (self.start_dim, self.end_dim))
        if start > end:
            raise ValueError(
                f"Flatten: axis {self.start_dim} comes after axis {self.end_dim} in shape {x.shape}"
            )
        size = math.prod(x.shape[start : end + 1])
        return x.reshape(*x.shape[:start], size, *x.shape[end + 1 :])

    def extra_repr(self) -> str:
        """Write the axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Makes several axes of one.

    Parameters
    ----------
    dim
        The axis.
    unflattened_size
        The lengths of those that it becomes. One of them may be -1: whatever is left.

    Examples
    --------
    >>> Unflatten(1, (1, 28, 28))(np.zeros((5, 784))).shape
    (5, 1, 28, 28)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim, self.unflattened_size = arguments(
            "Unflatten", dim=(whole, dim), unflattened_size=(_lengths, unflattened_size)
        )

    def forward(self, x: Any) -> Any:
        """Reshape an array whose axis is as long as the product of the sizes."""
        axis, sizes = _axis("Unflatten", self.dim, x.shape), self.unflattened_size
        length, known = x.shape[axis], math.prod(size for size in sizes if size != -1)
        if -1 in sizes and known and length % known == 0:
            sizes = tuple(length // known if size == -1 else size for size in sizes)
        if math.prod(sizes) != length:
            raise ValueError(
                f"Unflatten: axis {axis} of shape {x.shape} does not divide into {sizes}"
            )
        return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        """Write the axis and the sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


def _lengths(value: Any) -> tuple[int, ...]:
    """Take the lengths of axes, of which one may be left open."""
    try:
        sizes = tuple(map(whole, value))
    except (TypeError, ValueError):
        sizes = ()
    if not sizes or min(sizes) < -1 or sizes.count(-1) > 1:
        raise ValueError("several lengths, of which one at most is -1")
    return sizes


def _axis(name: str, dim: int, shape: tuple[int, ...]) -> int:
    """Count an axis from the front."""
    if not -len(shape) <= dim < len(shape):
        raise ValueError(f"{name}: shape {shape} has no axis {dim}")
    return dim % len(shape)


class Dropout(Module):
    """In training, replaces each element by 0 with probability `p`, and enlarges the others.

    They are multiplied by ``1 / (1 - p)``, so that the mean stays what it is; in evaluation
    nothing happens. Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
    overfitting".

    Parameters
    ----------
    p
        The probability, from 0 to 1.
    rng
        Where it is drawn from; a new, unseeded generator if not given.

    Raises
    ------
    ValueError
        If an argument makes no sense.

    Examples
    --------
    >>> layer = Dropout(0.5, np.random.default_rng(0))
    >>> layer(np.ones(6)).tolist()
    [2.0, 2.0, 2.0, 0.0, 0.0, 0.0]
    >>> layer.eval()(np.ones(6)).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, rng: np.random.Generator | None = None) -> None:
        self.p, self.rng = arguments("Dropout", p=(share, p), rng=(generator, rng))

    def forward(self, x: Any) -> Any:
        """Multiply by 0 or ``1 / (1 - p)`` in training; else return the input itself."""
        if not self.training or self.p == 0:
            return x
        if x.dtype.kind != "f":
            raise TypeError(f"Dropout: the input is floating-point, not {x.dtype}")
        kept = self.rng.random(x.shape, np.float32) >= self.p
        factors = np.multiply(kept, 1 / (1 - self.p) if self.p < 1 else 0, dtype=x.dtype)
        return apply(_multiply, (x, factors), NO_KEYWORDS, False)

    def extra_repr(self) -> str:
        """Write the probability."""
        return f"p={self.p}"
