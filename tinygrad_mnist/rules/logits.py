"""The softmax family, for logits along an axis, or along several as if they were one.

Subtracting the largest element changes nothing but keeps the exponentials from overflowing.
"""

from typing import Any

import numpy as np

from .axes import Axis, axis_tuple, keep
from .casting import floating
from .table import define

__all__ = ["log_softmax", "logsumexp", "softmax"]

Array = Any


def _shift(a: Array, axis: Axis) -> Array:
    largest = np.max(a, axis=axis, keepdims=True)
    return np.where(np.isfinite(largest), largest, 0)


def _logsumexp(a: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    a = floating(a)
    largest = _shift(a, axis)
    total = np.log(np.sum(np.exp(a - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.squeeze(total, axis_tuple(a.ndim, axis))


def _spread_by_size(g: Array, parts: Array, axis: Axis) -> Array:
    """Spread a gradient in proportion to the parts, whose sum is 1 unless the logits are huge."""
    return parts * (g / np.sum(parts, axis=axis, keepdims=True))


logsumexp = define(
    _logsumexp,
    vjps=(
        lambda g, y, a, axis=None, keepdims=False: _spread_by_size(
            keep(g, a.shape, axis), np.exp(a - keep(y, a.shape, axis)), axis
        ),
    ),
    formula=(r"\bar a_i = \bar y\, e^{a_i - y}",),
    name="logsumexp",
)


def _softmax(a: Array, axis: Axis = -1) -> Array:
    a = floating(a)
    y = np.exp(a - np.max(a, axis=axis, keepdims=True))
    y /= np.sum(y, axis=axis, keepdims=True)
    return y


softmax = define(
    _softmax,
    vjps=(lambda g, y, a, axis=-1: y * (g - np.sum(g * y, axis=axis, keepdims=True)),),
    formula=(r"\bar a_i = y_i\,(\bar y_i - \sum_j \bar y_j\, y_j)",),
    name="softmax",
)


def _log_softmax(a: Array, axis: Axis = -1) -> Array:
    a = floating(a)
    a = a - _shift(a, axis)
    return a - np.log(np.sum(np.exp(a), axis=axis, keepdims=True))


log_softmax = define(
    _log_softmax,
    vjps=(lambda g, y, a, axis=-1: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True),),
    formula=(r"\bar a_i = \bar y_i - e^{y_i} \sum_j \bar y_j",),
    name="log_softmax",
)
