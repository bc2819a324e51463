"""What `fit` can be given, and what it makes of it before the first step."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.data import Digits, scale

from .checkpoints import Checkpoint, Checkpoints
from .evaluation import NotFiniteError

__all__ = [
    "bound",
    "check_finite",
    "check_last_batch",
    "check_numbers",
    "check_objects",
    "clipping",
]


def check_numbers(
    epochs: int, rng: np.random.Generator, valid: Digits | None, patience: int | None
) -> None:
    """Refuse numbers that make no sense, and digits for validation that do not fit together."""
    if epochs < 1:
        raise ValueError(f"epochs must be 1 or more, not {epochs}")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, not {type(rng).__name__}")
    if patience is not None:
        if patience < 1:
            raise ValueError(f"patience must be 1 epoch or more, not {patience}")
        if valid is None:
            raise ValueError("patience is for a validation loss: give digits for it, as `valid`")
    if valid is not None and len(valid.images) != len(valid.labels):
        raise ValueError(
            f"expected as many validation labels as images, found {len(valid.labels):,} and "
            f"{len(valid.images):,}"
        )


def check_objects(
    model: nn.Module,
    optimiser: optim.Optimizer,
    schedule: optim.lr_scheduler.LRScheduler | None,
    average: optim.ExponentialMovingAverage | None,
    checkpoints: Checkpoints | None,
    resume: Checkpoint | None,
) -> None:
    """Refuse what is of another kind, or belongs to another model or optimiser."""
    given: list[tuple[str, Any, type, str]] = [
        ("model", model, nn.Module, "an nn.Module"),
        ("optimiser", optimiser, optim.Optimizer, "an optimiser"),
        ("schedule", schedule, optim.lr_scheduler.LRScheduler, "a schedule"),
        ("average", average, optim.ExponentialMovingAverage, "an ExponentialMovingAverage"),
        ("checkpoints", checkpoints, Checkpoints, "Checkpoints(directory)"),
        ("resume", resume, Checkpoint, "what load_checkpoint(path) returns"),
    ]
    for name, value, kind, wanted in given:
        may_lack = name not in ("model", "optimiser")
        if not (isinstance(value, kind) or (value is None and may_lack)):
            raise TypeError(f"{name} must be {wanted}, not {value!r}")
    own = {id(parameter) for parameter in model.parameters()}
    if own.isdisjoint(id(p) for group in optimiser.param_groups for p in group["params"]):
        raise ValueError("the optimiser has none of the model's parameters")
    if schedule is not None and schedule.optimizer is not optimiser:
        raise ValueError("the schedule was made for another optimiser, and would not change this")
    if average is not None and not average.is_of(model):
        raise ValueError("the average was made for another model, and would not follow this one")


def check_last_batch(model: nn.Module, images: NDArray[Any], batch_size: int) -> None:
    """Refuse a last batch of one sample if a model that normalises batches can't take it."""
    if (len(images) - 1) % (batch_size or len(images)):
        return
    if not any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in model.modules()):
        return
    twin = deepcopy(model).train()  # which may count, draw, and move its statistics
    try:
        with no_grad():
            twin(Tensor(scale(images[:1]).reshape(1, -1)))
    except ValueError as error:
        raise ValueError(
            f"the last of the batches has one of the {len(images):,} samples, and {error}; give "
            f"another batch_size than {batch_size}"
        ) from error


def bound(name: str, value: float | None) -> float | None:
    """Make a number of what bounds gradients, and None if nothing does."""
    if value is not None and not value > 0:
        raise ValueError(f"{name} must be above 0, not {value}")
    return None if value in (None, math.inf) else float(value)


def clipping(
    optimiser: optim.Optimizer, norm: float | None, value: float | None
) -> Callable[[], object] | None:
    """Make the function that clips the gradients of the optimiser's parameters."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    if norm is not None and value is not None:
        raise ValueError("gradients are clipped by clip_norm or by clip_value, not by both")
    if norm is not None:
        return partial(nn.utils.clip_grad_norm_, parameters, norm)
    if value is not None:
        return partial(nn.utils.clip_grad_value_, parameters, value)
    return None


def check_finite(values: dict[str, np.ndarray]) -> None:
    """Raise an error of `evaluation` where a value of a model is infinite or not a number."""
    for name, array in values.items():
        if not np.isfinite(array).all():
            raise NotFiniteError(f"{name} holds values that are not finite numbers")
