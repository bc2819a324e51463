"""Functions that reduce along axes, and the softmax family, which is made of them.

`axis` is None for all axes, or one axis or a tuple of them; a negative one counts from the
end. The largest element of `max`, the smallest of `min`: where several tie, they share the
gradient equally.
"""

from typing import Any

import numpy as np

from .casting import floating
from .table import constant, define

__all__ = ["log_softmax", "logsumexp", "softmax"]

Array = Any
Axis = int | tuple[int, ...] | None


def _axes(ndim: int, axis: Axis) -> tuple[int, ...]:
    """Write an `axis` argument as a tuple of axes that are not negative."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(i % ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


def _keep(value: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    """Give a result the axes of length 1 that `keepdims` would have kept."""
    axes = _axes(len(shape), axis)
    return value.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _spread(g: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    """Spread a result's gradient over the elements that went into it.

    The copies are real: products with a broadcast view, whose strides are 0, are slow.
    """
    return _keep(g, shape, axis) * np.ones(shape, g.dtype)


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    """Count the elements that go into one element of the result."""
    return int(np.prod([shape[i] for i in _axes(len(shape), axis)], dtype=np.intp))


define(
    np.sum,
    vjps=(lambda g, y, a, axis=None, *, keepdims=False: _spread(g, a.shape, axis),),
    formula=(r"\bar a_i = \bar y",),
    forward=lambda a, axis=None, keepdims=False: np.add.reduce(a, axis=axis, keepdims=keepdims),
)
define(
    np.mean,
    vjps=(
        lambda g, y, a, axis=None, *, keepdims=False: _spread(
            g / _count(a.shape, axis), a.shape, axis
        ),
    ),
    formula=(r"\bar a_i = \bar y / n",),
)


def _variance(
    g: Array, y: Array, a: Array, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False
) -> Array:
    scale = float(np.divide(2, _count(a.shape, axis) - ddof))  # infinite without freedom
    return _keep(g, a.shape, axis) * scale * (a - np.mean(a, axis=axis, keepdims=True))


define(
    np.var,
    vjps=(_variance,),
    formula=(r"\bar a_i = \bar y \,\frac{2}{n - d} (a_i - \operatorname{mean} a)",),
)


def _extreme(g: Array, y: Array, a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    hits = (a == _keep(y, a.shape, axis)).astype(g.dtype)
    return _keep(g, a.shape, axis) * (hits / np.sum(hits, axis=axis, keepdims=True))


define(
    np.max,
    vjps=(_extreme,),
    formula=(r"\bar a_i = \bar y\,[a_i = y] / \#\{j : a_j = y\}",),
    forward=lambda a, axis=None, keepdims=False: np.maximum.reduce(a, axis=axis, keepdims=keepdims),
)
define(
    np.min,
    vjps=(_extreme,),
    formula=(r"\bar a_i = \bar y\,[a_i = y] / \#\{j : a_j = y\}",),
    forward=lambda a, axis=None, keepdims=False: np.minimum.reduce(a, axis=axis, keepdims=keepdims),
)

# --- the softmax family -------------------------------------------------------------------
# Subtracting the largest element changes nothing but keeps the exponentials from overflowing.


def _shift(a: Array, axis: Axis) -> Array:
    largest = np.max(a, axis=axis, keepdims=True)
    return np.where(np.isfinite(largest), largest, 0)


def _logsumexp(a: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    a = floating(a)
    largest = _shift(a, axis)
    total = np.log(np.sum(np.exp(a - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.squeeze(total, _axes(a.ndim, axis))


logsumexp = define(
    _logsumexp,
    vjps=(
        lambda g, y, a, axis=None, keepdims=False: (
            _keep(g, a.shape, axis) * np.exp(a - _keep(y, a.shape, axis))
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

log_softmax = define(
    lambda a, axis=-1: floating(a) - _logsumexp(a, axis, keepdims=True),
    vjps=(lambda g, y, a, axis=-1: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True),),
    formula=(r"\bar a_i = \bar y_i - e^{y_i} \sum_j \bar y_j",),
    name="log_softmax",
)

constant(np.argsort, np.argmax, np.argmin, np.any, np.all, np.count_nonzero)
