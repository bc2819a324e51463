"""Recipes: a training in plain words and numbers, and the recipes that have a name.

A `Recipe` says which network, optimiser, schedule and distortions, by name; its methods build
them. It is what the command line's options fill in and what a checkpoint writes down, so that a
run can be continued or repeated. `PRESETS` are the classic digit networks, each with a training
that was chosen on the last 5,000 training digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.data import Compose, Digits, ElasticTransform, RandomAffine
from tinygrad_mnist.models import convnet, lenet5, mlp
from tinygrad_mnist.optim import lr_scheduler
from tinygrad_mnist.training import Callback, Checkpoint, Checkpoints, Epoch, fit

__all__ = ["AUGMENTATIONS", "NETWORKS", "OPTIMISERS", "PRESETS", "SCHEDULES", "Recipe"]

PIXELS, DIGITS = 28 * 28, 10

NETWORKS = ("mlp", "lenet5", "convnet")
OPTIMISERS = ("sgd", "adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "linear", "cosine", "one-cycle", "exponential", "step")
AUGMENTATIONS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "affine": lambda: _affine(),
    "elastic": lambda: Compose([_affine(), ElasticTransform(alpha=38.0, sigma=5.0)]),
}


def _affine() -> RandomAffine:
    return RandomAffine(degrees=7.5, translate=0.07, scale=(0.9, 1.1), shear=10.0)


@dataclass(frozen=True)
class Recipe:
    """How to make a recogniser.

    Parameters
    ----------
    network
        ``"mlp"``, linear layers with ReLU between them; ``"lenet5"`` or ``"convnet"``.
    hidden
        Units of each hidden layer of an ``"mlp"``; none makes a linear classifier.
    dropout
        The probability with which a unit is left out: of each hidden layer of an ``"mlp"``, or
        of the last layer's inputs in a ``"convnet"``.
    epochs
        How often to go through the training digits.
    batch_size
        Digits for each step; 0 takes all of them, which is plain gradient descent.
    optimiser
        ``"sgd"``, ``"adam"``, ``"adamw"`` or ``"rmsprop"``.
    lr
        The learning rate at its highest.
    momentum
        How much of the last step's velocity stays, from 0 up to less than 1; of ``"sgd"`` and
        ``"rmsprop"``.
    nesterov
        Whether ``"sgd"`` looks ahead along its velocity.
    weight_decay
        The strength of the pull of the weights towards 0.
    schedule
        How the learning rate goes on: ``"constant"``; ``"linear"`` or ``"cosine"``, down to 0 at
        the end; ``"one-cycle"``, up and down again; ``"exponential"``, down to a hundredth;
        ``"step"``, to a tenth after every third of the training.
    warmup
        Epochs, or parts of one, in which the learning rate first rises from 0.
    label_smoothing
        The share of a label that is spread over all classes.
    clip_norm
        The greatest norm of all gradients together; larger ones are scaled down.
    average
        The decay of the running average of the weights that the recogniser ends up with; None
        for the last weights themselves.
    augment
        How the training digits are distorted, each time anew: ``"none"``; ``"affine"``: shifted,
        scaled, rotated and sheared; ``"elastic"``: these, and Simard's elastic distortion.
    patience
        Epochs without a better validation loss after which training stops; None never does.

    Raises
    ------
    ValueError
        If a name is not known, a number makes no sense, or two fields contradict each other.

    Examples
    --------
    >>> recipe = Recipe(hidden=(300,), optimiser="adam", lr=0.001)
    >>> recipe.build_model(np.random.default_rng(0))
    Sequential(
      (0): Linear(784, 300)  # 235,500 parameters
      (1): ReLU()
      (2): Linear(300, 10)  # 3,010 parameters
    )  # 238,510 parameters
    """

    network: str = "mlp"
    hidden: tuple[int, ...] = (10,)
    dropout: float = 0.0
    epochs: int = 10
    batch_size: int = 32
    optimiser: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "linear"
    warmup: float = 0.0
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    average: float | None = None
    augment: str = "none"
    patience: int | None = None

    def __post_init__(self) -> None:
        for name, (wanted, holds) in _CHECKS.items():
            value = getattr(self, name)
            if not (value is None and _DEFAULTS[name] is None) and not holds(value):
                raise ValueError(f"{name.replace('_', ' ')} must be {wanted}, not {value!r}")
        object.__setattr__(self, "hidden", tuple(self.hidden))  # JSON has lists only
        for name, (owners, owner) in _BELONGS.items():
            if getattr(self, owner) not in owners and getattr(self, name) != _DEFAULTS[name]:
                raise ValueError(
                    f"{name} belongs to the {owner} {' or '.join(owners)}, "
                    f"not to {getattr(self, owner)}"
                )
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        if self.dropout and self.network == "mlp" and not self.hidden:
            raise ValueError("dropout needs a hidden layer, of which units are left out")
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup must end before the {self.epochs} epochs, not {self.warmup}")
        if self.warmup and self.schedule == "one-cycle":
            raise ValueError("warmup is a part of the schedule one-cycle, and cannot be added")

    def changed(self, **changes: Any) -> Recipe:
        """Change some fields, and what hangs on them.

        A warm-up keeps its share of the epochs, and what only the former network, optimiser or
        schedule had is left out, unless it is given itself.

        Examples
        --------
        >>> PRESETS["mlp-800"].changed(optimiser="adam", lr=0.001).momentum
        0.0
        """
        implied: dict[str, Any] = {}
        if "epochs" in changes:
            implied["warmup"] = self.warmup * changes["epochs"] / self.epochs
        if changes.get("schedule") == "one-cycle":
            implied["warmup"] = 0.0
        for name, (owners, owner) in _BELONGS.items():
            if changes.get(owner, getattr(self, owner)) not in owners:
                implied[name] = _DEFAULTS[name]
        if changes.get("momentum") == 0:
            implied["nesterov"] = False
        return replace(self, **{**implied, **changes})

    # --- what it builds -------------------------------------------------------------------

    def build_model(self, rng: np.random.Generator) -> nn.Sequential:
        """Build the network, with random weights."""
        if self.network == "lenet5":
            return lenet5(rng)
        if self.network == "convnet":
            return convnet(rng, self.dropout)
        return mlp([PIXELS, *self.hidden, DIGITS], rng, self.dropout)

    def build_optimiser(self, model: nn.Module) -> optim.Optimizer:
        """Build what moves the weights."""
        parameters, lr, decay = model.parameters(), self.lr, self.weight_decay
        if self.optimiser == "sgd":
            return optim.SGD(
                parameters, lr, self.momentum, weight_decay=decay, nesterov=self.nesterov
            )
        if self.optimiser == "adam":
            return optim.Adam(parameters, lr, weight_decay=decay)
        if self.optimiser == "adamw":
            return optim.AdamW(parameters, lr, weight_decay=decay)
        return optim.RMSprop(parameters, lr, weight_decay=decay, momentum=self.momentum)

    def build_schedule(
        self, optimiser: optim.Optimizer, steps_per_epoch: int
    ) -> lr_scheduler.LRScheduler | None:
        """Build how the learning rate goes on, step by step."""
        steps = self.epochs * steps_per_epoch
        rise = int(self.warmup * steps_per_epoch)
        if not rise:
            return self._build_fall(optimiser, steps)
        warmup = lr_scheduler.LinearLR(optimiser, 1 / (rise + 1), total_iters=rise)
        fall = self._build_fall(optimiser, steps - rise)
        return lr_scheduler.SequentialLR(optimiser, [warmup, fall], [rise]) if fall else warmup

    def _build_fall(
        self, optimiser: optim.Optimizer, steps: int
    ) -> lr_scheduler.LRScheduler | None:
        if self.schedule == "linear":
            return lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
        if self.schedule == "cosine":
            return lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
        if self.schedule == "one-cycle":
            return lr_scheduler.OneCycleLR(optimiser, self.lr, steps, cycle_momentum=False)
        if self.schedule == "exponential":
            return lr_scheduler.ExponentialLR(optimiser, 0.01 ** (1 / steps))
        if self.schedule == "step":
            return lr_scheduler.StepLR(optimiser, max(1, steps // 3))
        return None

    # --- what it does ---------------------------------------------------------------------

    def train(
        self,
        model: nn.Module,
        digits: Digits,
        rng: np.random.Generator,
        *,
        valid: Digits | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
        compile: bool = False,
    ) -> list[Epoch]:
        """Train a model as the recipe says.

        Parameters
        ----------
        model
            What `build_model` built, or any module that maps images, one a row, to ten logits.
        digits
            What to learn from.
        rng, valid, callbacks, checkpoints, resume, compile
            As for `fit`.

        Returns
        -------
        list of Epoch
            One for each epoch.

        Raises
        ------
        DivergedError, ValueError, OSError
            As `fit`.

        Examples
        --------
        >>> from tinygrad_mnist.data import load_mnist
        >>> recipe, rng = Recipe(epochs=2), np.random.default_rng(0)
        >>> history = recipe.train(recipe.build_model(rng), load_mnist("sample").train, rng)
        >>> history[1].train_loss < history[0].train_loss
        True
        """
        if not len(digits.labels):
            raise ValueError("expected at least one digit to learn from")
        optimiser = self.build_optimiser(model)
        average = None
        if self.average is not None:
            average = optim.ExponentialMovingAverage(model, self.average)
        steps = -(-len(digits.labels) // (self.batch_size or len(digits.labels)))
        return fit(
            model,
            digits,
            optimiser,
            epochs=self.epochs,
            batch_size=self.batch_size,
            rng=rng,
            loss_fn=nn.CrossEntropyLoss(label_smoothing=self.label_smoothing),
            schedule=self.build_schedule(optimiser, steps),
            augment=AUGMENTATIONS[self.augment](),
            average=average,
            clip_norm=self.clip_norm,
            valid=valid,
            patience=self.patience,
            callbacks=callbacks,
            checkpoints=checkpoints,
            resume=resume,
            compile=compile,
        )


_DEFAULTS = {one.name: one.default for one in fields(Recipe)}


def _is_count(least: int) -> Callable[[Any], bool]:
    return lambda x: isinstance(x, int) and not isinstance(x, bool) and x >= least


def _is_number(holds: Callable[[float], bool]) -> Callable[[Any], bool]:
    def check(x: Any) -> bool:
        return isinstance(x, int | float) and not isinstance(x, bool) and holds(x)

    return check


def _one_of(names: Sequence[str]) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(names)}", lambda x: x in names


_SHARE = "from 0 up to less than 1", _is_number(lambda x: 0 <= x < 1)
_POSITIVE = "a finite number above 0", _is_number(lambda x: 0 < x < math.inf)
_NOT_NEGATIVE = "a finite number, 0 or more", _is_number(lambda x: 0 <= x < math.inf)
_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "network": _one_of(NETWORKS),
    "hidden": (
        "integers, 1 unit or more for each layer",
        lambda x: isinstance(x, list | tuple) and all(map(_is_count(1), x)),
    ),
    "dropout": _SHARE,
    "epochs": ("an integer, 1 or more", _is_count(1)),
    "batch_size": ("an integer, 0 (all digits) or more", _is_count(0)),
    "optimiser": _one_of(OPTIMISERS),
    "lr": _POSITIVE,
    "momentum": _SHARE,
    "nesterov": ("True or False", lambda x: isinstance(x, bool)),
    "weight_decay": _NOT_NEGATIVE,
    "schedule": _one_of(SCHEDULES),
    "warmup": _NOT_NEGATIVE,
    "label_smoothing": _SHARE,
    "clip_norm": _POSITIVE,
    "average": _SHARE,
    "augment": _one_of(tuple(AUGMENTATIONS)),
    "patience": ("an integer, 1 or more", _is_count(1)),
}
# What only some networks or optimisers have, and which field tells.
_BELONGS = {
    "hidden": (("mlp",), "network"),
    "dropout": (("mlp", "convnet"), "network"),
    "momentum": (("sgd", "rmsprop"), "optimiser"),
    "nesterov": (("sgd",), "optimiser"),
}

# The classic networks. `docs/results.md` says what comes of them, and what others published.
_TRAINED_WELL = Recipe(
    epochs=30, batch_size=128, momentum=0.9, nesterov=True, schedule="cosine", warmup=3
)
PRESETS: dict[str, Recipe] = {
    "linear": replace(_TRAINED_WELL, hidden=(), lr=0.05, weight_decay=1e-4),
    "gradient-descent": Recipe(epochs=500, batch_size=0, schedule="constant"),
    "two-layer": replace(_TRAINED_WELL, epochs=60, warmup=18, weight_decay=5e-4),
    "mlp-300": replace(_TRAINED_WELL, hidden=(300,), weight_decay=1e-4),
    "mlp-800": replace(_TRAINED_WELL, hidden=(800,), dropout=0.3, weight_decay=1e-4),
    "mlp-800-affine": replace(_TRAINED_WELL, hidden=(800,), epochs=100, augment="affine"),
    "mlp-800-elastic": replace(
        _TRAINED_WELL, hidden=(800,), epochs=200, weight_decay=2e-5, augment="elastic"
    ),
    "lenet5": replace(_TRAINED_WELL, network="lenet5", lr=0.05, weight_decay=5e-4),
    "lenet5-distorted": replace(
        _TRAINED_WELL,
        network="lenet5",
        epochs=60,
        lr=0.05,
        weight_decay=1e-4,
        augment="elastic",
        average=0.999,
    ),
    "convnet": replace(
        _TRAINED_WELL,
        network="convnet",
        dropout=0.2,
        lr=0.05,
        weight_decay=5e-4,
        augment="elastic",
        average=0.999,
    ),
}
