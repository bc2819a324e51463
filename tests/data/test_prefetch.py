import gc
import random
import threading
import time
import traceback
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_mnist.data import Prefetch

pauses = st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.0005, 0.002]), max_size=8)
ahead = st.integers(1, 5)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """No test may leave a thread behind."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert left == []


def slowly(pauses: list[float], fail: bool = False) -> Iterator[int]:
    for number, pause in enumerate(pauses):
        time.sleep(pause)
        yield number
    if fail:
        raise KeyError("the source is broken")


@given(pauses, ahead, st.sampled_from([0.0, 0.001]))
def test_items_come_in_order(pauses: list[float], ahead: int, pause: float) -> None:
    seen = []
    for item in Prefetch(slowly(pauses), ahead):
        time.sleep(pause)
        seen.append(item)
    assert seen == list(range(len(pauses)))


@given(pauses, ahead, st.integers(0, 8), st.sampled_from(["break", "close", "with", "raise"]))
def test_leaving_early_ends_the_thread(
    pauses: list[float], ahead: int, stop: int, how: str
) -> None:
    before = threading.active_count()
    prefetch = Prefetch(slowly(pauses), ahead)
    try:
        with prefetch:
            items = iter(prefetch)
            for item in items:
                if item < stop:
                    continue
                if how == "raise":
                    raise KeyboardInterrupt
                if how == "close":
                    prefetch.close()
                    assert list(items) == []
                break
            if how == "break":
                del items
                assert threading.active_count() == before
    except KeyboardInterrupt:
        assert how == "raise"
    assert threading.active_count() == before
    prefetch.close()


@given(pauses, ahead)
def test_the_exception_of_the_source_comes_after_its_items(pauses: list[float], ahead: int) -> None:
    seen: list[int] = []
    with pytest.raises(KeyError, match="the source is broken") as caught:
        seen.extend(Prefetch(slowly(pauses, fail=True), ahead))
    assert seen == list(range(len(pauses)))
    functions = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert "slowly" in functions


@settings(max_examples=10)
@given(st.integers(0, 2**32), ahead)
def test_nothing_deadlocks_whatever_the_timing(seed: int, ahead: int) -> None:
    chance = random.Random(seed)

    def pause() -> None:
        if chance.random() < 0.3:
            time.sleep(chance.random() * 0.001)

    def source() -> Iterator[int]:
        for number in range(chance.randrange(30)):
            pause()
            if chance.random() < 0.02:
                raise OSError
            yield number

    for _ in range(5):
        try:
            for number in Prefetch(source(), ahead):
                pause()
                if chance.random() < 0.05:
                    break
                assert number < 30
        except OSError:
            pass


def test_a_loop_that_is_left_by_an_exception_ends_the_thread() -> None:
    before = threading.active_count()

    def use() -> None:
        for item in Prefetch(range(1000), 2):
            if item == 3:
                raise ValueError("left")

    with pytest.raises(ValueError, match="left"):
        use()
    assert threading.active_count() == before


def test_each_iteration_begins_anew_and_ends_the_one_before() -> None:
    prefetch = Prefetch(range(10))
    first = iter(prefetch)
    assert next(first) == 0
    assert list(prefetch) == list(range(10))
    assert list(first) == []


def test_it_runs_ahead_but_no_further() -> None:
    made = []

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Prefetch(source(), ahead=3) as prefetch:
        assert next(iter_ := iter(prefetch)) == 0
        until = time.monotonic() + 10
        while len(made) < 5 and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.01)
        assert made == list(range(5))  # one used, three ready, one in the making
        assert next(iter_) == 1


def test_waits_are_counted_from_the_second_item_on(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Semaphore(0)

    class Reluctant(Queue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            go.release()  # the source goes on when the item is already asked for
            return super().get(block, timeout)

    def source() -> Iterator[int]:
        for number in range(4):
            go.acquire()
            yield number

    with monkeypatch.context() as patch:
        patch.setattr("tinygrad_mnist.data.prefetch.Queue", Reluctant)
        prefetch = Prefetch(source())
        for item in prefetch:
            assert prefetch.waits == item
            assert (prefetch.waited > 0) == (item > 0)
    assert prefetch.waits == 3  # neither the first item nor the end counts


def test_items_that_are_ready_are_no_waits() -> None:
    done = threading.Event()

    def source() -> Iterator[int]:
        yield from range(50)
        done.set()

    prefetch = Prefetch(source(), ahead=50)
    for _ in prefetch:
        done.wait()
    assert (prefetch.waits, prefetch.waited) == (0, 0.0)


def test_an_iterator_in_a_cycle_is_collected_with_its_thread() -> None:
    before = threading.active_count()
    items = iter(Prefetch(range(1000), 1))
    next(items)
    cycle: list[object] = [items]
    cycle.append(cycle)
    del items, cycle
    gc.collect()
    assert threading.active_count() == before


def test_a_prefetch_that_is_never_used_starts_nothing() -> None:
    before = threading.active_count()
    iter(Prefetch(range(3)))
    assert threading.active_count() == before


def test_bad_arguments_are_an_error() -> None:
    with pytest.raises(TypeError, match="something to iterate over, not int"):
        Prefetch(3)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(ValueError, match="ahead must be 1 or more, not 0"):
        Prefetch(range(3), 0)
    with pytest.raises(TypeError, match="float"):
        Prefetch(range(3), 1.5)  # type: ignore[arg-type]  # the point of the test
