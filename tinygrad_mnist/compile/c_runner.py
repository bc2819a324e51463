"""Running a step in C: its memory, the addresses that it is given, and its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .c_library import load_library
from .c_source import write_c
from .program import Program, Value, values_in, with_each

__all__ = ["CRunner", "FailedError"]


class FailedError(Exception):
    """A step in C stopped, since an index is out of range or a condition does not hold.

    Attributes
    ----------
    number
        The operation at which it did.
    find
        Finds the array of a value.
    """

    def __init__(self, number: int, find: Callable[[Value], Any]) -> None:
        super().__init__(number)
        self.number, self.find = number, find


class CRunner:
    """A program in C, compiled and ready.

    Parameters
    ----------
    program
        The program.

    Raises
    ------
    NotInC
        If it can't be written in C.
    NoCompilerError
        If it can't be compiled.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.source = write_c(program)
        self._library = load_library(self.source.text)
        # 64 bytes more, to begin at a multiple of 64
        self._memory = np.empty(self.source.nbytes + 64, np.uint8)
        begin = -_address(self._memory) % 64
        self._aligned = self._memory[begin:]
        self._addresses = np.zeros(len(self.source.given) + len(self.source.generators), np.uintp)
        self._arguments = len(program.arguments)
        self._kept = []  # what the addresses belong to
        for number, value in enumerate(self.source.given[self._arguments :], self._arguments):
            self._kept.append(value.array)
            self._addresses[number] = _address(value.array)
        for number, generator in enumerate(self.source.generators, len(self.source.given)):
            self._kept.append(generator)
            self._addresses[number] = generator.bit_generator.ctypes.bit_generator.value
        self._numbers = np.zeros(max(1, sum(len(each.values) for each in program.numbers)))
        self._results = _views(program, self.source.results, self._aligned)
        self._call = self._library.step
        self._pointers = (
            _address(self._aligned),
            _address(self._addresses),
            _address(self._numbers),
        )

    def __call__(self, arrays: Sequence[Any], numbers: Sequence[float]) -> Any:
        """Take a step."""
        given = [np.ascontiguousarray(a) if not a.flags.c_contiguous else a for a in arrays]
        for place, array in enumerate(given):
            self._addresses[place] = _address(array)
        for place, number in enumerate(numbers):
            self._numbers[place] = number
        failure = self._call(*self._pointers)
        if failure:
            raise FailedError(failure - 1, self._finder(given))
        return with_each(self._program.results, self._copied)

    def epoch(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        order: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], int, FailedError | None]:
        """Take a step for each whole batch of an order, if `can_epoch`.

        Returns
        -------
        The results of each step, how many were taken, and the error that ended them, if any.
        """
        function = self._library.epoch(images.dtype)
        assert function is not None  # noqa: S101  # `can_epoch` was asked
        first, second = self.source.given[:2]
        steps = len(order) // first.shape[0]
        batch = np.empty(first.shape, first.dtype), np.empty(second.shape, second.dtype)
        for number, array in enumerate(batch):
            self._addresses[number] = _address(array)
        results = np.empty((steps, len(list(values_in(self._program.results)))))
        done = np.zeros(1, np.int64)
        failure = function(
            *self._pointers[:2],
            *(_address(array) for array in (numbers, images, labels, order)),
            steps,
            _address(results),
            _address(done),
        )
        error = FailedError(failure - 1, self._finder(batch)) if failure else None
        return results, int(done[0]), error

    def can_epoch(self, images: NDArray[Any], labels: NDArray[Any]) -> bool:
        """Tell whether there is a function that takes many steps on such a data set."""
        if self._library.epoch(images.dtype) is None:
            return False
        first, second = self.source.given[:2]
        return (
            images.flags.c_contiguous
            and labels.flags.c_contiguous
            and labels.dtype == second.dtype
            and images[:1].size * first.shape[0] == first.size
            and labels.shape[1:] == second.shape[1:]
        )

    def _finder(self, arrays: Sequence[Any]) -> Callable[[Value], Any]:
        """Find the arrays of arguments; of other values a view of the shape is enough."""
        known = dict(zip(self._program.arguments.values(), arrays, strict=True))

        def find(value: Value) -> Any:
            array = known.get(value, value.array)
            return (
                np.broadcast_to(np.zeros((), value.dtype), value.shape) if array is None else array
            )

        return find

    def _copied(self, value: Value) -> Any:
        found = self._results[value]
        return found.copy() if found.shape else found[()]


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _views(
    program: Program, offsets: dict[Value, int], memory: NDArray[np.uint8]
) -> dict[Value, Any]:
    """Look at the results where they lie."""
    found: dict[Value, Any] = {}
    states = {state.after: state.before.array for state in program.states}
    for value in program.kept:
        if value in offsets:
            found[value] = np.ndarray(
                value.shape, value.dtype, memory, offsets[value], value.strides
            )
        else:
            found[value] = states.get(value, value.array)
    return found
