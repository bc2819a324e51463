"""The training loop."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.data import Batches, Digits, Prefetch

from .arguments import (
    bound,
    check_finite,
    check_last_batch,
    check_numbers,
    check_objects,
    clipping,
)
from .checkpoints import Checkpoint, Checkpoints
from .conditions import describe, describe_data
from .evaluation import NotFiniteError, check_fit, check_pixels, in_mode, measure
from .history import Callback, DivergedError, Epoch, Step
from .run import Run, Tally
from .stepping import make_step

__all__ = ["fit"]

Augment = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]


def fit(
    model: nn.Module,
    digits: Digits,
    optimiser: optim.Optimizer,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    loss_fn: Callable[[Any, Any], Any] | None = None,
    schedule: optim.lr_scheduler.LRScheduler | None = None,
    augment: Augment | None = None,
    average: optim.ExponentialMovingAverage | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    valid: Digits | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoints: Checkpoints | None = None,
    resume: Checkpoint | None = None,
    compile: bool = False,
) -> list[Epoch]:
    """Train a model.

    The same arguments, with generators in the same state, give the same bits on the same machine;
    so does a run that was killed and goes on from a checkpoint.

    Parameters
    ----------
    model
        Maps floating-point images of shape (samples, 784) to logits of shape (samples, 10). It is
        in training mode for the steps and in evaluation mode for the validation.
    digits
        What to learn from.
    optimiser
        Has the parameters to learn, all or some of the model's.
    epochs
        How often to go through the digits.
    batch_size
        Digits for each step; 0 takes all of them, which is plain gradient descent.
    rng
        Shuffles the digits and seeds the augmentation, for every epoch anew.
    loss_fn
        Takes logits and labels, and gives the mean loss; the cross-entropy if it is not given. If
        it is a module, what it learns or counts is kept in checkpoints, too.
    schedule
        Sets the learning rate; stepped after every step of the optimiser.
    augment
        Changes the images of a batch, as the transforms of `tinygrad_mnist.data` do. This
        happens in a thread of its own, ahead of the steps.
    average
        Follows the model's values, step by step. The validation examines the averaged values, and
        in the end the model has them.
    clip_norm, clip_value
        Bounds the norm of all gradients together, or every number in them; one of them at most.
        Infinity bounds nothing.
    valid
        Digits to examine the model on after every epoch.
    patience
        Stops the training after so many epochs without a smaller validation loss. The model has
        the values of the best epoch in the end, even if the training diverged.
    callbacks
        Look on, and may end the training.
    checkpoints
        Where to keep the run.
    resume
        Where to go on from. The other arguments must be built as for the run that was killed; how
        far they, and the generators of the modules, had come is taken from here. (Generators are
        found in a module's attributes, and in lists, tuples and dicts there.)
    compile
        Whether to compile the step, forward pass to optimiser, as `tinygrad_mnist.compile` does: in
        C if that can be had. A step that can't be captured is an error.

    Returns
    -------
    list of Epoch
        One for each epoch, those before the resumption included.

    Raises
    ------
    ValueError
        If numbers make no sense, the digits do not fit the model, the last batch would have one
        sample and batches are normalised, or the schedule or the average belongs to another
        optimiser or model. Also if a pixel is infinite or not a number; the model has the values
        then that it has after a divergence.
    TypeError
        If a count is not an integer, or an object not of the kind that is listed above.
    FloatingPointError
        If what the model computes before the first step is infinite or not a number.
    DivergedError
        If the loss, or a value of the model, becomes so. The model has the values of the last
        epoch's end then, with patience of the best epoch's; or the initial ones.
    CheckpointError
        If `resume` is of another run: another model, optimiser, data, batch size ...
    OSError
        If a checkpoint cannot be written, those before it stay; or if another run is writing its
        checkpoints to the same directory.

    Examples
    --------
    >>> from tinygrad_mnist.data import load_mnist
    >>> from tinygrad_mnist.models import mlp
    >>> rng = np.random.default_rng(0)
    >>> model = mlp([784, 10, 10], rng)
    >>> optimiser = optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(
    ...     model, load_mnist("sample").train, optimiser, epochs=2, batch_size=32, rng=rng
    ... )
    >>> history[1].train_loss < history[0].train_loss
    True
    """
    epochs, batch_size = operator.index(epochs), operator.index(batch_size)
    patience = None if patience is None else operator.index(patience)
    clip_norm, clip_value = bound("clip_norm", clip_norm), bound("clip_value", clip_value)
    check_numbers(epochs, rng, valid, patience)
    check_objects(model, optimiser, schedule, average, checkpoints, resume)
    batches = Batches(digits.images, digits.labels, batch_size, rng, augment=augment)
    check_fit(model, digits.images)
    check_last_batch(model, digits.images, batch_size)
    if valid is not None:
        measure(model, valid.images[:1], valid.labels[:1])
    clip = clipping(optimiser, clip_norm, clip_value)
    run = Run(model, optimiser, schedule, average, rng, loss_fn)
    conditions = run.conditions() | {
        "augmentation": describe(augment),
        "epochs": epochs,
        "batch size": batch_size,
        "clip_norm": clip_norm,
        "clip_value": clip_value,
        "patience": patience,
        "digits": describe_data(digits),
        "validation": describe_data(valid),
    }
    take_step, how = make_step(
        model, loss_fn or nn.SoftmaxCrossEntropy(), optimiser, clip, digits, batch_size, compile
    )
    conditions["step"] = how
    if resume is not None:
        resume.check(conditions)

    steps = len(batches)
    on_step = [each.on_step for each in callbacks if type(each).on_step is not Callback.on_step]

    def learn(tally: Tally, x: NDArray[Any], y: NDArray[Any]) -> None:
        tally.lr = optimiser.param_groups[0]["lr"]
        loss, right = take_step(Tensor(x.reshape(len(x), -1), copy=False), y)
        if schedule is not None:
            schedule.step()
        if average is not None:
            average.update()
        tally.step += 1
        tally.loss += loss.item() * len(y)
        if not math.isfinite(tally.loss):
            go_back()
            check_pixels(x, f"the images of epoch {len(run.history) + 1}, step {tally.step}")
            raise diverged(tally) from NotFiniteError(f"the loss is {loss.item()}")
        tally.right += int(right)
        tally.seen += len(y)

    def tell(tally: Tally) -> None:
        means = tally.loss / tally.seen, tally.right / tally.seen
        step = Step(len(run.history) + 1, tally.step, steps, *means)
        for call in on_step:
            call(step)

    def go_back() -> None:
        model.load_state_dict(run.best)

    def diverged(tally: Tally) -> DivergedError:
        go_back()
        kept = run.best_epoch(patience)
        return DivergedError(len(run.history) + 1, tally.step, run.history, kept)

    def save() -> None:
        if checkpoints is not None:
            step = len(run.history) * steps + (run.tally.step if run.tally else 0)
            checkpoints.save(step, conditions, run.state())

    # The loss, and the model's values at the end of an epoch, tell what overflows matter.
    with (
        nullcontext() if checkpoints is None else checkpoints.prepared(resume),
        np.errstate(over="ignore", invalid="ignore"),
        in_mode(model, training=True),
    ):
        if resume is not None:
            run.load_state(resume.state)
        if checkpoints is not None and not checkpoints.paths():
            save()
        while not run.done:
            tally = run.tally = run.tally or Tally(int(rng.integers(2**63)))
            begin, waits = time.perf_counter() - tally.seconds, tally.waits
            with ExitStack() as stack:
                stream: Iterable[Any] = batches.epoch(tally.seed, tally.step)
                if augment is not None:
                    stream = ahead = stack.enter_context(Prefetch(stream))
                for x, y in stream:
                    learn(tally, x, y)
                    if augment is not None:
                        tally.waits = waits + ahead.waits
                    if on_step:
                        tell(tally)
                    if checkpoints is not None and checkpoints.due():
                        tally.seconds = time.perf_counter() - begin
                        save()
            try:
                with run.averaged():
                    values = model.state_dict()
                    check_finite(values)
                    found = None if valid is None else measure(model, *valid)
            except NotFiniteError as error:
                raise diverged(tally) from error
            tally.seconds = time.perf_counter() - begin
            epoch = run.end_epoch(tally, values, found, patience)
            run.done |= len(run.history) == epochs
            for each in callbacks:
                run.done |= bool(each.on_epoch(epoch))
            if run.done:
                save()
    go_back()
    return run.history
