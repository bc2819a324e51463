"""Spread and correlation: variance, standard deviation, weighted means, covariances.

The standard deviation is a norm of what is left after the mean is taken away, and follows the
convention of `norms`: where it is 0 its gradient is 0, and so are its higher derivatives. A
`mean` that is given stands still: it has no part in the gradient.

Covariances have the dtype of what they are computed from, where NumPy's are always float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import ensure
from .axes import Axis, Shape, axis_indices, count, keep
from .casting import as_arrays
from .norms import inverse_or_0
from .reduction import checked
from .table import define, derive

__all__ = ["vjps_of_spread"]

Array = Any
Mask = Callable[[Array, Any], Any]


def _part(
    g: Array, a: Array, axis: Axis, where: Any, mean: Any, ddof: float, correction: float | None
) -> Array:
    """Pass the gradient of a variance back."""
    if mean is None:
        mean = np.mean(a, axis=axis, keepdims=True, where=where)
    # What takes no part becomes a number, whatever it was, and its gradient 0: not the other way
    # round, for the scale may be infinite.
    rest = a - mean if where is True else np.where(where, a - mean, 1)
    freedom = count(a.shape, axis, where) - (ddof if correction is None else correction)
    scale = np.divide(2, np.maximum(freedom, 0)).astype(g.dtype)  # without freedom, infinite
    part = keep(g, a.shape, axis) * scale * rest
    return part if where is True else np.where(where, part, 0)


def vjps_of_spread(mask: Mask) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """Make the vjps of a variance and a deviation; `mask` says which elements take part."""

    def variance(
        g: Array,
        y: Array,
        a: Array,
        axis: Axis = None,
        dtype: Any = None,
        *,
        ddof: float = 0,
        keepdims: bool = False,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Array:
        return _part(g, a, axis, mask(a, where), mean, ddof, correction)

    def deviation(
        g: Array,
        y: Array,
        a: Array,
        axis: Axis = None,
        dtype: Any = None,
        *,
        ddof: float = 0,
        keepdims: bool = False,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Array:
        g = g * inverse_or_0(2 * y)
        return _part(g, a, axis, mask(a, where), mean, ddof, correction)

    return variance, deviation


_variance, _deviation = vjps_of_spread(lambda a, where: where)
define(
    np.var,
    vjps=(_variance,),
    formula=(r"\bar a_i = \bar y \,\frac{2}{n - d} (a_i - \operatorname{mean} a)",),
    forward=checked(np.var),
)
define(
    np.std,
    vjps=(_deviation,),
    formula=(r"\bar a_i = \frac{\bar y}{(n - d)\, y} (a_i - \operatorname{mean} a)",),
    forward=checked(np.std),
)

# --- weighted means -----------------------------------------------------------------------


def _weights(weights: Array, shape: Shape, axis: Axis) -> Array:
    """Give weights along some axes the axes of length 1 that broadcast them."""
    if weights.shape == shape:
        return weights
    if axis is None:
        raise TypeError(f"average: {shape}: weights of shape {weights.shape}; expected an axis")
    axes = axis_indices("average", axis, shape)
    fitting = tuple(shape[i] for i in axes)
    if weights.shape != fitting:
        raise ValueError(
            f"average: {shape}: weights of shape {weights.shape}; expected {shape} or {fitting}"
        )
    weights = np.transpose(weights, tuple(int(i) for i in np.argsort(axes)))
    return weights.reshape(tuple(n if i in axes else 1 for i, n in enumerate(shape)))


def _average(
    a: Array,
    axis: Axis = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    a, weights = as_arrays(a, weights)
    if isinstance(axis, list):
        axis = tuple(axis)
    if weights is None:
        y = np.mean(a, axis, keepdims=keepdims)
        total = count(a.shape, axis)
    else:
        weights = _weights(weights, a.shape, axis)
        total = np.sum(weights, axis, keepdims=keepdims)
        ensure(np.all(total != 0), "average: the weights sum to 0", ZeroDivisionError)
        y = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (y, np.ones_like(y) * total) if returned else y


derive(np.average, _average, r"y = \sum_i w_i\, a_i / \sum_i w_i")

# --- covariance ---------------------------------------------------------------------------


def _variables(m: Array, rowvar: bool, dtype: Any) -> Array:
    """Make a row of every variable."""
    if m.ndim > 2:
        raise ValueError(f"cov: {m.shape}: expected one axis, or two")
    m = m.astype(dtype) if m.dtype != dtype else m
    if m.ndim < 2:
        return m.reshape((1, m.size))
    return m if rowvar else m.T


def _observation_weights(fweights: Any, aweights: Any, x: Array) -> Any:
    """Multiply the weights of the observations, or None without any."""
    weights = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        if given.shape != x.shape[1:]:
            raise ValueError(f"cov: {name} of shape {given.shape}; expected {x.shape[1:]}")
        ensure(~np.any(given < 0), f"cov: {name} below 0; expected 0 or more")
        if name == "fweights":
            message = "cov: fweights that are no integers; expected to count observations"
            ensure(np.all(given == np.rint(given)), message, TypeError)
        given = given if given.dtype == x.dtype else given.astype(x.dtype)
        weights = given if weights is None else weights * given
    return weights


def _cov(
    m: Array,
    y: Array = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Array:
    m, y, fweights, aweights = as_arrays(m, y, fweights, aweights)
    if dtype is None:
        dtype = np.result_type(m, np.float32) if y is None else np.result_type(m, y, np.float32)
    x = _variables(m, rowvar, dtype)
    if y is not None:
        others = _variables(y, rowvar, dtype)
        if others.shape[1] != x.shape[1]:
            raise ValueError(
                f"cov: {x.shape[1]} observations of m, {others.shape[1]} of y; expected as many"
            )
        x = np.concatenate([x, others])
    if ddof is None:
        ddof = 0 if bias else 1
    weights = _observation_weights(fweights, aweights, x)
    if weights is None:
        mean, freedom = np.mean(x, axis=1, keepdims=True), x.shape[1] - ddof
    else:
        total = np.sum(weights)
        mean = np.average(x, axis=1, weights=weights, keepdims=True)
        share = 1 if aweights is None else np.sum(weights * aweights) / total
        freedom = total - ddof * share
    x = x - mean
    c = x @ (x if weights is None else x * weights).T
    return np.squeeze(c * np.true_divide(1, np.maximum(freedom, 0)).astype(dtype))


derive(
    np.cov,
    _cov,
    r"y = \frac{1}{n - d} \sum_k (a_{ik} - \operatorname{mean} a_i)"
    r"(a_{jk} - \operatorname{mean} a_j)",
)


def _corrcoef(x: Array, y: Array = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    c = np.cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    each = np.arange(len(c))
    deviations = np.sqrt(c[each, each])
    return np.clip(c / deviations[:, None] / deviations, -1, 1)


derive(
    np.corrcoef,
    _corrcoef,
    r"y = c_{ij} / \sqrt{c_{ii}\, c_{jj}}, \quad c = \operatorname{cov} a",
)
