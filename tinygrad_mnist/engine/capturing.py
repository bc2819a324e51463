"""What a computation says to whoever captures it, to run it again without Python.

A captured step runs once on symbols, arrays of another type that note what is done with them. Three
things a symbol can't notice by itself, so they are said here: arrays that live on from step to
step, numbers that are worked out anew for every step, and conditions that have to hold every time.
What looks at elements asks first whether they are there (`is_known`), or runs `in_one_piece`.
Where nothing is captured, each is as cheap as a plain expression.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn, Protocol

import numpy as np

__all__ = [
    "ForeignArray",
    "Recorder",
    "ensure",
    "in_one_piece",
    "is_known",
    "live",
    "never_captured",
    "numbers",
    "recorder",
]

Array = Any


class ForeignArray:
    """What an array type derives from that speaks NumPy's protocols and stands where arrays do."""

    __slots__ = ()

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        """Answer a call of one of NumPy's functions, or of one that runs `in_one_piece`."""
        return NotImplemented

    def copy(self) -> Any:
        """As of arrays."""
        return NotImplemented

    def astype(self, dtype: Any) -> Any:
        """As of arrays."""
        return NotImplemented


class Recorder(Protocol):
    """Whoever captures."""

    def live(self, array: Array) -> Array:
        """Give the symbol of an array that lives on from step to step."""

    def numbers(
        self,
        fetch: Callable[[], Sequence[float]],
        advance: Callable[[], None],
        dtype: np.dtype[Any],
    ) -> list[Array]:
        """Give symbols of numbers that `fetch` returns anew for every step."""

    def ensure(self, condition: Array, message: str) -> None:
        """Note that a condition must hold in every step."""

    def moves(self, optimiser: Any) -> None:
        """Note that an optimiser takes its step, which it may do once."""

    def refuse(self, message: str) -> NoReturn:
        """Raise an error that says what can't be captured."""


recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def live(array: Array) -> Array:
    """Mark an array that every step changes and that no Tensor holds: an optimiser's own."""
    capture = recorder.get()
    return array if capture is None else capture.live(array)


def numbers(
    fetch: Callable[[], Sequence[float]],
    advance: Callable[[], None],
    dtype: np.dtype[Any],
    plain: Callable[[float, np.dtype[Any]], Array],
) -> list[Array]:
    """Compute numbers, as arrays of a dtype, that a captured step must compute anew each time.

    Parameters
    ----------
    fetch
        Works them out for the step at hand, and changes nothing.
    advance
        Notes that the step is taken.
    dtype
        That of the arrays.
    plain
        Makes an array of a number where nothing is captured.
    """
    capture = recorder.get()
    if capture is not None:
        return capture.numbers(fetch, advance, dtype)
    found = fetch()
    advance()
    return [plain(number, dtype) for number in found]


def is_known(array: Array) -> bool:
    """Tell whether elements can be looked at, to take a shorter way; those of a symbol can't."""
    return not isinstance(getattr(array, "_array", array), ForeignArray)  # or of a traced value


def ensure(condition: Array, message: str = "", error: type[Exception] = ValueError) -> None:
    """Raise an error unless a condition holds, in every step; a rule explains its own.

    That of a captured step is a ValueError always.
    """
    condition = getattr(condition, "_array", condition)  # of a traced value
    capture = recorder.get() if isinstance(condition, ForeignArray) else None
    if capture is not None:
        capture.ensure(condition, message)
    elif not condition:
        raise error(message)


def never_captured(message: str) -> None:
    """Refuse to go on where a step is captured: Python would do this once, and then no more."""
    capture = recorder.get()
    if capture is not None:
        capture.refuse(message)


def in_one_piece(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let other array types take over a function as a whole, as they may with NumPy's own.

    For functions of arrays that are more than a few of NumPy's in a row.
    """

    @functools.wraps(function)
    def dispatched(*arrays: Any, **keywords: Any) -> Any:
        for array in (*arrays, *keywords.values()):
            if isinstance(array, ForeignArray):
                return array.__array_function__(dispatched, (type(array),), arrays, keywords)
        return function(*arrays, **keywords)

    return dispatched
