"""Products of vectors, matrices, and arrays of more axes.

Each of them multiplies elements and adds the products up along some axes. Its gradient for one
input is a product of the same kind: of the gradient of the result and the other input.
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np

from .casting import as_arrays
from .matrices import column, moved, row, transposed
from .table import PerInput, define, derive

Array = Any
Axes = int | tuple[Any, Any]


# --- matmul -------------------------------------------------------------------------------


def _left(g: Array, y: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:
        return column(g) * b
    if a.ndim == 1:
        return np.sum(row(g) * b, axis=-1)
    return g @ transposed(b)


def _right(g: Array, y: Array, a: Array, b: Array) -> Array:
    if a.ndim == 1:
        return column(a) * row(g) if b.ndim > 1 else g * a
    if a.ndim == 2 or b.ndim > 2:
        return transposed(a) @ g
    stacked = range(a.ndim - 1)  # one matrix met a stack, which is one large product
    return np.tensordot(a, g, (stacked, stacked))


def _explain(a: Array, b: Array) -> str:
    left, right = np.shape(a), np.shape(b)
    if not left or not right:
        return f"{left} @ {right}: a scalar has no inner size; multiply with *"
    inner = left[-1], right[0] if len(right) == 1 else right[-2]
    if inner[0] != inner[1]:
        return f"{left} @ {right}: inner sizes {inner[0]} and {inner[1]} differ"
    return f"{left} @ {right}: shapes {left[:-2]} and {right[:-2]} of the stacks do not broadcast"


define(
    np.matmul,
    vjps=(_left, _right),
    formula=(r"\bar a = \bar y\, b^{\mathsf T}", r"\bar b = a^{\mathsf T} \bar y"),
    explain=_explain,
)
derive(np.linalg.matmul, lambda x1, x2, /: np.matmul(x1, x2), r"y = x_1 x_2")

# --- sums over one axis of each -----------------------------------------------------------


def _dot_left(g: Array, y: Array, a: Array, b: Array) -> Array:
    if not a.ndim or not np.ndim(b):
        return g * b
    if b.ndim <= 2:
        return _left(g, y, a, b)
    free = (*range(b.ndim - 2), b.ndim - 1)
    return np.tensordot(g, b, (range(a.ndim - 1, g.ndim), free))


def _dot_right(g: Array, y: Array, a: Array, b: Array) -> Array:
    if not np.ndim(a) or not b.ndim:
        return g * a
    if b.ndim <= 2:
        return _right(g, y, a, b)
    free = range(a.ndim - 1)
    return np.moveaxis(np.tensordot(a, g, (free, free)), 0, -2)


define(
    np.dot,
    vjps=(_dot_left, _dot_right),
    formula=(
        r"\bar a_{ik} = \sum_j \bar y_{ij}\, b_{kj}",
        r"\bar b_{kj} = \sum_i a_{ik}\, \bar y_{ij}",
    ),
    forward=lambda a, b: np.dot(*as_arrays(a, b)),
)


def _inner_left(g: Array, y: Array, a: Array, b: Array) -> Array:
    if not a.ndim or not np.ndim(b):
        return g * b
    return np.tensordot(g, b, (range(a.ndim - 1, g.ndim), range(b.ndim - 1)))


def _inner_right(g: Array, y: Array, a: Array, b: Array) -> Array:
    if not np.ndim(a) or not b.ndim:
        return g * a
    free = range(a.ndim - 1)
    return np.tensordot(g, a, (free, free))


define(
    np.inner,
    vjps=(_inner_left, _inner_right),
    formula=(
        r"\bar a_{ik} = \sum_j \bar y_{ij}\, b_{jk}",
        r"\bar b_{jk} = \sum_i \bar y_{ij}\, a_{ik}",
    ),
    forward=lambda a, b: np.inner(*as_arrays(a, b)),
)
define(
    np.vdot,
    vjps=(
        lambda g, y, a, b: (g * b).reshape(a.shape),
        lambda g, y, a, b: (g * a).reshape(b.shape),
    ),
    formula=(r"\bar a = \bar y\, b", r"\bar b = \bar y\, a"),
    forward=lambda a, b: np.vdot(*as_arrays(a, b)),
)

_vecdot_rule = define(
    lambda a, b: np.vecdot(a, b),
    vjps=(lambda g, y, a, b: column(g) * b, lambda g, y, a, b: column(g) * a),
    formula=(r"\bar a = \bar y\, b", r"\bar b = \bar y\, a"),
    name="vecdot",
)


def _vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    return _vecdot_rule(*(moved(x, axis, -1, "vecdot") for x in as_arrays(x1, x2)))


derive(np.vecdot, _vecdot, r"y = \sum_k x_{1,k}\, x_{2,k}")
derive(np.linalg.vecdot, _vecdot, r"y = \sum_k x_{1,k}\, x_{2,k}")

define(
    np.matvec,
    vjps=(
        lambda g, y, a, b: column(g) * row(b),
        lambda g, y, a, b: np.vecmat(g, a),
    ),
    formula=(r"\bar a = \bar y\, b^{\mathsf T}", r"\bar b = a^{\mathsf T} \bar y"),
)
define(
    np.vecmat,
    vjps=(
        lambda g, y, a, b: np.matvec(b, g),
        lambda g, y, a, b: column(a) * row(g),
    ),
    formula=(r"\bar a = b\, \bar y", r"\bar b = a\, \bar y^{\mathsf T}"),
)

# --- sums over several axes ---------------------------------------------------------------


def _tensordot(a: Array, b: Array, axes: Axes = 2) -> Array:
    a, b = as_arrays(a, b)
    if isinstance(axes, int | np.integer):
        left, right = [*range(a.ndim - int(axes), a.ndim)], [*range(int(axes))]
    else:
        ones = [(some,) if isinstance(some, int | np.integer) else some for some in axes]
        left, right = (
            [int(axis) + x.ndim if axis < 0 else int(axis) for axis in some]
            for x, some in zip((a, b), ones, strict=True)
        )
    _check_axes(a.shape, b.shape, left, right)
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    rows, columns = ([x.shape[i] for i in free] for x, free in ((a, free_a), (b, free_b)))
    inner = prod(a.shape[i] for i in left)
    a = np.transpose(a, (*free_a, *left)).reshape((prod(rows), inner))
    b = np.transpose(b, (*right, *free_b)).reshape((inner, prod(columns)))
    return np.dot(a, b).reshape((*rows, *columns))


def _check_axes(a: tuple[int, ...], b: tuple[int, ...], left: list[int], right: list[int]) -> None:
    """Refuse axes that are not there, or that do not fit each other."""
    where = f"tensordot: {a} and {b} along the axes {left} and {right}"
    for shape, some in ((a, left), (b, right)):
        if not all(0 <= axis < len(shape) for axis in some) or len(set(some)) < len(some):
            raise ValueError(f"{where}: not axes of {shape}, each named once")
    if [a[i] for i in left] != [b[i] for i in right]:
        raise ValueError(
            f"{where}: sizes {[a[i] for i in left]} and {[b[i] for i in right]} differ"
        )


derive(np.tensordot, _tensordot, r"y = \sum_k a_{ik}\, b_{kj}")
derive(
    np.linalg.tensordot,
    lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes),
    r"y = \sum_k x_{1,ik}\, x_{2,kj}",
)

# --- products of many matrices ------------------------------------------------------------


def _chained(i: int) -> Callable[..., Array]:
    def vjp(g: Array, y: Array, *matrices: Array) -> Array:
        before = [transposed(a) for a in matrices[:i]]
        after = [transposed(a) for a in matrices[i + 1 :]]
        return np.linalg.multi_dot([*before[::-1], g, *after[::-1]])

    return vjp


_multi_dot_rule = define(
    lambda *matrices: np.linalg.multi_dot(matrices),
    vjps=PerInput(_chained),
    formula=(
        r"\bar a_k = (a_1 \cdots a_{k-1})^{\mathsf T}\, \bar y\, (a_{k+1} \cdots a_n)^{\mathsf T}",
    ),
    name="multi_dot",
)


def _multi_dot(arrays: Iterable[Array]) -> Array:
    """Make matrices of vectors at the ends, and take the axes away again."""
    arrays = as_arrays(*arrays)
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: {len(arrays)} arrays; expected at least two")
    first, *middle, last = arrays
    y = _multi_dot_rule(
        row(first) if first.ndim == 1 else first,
        *middle,
        column(last) if last.ndim == 1 else last,
    )
    return y.reshape((*first.shape[:-1], *last.shape[1:]))


derive(np.linalg.multi_dot, _multi_dot, r"y = a_1 a_2 \cdots a_n")

# --- products that are not added up -------------------------------------------------------


def _outer(a: Array, b: Array) -> Array:
    a, b = as_arrays(a, b)
    return column(a.reshape(-1)) * row(b.reshape(-1))


def _vector_outer(x1: Array, x2: Array, /) -> Array:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(f"outer: {np.shape(x1)}, {np.shape(x2)}: expected two vectors")
    return _outer(x1, x2)


derive(np.outer, _outer, r"y = a_i\, b_j")
derive(np.linalg.outer, _vector_outer, r"y = x_{1,i}\, x_{2,j}")


def _kron(a: Array, b: Array) -> Array:
    a, b = as_arrays(a, b)
    ndim = max(a.ndim, b.ndim)
    left, right = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    blocks = a.reshape(tuple(n for size in left for n in (size, 1)))
    y = blocks * b.reshape(tuple(n for size in right for n in (1, size)))
    return y.reshape(tuple(m * n for m, n in zip(left, right, strict=True)))


derive(np.kron, _kron, r"y = (a_{ij}\, b)_{ij}")


def _cross(
    a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    a, b = as_arrays(a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moved(a, axisa, -1, "cross"), moved(b, axisb, -1, "cross")
    sizes = a.shape[-1], b.shape[-1]
    if not {*sizes} <= {2, 3}:
        raise ValueError(f"cross: vectors of {sizes[0]} and {sizes[1]} elements; expected 2 or 3")
    (a0, a1, a2), (b0, b1, b2) = _elements(a), _elements(b)
    turned = a0 * b1 - a1 * b0
    if sizes == (2, 2):
        return turned
    y = np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, turned], -1)
    return moved(y, -1, axisc, "cross")


def _elements(v: Array) -> tuple[Array, Array, Array]:
    """Take the three elements of each vector; the third of a vector in the plane is 0."""
    return v[..., 0], v[..., 1], v[..., 2] if v.shape[-1] == 3 else np.zeros((), v.dtype)


def _cross_of_3(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    a, b = as_arrays(x1, x2)
    if any(moved(x, axis, -1, "cross").shape[-1] != 3 for x in (a, b)):
        raise ValueError(f"cross: {a.shape}, {b.shape}: expected 3 elements along axis {axis}")
    return _cross(a, b, axis=axis)


_CROSS = r"y = (a_1 b_2 - a_2 b_1,\; a_2 b_0 - a_0 b_2,\; a_0 b_1 - a_1 b_0)"
derive(np.cross, _cross, _CROSS)
derive(np.linalg.cross, _cross_of_3, _CROSS)
