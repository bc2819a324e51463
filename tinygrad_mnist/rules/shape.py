"""Functions that move elements around without changing them, and picking some out.

Each is linear, so its gradient is moved back the same way, whatever the values are.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .table import PerInput, constant, define, derive

__all__ = ["getitem"]

Array = Any

define(
    np.reshape,
    vjps=(lambda g, y, a, shape: g.reshape(a.shape),),
    formula=(r"\bar a = \operatorname{reshape}(\bar y)",),
)
define(
    np.expand_dims,
    vjps=(lambda g, y, a, axis: g.reshape(a.shape),),
    formula=(r"\bar a = \operatorname{reshape}(\bar y)",),
)
define(
    np.squeeze,
    vjps=(lambda g, y, a, axis=None: g.reshape(a.shape),),
    formula=(r"\bar a = \operatorname{reshape}(\bar y)",),
)
define(
    np.broadcast_to,
    vjps=(lambda g, y, array, shape: g,),
    formula=(r"\bar a = \text{the sum of } \bar y \text{ over the axes that were stretched}",),
)
define(
    np.swapaxes,
    vjps=(lambda g, y, a, axis1, axis2: np.swapaxes(g, axis1, axis2),),
    formula=(r"\bar a = \bar y \text{ with the axes swapped back}",),
)


def _untranspose(g: Array, y: Array, a: Array, axes: Sequence[int] | None = None) -> Array:
    if axes is None:
        return np.transpose(g)
    return np.transpose(g, np.argsort([axis % g.ndim for axis in axes]))


define(
    np.transpose,
    vjps=(_untranspose,),
    formula=(r"\bar a = \bar y^{\mathsf T}",),
)

# --- joining ------------------------------------------------------------------------------


def _piece(axis: int, start: int, stop: int) -> tuple[Any, ...]:
    """Make the index of a piece along an axis."""
    piece = slice(start, stop)
    if axis < 0:
        return (..., piece, *[slice(None)] * (-axis - 1))
    return (*[slice(None)] * axis, piece)


def _joined(i: int) -> Callable[..., Array]:
    def vjp(g: Array, y: Array, *arrays: Array, axis: int, sizes: list[int]) -> Array:
        start = sum(sizes[:i])
        return g[_piece(axis, start, start + sizes[i])]

    return vjp


_join = define(
    lambda *arrays, axis, sizes: np.concatenate(arrays, axis),
    vjps=PerInput(_joined),
    formula=(r"\bar a_k = \text{the piece of } \bar y \text{ that } a_k \text{ became}",),
    name="concatenate",
)


def _concatenate(arrays: Iterable[Array], axis: int | None = 0) -> Array:
    arrays = list(arrays)
    if axis is None:
        arrays, axis = [np.reshape(a, -1) for a in arrays], 0
    sizes = [sum(np.shape(a)[axis:][:1]) for a in arrays]
    return _join(*arrays, axis=axis, sizes=sizes)


derive(np.concatenate, _concatenate, r"y = (a_1, a_2, \dots)")
derive(
    np.stack,
    lambda arrays, axis=0: np.concatenate([np.expand_dims(a, axis) for a in arrays], axis),
    r"y = \operatorname{concatenate}(a_1, a_2, \dots) \text{ along a new axis}",
)

# --- picking ------------------------------------------------------------------------------


def _repeats(index: Any) -> bool:
    """Tell whether an index may pick the same element twice: only integer arrays do."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" for part in parts)


def _scatter(g: Array, shape: tuple[int, ...], index: Any) -> Array:
    a = np.zeros(shape, g.dtype)
    if _repeats(index):
        np.add.at(a, index, g)
    else:
        a[index] = g
    return a


scatter = define(
    _scatter,
    vjps=(lambda g, y, a, shape, index: g[index],),
    formula=(r"\bar a = \bar y_{[\text{index}]}",),
    name="scatter",
)

getitem = define(
    operator.getitem,
    vjps=(lambda g, y, a, index: scatter(g, shape=a.shape, index=index),),
    formula=(r"\bar a_{[\text{index}]} \mathrel{+}= \bar y, \text{ else } 0",),
    forward=lambda a, index: a[index],
)

constant(np.shape, np.ndim, np.size, np.array_equal, np.allclose, np.result_type, np.shares_memory)
