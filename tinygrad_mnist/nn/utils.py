"""Clipping of gradients, between `backward` and the optimiser's step."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from ..engine import ForeignArray, ensure, no_grad, wrap
from ..tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale gradients down so that, as one long vector, they have a norm of `max_norm` at most.

    As in PyTorch, they are multiplied by ``max_norm / (norm + 1e-6)`` if that is below 1. Each
    `grad` becomes a new Tensor; whoever holds the old one keeps it as it was. Nothing is recorded.

    Parameters
    ----------
    parameters
        One Tensor, or several; those without a gradient are passed over, and those listed twice
        count once.
    max_norm
        The largest norm, 0 or more; infinity to measure only.
    norm_type
        Which p-norm: a number above 0, or infinity for the largest absolute value.
    error_if_nonfinite
        Whether to raise where the norm is infinite or not a number. Else the gradients are
        scaled by it all the same: those of an infinite norm become 0, or not a number where they
        were infinite.

    Returns
    -------
    float
        The norm before; 0 where there are no gradients.

    Raises
    ------
    ValueError
        If a number makes no sense.
    RuntimeError
        If the norm is infinite or not a number, and that is to be an error. The gradients stay
        as they are then. A compiled step raises a ValueError.

    Examples
    --------
    >>> x = Tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> clip_grad_norm_([x], max_norm=5.0)
    10.0
    >>> np.round(x.grad, 4)
    Tensor([3., 4.])
    """
    if not (isinstance(max_norm, Real) and float(max_norm) >= 0):
        raise ValueError(f"clip_grad_norm_: max_norm is {max_norm}; expected 0 or more")
    if not (isinstance(norm_type, Real) and float(norm_type) > 0):
        raise ValueError(f"clip_grad_norm_: norm_type is {norm_type}; expected a number above 0")
    having = _with_gradients(parameters)
    if any(isinstance(gradient._array, ForeignArray) for _, gradient in having):
        return _clip_captured(having, max_norm, norm_type, error_if_nonfinite)
    norms = [_norm(gradient.numpy(), norm_type) for _, gradient in having]
    total = _norm(np.array(norms), norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {total}")
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:
        with no_grad(), np.errstate(invalid="ignore"):
            for parameter, gradient in having:
                parameter.grad = gradient * factor
    return total


def _clip_captured(
    having: list[tuple[Tensor, Tensor]],
    max_norm: float,
    norm_type: float,
    error_if_nonfinite: bool,
) -> Any:
    """Do the same without looking at the norm: in float64, in which no float32 overflows."""
    sizes = [np.abs(gradient._array.astype(np.float64)) for _, gradient in having]
    if norm_type == math.inf:
        total = functools.reduce(np.maximum, map(np.max, sizes))
    else:
        power = np.square if norm_type == 2 else lambda size: size**norm_type
        total = functools.reduce(np.add, [np.sum(power(size)) for size in sizes])
        total = np.sqrt(total) if norm_type == 2 else total ** (1 / norm_type)
    if error_if_nonfinite:
        ensure(np.isfinite(total), "clip_grad_norm_: the norm of the gradients is not finite")
    factor = np.minimum(max_norm / (total + 1e-6), 1.0)
    for parameter, gradient in having:
        parameter.grad = wrap(Tensor, gradient._array * factor.astype(gradient.dtype))
    return wrap(Tensor, total)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clip every element of gradients to between ``-clip_value`` and ``clip_value``.

    Each `grad` becomes a new Tensor; whoever holds the old one keeps it as it was. Nothing is
    recorded.

    Parameters
    ----------
    parameters
        One Tensor, or several; those without a gradient are passed over.
    clip_value
        The largest absolute value, 0 or more.

    Raises
    ------
    ValueError
        If it makes no sense.

    Examples
    --------
    >>> x = Tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> clip_grad_value_([x], 7.0)
    >>> x.grad
    Tensor([6., 7.])
    """
    if not (isinstance(clip_value, Real) and float(clip_value) >= 0):
        raise ValueError(f"clip_grad_value_: clip_value is {clip_value}; expected 0 or more")
    with no_grad():
        for parameter, gradient in _with_gradients(parameters):
            parameter.grad = np.clip(gradient, -clip_value, clip_value)


def _with_gradients(parameters: Tensor | Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """List the Tensors that have a gradient, each once and with it."""
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    once = {id(tensor): tensor for tensor in tensors}.values()
    return [(tensor, tensor.grad) for tensor in once if tensor.grad is not None]


def _norm(array: np.ndarray, norm_type: float) -> float:
    """Compute the p-norm of an array as of one vector; squares that overflow are scaled first."""
    if array.size == 0:
        return 0.0
    flat = array.ravel(order="K")
    if norm_type == 2:
        with np.errstate(over="ignore"):
            norm = math.sqrt(np.dot(flat, flat))
        if 1e-12 < norm < math.inf:
            return norm
    largest = float(max(flat.max(), -flat.min()))
    if norm_type == math.inf or largest == 0 or not math.isfinite(largest):
        return largest
    ratios = np.abs(flat) / largest
    return largest * float(np.sum(ratios**norm_type, dtype=np.float64)) ** (1 / norm_type)
