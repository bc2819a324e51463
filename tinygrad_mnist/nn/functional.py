"""Functions of neural networks that are computed, and differentiated, in one piece.

Each is a row of the table like any other. Written as NumPy calls on Tensors they would give the
same numbers, with more nodes and more arrays on the way.
"""

from typing import Any

import numpy as np

from ..rules import define, log_softmax, plain, relu, sigmoid, softmax

__all__ = ["affine", "log_softmax", "relu", "sigmoid", "softmax", "softmax_cross_entropy"]

Array = Any


def _affine(x: Array, weight: Array, bias: Array) -> Array:
    y = x @ weight
    if y.dtype != bias.dtype:
        return y + bias
    y += bias
    return y


def _rows(a: Array) -> Array:
    """Flatten all axes but the last, so that samples are the rows of a matrix."""
    return a if a.ndim == 2 else a.reshape(-1, a.shape[-1])


def _explain_affine(x: Array, weight: Array, bias: Array) -> str:
    return (
        f"input of shape {np.shape(x)} where (..., {weight.shape[0]}) was expected, by a weight of "
        f"shape {weight.shape} and a bias of shape {bias.shape}"
    )


affine = define(
    _affine,
    vjps=(
        lambda g, y, x, weight, bias: g @ weight.T,
        lambda g, y, x, weight, bias: _rows(x).T @ _rows(g),
        lambda g, y, x, weight, bias: _rows(g).sum(axis=0),
    ),
    formula=(
        r"\bar x = \bar y\, W^{\mathsf T}",
        r"\bar W = x^{\mathsf T} \bar y",
        r"\bar b = \sum_i \bar y_i",
    ),
    explain=_explain_affine,
    name="affine",
)


def _cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Compute the loss, and its gradient by the logits, which is nearly free here."""
    samples, classes = logits.shape
    shifted = logits - logits.max(axis=1, keepdims=True)
    flat = shifted.ravel()
    places = np.arange(0, flat.size, classes) + labels
    picked = flat[places].sum()
    np.exp(shifted, out=shifted)
    totals = shifted.sum(axis=1, keepdims=True)
    loss = (np.log(totals).sum() - picked) / samples
    shifted /= totals
    flat[places] -= 1
    shifted /= samples
    return loss, shifted


def _cross_entropy_vjp(
    g: Array, y: Array, logits: Array, labels: Array, *, kept: Array | None
) -> Array:
    if kept is not None:
        return g * kept
    targets = np.zeros(logits.shape, logits.dtype)
    targets[np.arange(len(labels)), labels] = 1
    return (softmax(logits, axis=1) - targets) * (g / len(labels))


_mean_cross_entropy = define(
    _cross_entropy,
    vjps=(_cross_entropy_vjp, None),
    formula=(r"\bar z = \bar y\,(\operatorname{softmax} z - \text{one-hot}) / m", ""),
    keeps=True,
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
        If the labels are not integers.

    Examples
    --------
    >>> import numpy as np
    >>> float(softmax_cross_entropy(np.zeros((2, 4)), [0, 3])) == np.log(4)
    True
    """
    labels = np.asarray(plain(labels))
    shape = np.shape(logits)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"softmax_cross_entropy: labels are integers, not {labels.dtype}")
    if len(shape) != 2 or labels.shape != shape[:1] or not labels.size:
        raise ValueError(
            f"softmax_cross_entropy: logits of shape {shape} with labels of shape {labels.shape}; "
            f"expected (samples, classes) and (samples,), with at least one sample"
        )
    # Seen as unsigned, a negative label is a very large one.
    if labels.view(f"u{labels.itemsize}").max() >= shape[1]:
        wrong = labels[(labels < 0) | (labels >= shape[1])][0]
        raise ValueError(
            f"softmax_cross_entropy: label {wrong} is not one of the {shape[1]} classes, "
            f"0 to {shape[1] - 1}"
        )
    return _mean_cross_entropy(logits, labels)
