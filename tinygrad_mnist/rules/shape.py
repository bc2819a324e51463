"""The same elements in another shape or order.

Each of these functions is linear, so its gradient is moved back the same way, whatever the values
are. An ``order="A"`` looks at the memory of the input once, when it is called.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .axes import Axis
from .casting import an_array, as_tensors
from .places import axis_order
from .table import constant, define, derive

Array = Any

# --- the shape ----------------------------------------------------------------------------


def _forward_reshape(a: Array, shape: Any, order: Any = "C", copy: bool | None = None) -> Array:
    if copy is None:
        return an_array(a).reshape(shape, order=order)
    return np.reshape(a, shape, order, copy=copy)


def _unreshape(
    g: Array, y: Array, a: Array, shape: Any, order: Any = "C", *, copy: bool | None = None
) -> Array:
    return g.reshape(a.shape) if order == "C" else np.reshape(g, a.shape, order)


_reshape_rule = define(
    np.reshape,
    vjps=(_unreshape,),
    formula=(r"\bar a = \operatorname{reshape}(\bar y)",),
    forward=_forward_reshape,
)


def _reshape(a: Array, shape: Any, order: Any = "C", *, copy: bool | None = None) -> Array:
    if order == "A":
        order = "F" if a._array.flags.fnc else "C"
    return _reshape_rule(a, shape=shape, order=order, copy=copy)


derive(np.reshape, _reshape, r"y = \text{the elements of } a \text{ in another shape}")


def _ravel(a: Array, order: Any = "C") -> Array:
    if order == "K":
        raise ValueError("ravel: order is 'K'; expected 'C', 'F' or 'A'")
    return np.reshape(a, -1, order)


derive(np.ravel, _ravel, r"y = \operatorname{reshape}(a, -1)")
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


def _atleast_1d(*arys: Array) -> Any:
    return _each([np.reshape(a, a.shape or 1) for a in as_tensors("atleast_1d", *arys)])


def _atleast_2d(*arys: Array) -> Any:
    arrays = as_tensors("atleast_2d", *arys)
    return _each([np.reshape(a, (1,) * (2 - a.ndim) + a.shape) for a in arrays])


def _atleast_3d(*arys: Array) -> Any:
    arrays = as_tensors("atleast_3d", *arys)
    columns = [a if a.ndim > 1 else np.reshape(a, (1, -1)) for a in arrays]
    return _each([a if a.ndim > 2 else np.expand_dims(a, -1) for a in columns])


def _each(arrays: list[Array]) -> Any:
    """Give back one array as itself, and several as a tuple."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


derive(np.atleast_1d, _atleast_1d, r"y = \operatorname{reshape}(a)")
derive(np.atleast_2d, _atleast_2d, r"y = \operatorname{reshape}(a)")
derive(np.atleast_3d, _atleast_3d, r"y = \operatorname{reshape}(a)")

# --- stretching ---------------------------------------------------------------------------

define(
    np.broadcast_to,
    vjps=(lambda g, y, array, shape: g,),
    formula=(r"\bar a = \text{the sum of } \bar y \text{ over the axes that were stretched}",),
)


def _broadcast_arrays(*args: Array) -> tuple[Array, ...]:
    args = tuple(as_tensors("broadcast_arrays", *args))
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in args)


derive(
    np.broadcast_arrays, _broadcast_arrays, r"y = (a_1, a_2, \dots) \text{, stretched to one shape}"
)

# --- the order of the axes ----------------------------------------------------------------


def _untranspose(g: Array, y: Array, a: Array, axes: Sequence[int] | None = None) -> Array:
    if axes is None:
        return np.transpose(g)
    return np.transpose(g, np.argsort([axis % g.ndim for axis in axes]))


define(
    np.transpose,
    vjps=(_untranspose,),
    formula=(r"\bar a = \bar y^{\mathsf T}",),
)
define(
    np.swapaxes,
    vjps=(lambda g, y, a, axis1, axis2: np.swapaxes(g, axis1, axis2),),
    formula=(r"\bar a = \bar y \text{ with the axes swapped back}",),
)


def _moveaxis(a: Array, source: Axis, destination: Axis) -> Array:
    return np.transpose(a, axis_order(np.moveaxis, np.ndim(a), source, destination))


def _rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    return np.transpose(a, axis_order(np.rollaxis, np.ndim(a), axis, start))


def _matrix_transpose(x: Array, /) -> Array:
    return np.transpose(x, axis_order(np.matrix_transpose, np.ndim(x)))


derive(np.moveaxis, _moveaxis, r"y = \operatorname{transpose}(a)")
derive(np.rollaxis, _rollaxis, r"y = \operatorname{transpose}(a)")
derive(np.matrix_transpose, _matrix_transpose, r"y = x^{\mathsf T}")
derive(np.linalg.matrix_transpose, _matrix_transpose, r"y = x^{\mathsf T}")

# --- the order of the elements ------------------------------------------------------------

define(
    np.flip,
    vjps=(lambda g, y, m, axis=None: np.flip(g, axis),),
    formula=(r"\bar m = \operatorname{flip}(\bar y)",),
)
derive(np.fliplr, lambda m: np.flip(m, 1), r"y = \operatorname{flip}(m, 1)")
derive(np.flipud, lambda m: np.flip(m, 0), r"y = \operatorname{flip}(m, 0)")
define(
    np.rot90,
    vjps=(lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes),),
    formula=(r"\bar m = \operatorname{rot90}(\bar y, -k)",),
)
define(
    np.roll,
    vjps=(lambda g, y, a, shift, axis=None: np.roll(g, np.negative(shift), axis),),
    formula=(r"\bar a = \operatorname{roll}(\bar y, -\text{shift})",),
)

constant(np.shape, np.ndim, np.size)
