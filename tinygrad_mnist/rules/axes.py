"""What the functions that go along axes share: reductions, scans, order statistics.

`axis` is None for all axes, or one axis or a tuple of them; a negative one counts from the end.
`where` is True for all elements, or a mask that broadcasts to the input: the elements that take
part. All of this runs on bare arrays and on Tensors, as the rules that it serves do.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

__all__ = [
    "Axis",
    "Shape",
    "axis_index",
    "axis_indices",
    "axis_tuple",
    "count",
    "keep",
    "kept_shape",
    "line_up",
    "previous",
    "put_back",
    "spread",
]

Array = Any
Axis = int | tuple[int, ...] | None
Shape = tuple[int, ...]

# --- which axes ---------------------------------------------------------------------------


def axis_index(name: str, axis: int, shape: Shape) -> int:
    """Count an axis from the front, and refuse one that is not there; `name` is who asks."""
    return normalize_axis_index(axis, len(shape), f"{name}: {shape}")


def axis_indices(name: str, axis: Any, shape: Shape) -> tuple[int, ...]:
    """Do the same for each of several axes, or for all, each of which may be named once."""
    if axis is None:
        return tuple(range(len(shape)))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    indices = tuple(axis_index(name, i, shape) for i in axes)
    if len(set(indices)) < len(indices):
        raise ValueError(f"{name}: {shape}: axis is {axis}; expected each axis once")
    return indices


def axis_tuple(ndim: int, axis: Axis) -> tuple[int, ...]:
    """Write an `axis` that NumPy has accepted as a tuple of axes that are not negative."""
    if axis is None or ndim == 0:  # NumPy reduces a number along its axis 0, too
        return tuple(range(ndim))
    return tuple(i % ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


# --- what is left of them -----------------------------------------------------------------


def kept_shape(shape: Shape, axis: Axis) -> Shape:
    """Replace the lengths of the axes that are reduced by 1, as `keepdims` does."""
    axes = axis_tuple(len(shape), axis)
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def keep(value: Array, shape: Shape, axis: Axis) -> Array:
    """Give a result the axes of length 1 that `keepdims` would have kept."""
    return value.reshape(kept_shape(shape, axis))


def spread(g: Array, shape: Shape, axis: Axis, where: Any = True) -> Array:
    """Spread a result's gradient over the elements that went into it.

    The copies are real: products with a broadcast view, whose strides are 0, are slow. They are
    made by adding zeros, which cost less to make than ones.
    """
    g = g if axis is None else keep(g, shape, axis)
    if where is True:
        return g + np.zeros(shape, g.dtype)
    return np.where(np.broadcast_to(where, shape), g, 0)


def count(shape: Shape, axis: Axis, where: Any = True) -> Any:
    """Count the elements that go into each element of the result, its axes kept."""
    if where is True:
        return prod(shape[i] for i in axis_tuple(len(shape), axis))
    return np.sum(np.broadcast_to(where, shape), axis=axis, keepdims=True)


# --- lines of elements --------------------------------------------------------------------


def line_up(a: Array, axis: Axis) -> Array:
    """Bring the elements that are reduced together in line, along a new first axis."""
    axes = axis_tuple(a.ndim, axis)
    others = tuple(i for i in range(a.ndim) if i not in axes)
    lines = np.transpose(a, axes + others) if axes + others != tuple(range(a.ndim)) else a
    return lines.reshape((count(a.shape, axis), *(a.shape[i] for i in others)))


def put_back(lines: Array, shape: Shape, axis: Axis) -> Array:
    """Undo `line_up`, given the shape there was before."""
    axes = axis_tuple(len(shape), axis)
    order = axes + tuple(i for i in range(len(shape)) if i not in axes)
    a = lines.reshape(tuple(shape[i] for i in order))
    if order == tuple(range(len(shape))):
        return a
    return np.transpose(a, tuple(order.index(i) for i in range(len(shape))))


def previous(lines: Array, first: float) -> Array:
    """Move the elements of every line on by one place, and start with a number."""
    start = np.full((min(len(lines), 1), *lines.shape[1:]), first, lines.dtype)
    return np.concatenate([start, lines[:-1]])
