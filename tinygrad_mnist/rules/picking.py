"""Picking elements: indexing of every kind, and the functions that are made of it.

Picking and scattering are each other's gradient: `getitem` takes elements out of an array, and
`scatter` puts them back into zeros at the same places, where those of the same place add up.
"""

import operator
from math import prod
from typing import Any

import numpy as np

from ..engine import ForeignArray, Traced, in_one_piece, is_known
from .axes import Shape, axis_index, axis_indices
from .casting import an_array
from .places import along, bare
from .table import constant, define, derive, in_place

__all__ = ["getitem", "scatter", "take"]

Array = Any

# --- scattering ---------------------------------------------------------------------------

_NARROW = 8  # rows of fewer elements are added as fast as it is found out that none is there twice
_CHUNK = 1 << 16  # so many elements at a time: the numbers of their places fit into the cache
_LARGE = 1 << 14  # from so many elements on, it is worth some calls not to write them twice


@in_one_piece
def _scattered(g: Array, shape: Shape, index: Any) -> Array:
    parts = index if isinstance(index, tuple) else (index,)
    if any(_repeats(part) for part in parts):
        return _added_up(g, shape, parts)
    if g.size > _LARGE and 4 * g.size > prod(shape) and all(map(_has_no_gaps, parts)):
        return _framed(g, shape, parts)
    a = np.zeros(shape, g.dtype)
    a[index] = g
    return a


def _repeats(part: Any) -> bool:
    """Tell whether a part of an index may pick something twice: only integer arrays do."""
    return isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.size > 1


def _has_no_gaps(part: Any) -> bool:
    return isinstance(part, slice) and part.step in (None, 1)


def _framed(g: Array, shape: Shape, parts: tuple[slice, ...]) -> Array:
    """Write a large block and the zeros around it: each element once, and not first all zeros."""
    a = np.empty(shape, g.dtype)
    a[parts] = g
    block: tuple[slice, ...] = ()
    for part, n in zip(parts, shape, strict=False):
        start, stop, _ = part.indices(n)
        a[(*block, slice(start))] = 0
        a[(*block, slice(stop, None))] = 0
        block = (*block, part)
    return a


def _added_up(g: Array, shape: Shape, parts: tuple[Any, ...]) -> Array:
    """Scatter to places of which some may be the same."""
    axes = _axes_read(parts, len(shape))
    number, width = prod(shape[:axes]), prod(shape[axes:])
    places = _places(parts, shape[:axes])
    a = np.zeros(shape, g.dtype)
    _add_rows(a.reshape(number, width), places, g.reshape(places.size, width))
    return a


def _axes_read(parts: tuple[Any, ...], ndim: int) -> int:
    """Count the axes from the front that an index names; it leaves those behind as they are."""
    if any(part is Ellipsis for part in parts):
        return ndim
    return sum(_axes_of(part) for part in parts)


def _axes_of(part: Any) -> int:
    if part is None:
        return 0
    return np.ndim(part) if _kind(part) == "b" else 1


def _kind(part: Any) -> str:
    """Tell integers, masks and other parts of an index apart, as dtypes do."""
    return "" if part is None or isinstance(part, slice) else np.asarray(part).dtype.kind


def _places(parts: tuple[Any, ...], shape: Shape) -> Array:
    """List the elements that an index picks, by their numbers in an array of this shape."""
    if all(_kind(part) in ("i", "u") for part in parts):
        arrays = tuple(np.asarray(part, np.intp) for part in parts)
        return np.ravel_multi_index(arrays, shape, mode="wrap").ravel()
    return np.arange(prod(shape)).reshape(shape)[parts].ravel()


