"""Joining arrays and taking them apart.

The gradient of a joined array is taken apart again, and every piece goes to the input that it
came from. Numbers and lists take the dtype of the Tensors that they meet.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .axes import axis_index
from .casting import as_arrays, check_numbers
from .places import bare, naming
from .table import PerInput, define, derive

Array = Any
Function = Callable[..., Any]

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


_concatenate_rule = define(
    lambda *arrays, axis, sizes: np.concatenate(arrays, axis),
    vjps=PerInput(_joined),
    formula=(r"\bar a_k = \text{the piece of } \bar y \text{ that } a_k \text{ became}",),
    name="concatenate",
)


def _concatenate(arrays: Iterable[Array], axis: int | None = 0) -> Array:
    arrays = as_arrays(*arrays)
    check_numbers("concatenate", arrays)
    if axis is None:
        arrays, axis = [np.reshape(a, -1) for a in arrays], 0
    sizes = [sum(np.shape(a)[axis:][:1]) for a in arrays]
    return _concatenate_rule(*arrays, axis=axis, sizes=sizes)


def _stack(arrays: Iterable[Array], axis: int = 0) -> Array:
    return np.concatenate([np.expand_dims(a, axis) for a in as_arrays(*arrays)], axis)


def _vstack(tup: Iterable[Array]) -> Array:
    return np.concatenate([np.atleast_2d(a) for a in as_arrays(*tup)], 0)


def _hstack(tup: Iterable[Array]) -> Array:
    arrays = [np.atleast_1d(a) for a in as_arrays(*tup)]
    return np.concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)


def _dstack(tup: Iterable[Array]) -> Array:
    return np.concatenate([np.atleast_3d(a) for a in as_arrays(*tup)], 2)


def _column_stack(tup: Iterable[Array]) -> Array:
    arrays = as_arrays(*tup)
    return np.concatenate([a if a.ndim > 1 else np.reshape(a, (-1, 1)) for a in arrays], 1)


def _append(arr: Array, values: Array, axis: int | None = None) -> Array:
    return np.concatenate([arr, values], axis)


def _block(arrays: Any) -> Array:
    leaves: list[Array] = []

    def numbered(block: Any) -> Any:
        """Put arrays that number all elements in the place of the blocks."""
        if isinstance(block, list):
            return [numbered(inner) for inner in block]
        if isinstance(block, tuple):
            return block  # which NumPy refuses, in better words
        start = sum(map(np.size, leaves))
        leaves.append(block)
        return np.arange(start, start + np.size(block)).reshape(np.shape(block))

    with naming(np.block):
        places = np.block(numbered(arrays))
    return np.take(np.concatenate(leaves, None), places)


def _insert(arr: Array, obj: Any, values: Array, axis: int | None = None) -> Array:
    """Join the values to the array, and take from both in the order that NumPy finds."""
    arr, values = as_arrays(arr, values)
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    axis = axis_index("insert", axis, arr.shape)
    n = arr.shape[axis]
    obj = np.arange(*obj.indices(n)) if isinstance(obj, slice) else np.array(bare(obj))
    obj = obj if obj.size else obj.astype(np.intp)
    number = np.count_nonzero(obj) if obj.dtype == bool else obj.size
    values = values.astype(arr.dtype)
    if number == 1:  # any number of values may go to a single place
        values = np.reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
        if obj.ndim == 0:
            values = np.moveaxis(values, 0, axis)
        number = values.shape[axis]
    shape = (*arr.shape[:axis], number, *arr.shape[axis + 1 :])
    with naming(np.insert, axis):
        places = np.insert(np.arange(n), obj, np.arange(n, n + number))
        values = np.broadcast_to(values, shape)
    return np.take(np.concatenate([arr, values], axis), places, axis)


derive(np.concatenate, _concatenate, r"y = (a_1, a_2, \dots)")
derive(
    np.stack, _stack, r"y = \operatorname{concatenate}(a_1, a_2, \dots) \text{ along a new axis}"
)
derive(np.vstack, _vstack, r"y = \operatorname{concatenate}(a_1, a_2, \dots), \text{ rows}")
derive(np.hstack, _hstack, r"y = \operatorname{concatenate}(a_1, a_2, \dots), \text{ columns}")
derive(np.dstack, _dstack, r"y = \operatorname{concatenate}(a_1, a_2, \dots), \text{ layers}")
derive(np.column_stack, _column_stack, r"y = (a_1 \mid a_2 \mid \dots)")
derive(np.append, _append, r"y = (a, v)")
derive(np.block, _block, r"y = \begin{pmatrix} a_{11} & a_{12} & \dots \\ \vdots \end{pmatrix}")
derive(np.insert, _insert, r"y = (a, v)_{[\text{places}]}")

# --- taking apart -------------------------------------------------------------------------


def _pieces(function: Function, ary: Array, indices_or_sections: Any, axis: int) -> list[Array]:
    axis = axis_index(function.__name__, axis, np.shape(ary))
    with naming(function, axis):
        pieces = function(np.arange(np.shape(ary)[axis]), bare(indices_or_sections))
    ends = [(int(piece[0]), int(piece[-1]) + 1) if len(piece) else (0, 0) for piece in pieces]
    return [ary[_piece(axis, start, stop)] for start, stop in ends]


def _split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    return _pieces(np.split, ary, indices_or_sections, axis)


def _array_split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    return _pieces(np.array_split, ary, indices_or_sections, axis)


def _hsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    return _pieces(np.hsplit, ary, indices_or_sections, 1 if np.ndim(ary) > 1 else 0)


def _vsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    if np.ndim(ary) < 2:
        raise ValueError(f"vsplit: {np.shape(ary)}: expected at least two axes")
    return np.split(ary, indices_or_sections, 0)


def _dsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    if np.ndim(ary) < 3:
        raise ValueError(f"dsplit: {np.shape(ary)}: expected at least three axes")
    return np.split(ary, indices_or_sections, 2)


derive(np.split, _split, r"y = (a_{[: i_1]}, a_{[i_1 : i_2]}, \dots)")
derive(np.array_split, _array_split, r"y = (a_{[: i_1]}, a_{[i_1 : i_2]}, \dots)")
derive(np.hsplit, _hsplit, r"y = (a_{[:, : i_1]}, a_{[:, i_1 : i_2]}, \dots)")
derive(np.vsplit, _vsplit, r"y = (a_{[: i_1]}, a_{[i_1 : i_2]}, \dots)")
derive(np.dsplit, _dsplit, r"y = (a_{[:, :, : i_1]}, a_{[:, :, i_1 : i_2]}, \dots)")
derive(
    np.unstack,
    lambda x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0)),
    r"y = (x_1, x_2, \dots)",
)
