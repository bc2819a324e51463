"""784-800-10 and LeNet-5, trained by the engine and by PyTorch, batch 128.

LeNet-5 is LeCun et al. 1998 in today's form: two convolutions with ReLU and max pooling, three
linear layers. Both contenders start from the same weights and train on the same batches, in one
process and in turns, as in `training_step`. An epoch is 469 steps, and every step costs the same: a
turn of some is as good. The wide network is also held against its matrix products alone.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from report import Row, Skip, median_row
from steps_by_hand import products
from training_step import make_batches
from turns import take_turns
from written_alike import Network, Step, lenet, training_step, two_layer

from tinygrad_mnist import Tensor, nn, optim

BATCH_SIZE = 128
STEPS_A_TURN = 15
TURNS = 24
WARM_UP = 2
STEPS_AN_EPOCH = 469
LEARNING_RATE = 0.05
NO_TORCH = "PyTorch is not installed; the extra `peers` brings it"

wide = partial(two_layer, hidden=800)


def wide_rows() -> Iterator[Row]:
    """Measure 784-800-10 against its matrix products, and against PyTorch where it is installed."""
    what = "784-800-10, batch 128"
    weights = [parameter.numpy() for parameter in _own(wide).parameters()]
    seconds = _measure(wide, {"products": products(weights, BATCH_SIZE)})
    yield median_row(
        f"{what}: step ÷ matrix products alone", _ratios(seconds, "products"), "×", at_most=1.25
    )
    if "torch" in seconds:
        ratios = _ratios(seconds, "torch")
        yield median_row(f"{what}: step ÷ PyTorch eager", ratios, "×", at_most=1.0)
    else:
        print(f"{what}: PyTorch skipped: {NO_TORCH}")
    for name, values in seconds.items():
        milliseconds = [1e3 * value / STEPS_A_TURN for value in values]
        yield median_row(f"{what}, one step: {WHO[name]}", milliseconds, "ms")


def lenet_rows() -> Iterator[Row]:
    """Measure an epoch of LeNet-5 against PyTorch."""
    if _torch() is None:
        raise Skip(NO_TORCH)
    seconds = _measure(lenet, {})
    what = "LeNet-5, batch 128"
    ratios = _ratios(seconds, "torch")
    yield median_row(f"{what}: epoch ÷ PyTorch eager", ratios, "×", at_most=1.5)
    for name, values in seconds.items():
        epochs = [value * STEPS_AN_EPOCH / STEPS_A_TURN for value in values]
        yield median_row(f"{what}, one epoch: {WHO[name]}", epochs, "s")


WHO = {"engine": "engine", "torch": "PyTorch", "products": "matrix products alone"}


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        return None
    return torch


def _measure(network: Network, others: dict[str, Step]) -> dict[str, list[float]]:
    """Return the seconds of each turn of the engine, of PyTorch if it is there, and of others."""
    arrays = make_batches(BATCH_SIZE)[:STEPS_A_TURN]
    ours = [(Tensor(images), labels) for images, labels in arrays]
    contenders = {"engine": _turn(_own_step(network), ours)}
    torch = _torch()
    if torch is not None:
        theirs = [(torch.tensor(x), torch.tensor(t, dtype=torch.int64)) for x, t in arrays]
        check_same_training(_own_step(network), _torch_step(torch, network), ours, theirs)
        contenders["torch"] = _turn(_torch_step(torch, network), theirs)
    contenders |= {name: _turn(step, arrays) for name, step in others.items()}
    return take_turns(contenders, TURNS, WARM_UP)


def _ratios(seconds: dict[str, list[float]], other: str) -> list[float]:
    return [a / b for a, b in zip(seconds["engine"], seconds[other], strict=True)]


def _own(network: Network) -> Any:
    return network(nn, rng=np.random.default_rng(0))


def _own_step(network: Network) -> Step:
    model = _own(network)
    return training_step(
        model, nn.SoftmaxCrossEntropy(), optim.SGD(model.parameters(), LEARNING_RATE)
    )


def _torch_step(torch: Any, network: Network) -> Step:
    """Make PyTorch's step, from the same weights."""
    model, state = network(torch.nn), _own(network).state_dict()
    model.load_state_dict(
        {name: torch.tensor(a.T if a.ndim == 2 else a) for name, a in state.items()}
    )
    return training_step(
        model, torch.nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), LEARNING_RATE)
    )


def _turn(step: Step, batches: Sequence[Any]) -> Callable[[], None]:
    def turn() -> None:
        for batch in batches:
            step(*batch)

    return turn


def check_same_training(own: Step, other: Step, ours: Sequence[Any], theirs: Sequence[Any]) -> None:
    """Refuse to compare what does not train the same network."""
    for batch, its in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(float(own(*batch)), other(*its).item(), rtol=1e-2)
