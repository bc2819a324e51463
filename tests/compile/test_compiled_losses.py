"""Every loss, by name, with every option: the random networks draw from the same, but not all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_steps import close, compiled, needs_compiler, same, two_layers

from tinygrad_mnist import Tensor, nn, optim

Array = Any
rng = np.random.default_rng(0)
IMAGES = rng.random((2, 8, 6)).astype(np.float32)
LABELS = rng.integers(0, 4, 8)
NUMBERS = rng.standard_normal((8, 4)).astype(np.float32)
SHARES = np.exp(NUMBERS) / np.exp(NUMBERS).sum(axis=1, keepdims=True)
WEIGHT = np.array([0.5, 1, 1.5, 2], np.float32)


def of_logarithms(loss: nn.Module) -> Callable[[Any, Any], Any]:
    return lambda y, target: loss(y.log_softmax(axis=1), target)


def added_up(loss: nn.Module) -> Callable[[Any, Any], Any]:
    return lambda y, target: loss(y, target).sum()


LOSSES: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "softmax cross-entropy": (nn.SoftmaxCrossEntropy(), "labels"),
    "cross-entropy": (nn.CrossEntropyLoss(), "labels"),
    "its sum": (nn.CrossEntropyLoss(reduction="sum"), "labels"),
    "of each": (added_up(nn.CrossEntropyLoss(reduction="none")), "labels"),
    "weighted": (nn.CrossEntropyLoss(WEIGHT), "labels"),
    "smoothed": (nn.CrossEntropyLoss(label_smoothing=0.1), "labels"),
    "ignoring": (nn.CrossEntropyLoss(WEIGHT, ignore_index=1, label_smoothing=0.1), "labels"),
    "of probabilities": (nn.CrossEntropyLoss(), "shares"),
    "of weighted probabilities": (nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1), "shares"),
    "likelihood": (of_logarithms(nn.NLLLoss()), "labels"),
    "weighted likelihood": (of_logarithms(nn.NLLLoss(WEIGHT, ignore_index=2)), "labels"),
    "square": (nn.MSELoss(), "numbers"),
    "sum of squares": (nn.MSELoss(reduction="sum"), "numbers"),
    "absolute": (nn.L1Loss(), "numbers"),
    "smooth": (nn.SmoothL1Loss(beta=0.5), "numbers"),
    "smooth nowhere": (nn.SmoothL1Loss(beta=0), "numbers"),
    "yes or no": (nn.BCEWithLogitsLoss(), "shares"),
    "weighted yes or no": (nn.BCEWithLogitsLoss(WEIGHT, pos_weight=WEIGHT), "shares"),
    "divergence": (of_logarithms(nn.KLDivLoss(reduction="batchmean")), "shares"),
    "of logarithms": (of_logarithms(nn.KLDivLoss(log_target=True)), "numbers"),
}


def train(names: list[str], backend: str = "") -> list[Any]:
    """Take two steps down the sum of some losses."""
    model = two_layers()
    optimiser = optim.SGD(model.parameters(), lr=0.01)

    def step(images: Array, labels: Array, numbers: Array, shares: Array) -> list[Tensor]:
        optimiser.zero_grad()
        targets = {"labels": labels, "numbers": numbers, "shares": shares}
        y = model(images)
        losses = [loss_fn(y, targets[target]) for loss_fn, target in map(LOSSES.get, names)]
        sum(losses[1:], losses[0]).backward()
        optimiser.step()
        return losses

    run = compiled(step, backend) if backend else step
    found = [[run(images, LABELS, NUMBERS, SHARES) for images in IMAGES], model.state_dict()]
    assert not backend or run.backend == backend
    return found


def check(names: list[str], backend: str) -> None:
    exactly = backend == "numpy" and "cross-entropy" not in names  # Python looks at its labels
    (same if exactly else close)(train(names, backend), train(names))


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_in_numpy(name: str) -> None:
    check([name], "numpy")


@needs_compiler
def test_all_losses_in_c() -> None:
    """Compiling once for all of them takes less time."""
    check(list(LOSSES), "c")