def _add_rows(rows: Array, places: Array, g: Array) -> None:
    """Do ``rows[places] += g``, where places that are there several times get them all.

    NumPy's own ``np.add.at`` is several times faster on a single axis than on rows.
    """
    width = rows.shape[1]
    if width >= _NARROW and _are_distinct(places, len(rows)):
        rows[places] = g
        return
    elements, columns = rows.reshape(-1), np.arange(width)
    step = max(1, _CHUNK // max(1, width))
    for start in range(0, len(places), step):
        chunk = slice(start, start + step)
        np.add.at(elements, (places[chunk, None] * width + columns).ravel(), g[chunk].ravel())


def _are_distinct(places: Array, number: int) -> bool:
    """Tell whether no place is there twice: then each keeps the mark that is set on it."""
    marks = np.arange(len(places))
    marked = np.empty(number, np.intp)
    marked[places] = marks
    return bool((marked[places] == marks).all())


_scatter = define(
    _scattered,
    vjps=(lambda g, y, a, shape, index: g[index],),
    formula=(r"\bar a = \bar y_{[\text{index}]}",),
    name="scatter",
)


def scatter(g: Array, shape: Shape, index: Any) -> Array:
    """Put elements into zeros, at the places that an index picks; the same places add up."""
    if isinstance(g, Traced):
        return _scatter(g, shape=shape, index=index)
    return _scattered(g, shape, index)  # the usual case, at half the cost of a rule


def take(a: Array, indices: Array) -> Array:
    """Pick elements: ``a.take(indices)``, which other array types may answer."""
    if isinstance(indices, ForeignArray) and not isinstance(
        a, Traced
    ):  # NumPy asks the first argument only
        return indices.__array_function__(np.take, (type(indices),), (a, indices), {})
    return a.take(indices)


# --- indexing -----------------------------------------------------------------------------


def _getitem(a: Array, index: Any) -> Array:
    if type(index) is np.ndarray and index.dtype.kind == "i" and index.ndim and np.ndim(a):
        return a.take(index, axis=0)  # the same, but several times faster
    return a[index]


getitem = define(
    operator.getitem,
    vjps=(lambda g, y, a, index: scatter(g, a.shape, index),),
    formula=(r"\bar a_{[\text{index}]} \mathrel{+}= \bar y, \text{ else } 0",),
    forward=_getitem,
)


def _untake(
    g: Array,
    y: Array,
    a: Array,
    indices: Any,
    axis: int | None = None,
    *,
    mode: str = "raise",
) -> Array:
    shape = a.shape if axis is not None and a.ndim else (a.size,)
    axis = (axis or 0) % len(shape)
    places = an_array(indices).astype(np.intp)
    if mode == "wrap":
        places %= shape[axis]
    elif mode == "clip":
        places = places.clip(0, shape[axis] - 1)
    index = (*[slice(None)] * axis, places)
    return scatter(g, shape, index).reshape(a.shape)


define(
    np.take,
    vjps=(_untake,),
    formula=(r"\bar a_{[\text{indices}]} \mathrel{+}= \bar y, \text{ else } 0",),
)


def _take_along_axis(arr: Array, indices: Any, axis: int | None = -1) -> Array:
    indices = bare(indices)
    indices = np.array(indices) if is_known(indices) else indices
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    axis = axis_index("take_along_axis", axis, np.shape(arr))
    if indices.ndim != np.ndim(arr):
        raise ValueError(
            f"take_along_axis: {np.shape(arr)}: indices of shape {indices.shape}; expected as many "
            f"axes"
        )
    index = list(np.ix_(*map(np.arange, np.shape(arr))))
    index[axis] = indices
    return getitem(arr, index=tuple(index))


derive(np.take_along_axis, _take_along_axis, r"y = a_{[\text{indices}]} \text{ along the axis}")

# --- leaving out --------------------------------------------------------------------------


def _compress(condition: Any, a: Array, axis: int | None = None) -> Array:
    condition = bare(condition)
    return along(np.compress, a, axis, lambda places: np.compress(condition, places))


def _extract(condition: Any, arr: Array) -> Array:
    condition = np.ravel(bare(condition))
    return along(np.extract, arr, None, lambda places: np.compress(condition, places))


def _delete(arr: Array, obj: Any, axis: int | None = None) -> Array:
    obj = bare(obj)
    return along(np.delete, arr, axis, lambda places: np.delete(places, obj))


def _trim_zeros(filt: Array, trim: str = "fb", axis: Any = None) -> Array:
    if trim.lower() not in ("f", "b", "fb", "bf"):
        raise ValueError(f"trim_zeros: trim is {trim!r}; expected 'f', 'b' or 'fb'")
    places = np.argwhere(bare(np.not_equal(filt, 0)))
    index = [slice(None)] * filt.ndim
    for i in axis_indices("trim_zeros", axis, filt.shape):
        start = places[:, i].min(initial=filt.shape[i]) if "f" in trim.lower() else 0
        stop = places[:, i].max(initial=-1) + 1 if "b" in trim.lower() else None
        index[i] = slice(start, stop)
    return filt[tuple(index)]


derive(np.compress, _compress, r"y = a_{[\text{condition}]}")
derive(np.extract, _extract, r"y = a_{[\text{condition}]}")
derive(np.delete, _delete, r"y = a_{[\text{the places that are left}]}")
derive(np.trim_zeros, _trim_zeros, r"y = a_{[\text{first} : \text{last}]}")

constant(np.nonzero, np.flatnonzero, np.argwhere)
constant(
    np.ix_,
    np.diag_indices_from,
    np.tril_indices_from,
    np.triu_indices_from,
    np.ravel_multi_index,
    np.unravel_index,
)

# --- writing ------------------------------------------------------------------------------

in_place(np.copyto, "np.where(mask, src, dst)")
in_place(np.place, "np.where(mask, vals, arr)")
in_place(np.putmask, "np.where(mask, values, a)")
in_place(np.put, "np.where(mask, v, a)")
in_place(np.put_along_axis, "np.where(mask, values, arr)")
in_place(np.fill_diagonal, "np.where(np.eye(n, dtype=bool), val, a)")
