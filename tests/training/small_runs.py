"""Small runs: noise instead of digits, small networks, and every kind of object that trains them.

`Options` says what a run is made of, and `Options.arguments` makes it, always from the beginning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.data import Digits
from tinygrad_mnist.training import Callback, Epoch, Step

NETWORKS = ["plain", "shaken", "shaken by its own generator", "convolutional"]
GENERATORS = [np.random.PCG64, np.random.Philox, np.random.MT19937, np.random.SFC64]

OPTIMISERS: dict[str, Callable[[list[Tensor]], optim.Optimizer]] = {
    "SGD": lambda parameters: optim.SGD(parameters, lr=0.05),
    "momentum": lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9),
    "Adam": lambda parameters: optim.Adam(parameters, lr=0.01),
    "AdamW in groups": lambda parameters: optim.AdamW(
        [
            {"params": parameters[:1], "lr": 0.01, "weight_decay": 0.1},
            {"params": parameters[1:], "betas": (0.8, 0.9)},
        ]
    ),
    "RMSprop": lambda parameters: optim.RMSprop(parameters, lr=0.001, momentum=0.5, centered=True),
}
SCHEDULES: dict[str, Callable[[optim.Optimizer], optim.lr_scheduler.LRScheduler | None]] = {
    "none": lambda optimiser: None,
    "linear": lambda optimiser: optim.lr_scheduler.LinearLR(optimiser, total_iters=6),
    "exponential": lambda optimiser: optim.lr_scheduler.ExponentialLR(optimiser, 0.9),
    "warm-up, then cosine": lambda optimiser: optim.lr_scheduler.SequentialLR(
        optimiser,
        [
            optim.lr_scheduler.LinearLR(optimiser, total_iters=3),
            optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=8),
        ],
        milestones=[3],
    ),
}


def noise(seed: int, count: int = 20) -> Digits:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28), np.uint8)
    return Digits(images, rng.integers(0, 10, count, np.uint8))


def small(seed: int = 0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(784, 10, rng=rng), nn.ReLU(), nn.Linear(10, 10, rng=rng))


def convolutional(rng: np.random.Generator) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 3, 5, stride=3, rng=rng),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3, rng=rng),
        nn.Linear(48, 10, rng=rng),
    )


def speckle(images: Any, rng: np.random.Generator) -> Any:
    """Augment: an image of ones where it was, and of noise elsewhere."""
    return np.where(rng.random(images.shape) < 0.1, np.uint8(0), images)


class Shaken(nn.Module):
    """A model whose input is shaken while it trains, and which counts how often it was."""

    def __init__(self, model: nn.Module, rng: np.random.Generator) -> None:
        self.model, self.rng = model, rng
        self.count = Tensor(np.zeros((), np.int64))

    def forward(self, x: Any) -> Any:
        if self.training:
            with no_grad():
                self.count += 1
            x = x * self.rng.random(x.shape, np.float32)
        return self.model(x)


class Wavering(nn.Module):
    """A loss that learns a temperature, counts, and draws from generators that it keeps within."""

    def __init__(self, seed: int) -> None:
        self.temperature = Tensor(np.ones((), np.float32), requires_grad=True)
        self.calls = Tensor(np.zeros((), np.int64))
        self.kept: dict[str, Any] = {"own": [np.random.default_rng(seed)]}
        self.kept["itself"] = self.kept

    def forward(self, logits: Any, labels: Any) -> Any:
        with no_grad():
            self.calls += 1
        drawn = np.float32(self.kept["own"][0].random())
        return nn.functional.cross_entropy(logits * (self.temperature + drawn), labels)


class Crash(Exception):  # noqa: N818
    """What ends a run before its time."""


class CrashAfter(Callback):
    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step(self, step: Step) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Crash


class Notes(Callback):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.epochs: list[Epoch] = []

    def on_step(self, step: Step) -> None:
        self.steps.append(step)

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)


@dataclass
class Options:
    """What a run is made of."""

    seed: int = 0
    generator: type[np.random.BitGenerator] = np.random.PCG64
    optimiser: str = "momentum"
    schedule: str = "none"
    network: str = "plain"  # or one of NETWORKS
    augment: bool = False
    average: bool = False
    loss: str = "none"  # or "wavering"
    clip: str = "none"  # or "clip_norm" or "clip_value"
    valid: bool = False
    patience: int | None = None
    epochs: int = 3
    batch_size: int = 8

    def arguments(self) -> dict[str, Any]:
        """Make all arguments of `fit`."""
        rng = np.random.Generator(self.generator(self.seed))
        model: nn.Module = small(self.seed)
        if self.network == "convolutional":
            model = convolutional(rng)
        elif self.network != "plain":
            own = np.random.Generator(np.random.Philox(self.seed))
            model = Shaken(model, rng if self.network == "shaken" else own)
        loss_fn = Wavering(self.seed) if self.loss == "wavering" else None
        learned = model.parameters() + (loss_fn.parameters() if loss_fn else [])
        optimiser = OPTIMISERS[self.optimiser](learned)
        return {
            "model": model,
            "digits": noise(self.seed),
            "optimiser": optimiser,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "rng": rng,
            "loss_fn": loss_fn,
            "schedule": SCHEDULES[self.schedule](optimiser),
            "augment": speckle if self.augment else None,
            "average": optim.ExponentialMovingAverage(model, 0.9) if self.average else None,
            "clip_norm": 0.5 if self.clip == "clip_norm" else None,
            "clip_value": 0.01 if self.clip == "clip_value" else None,
            "valid": noise(self.seed + 1) if self.valid else None,
            "patience": self.patience if self.valid else None,
        }


def bits(value: Any) -> Any:
    """Make any state comparable with ==, bit by bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {str(key): bits(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [bits(part) for part in value]
    return value


def outcome(arguments: dict[str, Any], history: list[Epoch]) -> dict[str, Any]:
    """Say in comparable form what a run has led to: everything but how long it took."""
    parts = [arguments[name] for name in ("model", "optimiser", "schedule", "average")]
    generators = [arguments["rng"]]
    if isinstance(arguments.get("loss_fn"), Wavering):
        parts.append(arguments["loss_fn"])
        generators += arguments["loss_fn"].kept["own"]
    if isinstance(arguments["model"], Shaken):
        generators.append(arguments["model"].rng)
    return {
        "states": [part and bits(part.state_dict()) for part in parts],
        "generators": [bits(generator.bit_generator.state) for generator in generators],
        "history": [epoch._replace(seconds=0.0, waits=0) for epoch in history],
    }
