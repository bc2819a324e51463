"""Threads that meet symbols while another one captures a step: they see the arrays."""

from __future__ import annotations

from collections.abc import Callable
from threading import enumerate as enumerate_threads
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ..engine import recorder
from .symbol import Symbol, replaced

if TYPE_CHECKING:
    from .recording import Recording

__all__ = ["Bystanders"]

Array = Any


class Bystanders:
    """The threads that were there when a capture began, but for the one that captures.

    Parameters
    ----------
    recording
        What is captured.

    Attributes
    ----------
    arrays
        The arrays that symbols stand in for, by the symbols' ids.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._threads = {thread.ident for thread in enumerate_threads()} - {get_ident()}
        self.arrays: dict[int, Array] = {}

    def are_here(self) -> bool:
        """Tell whether this thread is one of them."""
        if recorder.get() is self._recording:
            return False
        if get_ident() not in self._threads:
            self._recording.refuse("a thread that the step begins can't be captured")
        return True

    def call(self, function: Callable[..., Any], args: Any, keywords: Any) -> Any:
        """Call a function with the arrays that symbols stand in for, and note nothing."""
        return function(*replaced(args, self.array_of), **replaced(keywords, self.array_of))

    def array_of(self, symbol: Symbol) -> Array:
        """Return the array that a symbol stands in for, or the sample of a computed one."""
        array = self.arrays.get(id(symbol))
        return self._recording.sample(symbol) if array is None else array
