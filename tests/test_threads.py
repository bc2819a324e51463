"""Several threads at once: each computes what it would compute alone, to the last bit.

Python changes threads as often as it can here, so that what they share would be noticed.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, optim

Job = Callable[[Callable[[], Any]], list[np.ndarray]]
SEEDS = range(4)


@pytest.fixture(autouse=True)
def _changing_threads_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(jobs: Sequence[Job]) -> list[list[np.ndarray]]:
    """Run each job in a thread of its own; they wait for each other at every step."""
    barrier = threading.Barrier(len(jobs), timeout=30)
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(lambda job: job(barrier.wait), jobs))


def one_after_the_other(jobs: Sequence[Job]) -> list[list[np.ndarray]]:
    return [job(lambda: None) for job in jobs]


def check(jobs: Sequence[Job]) -> None:
    for expected, found in zip(one_after_the_other(jobs), together(jobs), strict=True):
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(b, a, strict=True)


def training(seed: int, *, steps: int = 40) -> Job:
    """Train a model, and look at its loss: recorded or not, depending on the seed."""

    def job(wait: Callable[[], Any]) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        layers = [nn.Linear(6, 5 + seed, rng=rng), nn.ReLU(), nn.Linear(5 + seed, 3, rng=rng)]
        model, loss_of = nn.Sequential(*layers), nn.SoftmaxCrossEntropy()
        optimiser = optim.SGD(model.parameters(), lr=0.1, momentum=0.3 * seed)
        images, labels = rng.random((8, 6), np.float32), rng.integers(0, 3, 8)
        losses = []
        for _ in range(steps):
            wait()
            loss = loss_of(model(images), labels)
            optimiser.zero_grad()
            loss.backward()
            with tg.enable_grad() if seed % 2 else tg.no_grad():
                wait()  # all threads are inside their own blocks now
                seen = loss_of(model(images), labels)
                assert seen.requires_grad == bool(seed % 2)
                losses.append(seen.numpy())
            optimiser.step()
        assert losses[-1] < losses[0]
        return [np.array(losses), *model.state_dict().values()]

    return job


def test_four_threads_train_four_models_exactly_as_one_after_the_other() -> None:
    check([training(seed) for seed in SEEDS])


def test_models_that_are_alike_stay_alike() -> None:
    first, *others = together([training(1)] * 4)
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(b, a, strict=True)


def curving(seed: int) -> Job:
    """Differentiate twice, by transforms and by sweeps over sweeps, in turns with the others."""

    def job(wait: Callable[[], Any]) -> list[np.ndarray]:
        x = np.random.default_rng(seed).standard_normal(3)
        found = []
        for _ in range(20):
            wait()
            leaf = Tensor(x, requires_grad=True)
            (np.tanh(leaf) * np.exp(leaf)).sum().backward(create_graph=True)
            slope = leaf.grad
            assert slope is not None
            leaf.grad = None
            with tg.no_grad():
                wait()
                found.append(tg.grad(tg.grad(lambda a: np.sin(a * a * seed)))(x[0]))
            (slope * slope).sum().backward()
            assert leaf.grad is not None
            found.append(leaf.grad.numpy())
        return found

    return job


def test_four_threads_differentiate_twice_exactly_as_one_after_the_other() -> None:
    check([curving(seed) for seed in SEEDS])


def writing(seed: int) -> Job:
    """Write in place, before a value is saved and after, while the others write and sweep."""

    def job(wait: Callable[[], Any]) -> list[np.ndarray]:
        found = []
        for step in range(30):
            t, factor = Tensor(np.full(4, 1.0 + step), requires_grad=True), Tensor(np.ones(4))
            factor[...] = float(seed)
            wait()
            y = (t * factor).sum()
            if step % 2:
                with tg.no_grad():
                    factor[0] = 9.0
                wait()
                with pytest.raises(RuntimeError, match="multiply: input 1"):
                    y.backward()
            else:
                wait()
                y.backward()
                assert t.grad is not None
                found.append(t.grad.numpy())
        return found

    return job


def test_a_write_is_noticed_by_those_whom_it_concerns_and_nobody_else() -> None:
    check([writing(seed) for seed in SEEDS])


def test_tasks_in_two_threads_each_keep_their_own_mode() -> None:
    async def look(mode: bool) -> list[bool]:
        found = []
        with tg.enable_grad() if mode else tg.no_grad():
            for _ in range(20):
                await asyncio.sleep(0)  # lets the other task run inside its own block
                found.append((Tensor(1.0, requires_grad=True) * 2).requires_grad)
        return found

    async def both(modes: tuple[bool, bool]) -> list[list[bool]]:
        with tg.no_grad():  # tasks begin in the mode of whoever starts them
            return await asyncio.gather(*map(look, modes))

    def loop(modes: tuple[bool, bool]) -> list[list[bool]]:
        barrier.wait()
        found = asyncio.run(both(modes))
        assert tg.is_grad_enabled()
        return found

    barrier = threading.Barrier(2, timeout=30)
    modes = [(True, False), (False, True)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(loop, modes))
    assert found == [[[mode] * 20 for mode in pair] for pair in modes]


def test_a_task_begins_in_the_mode_of_whoever_starts_it() -> None:
    async def begun() -> bool:
        return tg.is_grad_enabled()

    async def both() -> list[bool]:
        with tg.no_grad():
            inside = asyncio.create_task(begun())
            in_a_thread = await asyncio.to_thread(tg.is_grad_enabled)
        return [await inside, await asyncio.create_task(begun()), in_a_thread]

    assert asyncio.run(both()) == [False, True, False]
