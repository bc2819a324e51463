"""Prepare batches in a background thread, ahead of the training step that will use them.

NumPy lets go of the interpreter while it computes, so that distorting the next batches and learning
from the present one share two cores.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Generator, Iterable
from queue import Empty, Queue
from threading import Event, Thread, current_thread
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

__all__ = ["Prefetch"]

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Run an iterable in a background thread, and give its items in order.

    Each iteration begins the iterable anew, in a thread of its own, and ends the iteration before.
    An exception of the iterable is raised where the items are used, with its own traceback. The
    thread ends with the iteration, also when a loop is left early; on `close`, or at the end of a
    ``with`` block, whoever may still hold the iterator.

    Parameters
    ----------
    iterable
        What to iterate over. While an iteration runs, it belongs to the thread.
    ahead
        How many items may be ready and not yet used; one more is in the making.

    Attributes
    ----------
    waits
        How often the latest iteration had to wait for an item. The first item, which cannot have
        been ready, does not count.
    waited
        How long it waited for those, in seconds.

    Raises
    ------
    TypeError
        If ``iterable`` is not iterable, or ``ahead`` is not an integer.
    ValueError
        If ``ahead`` is less than 1.

    Examples
    --------
    >>> list(Prefetch(range(5)))
    [0, 1, 2, 3, 4]
    >>> with Prefetch(range(1_000_000), ahead=2) as numbers:
    ...     print(next(iter(numbers)))
    0
    """

    def __init__(self, iterable: Iterable[T], ahead: int = 4) -> None:
        if not isinstance(iterable, Iterable):
            raise TypeError(f"expected something to iterate over, not {type(iterable).__name__}")
        if operator.index(ahead) < 1:
            raise ValueError(f"ahead must be 1 or more, not {ahead}")
        self._iterable = iterable
        self._ahead = ahead
        # Weak, so that an iterator that a loop has dropped is closed at once.
        self._latest: weakref.ref[Generator[T]] | None = None
        self.waits = 0
        self.waited = 0.0

    def __iter__(self) -> Generator[T]:
        self.close()
        items = self._items()
        self._latest = weakref.ref(items)
        return items

    def close(self) -> None:
        """End the iteration, and wait until its thread has ended; once again does nothing."""
        items = None if self._latest is None else self._latest()
        if items is not None:
            items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _items(self) -> Generator[T]:
        self.waits, self.waited = 0, 0.0
        ready: Queue[_Message] = Queue(self._ahead)
        stop = Event()
        # The thread knows nothing of this object or this iteration, so that both can be dropped.
        thread = Thread(target=_produce, args=(self._iterable, ready, stop), daemon=True)
        thread.start()
        first = True
        try:
            while True:
                late = ready.empty()
                begin = perf_counter()
                more, item = ready.get()
                if not more:
                    if item is not None:
                        raise item
                    return
                if late and not first:
                    self.waits += 1
                    self.waited += perf_counter() - begin
                first = False
                yield item
        finally:
            stop.set()
            if thread is not current_thread():  # it is if the garbage collector runs there
                _empty(ready)  # the thread may be waiting for room
                thread.join()


# (True, an item), (False, an exception), or (False, None) at the end.
_Message = tuple[bool, Any]


def _produce(iterable: Iterable[Any], ready: Queue[_Message], stop: Event) -> None:
    """Put the items into a queue, until there are no more or the stop is set.

    After the stop, at most one message is put, for which the emptied queue has room.
    """
    try:
        for item in iterable:
            ready.put((True, item))
            if stop.is_set():
                return
    except BaseException as error:  # noqa: BLE001  (raised by whoever uses the items)
        ready.put((False, error))
    else:
        ready.put((False, None))


def _empty(queue: Queue[Any]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
