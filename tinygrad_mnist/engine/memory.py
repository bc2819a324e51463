"""Whether an array was changed in place since an operation saved it.

A rule may need, on the way back, a value from the way forward. If that was written to in between,
the gradient would be wrong, so the sweep asks here first.

What a Tensor holds is only written to through a Tensor: every such write is noted with its time,
and compared with the time at which the value was saved. Views share the memory of the array that
owns it, and therefore its entry. An array of somebody else's is written to without a word, so of
that one a fingerprint is kept.
"""

import threading
import weakref
from functools import partial
from itertools import count
from typing import Any

import numpy as np

__all__ = ["clock", "fingerprint", "last_write", "wrote"]

clock = count(1)  # one time for computing and for writing
_times: dict[int, int] = {}  # id of the array that owns the memory -> when it was last written to
_owners: dict[int, weakref.ref[Any]] = {}  # the same arrays: an entry ends with its array
_newest = 0
_lock = threading.Lock()


def _owner(array: Any) -> Any:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def wrote(*arrays: Any) -> None:
    """Note that arrays were changed in place."""
    global _newest
    with _lock:
        _newest = next(clock)
        for array in arrays:
            owner = array if array.base is None else _owner(array)
            key = id(owner)
            _times[key] = _newest
            if key not in _owners:
                _owners[key] = weakref.ref(owner, partial(_forget, key))


def _forget(key: int, _: weakref.ref[Any]) -> None:
    del _times[key], _owners[key]


def last_write(array: Any = None) -> int:
    """Tell when an array, or with None any array at all, was last changed in place."""
    if array is None:
        return _newest
    return _times.get(id(_owner(array)), 0)


def fingerprint(array: Any, *, whole: bool = False) -> bytes:
    """Copy the elements of an array or, of more than 2,047, add them up and copy a hundred.

    What is added up are the elements' bits, eight bytes at a time, so that any change of one
    element is noticed. Changes of several that leave the sum as it was are, too, but for those
    that also leave all of the hundred elements as they were, which are spread evenly. Copying
    a large array, as with `whole`, would cost as much as computing with it.
    """
    flat = array.ravel(order="K")
    if whole or flat.size < 2048:
        return flat.tobytes()
    rest = flat.nbytes % 8 // flat.itemsize
    words = (flat[:-rest] if rest else flat).view(np.uint64)
    samples = flat[:: flat.size // 128 | 1]
    return np.add.reduce(words).tobytes() + samples.tobytes() + flat[flat.size - rest :].tobytes()
