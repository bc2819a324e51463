"""Cross-entropy with all of PyTorch's options, and the negative log-likelihood.

The classes of a sample share in its loss: the label's own, with label smoothing a little of all,
or as much as their probabilities; times their weights, divided by what a mean divides by. Given
these shares, one row of the table does the rest in one piece.
"""

from typing import Any

import numpy as np

from ..checks import arguments, share
from ..engine import ForeignArray, Traced, apply, as_array, ensure
from ..rules import define, log_softmax, softmax
from ..rules.casting import an_array
from .affine import ones
from .reductions import check_reduction
from .softmax_cross_entropy import softmax_cross_entropy

__all__ = ["cross_entropy", "nll_loss"]

Array = Any


def _weighted(logits: Array, shares: Array, summed: bool) -> tuple[Array, Array]:
    """Compute the losses, and the gradient by the logits, which is nearly free here."""
    columns = shares.T
    p = logits.T.copy()
    p -= np.maximum.reduce(p)
    losses = _products(columns, p)
    np.exp(p, p)
    every = ones(len(p), p.dtype)
    totals, weights = np.dot(every, p), np.dot(every, columns)
    losses = weights * np.log(totals) - losses
    p *= weights / totals
    p -= columns
    return (np.sum(losses) if summed else losses), p.T


def _products(columns: Array, distances: Array) -> Array:
    """Add up the products in each column. Nothing times infinity is nothing."""
    found = np.einsum("cs,cs->s", columns, distances)
    if isinstance(found, ForeignArray) or np.isnan(found).any():
        return np.einsum("cs,cs->s", columns, np.where(columns == 0, 0, distances))
    return found


def _weighted_vjp(
    g: Array, y: Array, logits: Array, shares: Array, *, summed: bool, kept: Array | None
) -> Array:
    g = np.reshape(g, (-1, 1))  # one for all samples, or one each
    if kept is not None:
        return g * kept
    weights = np.sum(shares, axis=1, keepdims=True)
    return g * (softmax(logits, axis=1) * weights - shares)


def _weighted_vjp_of_shares(
    g: Array, y: Array, logits: Array, shares: Array, *, summed: bool, kept: Array | None
) -> Array:
    return np.reshape(g, (-1, 1)) * -log_softmax(logits, axis=1)


