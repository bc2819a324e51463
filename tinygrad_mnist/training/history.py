"""What a training tells: where it stands, what an epoch brought, and to whom it says so."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Callback", "DivergedError", "Epoch", "Step"]


class Step(NamedTuple):
    """Where the training stands after a step of the `steps` of an epoch.

    Both are counted from 1. Loss and accuracy are means over the epoch so far.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float


class Epoch(NamedTuple):
    """What an epoch brought.

    The figures for the training digits are means over the epoch, during which the model learned,
    from digits as the augmentation had changed them; those for the validation digits are the
    model's at its end, or None if there are no such digits. Losses are the loss function's for
    training and the mean cross-entropy in nats for validation; accuracies are from 0 to 1.

    Attributes
    ----------
    epoch
        Counted from 1.
    lr
        The learning rate of its last step, that of the first parameter group.
    seconds
        How long it took, the validation included.
    waits
        How many of its steps had to wait for the augmentation.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    valid_loss: float | None
    valid_accuracy: float | None
    lr: float
    seconds: float
    waits: int


class Callback:
    """Something that looks on while a model is trained; subclasses define what they need.

    What a callback raises ends the training and comes out of `fit`. A checkpoint knows nothing of
    callbacks: after resuming, they are called again for the steps that followed it.

    Examples
    --------
    >>> class Until(Callback):
    ...     def __init__(self, accuracy):
    ...         self.accuracy = accuracy
    ...     def on_epoch(self, epoch):
    ...         return epoch.train_accuracy >= self.accuracy
    """

    def on_step(self, step: Step) -> None:
        """Look at a step that was taken."""

    def on_epoch(self, epoch: Epoch) -> bool | None:
        """Look at an epoch that has ended; return True to make it the last one."""


class DivergedError(FloatingPointError):
    """A training whose loss, or model, has become infinite or not a number.

    Attributes
    ----------
    epoch, step
        Where, both counted from 1.
    history
        The epochs that went well.
    kept
        The epoch whose last values the model has again: the best one if there is patience, or
        else the last that went well. 0 stands for the initial values.
    """

    def __init__(
        self, epoch: int, step: int, history: list[Epoch], kept: int | None = None
    ) -> None:
        kept = len(history) if kept is None else kept
        weights = f"those of the end of epoch {kept}" if kept else "the initial ones"
        super().__init__(
            f"the loss stopped being a finite number in epoch {epoch}, step {step}; the weights "
            f"are set back to {weights}; a smaller learning rate may help"
        )
        self.epoch, self.step, self.history, self.kept = epoch, step, history, kept
