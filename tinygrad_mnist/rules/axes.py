"""What the functions that go along axes share: reductions, scans, order statistics.

`axis` is None for all axes, or one axis or a tuple of them; a negative one counts from the end.
`where` is True for all elements, or a mask that broadcasts to the input: the elements that take
part. All of this runs on bare arrays and on Tensors, as the rules that it serves do.
"""

from typing import Any

import numpy as np

__all__ = ["along", "count", "keep", "kept", "line_up", "listed", "put_back", "spread"]

Array = Any
Axis = int | tuple[int, ...] | None
Shape = tuple[int, ...]


def along(ndim: int, axis: Axis) -> tuple[int, ...]:
    """Write an `axis` argument as a tuple of axes that are not negative."""
    if axis is None or ndim == 0:  # NumPy reduces a number along its axis 0, too
        return tuple(range(ndim))
    return tuple(i % ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


def kept(shape: Shape, axis: Axis) -> Shape:
    """Replace the lengths of the axes that are reduced by 1, as `keepdims` does."""
    axes = along(len(shape), axis)
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def keep(value: Array, shape: Shape, axis: Axis) -> Array:
    """Give a result the axes of length 1 that `keepdims` would have kept."""
    return value.reshape(kept(shape, axis))


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
        return int(np.prod([shape[i] for i in along(len(shape), axis)], dtype=np.intp))
    return np.sum(np.broadcast_to(where, shape), axis=axis, keepdims=True)


def line_up(a: Array, axis: Axis) -> Array:
    """Bring the elements that are reduced together in line, along a new first axis."""
    axes = along(a.ndim, axis)
    others = tuple(i for i in range(a.ndim) if i not in axes)
    lines = np.transpose(a, axes + others) if axes + others != tuple(range(a.ndim)) else a
    return lines.reshape((count(a.shape, axis), *(a.shape[i] for i in others)))


def put_back(lines: Array, shape: Shape, axis: Axis) -> Array:
    """Undo `line_up`, given the shape there was before."""
    axes = along(len(shape), axis)
    order = axes + tuple(i for i in range(len(shape)) if i not in axes)
    a = lines.reshape(tuple(shape[i] for i in order))
    if order == tuple(range(len(shape))):
        return a
    return np.transpose(a, tuple(order.index(i) for i in range(len(shape))))


def listed(value: Any, like: Any) -> Array:
    """Make an array of a number or a list, of the dtype of what it meets; arrays stay."""
    if hasattr(value, "dtype"):
        return value
    array = np.asarray(value)
    kind = getattr(like, "dtype", array.dtype)
    return array.astype(kind) if kind.kind == "f" and array.dtype.kind in "fiu" else array
