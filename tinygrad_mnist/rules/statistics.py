"""Spread and correlation: variance, standard deviation, weighted means, covariances.

The standard deviation is a norm of what is left after the mean is taken away, and follows the
convention of `norms`: where it is 0 its gradient is 0, and so are its higher derivatives. A
`mean` that is given stands still: it has no part in the gradient.

Covariances have the dtype of what they are computed from, where NumPy's are always float64.
"""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .axes import Axis, Shape, count, keep, listed
from .reduction import checked
from .table import define, derive

__all__ = ["deviation", "inverse", "variance"]

Array = Any


def inverse(y: Array) -> Array:
    """Divide 1 by a norm: by 0 that gives 0, for the convention's sake."""
    zero = y == 0
    return np.where(zero, 0, 1 / np.where(zero, 1, y))


def _centred(a: Array, axis: Axis, where: Any, mean: Any) -> Array:
    """Take the mean away; what takes no part becomes 0, whatever it was."""
    if mean is None:
        mean = np.mean(a, axis=axis, keepdims=True, where=where)
    return a - mean if where is True else np.where(where, a - mean, 0)


def _per_freedom(
    shape: Shape, axis: Axis, where: Any, ddof: float, correction: float | None, dtype: Any
) -> Array:
    """Divide 1 by the degrees of freedom; it is infinite without any."""
    freedom = count(shape, axis, where) - (ddof if correction is None else correction)
    return np.divide(1, np.maximum(freedom, 0)).astype(dtype)


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
    """Pass the gradient of a variance back."""
    scale = 2 * _per_freedom(a.shape, axis, where, ddof, correction, g.dtype)
    return keep(g, a.shape, axis) * scale * _centred(a, axis, where, mean)


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
    """Pass the gradient of a standard deviation back."""
    scale = _per_freedom(a.shape, axis, where, ddof, correction, g.dtype)
    return keep(g * inverse(y), a.shape, axis) * scale * _centred(a, axis, where, mean)


define(
    np.var,
    vjps=(variance,),
    formula=(r"\bar a_i = \bar y \,\frac{2}{n - d} (a_i - \operatorname{mean} a)",),
    forward=checked(np.var),
)
define(
    np.std,
    vjps=(deviation,),
    formula=(r"\bar a_i = \frac{\bar y}{(n - d)\, y} (a_i - \operatorname{mean} a)",),
    forward=checked(np.std),
)

# --- weighted means -----------------------------------------------------------------------


def _weights(weights: Array, shape: Shape, axis: Axis) -> Array:
    """Give weights along some axes the axes of length 1 that broadcast them."""
    if weights.shape == shape:
        return weights
    if axis is None:
        raise TypeError(f"average: weights of shape {weights.shape} for shape {shape} need an axis")
    axes = normalize_axis_tuple(axis, len(shape), "average")
    if weights.shape != tuple(shape[i] for i in axes):
        raise ValueError(
            f"average: weights of shape {weights.shape} do not fit shape {shape} along axis {axis}"
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
    a = listed(a, weights)
    if isinstance(axis, list):
        axis = tuple(axis)
    if weights is None:
        y = np.mean(a, axis, keepdims=keepdims)
        total = count(a.shape, axis)
    else:
        weights = _weights(listed(weights, a), a.shape, axis)
        total = np.sum(weights, axis, keepdims=keepdims)
        if np.any(total == 0):
            raise ZeroDivisionError("average: the weights sum to 0")
        y = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (y, np.ones_like(y) * total) if returned else y


derive(np.average, _average, r"y = \sum_i w_i\, a_i / \sum_i w_i")

# --- covariance ---------------------------------------------------------------------------


def _variables(m: Array, rowvar: bool, dtype: Any) -> Array:
    """Make a row of every variable."""
    if m.ndim > 2:
        raise ValueError(f"cov: variables and observations are two axes, not {m.shape}")
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
        given = listed(given, x)
        if given.shape != x.shape[1:]:
            raise ValueError(f"cov: {name} of shape {given.shape} for {x.shape[1]} observations")
        if np.any(given < 0):
            raise ValueError(f"cov: {name} below 0")
        if name == "fweights" and np.any(given != np.rint(given)):
            raise TypeError("cov: fweights count observations, and are integers")
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
    m = listed(m, y)
    y = None if y is None else listed(y, m)
    if dtype is None:
        dtype = np.result_type(m, np.float32) if y is None else np.result_type(m, y, np.float32)
    x = _variables(m, rowvar, dtype)
    if y is not None:
        others = _variables(y, rowvar, dtype)
        if others.shape[1] != x.shape[1]:
            raise ValueError(f"cov: {x.shape[1]} observations of m, {others.shape[1]} of y")
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
