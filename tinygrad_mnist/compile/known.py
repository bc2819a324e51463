"""Values that are known when a step is captured: those of bare arrays, and what follows from them.

They are computed anew in every step as all others are. But where Python must know them, as the mask
that says how much is picked, they are looked at once, and the step holds only as long as the arrays
stay as they are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .program import Operation, Value
from .reach import Reach
from .symbol import Symbol, replaced

if TYPE_CHECKING:
    from .recording import Recording

__all__ = ["Known"]

Array = Any


class Known:
    """Knows from which bare arrays values are computed, if from nothing else.

    Parameters
    ----------
    recording
        What is captured.
    reach
        Looks whether arrays that were looked at have changed.
    """

    def __init__(self, recording: Recording, reach: Reach) -> None:
        self._recording, self._reach = recording, reach
        self._sources: dict[Value, dict[str, Array]] = {}

    def are_in(self, value: Value, name: str, array: Array) -> None:
        """Note that a value is that of a bare array."""
        self._sources.setdefault(value, {name: array})

    def are_fixed(self, value: Value) -> None:
        """Note that a value is always the same."""
        self._sources[value] = {}

    def follow(self, operation: Operation) -> None:
        """Note the results of an operation, if all that it reads is known."""
        sources = [self._sources.get(value) for value in operation.inputs]
        if all(each is not None for each in sources):
            joined = {name: array for each in sources for name, array in (each or {}).items()}
            self._sources |= dict.fromkeys(operation.results, joined)

    def array_of(self, symbol: Symbol) -> Array | None:
        """Return what is in an array, if that is known; it must stay so then."""
        sources = self._sources.get(symbol.value)
        if sources is None:
            return None
        for name, array in sources.items():
            self._reach.watch(name, array)
        return self._recording.sample(symbol)

    def put_into(self, part: Any) -> Any:
        """Put arrays in the place of symbols whose values are known."""

        def known(symbol: Symbol) -> Any:
            found = self.array_of(symbol)
            return symbol if found is None else found

        return replaced(part, known)

    def with_size(self, function: Callable[..., Any], given: Any) -> Any:
        """Look at arrays that say how many elements a function returns, if they are known."""
        given = self.put_into(given)
        if _has_symbols(given):
            self._recording.refuse(
                f"{function.__name__} asks for the value of an array inside a compiled step: it "
                f"returns as many elements as that says"
            )
        return given

    def index(self, index: Any) -> Any:
        """Put what is known into an index; other masks and ends of slices are refused."""
        parts = []
        for part in index if isinstance(index, tuple) else (index,):
            is_mask = isinstance(part, Symbol) and part.dtype.kind == "b"
            found = self.put_into(part) if is_mask or isinstance(part, slice) else part
            if is_mask and isinstance(found, Symbol):
                self._recording.refuse(
                    "a mask as an index asks for the value of an array inside a compiled step; "
                    "np.where(mask, a, b) doesn't"
                )
            if isinstance(found, slice):
                ends = found.start, found.stop, found.step
                if _has_symbols(ends):
                    self._recording.refuse(
                        "an end of a slice asks for the value of an array in a compiled step"
                    )
                found = slice(*(None if end is None else operator.index(end) for end in ends))
            parts.append(found)
        return tuple(parts) if isinstance(index, tuple) else parts[0]


def _has_symbols(part: Any) -> bool:
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, tuple | list):
        return any(map(_has_symbols, part))
    return isinstance(part, Symbol)
