"""The mean cross-entropy with integer labels, which is what classifiers are trained with."""

from functools import lru_cache
from typing import Any

import numpy as np

from ..engine import apply, ensure, owned
from ..rules import define, softmax
from ..rules.picking import take
from .affine import ones

__all__ = ["softmax_cross_entropy"]

Array = Any


@lru_cache(maxsize=8)
def _places(samples: int, classes: int) -> tuple[Array, Array]:
    """List where each sample and each class begins in a flat array (classes, samples)."""
    places = np.arange(samples), np.arange(0, classes * samples, samples)
    for array in places:
        array.flags.writeable = False
    return places


def _cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Compute the loss, and the probabilities less the labels, which are nearly free here.

    Samples are columns meanwhile: NumPy reduces along the first axis of a small matrix faster.
    """
    samples, classes = logits.shape
    kind = labels.dtype.kind
    if kind not in "iu" or logits.dtype.kind != "f":
        raise TypeError
    if not samples or labels.shape != (samples,):
        raise ValueError
    if kind == "i":
        ensure(labels.min() >= 0)
    columns, rows = _places(samples, classes)
    p = logits.T.copy()
    p -= np.maximum.reduce(p)
    flat = p.ravel()
    try:
        right = take(rows, labels)
    except IndexError:
        raise ValueError from None
    right += columns
    picked = flat.take(right)
    np.exp(p, p)
    totals = np.dot(ones(classes, p.dtype), p)
    loss = np.dot(ones(samples, p.dtype), np.log(totals) - picked) / samples
    p /= totals
    flat[right] -= 1
    return loss, p.T


def _explain_labels(logits: Array, labels: Array) -> str:
    if labels.dtype.kind not in "iu":
        return f"labels are integers, not {labels.dtype}"
    if logits.dtype.kind != "f":
        return f"logits are floating-point, not {logits.dtype}"
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not labels.size:
        return (
            f"logits of shape {logits.shape} with labels of shape {labels.shape}; expected "
            f"(samples, classes) and (samples,), with at least one sample"
        )
    classes = logits.shape[1]
    wrong = labels[(labels < 0) | (labels >= classes)]
    return f"label {wrong[0]} is not one of the {classes} classes, 0 to {classes - 1}"


def _cross_entropy_vjp(
    g: Array, y: Array, logits: Array, *, labels: Array, kept: Array | None
) -> Array:
    if kept is not None:
        return (g / len(labels)) * kept
    targets = np.zeros_like(labels, logits.dtype, shape=logits.shape)
    targets[np.arange(len(labels)), labels] = 1
    return (softmax(logits, axis=1) - targets) * (g / len(labels))


_mean_cross_entropy = define(
    _cross_entropy,
    vjps=(_cross_entropy_vjp,),
    formula=(r"\bar z = \bar y\,(\operatorname{softmax} z - \text{one-hot}) / m",),
    keeps=True,
    explain=_explain_labels,
    name="softmax_cross_entropy",
)


def softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    r"""Compute the mean cross-entropy of the softmax of the logits.

    Softmax and logarithm are taken together, so that no logit is too large, and the gradient
    is the famous difference of the probabilities and the one-hot labels.

    Parameters
    ----------
    logits
        Floating-point, of shape (samples, classes).
    labels
        Integers from 0 to classes - 1, of shape (samples,).

    Returns
    -------
    The loss, a scalar in nats: :math:`-\frac1m \sum_i \log \operatorname{softmax}(z_i)_{t_i}`.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or a label is not a class.
    TypeError
        If the labels are not integers, or the logits not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(softmax_cross_entropy(np.zeros((2, 4)), [0, 3])), 4)  # log 4
    1.3863
    """
    return apply(_mean_cross_entropy, (logits,), {"labels": owned(labels)}, False)
