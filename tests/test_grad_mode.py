"""Grad mode: off and on again, and each thread and task for itself."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, optim


@given(st.lists(st.booleans(), max_size=5))
def test_blocks_nest_and_end_where_they_began(modes: list[bool]) -> None:
    def enter(rest: list[bool], outside: bool) -> None:
        assert tg.is_grad_enabled() == outside
        if rest:
            with tg.enable_grad() if rest[0] else tg.no_grad():
                enter(rest[1:], rest[0])
        assert tg.is_grad_enabled() == outside
        assert (Tensor(1.0, requires_grad=True) * 2).requires_grad == outside

    enter(modes, True)


@pytest.mark.parametrize("block", [tg.no_grad, tg.enable_grad])
def test_an_error_ends_a_block_too(block: Any) -> None:
    with tg.no_grad():
        with pytest.raises(KeyError), block():
            raise KeyError
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


def test_a_block_is_a_decorator_as_well() -> None:
    decorator: Any = tg.no_grad()

    @decorator  # type: ignore[untyped-decorator]  # it is typed as what `with` takes only
    def double(t: Tensor) -> Tensor:
        return t * 2

    t = Tensor(1.0, requires_grad=True)
    assert not double(t).requires_grad
    assert not double(t).requires_grad
    assert (t * 2).requires_grad


def test_threads_do_not_notice_each_others_mode() -> None:
    barrier = threading.Barrier(2, timeout=10)

    def look(block: AbstractContextManager[None]) -> tuple[bool, bool]:
        with block:
            barrier.wait()  # both are inside their blocks now
            t = Tensor(1.0, requires_grad=True) * 2
            found = tg.is_grad_enabled(), t.requires_grad
            barrier.wait()
        return found

    with tg.no_grad(), ThreadPoolExecutor(2) as pool:
        found = pool.map(look, [tg.no_grad(), tg.enable_grad()])
        assert list(found) == [(False, False), (True, True)]
        fresh = ThreadPoolExecutor(1)
        assert fresh.submit(tg.is_grad_enabled).result()
        fresh.shutdown()


def test_tasks_do_not_notice_each_others_mode() -> None:
    async def look(block: AbstractContextManager[None], turns: int) -> list[bool]:
        found = []
        with block:
            for _ in range(turns):
                await asyncio.sleep(0)  # lets the other task run inside its own block
                found.append((Tensor(1.0, requires_grad=True) * 2).requires_grad)
        return found

    async def both() -> Sequence[list[bool]]:
        return await asyncio.gather(look(tg.no_grad(), 5), look(tg.enable_grad(), 5))

    assert list(asyncio.run(both())) == [[False] * 5, [True] * 5]
    assert tg.is_grad_enabled()


def train(seed: int) -> list[np.ndarray]:
    """Train a small model, with writes in place and blocks without recording in between."""
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(6, 8, rng=rng), nn.ReLU(), nn.Linear(8, 3, rng=rng))
    optimiser = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    images, labels = rng.random((16, 6), np.float32), rng.integers(0, 3, 16)
    losses = []
    for _ in range(100):
        loss = nn.SoftmaxCrossEntropy()(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with tg.no_grad():
            losses.append(nn.SoftmaxCrossEntropy()(model(images), labels).numpy())
    return [np.array(losses), *model.state_dict().values()]


def test_two_threads_train_two_models_exactly_as_one_after_the_other() -> None:
    alone = [train(seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(train, (1, 2)))
    for expected, found in zip(alone, together, strict=True):
        assert expected[0][-1] < expected[0][0]
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(a, b)


async def coroutine() -> None: ...


def generator() -> Iterator[None]:
    yield


@pytest.mark.parametrize("block", [tg.no_grad, tg.enable_grad, tg.detect_anomaly])
@pytest.mark.parametrize("function", [coroutine, generator])
def test_what_runs_bit_by_bit_is_not_decorated(block: Any, function: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{block.__name__}: {function.__name__} runs bit by bit"):
        block()(function)


def test_a_block_can_be_entered_again() -> None:
    block = tg.no_grad()
    with block:
        with block:
            assert not tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
