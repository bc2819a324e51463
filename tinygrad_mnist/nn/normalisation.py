r"""Normalisation: to mean 0 and variance 1, along the batch or along the features.

The two differ in the axes along which the mean is taken, and are one row of the table. With
:math:`\hat x = (x - \mu) / \sqrt{v + \varepsilon}` the gradient loses its mean and its part along
:math:`\hat x`: moving all inputs alike, or stretching them, changes nothing.

Ioffe and Szegedy 2015, "Batch normalization"; Ba, Kiros and Hinton 2016, "Layer normalization".
"""

from __future__ import annotations

import operator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..checks import arguments, not_negative, share
from ..engine import Traced, apply, is_known
from ..rules import define
from ..rules.axes import keep
from ..rules.casting import an_array

__all__ = ["batch_norm", "layer_norm", "shape_of"]

Array = Any
Axes = tuple[int, ...]

# --- the row ------------------------------------------------------------------------------


class _Kept(NamedTuple):
    """The statistics of an input; `scale` is 1 / sqrt(variance + eps)."""

    mean: Array
    scale: Array

    def along(self, g: Array, x: Array, axes: Axes) -> Array:
        """Sum up `g` times the standardised `x` along the axes."""
        return _sum_of_products(g, x - self.mean, axes) * self.scale


def _sum_of_products(a: Array, b: Array, axes: Axes) -> Array:
    """Compute ``np.sum(a * b, axis=axes, keepdims=True)`` without the array of the products."""
    places = list(range(a.ndim))
    left = [i for i in places if i not in axes]
    return keep(np.einsum(a, places, b, places, left), a.shape, axes)


def _normalise(
    x: Array, weight: Array, bias: Array, *, axes: Axes, eps: float, observed: list[Array]
) -> tuple[Array, _Kept]:
    mean = np.mean(x, axis=axes, keepdims=True)
    y = x - mean
    variance = _sum_of_products(y, y, axes) / _number(x.shape, axes)
    observed[:] = mean, variance
    scale = 1 / np.sqrt(variance + eps)
    y *= scale if weight is None else scale * keep(weight, x.shape, axes)
    if bias is not None:
        y += keep(bias, x.shape, axes)
    return y, _Kept(mean, scale)


def _number(shape: tuple[int, ...], axes: Axes) -> int:
    return prod(shape[i] for i in axes)


def _standardised(x: Array, axes: Axes, eps: float) -> tuple[Array, Array]:
    """Standardise a Tensor; the second is what it was multiplied by."""
    centred = x - np.mean(x, axis=axes, keepdims=True)
    scale = 1 / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + eps)
    return centred * scale, scale


def _by_input(
    g: Array,
    y: Array,
    x: Array,
    weight: Array,
    bias: Array,
    *,
    axes: Axes,
    eps: float,
    observed: list[Array],
    kept: _Kept | None,
) -> Array:
    if kept is None:
        hat, scale = _standardised(x, axes, eps)
        along = hat * np.mean(g * hat, axis=axes, keepdims=True)
        found = scale * (g - np.mean(g, axis=axes, keepdims=True) - along)
        return found if weight is None else found * keep(weight, x.shape, axes)
    n = _number(x.shape, axes)
    total = np.sum(g, axis=axes, keepdims=True)
    slope = kept.along(g, x, axes) * kept.scale / -n  # the same as above, as one line through all x
    found = x * slope
    found += kept.mean * -slope - total / n
    found += g
    found *= kept.scale if weight is None else kept.scale * keep(weight, x.shape, axes)
    return found


def _by_weight(
    g: Array,
    y: Array,
    x: Array,
    weight: Array,
    bias: Array,
    *,
    axes: Axes,
    eps: float,
    observed: list[Array],
    kept: _Kept | None,
) -> Array:
    if kept is None:
        hat, _ = _standardised(x, axes, eps)
        return np.sum(g * hat, axis=axes)
    return kept.along(g, x, axes).reshape(weight.shape)


_normalisation = define(
    _normalise,
    vjps=(
        _by_input,
        _by_weight,
        lambda g, y, x, weight, bias, *, axes, eps, observed, kept: np.sum(g, axis=axes),
    ),
    formula=(
        r"\bar x = \frac{w}{\sqrt{v + \varepsilon}} \left(\bar y - \operatorname{mean} \bar y"
        r" - \hat x \operatorname{mean}(\bar y\, \hat x)\right)",
        r"\bar w = \sum \bar y\, \hat x",
        r"\bar b = \sum \bar y",
    ),
    keeps=True,
    name="normalise",
)

# --- what people call ---------------------------------------------------------------------


