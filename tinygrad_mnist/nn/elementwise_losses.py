"""Losses of one number against another, element by element.

All take an input and a target of equal shapes. They don't broadcast: (n, 1) against (n,) would be
n² differences, which nobody wants. The mean of no elements is an error and no NaN.
"""

import math
from typing import Any

import numpy as np

from ..checks import arguments, not_negative
from ..engine import Traced, as_array, ensure
from ..rules import softplus
from .reductions import check_reduction, reduced

__all__ = [
    "binary_cross_entropy_with_logits",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "smooth_l1_loss",
]

Array = Any


def _pair(name: str, input: Any, target: Any) -> tuple[Array, Array]:
    """Make arrays of floating-point numbers of both, or say why they don't belong together."""
    x, t = (a if hasattr(a, "dtype") else as_array(a) for a in (input, target))
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: the input is floating-point, not {x.dtype}")
    if t.dtype.kind not in "fiub":
        raise TypeError(f"{name}: the target is made of real numbers, not {t.dtype}")
    if x.shape != t.shape:
        raise ValueError(
            f"{name}: input of shape {x.shape} with a target of shape {t.shape}; expected equal "
            f"shapes"
        )
    return x, t if t.dtype == x.dtype else t.astype(x.dtype)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Compute the squared error.

    Parameters
    ----------
    input
        Floating-point, of any shape.
    target
        Of the same shape; of the input's dtype, or converted to it.
    reduction
        ``"mean"`` or ``"sum"`` over all elements, or ``"none"``: the loss of each.

    Raises
    ------
    ValueError
        If the shapes differ, or there is nothing to average.
    TypeError
        If the input is not floating-point.

    Examples
    --------
    >>> float(mse_loss([1.0, 2.0], [1.0, 4.0]))
    2.0
    """
    x, t = _pair("mse_loss", input, target)
    return reduced("mse_loss", np.square(x - t), reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Compute the absolute error, whose gradient is 0 where there is none.

    Arguments and errors are those of `mse_loss`.

    Examples
    --------
    >>> float(l1_loss([1.0, 2.0], [1.0, 4.0]))
    1.0
    """
    x, t = _pair("l1_loss", input, target)
    return reduced("l1_loss", np.abs(x - t), reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    r"""Compute the absolute error, made smooth where it is small.

    With :math:`d` the difference: :math:`d^2 / 2\beta` where :math:`|d| < \beta`, and
    :math:`|d| - \beta / 2` elsewhere. Girshick 2015, "Fast R-CNN", equation 3.

    Parameters
    ----------
    input, target, reduction
        As for `mse_loss`.
    beta
        Up to where it is smooth; with 0 it is `l1_loss`.

    Raises
    ------
    ValueError
        If `beta` is negative, and as `mse_loss`.

    Examples
    --------
    >>> smooth_l1_loss([0.5, 3.0], [0.0, 0.0], reduction="none").tolist()
    [0.125, 2.5]
    """
    (beta,) = arguments("smooth_l1_loss", beta=(not_negative, beta))
    x, t = _pair("smooth_l1_loss", input, target)
    difference = x - t
    distance = np.abs(difference)
    if x.dtype.type(beta) == 0:  # it may be too small for the dtype
        return reduced("smooth_l1_loss", distance, reduction)
    is_near = distance < beta
    near = np.where(is_near, difference, 0)  # nothing else is divided, as it might overflow
    losses = near * (near / beta) / 2 + np.where(is_near, 0, distance - beta / 2)
    return reduced("smooth_l1_loss", losses, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    r"""Compute the cross-entropy of yes-or-no answers, given as logits.

    :math:`-w\,(p\, t \log \sigma(z) + (1 - t) \log(1 - \sigma(z)))`, without over- or underflow
    at any logit.

    Parameters
    ----------
    input
        Logits, floating-point, of any shape.
    target
        Probabilities of a yes, from 0 to 1, of the same shape.
    weight
        Factors of the losses, which broadcast to the input's shape.
    reduction
        As for `mse_loss`. The mean is over the elements, whatever they weigh.
    pos_weight
        Factors of the positive answers, which broadcast to the input's shape.

    Raises
    ------
    ValueError
        If the shapes don't belong together, a target is no probability, or there is nothing
        to average.
    TypeError
        If the input is not floating-point.

    Examples
    --------
    >>> round(float(binary_cross_entropy_with_logits([0.0], [1.0])), 4)  # log 2
    0.6931
    """
    name = "binary_cross_entropy_with_logits"
    z, t = _pair(name, input, target)
    ensure(~((t < 0) | (t > 1)).any(), f"{name}: a target is no probability, from 0 to 1")
    positive = t * softplus(-z, threshold=math.inf)
    if pos_weight is not None:
        positive = positive * _factors(name, "pos_weight", pos_weight, z)
    losses = positive + (1 - t) * softplus(z, threshold=math.inf)
    if weight is not None:
        losses = losses * _factors(name, "weight", weight, z)
    return reduced(name, losses, reduction)


def _factors(name: str, argument: str, factors: Any, z: Array) -> Array:
    """Bring factors to the input's dtype, if they broadcast to its shape."""
    plain = isinstance(factors, Traced) and factors._node is None
    factors = factors._array if plain else as_array(factors)
    try:
        fits = np.broadcast_shapes(factors.shape, z.shape) == z.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name}: {argument} of shape {factors.shape} does not broadcast to the input's "
            f"shape {z.shape}"
        )
    return factors.astype(z.dtype)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    r"""Compute the Kullback-Leibler divergence of a distribution from the one that is predicted.

    :math:`t\,(\log t - x)`, and 0 where :math:`t = 0`.

    Parameters
    ----------
    input
        Logarithms :math:`x` of the predicted probabilities.
    target
        Probabilities :math:`t`, or their logarithms, of the same shape.
    reduction
        As for `mse_loss`, or ``"batchmean"``: the sum, divided by the length of the first
        axis. That is the divergence as it is defined; ``"mean"`` divides by the number of
        classes, too.
    log_target
        Whether the target is logarithms.

    Raises
    ------
    ValueError, TypeError
        As `mse_loss`; also if a probability is negative.

    Examples
    --------
    >>> half, predicted = np.array([[0.5, 0.5]]), np.log([[0.25, 0.75]])
    >>> round(float(kl_div(predicted, half, reduction="batchmean")), 4)
    0.1438
    """
    check_reduction("kl_div", reduction, "batchmean")
    x, t = _pair("kl_div", input, target)
    if not log_target:
        ensure(~(t < 0).any(), "kl_div: a target is negative; expected probabilities")
    probability = np.exp(t) if log_target else t
    absent = probability == 0
    logarithm = t if log_target else np.log(np.where(absent, 1, t))
    losses = probability * np.where(absent, 0, logarithm - x)
    if reduction != "batchmean":
        return reduced("kl_div", losses, reduction)
    if not losses.ndim or not len(losses):
        raise ValueError(f"kl_div: shape {losses.shape} has no samples to average")
    return np.sum(losses) / len(losses)
