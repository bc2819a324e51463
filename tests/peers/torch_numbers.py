"""What computes numbers, in PyTorch's words: elementwise functions, reductions, differences.

Named as in NumPy; only where PyTorch's function of that name is missing, or another thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

__all__ = ["ELEMENTWISE", "ORDER", "OWN", "REDUCTIONS", "cast"]

Array = Any
Function = Callable[..., Any]


def cast(a: Array, dtype: Any) -> Array:
    """Change the type of numbers, unless none is given."""
    return a if dtype is None else a.to(getattr(torch, np.dtype(dtype).name))


# --- reductions and scans -----------------------------------------------------------------


def _reduction(along_last: Function) -> Function:
    """Reduce along axes given in NumPy's way, by a function that reduces the last one."""

    def reduced(
        a: Array, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, **rest: Any
    ) -> Array:
        a = cast(a, dtype)
        axes = range(a.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
        gone = [i % a.ndim for i in axes]
        kept = [i for i in range(a.ndim) if i not in gone]
        size = int(np.prod([a.shape[i] for i in gone]))
        flat = a.permute((*kept, *gone)).reshape([*(a.shape[i] for i in kept), size])
        y = along_last(flat, **rest)
        ones = [1 if i in gone else n for i, n in enumerate(a.shape)]
        return y.reshape([*y.shape[: y.ndim - len(kept)], *ones]) if keepdims else y

    return reduced


def _scan(along: Function) -> Function:
    """Let a scan take no axis, as NumPy's do: then along all elements."""

    def scan(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
        a = cast(a, dtype)
        return along(a.reshape(-1), 0) if axis is None else along(a, axis)

    return scan


def _cumulative(along: Function, start: float) -> Function:
    def scan(
        x: Array,
        /,
        *,
        axis: int | None = None,
        dtype: Any = None,
        include_initial: bool = False,
    ) -> Array:
        axis = 0 if axis is None else axis
        y = along(cast(x, dtype), axis)
        first = torch.full_like(y.sum(axis, keepdim=True), start)
        return torch.cat([first, y], axis) if include_initial else y

    return scan


def _var(a: Array, ddof: float = 0, correction: float | None = None) -> Array:
    return a.var(-1, correction=ddof if correction is None else correction)


def _average(a: Array, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Array:
    if weights is None:
        return REDUCTIONS["mean"](a, axis, keepdims=keepdims)
    weights = torch.as_tensor(weights)
    if weights.ndim < a.ndim:
        shape = [1] * a.ndim
        shape[axis] = -1
        weights = weights.reshape(shape)
    parts = [REDUCTIONS["sum"](b, axis, keepdims=keepdims) for b in (a * weights, weights + 0 * a)]
    return parts[0] / parts[1]


def _quantiles(quantile: Function, whole: float) -> Function:
    def of(a: Array, q: Any, axis: Any = None, *, method: str = "linear", **rest: Any) -> Array:
        q = torch.as_tensor(q) / whole
        along = _reduction(lambda b: quantile(b, q.reshape(-1), -1, interpolation=method))
        y = along(a, axis, **rest)
        return y.reshape([*q.shape, *y.shape[1:]])

    return of


REDUCTIONS: Mapping[str, Function] = {
    "sum": _reduction(lambda a: a.sum(-1)),
    "prod": _reduction(lambda a: a.prod(-1)),
    "mean": _reduction(lambda a: a.mean(-1)),
    "var": _reduction(_var),
    "std": _reduction(lambda a, **rest: _var(a, **rest).sqrt()),
    "max": _reduction(lambda a: a.amax(-1)),
    "min": _reduction(lambda a: a.amin(-1)),
    "amax": _reduction(lambda a: a.amax(-1)),
    "amin": _reduction(lambda a: a.amin(-1)),
    "ptp": _reduction(lambda a: a.amax(-1) - a.amin(-1)),
    "median": _reduction(lambda a: a.quantile(0.5, -1)),
    "nanmedian": _reduction(lambda a: a.nanquantile(0.5, -1)),
    "nansum": _reduction(lambda a: a.nansum(-1)),
    "nanmean": _reduction(lambda a: a.nanmean(-1)),
    "average": _average,
    "cumsum": _scan(torch.cumsum),
    "cumprod": _scan(torch.cumprod),
    "cumulative_sum": _cumulative(torch.cumsum, 0),
    "cumulative_prod": _cumulative(torch.cumprod, 1),
    "quantile": _quantiles(torch.quantile, 1),
    "nanquantile": _quantiles(torch.nanquantile, 1),
    "percentile": _quantiles(torch.quantile, 100),
    "nanpercentile": _quantiles(torch.nanquantile, 100),
}

# --- order and differences ----------------------------------------------------------------


def _gradient(f: Array, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    axes = range(f.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    steps = spacing * len(axes) if len(spacing) == 1 else spacing or (1.0,) * len(axes)
    found = [
        torch.gradient(f, spacing=[step] if isinstance(step, torch.Tensor) and step.ndim else step,
                       dim=i, edge_order=edge_order)[0]
        for i, step in zip(axes, steps, strict=True)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else tuple(found)


def _ediff1d(ary: Array, to_end: Any = None, to_begin: Any = None) -> Array:
    parts = (to_begin, ary.reshape(-1).diff(), to_end)
    return torch.cat([torch.as_tensor(part).reshape(-1) for part in parts if part is not None])


def _trapezoid(y: Array, x: Any = None, dx: float = 1.0, axis: int = -1) -> Array:
    return torch.trapezoid(y, dx=dx, dim=axis) if x is None else torch.trapezoid(y, x, dim=axis)


def _sort(a: Array, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Array:
    return a.reshape(-1).sort().values if axis is None else a.sort(axis).values


def _diff(a: Array, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    def edge(part: Any) -> Any:
        if part is None or np.ndim(part):
            return part
        return torch.as_tensor(part).expand_as(a.narrow(axis, 0, 1))

    return torch.diff(a, n, axis, prepend=edge(prepend), append=edge(append))


def _observations(m: Array, y: Array | None, rowvar: bool) -> Array:
    rows = [a if a.ndim < 2 or rowvar else a.T for a in (m, y) if a is not None]
    return rows[0] if len(rows) == 1 else torch.cat([torch.atleast_2d(row) for row in rows])


def _cov(
    m: Array,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    **weights: Any,
) -> Array:
    correction = int(not bias) if ddof is None else ddof
    return torch.cov(_observations(m, y, rowvar), correction=correction, **weights)


ORDER: Mapping[str, Function] = {
    "sort": _sort,
    "diff": _diff,
    "ediff1d": _ediff1d,
    "gradient": _gradient,
    "trapezoid": _trapezoid,
    "cov": _cov,
    "corrcoef": lambda x, y=None, rowvar=True: torch.corrcoef(_observations(x, y, rowvar)),
}


# --- elementwise --------------------------------------------------------------------------


def _select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Any = 0) -> Array:
    found = torch.as_tensor(default)
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        found = torch.where(torch.as_tensor(condition), choice, found)
    return found


def _choose(a: Any, choices: Sequence[Array]) -> Array:
    found = torch.as_tensor(choices[0])
    for place in range(1, len(choices)):
        found = torch.where(torch.as_tensor(a) == place, choices[place], found)
    return found


def _clip(
    a: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Array:
    return torch.clip(a, a_min if min is None else min, a_max if max is None else max)


ELEMENTWISE: Mapping[str, Function] = {
    "power": torch.pow,
    "mod": torch.remainder,
    "fabs": torch.abs,
    "cbrt": lambda a: torch.sign(a) * torch.abs(a) ** (1 / 3),
    "degrees": torch.rad2deg,
    "radians": torch.deg2rad,
    "rint": torch.round,
    "around": torch.round,
    "conjugate": torch.conj,
    "angle": lambda z, deg=False: torch.angle(z) * (180 / np.pi if deg else 1),
    "select": _select,
    "choose": _choose,
    "modf": lambda a: (torch.frac(a), torch.trunc(a)),
    "divmod": lambda a, b: (torch.floor_divide(a, b), torch.remainder(a, b)),
    "clip": _clip,
}

OWN: Mapping[str, Function] = {
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "softplus": functional.softplus,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "logsumexp": _reduction(lambda a: a.logsumexp(-1)),
    "softmax": lambda a, axis=-1: torch.softmax(a, axis),
    "log_softmax": lambda a, axis=-1: torch.log_softmax(a, axis),
    "astype": cast,
    "getitem": lambda a, index: a[index],
    "affine": lambda x, weight, bias: functional.linear(x, weight.T, bias),
    "softmax_cross_entropy": lambda logits, labels: functional.cross_entropy(logits, labels.long()),
}
