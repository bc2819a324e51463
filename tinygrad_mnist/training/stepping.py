"""The step of a training: forward pass, backward pass, and the optimiser's; compiled if wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.compile import CompiledStep
from tinygrad_mnist.data import Digits, scale

from .evaluation import in_mode

__all__ = ["TakeStep", "make_step"]

TakeStep = Callable[[Any, Any], tuple[Any, Any]]
"""Takes images, a row each, and labels; returns the loss, and how many answers were right."""


def make_step(
    model: nn.Module,
    loss_fn: Callable[[Any, Any], Any],
    optimiser: optim.Optimizer,
    clip: Callable[[], object] | None,
    digits: Digits,
    batch_size: int,
    compiled: bool,
) -> tuple[TakeStep, str]:
    """Make the step of a training.

    Parameters
    ----------
    model, loss_fn, optimiser
        As for `fit`.
    clip
        Clips the gradients, if that is wanted.
    digits, batch_size
        What the steps are given, for capturing one.
    compiled
        Whether to compile it.

    Returns
    -------
    The step, and how it runs: to the same bits again only in the same way.

    Raises
    ------
    CompileError
        If it is to be compiled and can't be captured.
    """

    def step(images: Any, labels: Any) -> tuple[Any, Any]:
        logits = model(images)
        loss = loss_fn(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        if clip is not None:
            clip()
        optimiser.step()
        return loss, np.count_nonzero(logits.detach().argmax(axis=1) == labels)

    if not compiled:
        return step, "eager"
    compiled_step = CompiledStep(step)
    first = slice(batch_size or None)
    images = scale(digits.images[first])
    with in_mode(model, training=True):
        backend = compiled_step.prepare(
            Tensor(images.reshape(len(images), -1), copy=False), np.asarray(digits.labels[first])
        )
    return compiled_step, f"compiled to {backend}"
