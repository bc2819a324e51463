"""Elements that come several times: repeating, tiling, padding, windows, grids.

An element that went to several places gets the sum of their gradients.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..engine import Traced
from .axes import Shape, axis_index
from .casting import as_tensors, gathered
from .picking import scatter
from .places import along, bare, naming
from .table import define, derive

Array = Any

# --- repeating ----------------------------------------------------------------------------


def _unrepeat(g: Array, y: Array, a: Array, repeats: Any, axis: int | None = None) -> Array:
    shape = (a.size,) if axis is None or not a.ndim else a.shape
    axis = (axis or 0) % len(shape)
    if np.size(repeats) != 1:
        places = np.repeat(np.arange(shape[axis]), repeats)
        index = (*[slice(None)] * axis, places)
        return scatter(g, shape, index).reshape(a.shape)
    times = int(np.reshape(repeats, ()))
    split = g.reshape(*shape[: axis + 1], times, *shape[axis + 1 :])
    if axis == len(shape) - 1:  # a product with ones sums short rows many times faster
        return (split @ np.ones(times, g.dtype)).reshape(a.shape)
    return np.sum(split, axis=axis + 1).reshape(a.shape)


define(
    np.repeat,
    vjps=(_unrepeat,),
    formula=(r"\bar a_i = \text{the sum of } \bar y \text{ over the repetitions of } a_i",),
)


def _untile(g: Array, y: Array, A: Array, reps: Any) -> Array:
    tiles = np.atleast_1d(reps).tolist()
    ndim = max(A.ndim, len(tiles))
    shape = (1,) * (ndim - A.ndim) + A.shape
    tiles = [1] * (ndim - len(tiles)) + tiles
    split = g.reshape([n for pair in zip(tiles, shape, strict=True) for n in pair])
    return np.sum(split, axis=tuple(range(0, 2 * ndim, 2))).reshape(A.shape)


define(
    np.tile,
    vjps=(_untile,),
    formula=(r"\bar A = \text{the sum of the tiles of } \bar y",),
)


def _resize(a: Array, new_shape: Any) -> Array:
    if not a.size:
        return np.zeros_like(a, shape=new_shape)
    return along(np.resize, a, None, lambda places: np.resize(places, bare(new_shape)))


derive(np.resize, _resize, r"y = \text{the elements of } a \text{, over and over}")

# --- padding ------------------------------------------------------------------------------

_PICKING_MODES = ("edge", "reflect", "symmetric", "wrap")


def _pad(array: Array, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Array:
    pairs = _pairs(bare(pad_width), np.shape(array))
    value = kwargs.pop("constant_values", 0) if mode == "constant" else 0
    if mode in _PICKING_MODES and kwargs.get("reflect_type") == "even":
        del kwargs["reflect_type"]
    if mode not in ("constant", *_PICKING_MODES) or kwargs:
        what = ", ".join([f"mode={mode!r}", *(f"{k}={v!r}" for k, v in kwargs.items())])
        raise TypeError(
            f"pad: not supported for Tensors: {what}; the modes constant, "
            f"{', '.join(_PICKING_MODES)} are, with constant_values and reflect_type='even'"
        )
    if mode == "constant":
        return _with_constants(array, pairs, value)
    y = array
    for axis, pair in enumerate(pairs):
        if any(pair):
            y = along(np.pad, y, axis, partial(np.pad, pad_width=pair, mode=mode))
    return np.copy(array) if y is array else y


def _pairs(pad_width: Any, shape: Shape) -> Array:
    """Write the widths before and after each axis out, in whatever form they are given."""
    if isinstance(pad_width, dict):
        places = {axis_index("pad", axis, shape): axis for axis in pad_width}
        pad_width = [pad_width[places[i]] if i in places else 0 for i in range(len(shape))]
        pad_width = [(width, width) if np.ndim(width) == 0 else width for width in pad_width]
    widths = np.asarray(pad_width)
    if widths.dtype.kind != "i" or (widths < 0).any():
        raise ValueError(f"pad: pad_width is {pad_width}; expected integers that are not negative")
    with naming(np.pad):
        return np.broadcast_to(widths, (len(shape), 2))


def _with_constants(array: Array, pairs: Array, value: Any) -> Array:
    shape = np.shape(array)
    begins = pairs[:, 0].tolist()
    inside = tuple(slice(begin, begin + n) for n, begin in zip(shape, begins, strict=True))
    padded = scatter(array, tuple((shape + pairs.sum(axis=1)).tolist()), inside)
    value = gathered(value)
    with naming(np.pad):
        if isinstance(value, Traced):
            return padded + _frame(value, array.dtype, shape, pairs)
        value = np.asarray(value)
        if not value.any():
            return padded
        return padded + np.pad(np.zeros(shape, array.dtype), pairs, constant_values=value)


def _frame(value: Array, dtype: Any, shape: Shape, pairs: Array) -> Array:
    """Make the frame of differentiable constants around zeros: NumPy says which goes where."""
    edges = np.arange(1, 2 * len(shape) + 1).reshape(-1, 2)
    places = np.pad(np.zeros(shape, np.intp), pairs, constant_values=edges)
    constants = np.broadcast_to(value.astype(dtype), edges.shape).reshape(-1)
    return np.concatenate([np.zeros(1, dtype), constants])[places]


derive(np.pad, _pad, r"y = a \text{ in a frame of constants, or of elements of } a")

# --- windows and grids --------------------------------------------------------------------


def _sliding_window_view(x: Array, window_shape: Any, axis: Any = None) -> Array:
    windows = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    if len(windows) != len(axes):
        raise ValueError(
            f"sliding_window_view: {x.shape}: {len(windows)} lengths; expected {len(axes)}"
        )
    places = [axis_index("sliding_window_view", axis, x.shape) for axis in axes]
    for length, place in zip(windows, places, strict=True):
        x = along(sliding_window_view, x, place, partial(sliding_window_view, window_shape=length))
        x = np.moveaxis(x, place + 1, -1)
    return x


def _meshgrid(*xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is {indexing!r}; expected 'xy' or 'ij'")
    axes = list(range(len(xi)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    shapes = np.eye(len(xi), dtype=int)[axes] * -2 + 1  # -1 where the grid goes on, else 1
    pairs = zip(as_tensors("meshgrid", *xi), shapes, strict=True)
    grids = [np.reshape(x, tuple(shape)) for x, shape in pairs]
    if not sparse:
        grids = list(np.broadcast_arrays(*grids))
    return tuple(np.copy(grid) for grid in grids) if copy else tuple(grids)


derive(
    sliding_window_view,
    _sliding_window_view,
    r"y = ((x_i, \dots, x_{i + n - 1}))_i",
)
derive(np.meshgrid, _meshgrid, r"y = (x_1, x_2, \dots), \text{ each along an axis of its own}")
