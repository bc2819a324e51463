"""The many ways of calling NumPy, brought to the few of which programs are made."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..rules.picking import _scattered
from ..rules.places import axis_order
from .operations import getitem

__all__ = ["canonical", "plain_index"]

Function = Callable[..., Any]
Call = tuple[Function, tuple[Any, ...], dict[str, Any]]

_REDUCTIONS: dict[Function, np.ufunc] = {
    np.sum: np.add,
    np.prod: np.multiply,
    np.max: np.maximum,
    np.amax: np.maximum,
    np.min: np.minimum,
    np.amin: np.minimum,
    np.any: np.logical_or,
    np.all: np.logical_and,
}


def canonical(function: Function, args: tuple[Any, ...], keywords: dict[str, Any]) -> Call:
    """Bring a call to its plainest form; one that has none stays as it is."""
    if function in _REDUCTIONS:
        return _reduction(_REDUCTIONS[function], *args, **keywords)
    if function in _REDUCES:
        return _reduce(_REDUCES[function], *args, **keywords)
    if function in _RULES:
        found: Call | None = _RULES[function](*args, **keywords)
        if found is not None:
            return found
    return function, args, keywords


def _reduction(ufunc: np.ufunc, a: Any, axis: Any = None, dtype: Any = None, **others: Any) -> Call:
    keepdims = bool(others.pop("keepdims", False))
    if others.get("where") is True:
        del others["where"]
    if dtype is not None:
        others["dtype"] = dtype
    axes = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    found = tuple(sorted(i % a.ndim for i in axes)) if a.ndim else None
    return ufunc.reduce, (a,), {"axis": found, "keepdims": keepdims, **others}


_REDUCES: dict[Function, np.ufunc] = {
    ufunc.reduce: ufunc
    for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logical_or, np.logical_and)
}


def _reduce(ufunc: np.ufunc, a: Any, axis: Any = 0, *args: Any, **keywords: Any) -> Call:
    return _reduction(ufunc, a, axis, *args, **keywords)


def _reshape(a: Any, shape: Any, order: Any = "C", copy: Any = None) -> Call:
    if copy:
        return _copy(np.reshape(a, shape, order))
    lengths = list(shape) if isinstance(shape, tuple | list) else [shape]
    if order == "F" or (order == "A" and a.flags.fnc):
        return _transpose(np.reshape(np.transpose(a), lengths[::-1]))
    if -1 in lengths:
        known = math.prod(length for length in lengths if length != -1)
        lengths[lengths.index(-1)] = a.size // known if known else 0
    return np.reshape, (a, tuple(map(int, lengths))), {}


def _ravel(a: Any, order: str = "C") -> Call | None:
    return None if order == "K" else _reshape(a, (a.size,), order)


def _transpose(a: Any, axes: Any = None) -> Call:
    order = range(a.ndim)[::-1] if axes is None else axes
    return np.transpose, (a, tuple(int(i) % a.ndim for i in order)), {}


def _swapaxes(a: Any, axis1: int, axis2: int) -> Call:
    order = list(range(a.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _transpose(a, order)


def _moveaxis(a: Any, source: Any, destination: Any) -> Call:
    return _transpose(a, axis_order(np.moveaxis, a.ndim, source, destination))


def _expand_dims(a: Any, axis: Any) -> Call | None:
    return _reshape(a, np.expand_dims(np.broadcast_to(0, a.shape), axis).shape)


def _squeeze(a: Any, axis: Any = None) -> Call | None:
    return _reshape(a, np.squeeze(np.broadcast_to(0, a.shape), axis).shape)


def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Call:
    return np.broadcast_to, (array, tuple(np.atleast_1d(shape).tolist())), {}


def _copy(a: Any, order: str = "K", subok: bool = False) -> Call:
    return np.copy, (a,), {"order": order}


def _clip(a: Any, a_min: Any = None, a_max: Any = None, **others: Any) -> Call | None:
    low, high = others.pop("min", a_min), others.pop("max", a_max)
    if low is None and high is None:
        return None
    if low is None:
        return np.minimum, (a, high), others
    if high is None:
        return np.maximum, (a, low), others
    return np.clip, (a, low, high), others


def _mean(a: Any, axis: Any = None, dtype: Any = None, **others: Any) -> Call:
    if a.dtype.name in ("float32", "float64") and dtype == a.dtype:
        dtype = None
    _, args, keywords = _reduction(np.add, a, axis, dtype, **others)
    return np.mean, args, keywords


def _dot(a: Any, b: Any) -> Call:
    return (np.dot if a.ndim and b.ndim else np.multiply), (a, b), {}


def _take(a: Any, indices: Any, axis: Any = None, mode: str = "raise") -> Call:
    if not hasattr(indices, "dtype"):
        indices = _fixed(indices)
    if a.ndim == 1:
        axis = 0
    found = axis % a.ndim if a.ndim and axis is not None else None
    keywords = {} if mode == "raise" else {"mode": mode}
    return np.take, (a, indices), {"axis": found, **keywords}


def _getitem(a: Any, index: Any) -> Call:
    return getitem, (a, plain_index(index)), {}


def _scatter(g: Any, shape: Any, index: Any) -> Call:
    return _scattered, (g, shape, plain_index(index)), {}


def plain_index(index: Any) -> Any:
    """Make Python's integers of NumPy's in an index, and arrays of its lists."""
    if isinstance(index, tuple):
        return tuple(map(plain_index, index))
    if isinstance(index, slice):
        return slice(*map(plain_index, (index.start, index.stop, index.step)))
    if isinstance(index, list):
        return _fixed(index)
    return int(index) if isinstance(index, np.integer) else index


def _fixed(numbers: Any) -> Any:
    """Make an array of numbers that nobody can write to."""
    array = np.array(numbers)
    array.flags.writeable = False
    return array


_RULES: dict[Function, Callable[..., Call | None]] = {
    np.reshape: _reshape,
    np.ravel: _ravel,
    np.transpose: _transpose,
    np.swapaxes: _swapaxes,
    np.moveaxis: _moveaxis,
    np.expand_dims: _expand_dims,
    np.squeeze: _squeeze,
    np.broadcast_to: _broadcast_to,
    np.copy: _copy,
    np.clip: _clip,
    np.mean: _mean,
    np.dot: _dot,
    np.take: _take,
    _scattered: _scatter,
    getitem: _getitem,
}