_weighted_cross_entropy = define(
    _weighted,
    vjps=(_weighted_vjp, _weighted_vjp_of_shares),
    formula=(
        r"\bar z_{ic} = \bar y_i\,(\operatorname{softmax}(z_i)_c \sum_k q_{ik} - q_{ic})",
        r"\bar q_{ic} = -\bar y_i \log \operatorname{softmax}(z_i)_c",
    ),
    keeps=True,
    name="weighted_cross_entropy",
)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    r"""Compute the cross-entropy of the softmax of logits with labels or with probabilities.

    Parameters
    ----------
    input
        Logits, floating-point, of shape (classes,), (samples, classes), or
        (samples, classes, ...), where there is one target at each of the places behind.
    target
        Integers from 0 to classes - 1, of the input's shape without the axis of the classes;
        or floating-point probabilities of the input's shape. What these add up to is not
        checked: the loss is linear in them.
    weight
        A factor for each class, of shape (classes,).
    ignore_index
        The label of samples that don't count; not with probabilities.
    reduction
        ``"none"``: the loss of each sample, of the shape of the labels. ``"sum"``: their sum.
        ``"mean"``: the sum, divided by the weights of all labels that count, or, with
        probabilities, by the number of samples.
    label_smoothing
        Which part of a target is taken from it and spread evenly over all classes, from 0 to 1.
        Szegedy et al. 2016, "Rethinking the Inception architecture", section 7.

    Returns
    -------
    The loss, of the input's dtype: :math:`-\sum_c w_c\, t_c \log \operatorname{softmax}(z)_c` for
    each sample, where a class with :math:`t_c = 0` adds nothing even at the logit
    :math:`-\infty`.

    Raises
    ------
    ValueError
        If the shapes don't belong together, a label is not a class, an option makes no sense, or
        there is nothing to average: no samples, or none that counts. PyTorch's mean is NaN then.
    TypeError
        If the logits are not floating-point, or the targets neither that nor integers.

    Examples
    --------
    >>> logits = np.array([[0.0, 0.0], [0.0, 0.0], [7.0, 7.0]])
    >>> round(float(cross_entropy(logits, [0, 1, -100])), 4)  # log 2
    0.6931
    >>> cross_entropy(logits, [0, 1, -100], reduction="none").round(4).tolist()
    [0.6931, 0.6931, 0.0]
    >>> certain = np.array([1.0, 0.0])
    >>> round(float(cross_entropy(np.log([0.9, 0.1]), certain, label_smoothing=0.2)), 4)
    0.3251
    """
    logits, targets = _scores("cross_entropy", input), _targets("cross_entropy", target)
    if (
        weight is None
        and not label_smoothing
        and reduction == "mean"
        and targets.dtype.kind != "f"
        and logits.ndim == 2
        and not _may_ignore(targets, ignore_index)
    ):
        return softmax_cross_entropy(logits, targets)
    check_reduction("cross_entropy", reduction)
    (label_smoothing,) = arguments("cross_entropy", label_smoothing=(share, label_smoothing))
    factors = _class_weights("cross_entropy", weight, logits)
    if targets.dtype.kind == "f":
        if ignore_index >= 0:
            raise ValueError("cross_entropy: ignore_index is for labels, not for probabilities")
        shares = _shares_of_probabilities(logits, targets, factors, label_smoothing)
        total = len(shares)
    else:
        labels, counts = _labels("cross_entropy", logits, targets, ignore_index)
        own = _label_weights(labels, counts, factors, logits.dtype)
        shares = _shares_of_labels(labels, counts, own, factors, logits, label_smoothing)
        total = own.sum()
    if reduction == "mean":
        shares = shares / _divisor("cross_entropy", total)
    summed = reduction != "none"
    inputs = _in_rows(logits), shares
    losses = apply(_weighted_cross_entropy, inputs, {"summed": summed}, False)
    return losses if summed else losses.reshape(_samples(logits))


def _may_ignore(targets: Array, ignore_index: int) -> bool:
    """Tell whether some label may be one of those that don't count."""
    if targets.dtype.kind == "u" and ignore_index < 0:
        return False
    return isinstance(targets, ForeignArray) or bool((targets == ignore_index).any())


def _shares_of_probabilities(
    logits: Array, targets: Array, factors: Array | None, smoothing: float
) -> Array:
    """Tell what each class adds to the loss of each sample, as a part of its -log p."""
    if targets.shape != logits.shape:
        raise ValueError(
            f"cross_entropy: logits of shape {logits.shape} with probabilities of shape "
            f"{targets.shape}; expected equal shapes, or integer labels"
        )
    shares = _in_rows(targets)
    if shares.dtype != logits.dtype:
        shares = shares.astype(logits.dtype)
    if smoothing:
        shares = shares * (1 - smoothing) + smoothing / shares.shape[1]
    return shares if factors is None else shares * factors


def _shares_of_labels(
    labels: Array,
    counts: Array,
    own: Array,
    factors: Array | None,
    logits: Array,
    smoothing: float,
) -> Array:
    """Do the same for labels, whose weights are known."""
    classes = _classes(logits)
    columns = np.zeros_like(own, logits.dtype, shape=(classes, len(labels)))
    if smoothing:
        columns += smoothing / classes * counts
        if factors is not None:
            columns *= factors[:, None]
    columns[labels, np.arange(len(labels))] += (1 - smoothing) * own
    return columns.T


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    r"""Compute the negative log-likelihood: `cross_entropy` of what `log_softmax` returned.

    Parameters
    ----------
    input
        Logarithms of probabilities, of the shapes that `cross_entropy` takes.
    target
        Integers from 0 to classes - 1, of the input's shape without the axis of the classes.
    weight, ignore_index, reduction
        As for `cross_entropy`.

    Raises
    ------
    ValueError, TypeError
        As `cross_entropy`.

    Examples
    --------
    >>> round(float(nll_loss(np.log([[0.5, 0.5], [0.25, 0.75]]), [0, 0])), 4)
    1.0397
    """
    check_reduction("nll_loss", reduction)
    scores, targets = _scores("nll_loss", input), _targets("nll_loss", target)
    if targets.dtype.kind == "f":
        raise TypeError(f"nll_loss: labels are integers, not {targets.dtype}")
    labels, counts = _labels("nll_loss", scores, targets, ignore_index)
    factors = _class_weights("nll_loss", weight, scores)
    own = _label_weights(labels, counts, factors, scores.dtype)
    picked = _in_rows(scores)[np.arange(len(labels)), labels]
    losses = np.where(counts, picked, 0) * -own
    if reduction == "none":
        return losses.reshape(_samples(scores))
    total = np.sum(losses)
    return total if reduction == "sum" else total / _divisor("nll_loss", own.sum())


