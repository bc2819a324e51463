"""When an array was last changed in place.

A rule may need, on the way back, a value from the way forward. If that value was written to
in between, its gradient would be wrong, so every write to a Tensor is noted here with its
time, and the sweep compares it with the time at which the value was saved. Views share the
memory of the array that owns it, and therefore its entry.
"""

import threading
import weakref
from itertools import count
from typing import Any

import numpy as np

__all__ = ["last_write", "now", "wrote"]

_clock = count(1)
_writes: dict[int, tuple[int, weakref.ref[Any]]] = {}  # id of the owner -> (time, the owner)
_newest = 0
_lock = threading.Lock()


def now() -> int:
    """Return the next tick of the one clock for computing and writing."""
    return next(_clock)


def _owner(array: Any) -> Any:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def wrote(array: Any) -> None:
    """Note that an array was changed in place."""
    global _newest
    owner = _owner(array)
    key = id(owner)
    with _lock:
        entry = _writes.get(key)
        alive = entry[1] if entry else weakref.ref(owner, lambda _: _writes.pop(key, None))
        _newest = now()
        _writes[key] = _newest, alive


def last_write(array: Any = None) -> int:
    """Tell when an array, or with None any array at all, was last changed in place."""
    if array is None:
        return _newest
    entry = _writes.get(id(_owner(array)))
    return entry[0] if entry else 0
