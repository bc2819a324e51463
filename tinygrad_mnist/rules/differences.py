"""Differences of neighbours, slopes, and the area below a line: calculus on samples.

The coordinates of `gradient` and `trapezoid` are inputs as the samples are, and have gradients.
"""

from typing import Any

import numpy as np

from .axes import axis_index, axis_indices, kept_shape
from .casting import as_arrays
from .table import derive

Array = Any


def _part(a: Array, axis: int, start: int | None, stop: int | None) -> Array:
    """Take a slice along an axis that is not negative."""
    return a[(*[slice(None)] * axis, slice(start, stop))]


def _edge(value: Array, a: Array, axis: int) -> Array:
    """Make a number one slice along an axis; arrays stay."""
    return value if value.ndim else np.broadcast_to(value, kept_shape(a.shape, axis))


def _diff(a: Array, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    if n < 0:
        raise ValueError(f"diff: n is {n}; expected a number of times")
    a, prepend, append = as_arrays(a, prepend, append)
    if n == 0:
        return a
    axis = axis_index("diff", axis, a.shape)
    parts = [_edge(part, a, axis) for part in (prepend, a, append) if part is not None]
    if len(parts) > 1:
        a = np.concatenate(parts, axis)
    subtract = np.not_equal if a.dtype == bool else np.subtract
    for _ in range(n):
        a = subtract(_part(a, axis, 1, None), _part(a, axis, None, -1))
    return a


derive(np.diff, _diff, r"y = (a_2 - a_1, a_3 - a_2, \dots), \text{ and so on } n \text{ times}")


def _ediff1d(ary: Array, to_end: Any = None, to_begin: Any = None) -> Array:
    ary, to_end, to_begin = as_arrays(ary, to_end, to_begin)
    ary = ary.reshape(-1)
    for name, end in (("to_begin", to_begin), ("to_end", to_end)):
        if end is not None and not np.can_cast(end.dtype, ary.dtype, "same_kind"):
            raise TypeError(f"ediff1d: {name} is {end.dtype}; expected what fits into {ary.dtype}")
    parts = [to_begin, ary[1:] - ary[:-1], to_end]
    return np.concatenate([p.reshape(-1).astype(ary.dtype) for p in parts if p is not None])


derive(np.ediff1d, _ediff1d, r"y = (b, a_2 - a_1, a_3 - a_2, \dots, e)")

# --- slopes -------------------------------------------------------------------------------


def _gradient(f: Array, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f, *steps = as_arrays(f, *(varargs or (1.0,)))
    if f.dtype.kind != "f":
        f = f.astype(np.float64)
    axes = axis_indices("gradient", axis, f.shape)
    if len(steps) == 1 and steps[0].ndim == 0:
        steps = steps * len(axes)
    if len(steps) != len(axes):
        raise TypeError(f"gradient: {f.shape}: {len(steps)} spacings; expected {len(axes)}")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order is {edge_order}; expected 1 or 2")
    slopes = [_slope(f, _step(h, f, i), i, edge_order) for h, i in zip(steps, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _step(spacing: Array, f: Array, axis: int) -> Array:
    """Turn coordinates into the steps between them: one number if all are alike."""
    if spacing.ndim == 0:
        return spacing
    if spacing.shape != f.shape[axis : axis + 1]:
        raise ValueError(
            f"gradient: {f.shape}: coordinates of shape {spacing.shape}; expected as many as "
            f"there are samples along axis {axis}"
        )
    if spacing.dtype.kind in "iu":  # differences of small integers wrap around
        spacing = spacing.astype(np.float64)
    steps = np.diff(spacing)
    if isinstance(steps, np.ndarray) and (steps == steps[:1]).all():  # as NumPy computes it
        return steps[0]
    return steps.reshape((-1, *[1] * (f.ndim - axis - 1)))


def _slope(f: Array, h: Array, axis: int, edge_order: int) -> Array:
    """Differentiate along an axis: centrally inside, from one side at the edges."""
    if f.shape[axis] <= edge_order:
        raise ValueError(
            f"gradient: {f.shape}: expected at least {edge_order + 1} samples along axis {axis}"
        )
    at = [_part(f, axis, i, i + 1) for i in range(edge_order + 1)]
    end = [_part(f, axis, i, i + 1 or None) for i in range(-edge_order - 1, 0)]
    left, right = _part(f, axis, None, -2), _part(f, axis, 2, None)
    if h.ndim:
        steps = h[:2], h[-1:-3:-1]
        before, after = h[:-1], h[1:]
        inside = (
            -after / (before * (before + after)) * left
            + (after - before) / (before * after) * _part(f, axis, 1, -1)
            + before / (after * (before + after)) * right
        )
    else:
        steps = (h, h), (h, h)
        inside = (right - left) / (2.0 * h)
    if edge_order == 1:
        first, last = (at[1] - at[0]) / steps[0][0], (end[1] - end[0]) / steps[1][0]
    else:
        (a, b, c), (p, q, r) = (_parabola(near, far, not h.ndim) for near, far in steps)
        first = a * at[0] + b * at[1] + c * at[2]
        last = -r * end[0] + -q * end[1] + -p * end[2]
    slope = np.concatenate([first, inside, last], axis)
    return slope if slope.dtype == f.dtype else slope.astype(f.dtype)


def _parabola(near: Array, far: Array, uniform: bool) -> tuple[Array, Array, Array]:
    """Weigh three samples for the slope, at the first, of the parabola through them."""
    if uniform:
        return -1.5 / near, 2.0 / near, -0.5 / near
    both = near + far
    return -(2.0 * near + far) / (near * both), both / (near * far), -near / (far * both)


derive(
    np.gradient,
    _gradient,
    r"y = \frac{a_{i+1} - a_{i-1}}{2 h} \text{ inside, from one side at the edges}",
)

# --- areas --------------------------------------------------------------------------------


def _trapezoid(y: Array, x: Array = None, dx: Any = 1.0, axis: int = -1) -> Array:
    y, x, widths = as_arrays(y, x, dx)
    axis = axis_index("trapezoid", axis, y.shape)
    if x is not None:
        widths = np.diff(x, axis=0 if x.ndim == 1 else axis)
        if x.ndim == 1:
            widths = widths.reshape((-1, *[1] * (y.ndim - axis - 1)))
    return np.sum(widths * (_part(y, axis, 1, None) + _part(y, axis, None, -1)) / 2.0, axis)


derive(np.trapezoid, _trapezoid, r"y = \sum_i (x_{i+1} - x_i) (a_i + a_{i+1}) / 2")
