"""Linear algebra: products of matrices, stacked along the leading axes where NumPy stacks them."""

from typing import Any

import numpy as np

from .table import define, derive

__all__: list[str] = []

Array = Any


def _left(g: Array, y: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if a.ndim == 1:
        return np.sum(np.expand_dims(g, -2) * b, axis=-1)
    return g @ np.swapaxes(b, -1, -2)


def _right(g: Array, y: Array, a: Array, b: Array) -> Array:
    if a.ndim == 1:
        return np.expand_dims(a, -1) * np.expand_dims(g, -2) if b.ndim > 1 else g * a
    if b.ndim == 1:
        return np.sum(np.expand_dims(g, -1) * a, axis=tuple(range(a.ndim - 1)))
    return np.swapaxes(a, -1, -2) @ g


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


def _dot(a: Array, b: Array) -> Array:
    if np.ndim(b) > 2:
        raise TypeError("dot: not supported for Tensors if the right one has more than two axes")
    return np.matmul(a, b) if np.ndim(a) and np.ndim(b) else np.multiply(a, b)


derive(np.dot, _dot, r"y = a\, b")