# --- what both make of their arguments ----------------------------------------------------


def _scores(name: str, input: Any) -> Array:
    scores = input if hasattr(input, "dtype") else as_array(input)
    if scores.dtype.kind != "f":
        raise TypeError(f"{name}: logits are floating-point, not {scores.dtype}")
    if not scores.ndim or not _classes(scores):
        raise ValueError(f"{name}: logits of shape {scores.shape} have no classes")
    return scores


def _targets(name: str, target: Any) -> Array:
    targets: Array = target if isinstance(target, Traced) else an_array(target)
    if targets.dtype.kind not in "iuf":
        raise TypeError(f"{name}: labels are integers, not {targets.dtype}")
    if targets.dtype.kind != "f" and isinstance(targets, Traced):
        return targets._array
    return targets


def _classes(scores: Array) -> int:
    return scores.shape[min(1, scores.ndim - 1)]


def _samples(scores: Array) -> tuple[int, ...]:
    """Return the shape without the axis of the classes."""
    return scores.shape[:1] + scores.shape[2:] if scores.ndim > 1 else ()


def _in_rows(scores: Array) -> Array:
    """Make a matrix of it, with a row for every sample."""
    if scores.ndim == 2:
        return scores
    rows = np.moveaxis(scores, 1, -1) if scores.ndim > 2 else scores
    return rows.reshape(-1, rows.shape[-1])


def _class_weights(name: str, weight: Any, scores: Array) -> Array | None:
    if weight is None:
        return None
    plain = isinstance(weight, Traced) and weight._node is None
    weight = weight._array if plain else np.asarray(weight)
    factors = weight.astype(scores.dtype)
    if factors.shape != (_classes(scores),):
        raise ValueError(
            f"{name}: weight of shape {factors.shape} for {_classes(scores)} classes; expected "
            f"({_classes(scores)},)"
        )
    return factors


def _labels(name: str, scores: Array, targets: Array, ignore_index: int) -> tuple[Array, Array]:
    """List the labels of all samples, with 0 for those that don't count; and which count."""
    if targets.shape != _samples(scores):
        raise ValueError(
            f"{name}: logits of shape {scores.shape} with labels of shape {targets.shape}; "
            f"expected labels of shape {_samples(scores)}"
        )
    labels, classes = targets.ravel(), _classes(scores)
    counts = labels != ignore_index
    wrong = counts & ((labels < 0) | (labels >= classes))
    which = "" if isinstance(labels, ForeignArray) or not wrong.any() else f" {labels[wrong][0]}"
    ensure(
        ~wrong.any(),
        f"{name}: label{which} is not one of the {classes} classes, 0 to {classes - 1}",
    )
    return np.where(counts, labels, 0).astype(np.intp), counts


def _label_weights(
    labels: Array, counts: Array, factors: Array | None, dtype: np.dtype[Any]
) -> Array:
    """Weigh each label as its class, or with 0 where it doesn't count."""
    return counts.astype(dtype) if factors is None else factors[labels] * counts


def _divisor(name: str, total: Any) -> Any:
    """Return what a sum is divided by, if it is a mean of something."""
    ensure(
        total != 0,
        f"{name}: there is nothing to average: no samples, or the weights of those that count add "
        f"up to 0; reduction='sum' gives 0",
    )
    return total