def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    r"""Normalise each channel along all other axes.

    Parameters
    ----------
    x
        Of shape (N, C), (N, C, L) or (N, C, H, W), floating-point.
    running_mean, running_var
        Tensors or arrays of shape (C,), or None. With `training` they are moved towards the mean
        and the unbiased variance of this batch; without, they are what is normalised by.
    weight, bias
        Of shape (C,): what the result is multiplied by, and what is added; None for neither.
    training
        Whether to normalise by the statistics of this batch.
    momentum
        How far the running statistics move, from 0 to 1.
    eps
        What is added to the variance.

    Returns
    -------
    :math:`(x - \mu) / \sqrt{v + \varepsilon} \cdot w + b`, of the shape of `x`. For float16 it is
    computed in float32.

    Raises
    ------
    ValueError
        If the shapes do not belong together, a number makes no sense, there are no running
        statistics where they are needed, or one value a channel of which to take the variance.
    TypeError
        If `x` is not floating-point.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batch_norm(x, None, None, training=True, eps=0.0)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    (eps,) = arguments("batch_norm", eps=(not_negative, eps))
    if is_known(momentum):
        (momentum,) = arguments("batch_norm", momentum=(share, momentum))
    _check_channels(x, running_mean, running_var, weight, bias)
    if x.dtype == np.float16:
        x, weight, bias = _widened(x, weight, bias)
        if not training:
            running_mean, running_var = _widened(running_mean, running_var)
        y = batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
        return y.astype(np.float16)
    axes = (0, *range(2, x.ndim))
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: running statistics are needed where not training")
        scale = 1 / np.sqrt(running_var + eps)
        scale = scale if weight is None else scale * weight
        shift = -running_mean * scale if bias is None else bias - running_mean * scale
        return x * keep(scale, x.shape, axes) + keep(shift, x.shape, axes)
    n = _number(x.shape, axes)
    if n < 2:
        raise ValueError(
            f"batch_norm: input of shape {x.shape}: a variance needs two values a channel or more, "
            f"as from a larger batch"
        )
    observed: list[Array] = []
    keywords = {"axes": axes, "eps": eps, "observed": observed}
    y = apply(_normalisation, (x, weight, bias), keywords, False)
    unbiased = observed[1] * (n / (n - 1))
    for running, now in ((running_mean, observed[0]), (running_var, unbiased)):
        if running is not None:
            old = running._array if isinstance(running, Traced) else running
            stays, moves = (an_array(part).astype(old.dtype) for part in (1 - momentum, momentum))
            running[...] = stays * old + moves * now.reshape(-1)
    return y


def _widened(*arrays: Any) -> list[Any]:
    """Make float32 of float16, whose squares are beyond its largest number from 256 on."""
    return [array if array is None else array.astype(np.float32) for array in arrays]


def _check_channels(x: Any, *others: Any) -> None:
    if not 2 <= x.ndim <= 4:
        raise ValueError(
            f"batch_norm: input of shape {x.shape}; expected (N, C), (N, C, L) or (N, C, H, W)"
        )
    if x.dtype.kind != "f":
        raise TypeError(f"batch_norm: input is floating-point, not {x.dtype}")
    for other in others:
        if other is not None and other.shape != x.shape[1:2]:
            raise ValueError(
                f"batch_norm: input of shape {x.shape}, of {x.shape[1]} channels, with statistics "
                f"or weights of shape {other.shape}; expected ({x.shape[1]},)"
            )


def layer_norm(
    x: Any,
    normalized_shape: int | tuple[int, ...],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    r"""Normalise along the last axes, each sample by itself.

    Parameters
    ----------
    x
        Of shape (..., *normalized_shape), floating-point.
    normalized_shape
        The lengths of the last axes, along which mean and variance are taken.
    weight, bias
        Of that shape: what the result is multiplied by, and what is added; None for neither.
    eps
        What is added to the variance.

    Returns
    -------
    :math:`(x - \mu) / \sqrt{v + \varepsilon} \cdot w + b`, of the shape of `x`. For float16 it is
    computed in float32.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or `eps` is negative.
    TypeError
        If `x` is not floating-point.

    Examples
    --------
    >>> layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]]), 2, eps=0.0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    (eps,) = arguments("layer_norm", eps=(not_negative, eps))
    shape = shape_of("layer_norm", normalized_shape)
    if x.shape[x.ndim - len(shape) :] != shape or x.ndim < len(shape):
        raise ValueError(
            f"layer_norm: input of shape {x.shape} does not end in {shape}, which is normalised"
        )
    if x.dtype.kind != "f":
        raise TypeError(f"layer_norm: input is floating-point, not {x.dtype}")
    for other in (weight, bias):
        if other is not None and other.shape != shape:
            raise ValueError(f"layer_norm: weight or bias of shape {other.shape}; expected {shape}")
    if x.dtype == np.float16:
        x, weight, bias = _widened(x, weight, bias)
        return layer_norm(x, shape, weight, bias, eps).astype(np.float16)
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    keywords = {"axes": axes, "eps": eps, "observed": []}
    y = apply(_normalisation, (x, None, None), keywords, False)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """Make a tuple of lengths of one or several; `name` is who asks."""
    try:
        shape = tuple(map(operator.index, value if isinstance(value, tuple | list) else (value,)))
    except TypeError:
        raise TypeError(f"{name}: normalized_shape is {value!r}; expected integers") from None
    if not shape or min(shape) < 1:
        raise ValueError(f"{name}: normalized_shape is {value!r}; expected positive lengths")
    return shape
