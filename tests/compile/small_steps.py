"""Small training steps, which are taken by Python and compiled, and what is left of both."""

import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, optim

Array = Any
Step = Callable[..., Any]

_WORDS = shlex.split(os.environ.get("CC", "")) or ["cc"]
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, (_WORDS[0], "gcc", "clang"))), reason="there is no C compiler here"
)
BACKENDS = ["numpy", pytest.param("c", marks=needs_compiler)]
backends = pytest.mark.parametrize("backend", BACKENDS)


@dataclass
class Training:
    """All that a step changes, and the step itself."""

    model: nn.Module
    optimiser: optim.Optimizer
    step: Step
    generators: Sequence[np.random.Generator] = field(default=())

    def state(self) -> dict[str, Any]:
        """Copy all that a step changes."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "drawn": [repr(rng.bit_generator.state) for rng in self.generators],
        }


def two_layers(dtype: Any = np.float32, seed: int = 0, inputs: int = 6) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        nn.Linear(inputs, 5, rng=rng, dtype=dtype),
        nn.ReLU(),
        nn.Linear(5, 4, rng=rng, dtype=dtype),
    )


def momentum(parameters: list[Tensor]) -> optim.Optimizer:
    return optim.SGD(parameters, lr=0.1, momentum=0.9)


def adam(parameters: list[Tensor]) -> optim.Optimizer:
    return optim.Adam(parameters, lr=0.01, eps=1e-3)


def classifier(
    make: Callable[[list[Tensor]], optim.Optimizer] = momentum,
    model: nn.Module | None = None,
    dtype: Any = np.float32,
) -> Training:
    """Make a classifier, and the step that everybody writes."""
    model = two_layers(dtype) if model is None else model
    optimiser, loss_fn = make(model.parameters()), nn.SoftmaxCrossEntropy()

    def step(images: Array, labels: Array) -> Tensor:
        optimiser.zero_grad()
        loss: Tensor = loss_fn(model(images), labels)
        loss.backward()
        optimiser.step()
        return loss

    return Training(model, optimiser, step)


def batch(count: int = 8, seed: int = 0, dtype: Any = np.float32) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.random((count, 6)).astype(dtype), rng.integers(0, 4, count)


def compiled(step: Step, backend: str = "numpy") -> Any:
    return tg.compile(step, backend=backend)


def arrays_in(whole: Any) -> Iterable[Any]:
    """List the arrays in dicts, lists and tuples, and whatever else is in there."""
    if isinstance(whole, dict):
        for name in sorted(whole, key=str):
            yield name
            yield from arrays_in(whole[name])
    elif isinstance(whole, list | tuple):
        yield len(whole)
        for part in whole:
            yield from arrays_in(part)
    elif isinstance(whole, Tensor):
        yield np.asarray(whole.detach().numpy())
    else:
        yield whole


def same(found: Any, expected: Any) -> None:
    """See that all is equal, to the last bit, and of the same shapes and dtypes."""
    pairs = zip(arrays_in(found), arrays_in(expected), strict=True)
    for a, b in pairs:
        if isinstance(b, np.ndarray | np.generic):
            np.testing.assert_array_equal(a, b, strict=True)
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()  # -0 is not 0
        else:
            assert a == b


def close(found: Any, expected: Any, digits: float = 1e-5) -> None:
    """See that all is equal but for rounding."""
    pairs = zip(arrays_in(found), arrays_in(expected), strict=True)
    for a, b in pairs:
        if isinstance(b, np.ndarray | np.generic) and np.asarray(b).dtype.kind == "f":
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(a, b, rtol=digits, atol=digits)
        else:
            assert np.array_equal(a, b)


def alike(backend: str, found: Any, expected: Any) -> None:
    """See that all is equal: in NumPy to the last bit, in C to rounding."""
    (same if backend == "numpy" else close)(found, expected)


def compare(backend: str, make: Callable[[], Training], calls: Sequence[tuple[Any, ...]]) -> None:
    """Take the same steps by Python and compiled, and see that results and states are equal."""
    eager, other = make(), make()
    step = compiled(other.step, backend)
    for call in calls:
        alike(backend, step(*call), eager.step(*call))
        alike(backend, other.state(), eager.state())
    assert step.backend == backend
