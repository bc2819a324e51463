"""Networks, losses, optimisers and schedules that Hypothesis draws."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from optim.references import KINDS, OPTIONS
from small_steps import Array, Training
from strategies import FLOATS

from tinygrad_mnist import Tensor, nn, no_grad, optim

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "ReLU": nn.ReLU,
    "Tanh": nn.Tanh,
    "Sigmoid": nn.Sigmoid,
    "GELU": nn.GELU,
    "GELU, by tanh": lambda: nn.GELU("tanh"),
    "SiLU": nn.SiLU,
    "LeakyReLU": lambda: nn.LeakyReLU(0.1),
    "ELU": nn.ELU,
    "Softplus": nn.Softplus,
}
OTHERS = ["BatchNorm", "BatchNorm, all alike", "BatchNorm, bare", "LayerNorm", "Dropout"]
IMAGE_LAYERS = ["Conv", "Conv, strided", "MaxPool", "AvgPool"]
LABELS = [np.int64, np.int32, np.uint8, np.int8, np.uint16]
SCHEDULES: dict[str, Callable[[optim.Optimizer], Any]] = {
    "none": lambda optimiser: None,
    "exponential": lambda optimiser: optim.lr_scheduler.ExponentialLR(optimiser, 0.5),
    "steps": lambda optimiser: optim.lr_scheduler.StepLR(optimiser, 2),
    "linear": lambda optimiser: optim.lr_scheduler.LinearLR(optimiser, total_iters=3),
    "cosine": lambda optimiser: optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=3),
}


@dataclass(frozen=True)
class Loss:
    """A loss with its options, by name, and what it is compared with."""

    kind: str
    options: dict[str, Any]
    target: str  # "labels", "shares" of the classes, or any "numbers"

    def sees_labels(self, labels: Any) -> bool:
        """Tell whether Python looks at the labels, and takes a shorter way if none is ignored."""
        plain = not (self.options.get("weight") or self.options.get("label_smoothing"))
        return (
            (self.kind, self.target) == ("CrossEntropyLoss", "labels")
            and plain
            and self.options["reduction"] == "mean"
            and (np.dtype(labels).kind == "i" or self.options["ignore_index"] >= 0)
        )

    def make(self, classes: int, dtype: Any) -> Callable[[Any, Any], Any]:
        options = dict(self.options)
        for name in ("weight", "pos_weight"):
            if options.get(name):
                options[name] = np.linspace(0.5, 2, classes).astype(dtype)
        loss = getattr(nn, self.kind)(**options)
        if self.kind in ("NLLLoss", "KLDivLoss"):
            logarithm = nn.LogSoftmax()
            return lambda y, target: loss(logarithm(y), target)
        return loss  # type: ignore[no-any-return]


_REDUCTION = st.sampled_from(["mean", "sum"])


def _options(kind: str, target: str, **options: Any) -> st.SearchStrategy[Loss]:
    return st.fixed_dictionaries(options).map(lambda drawn: Loss(kind, drawn, target))


LOSSES: st.SearchStrategy[Loss] = st.one_of(
    _options("SoftmaxCrossEntropy", "labels"),
    _options(
        "CrossEntropyLoss",
        "labels",
        weight=st.sampled_from([None, True]),
        ignore_index=st.sampled_from([-100, 1]),
        reduction=_REDUCTION,
        label_smoothing=st.sampled_from([0.0, 0.1]),
    ),
    _options(
        "CrossEntropyLoss",
        "shares",
        weight=st.sampled_from([None, True]),
        reduction=_REDUCTION,
        label_smoothing=st.sampled_from([0.0, 0.1]),
    ),
    _options("NLLLoss", "labels", weight=st.sampled_from([None, True]), reduction=_REDUCTION),
    _options("MSELoss", "numbers", reduction=_REDUCTION),
    _options("L1Loss", "numbers", reduction=_REDUCTION),
    _options("SmoothL1Loss", "numbers", reduction=_REDUCTION, beta=st.sampled_from([0.3, 1.0])),
    _options(
        "BCEWithLogitsLoss",
        "shares",
        weight=st.sampled_from([None, True]),
        pos_weight=st.sampled_from([None, True]),
        reduction=_REDUCTION,
    ),
    _options(
        "KLDivLoss",
        "shares",
        reduction=_REDUCTION | st.just("batchmean"),
        log_target=st.booleans(),
    ),
)


@dataclass(frozen=True)
class Case:
    """A training: what Hypothesis drew."""

    image: tuple[int, int, int] | None
    inputs: int
    layers: tuple[Any, ...]
    classes: int
    loss: Loss
    labels: Any
    optimiser: Any
    options: tuple[dict[str, Any], ...]
    schedule: str
    dtype: np.dtype[Any]
    samples: int
    seed: int

    @property
    def is_the_same_to_the_last_bit(self) -> bool:
        """Tell whether a compiled step in NumPy does the same on arrays that lie the same way."""
        normalises = any("Norm" in str(kind) for kind in self.layers)
        return not (self.loss.sees_labels(self.labels) or (self.image and normalises))

    def make(self) -> tuple[Training, Any]:
        """Make the training, always the same, and its schedule."""
        rng, dropping = np.random.default_rng(self.seed), np.random.default_rng(self.seed + 1)
        model = nn.Sequential(*self._layers(rng, dropping))
        with no_grad():
            for tensor in model.parameters():
                if tensor.ndim == 1:  # biases of 0 would not show much
                    tensor[...] = rng.standard_normal(tensor.shape) / 2
        optimiser = self.optimiser(self._groups(model.parameters()))
        loss_fn = self.loss.make(self.classes, self.dtype)

        def step(images: Array, target: Array) -> Tensor:
            optimiser.zero_grad()
            loss: Tensor = loss_fn(model(images), target)
            loss.backward()
            optimiser.step()
            return loss

        return Training(model, optimiser, step, [dropping]), SCHEDULES[self.schedule](optimiser)

    def _groups(self, parameters: list[Tensor]) -> list[dict[str, Any]]:
        if len(self.options) == 1 or len(parameters) < 2:
            return [{"params": parameters, **self.options[0]}]
        first, second = self.options
        return [{"params": parameters[:1], **first}, {"params": parameters[1:], **second}]

    def _layers(self, rng: np.random.Generator, dropping: np.random.Generator) -> list[nn.Module]:
        layers: list[nn.Module] = []
        dtype, width = self.dtype, self.inputs
        if self.image is not None:
            channels, *size = self.image
            for kind in self.layers:
                if not isinstance(kind, str) or kind not in IMAGE_LAYERS or min(size) < 3:
                    continue
                if kind.startswith("Conv"):
                    stride = 2 if kind == "Conv, strided" else 1
                    padding = 0 if kind == "Conv, strided" else 1
                    layers.append(nn.Conv2d(channels, 2, 3, stride, padding, rng=rng, dtype=dtype))
                    channels = 2
                    size = [(n + 2 * padding - 3) // stride + 1 for n in size]
                else:
                    layers.append(nn.MaxPool2d(2) if kind == "MaxPool" else nn.AvgPool2d(2))
                    size = [n // 2 for n in size]
            layers.append(nn.Flatten())
            width = channels * size[0] * size[1]
        for kind in self.layers:
            if isinstance(kind, tuple):
                layers.append(nn.Linear(width, kind[0], bias=kind[1], rng=rng, dtype=dtype))
                width = kind[0]
            elif kind not in IMAGE_LAYERS:
                layers.append(_layer(kind, width, dropping, dtype))
        return [*layers, nn.Linear(width, self.classes, rng=rng, dtype=dtype)]

    def batch(self, number: int) -> tuple[Array, Array]:
        """Make the data of a step."""
        rng = np.random.default_rng((self.seed, number))
        shape = (self.samples, *(self.image or (self.inputs,)))
        images = rng.standard_normal(shape).astype(self.dtype)
        if self.loss.target == "labels":
            labels = rng.integers(0, self.classes, self.samples).astype(self.labels)
            labels[0] = 0  # where all are ignored, the mean is 0 / 0
            return images, labels
        target = rng.standard_normal((self.samples, self.classes)).astype(self.dtype)
        if self.loss.target == "shares":
            target = np.exp(target)
            target /= target.sum(axis=1, keepdims=True)
        return images, np.log(target) if self.loss.options.get("log_target") else target


def _layer(kind: str, width: int, dropping: np.random.Generator, dtype: Any) -> nn.Module:
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind]()
    if kind == "Dropout":
        return nn.Dropout(0.3, dropping)
    if kind == "LayerNorm":
        return nn.LayerNorm(width, dtype=dtype)
    if kind == "BatchNorm, all alike":
        return nn.BatchNorm1d(width, affine=False, dtype=dtype)
    if kind == "BatchNorm, bare":
        return nn.BatchNorm1d(width, track_running_stats=False, dtype=dtype)
    return nn.BatchNorm1d(width, dtype=dtype)


@st.composite
def cases(draw: st.DrawFn, images: bool = False) -> Case:
    kinds = st.sampled_from([*ACTIVATIONS, *ACTIVATIONS, *OTHERS])
    linear = st.tuples(st.integers(1, 6), st.booleans())
    layers = draw(st.lists(linear | kinds, max_size=5), label="layers")
    image = None
    if images:
        image = draw(st.tuples(st.integers(1, 2), st.integers(3, 8), st.integers(3, 8)))
        layers = [*draw(st.lists(st.sampled_from(IMAGE_LAYERS), min_size=1, max_size=3)), *layers]
    kind = draw(st.sampled_from(KINDS))
    options = draw(st.lists(OPTIONS[kind], min_size=1, max_size=2), label="options")
    for each in options:
        each["lr"] /= 100  # so that sums as losses do not run away
        if each.get("centered") and each["alpha"] == 0:  # the variance of one number is 0
            each["centered"] = False  # and rounding would be all that is left
    return Case(
        image=image,
        inputs=draw(st.integers(1, 9)),
        layers=tuple(layers),
        classes=draw(st.integers(2, 5)),
        loss=draw(LOSSES),
        labels=draw(st.sampled_from(LABELS)),
        optimiser=kind,
        options=tuple(options),
        schedule=draw(st.sampled_from(list(SCHEDULES))),
        dtype=draw(FLOATS),
        samples=draw(st.integers(2, 9)),
        seed=draw(st.integers(0, 1000)),
    )
