"""Where the values of a program lie: one piece of memory for all, each part of it used again.

A value needs its memory from the task that computes it to the last that reads it. A task may write
over an input that nobody reads any more, if it has read each element before it writes there; and a
parameter's new value is written over the old one as soon as that is no longer needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .program import Operation, Program, Value

__all__ = ["Layout", "Storage", "Task", "bases_of", "lay_out", "part_of", "rewritten", "view_of"]

ALIGNMENT = 64  # bytes: a line of the cache, and the longest vector


@dataclass(eq=False)
class Task:
    """What is done at once, as far as memory is concerned.

    Attributes
    ----------
    reads
        The values that it reads; for views, those that they look at.
    results
        The values that it computes and that need memory.
    overwrites
        Of a result: the values in whose place it may be computed, if nobody else reads them.
    """

    reads: Sequence[Value]
    results: Sequence[Value]
    overwrites: Mapping[Value, Sequence[Value]] = field(default_factory=dict)


@dataclass(eq=False)
class Storage:
    """Memory for a value, and for those that are computed into the same place.

    Attributes
    ----------
    values
        Those that lie here, one after the other; views not counted.
    nbytes
        Its size.
    first, last
        The tasks, by number, between which it is needed.
    offset
        Where it begins.
    """

    values: list[Value]
    nbytes: int
    first: int
    last: int
    offset: int = 0


@dataclass(eq=False)
class Layout:
    """Where everything lies.

    Attributes
    ----------
    storages
        The pieces of memory.
    of
        The piece that a value lies in.
    over
        Of values that are computed right into a state's array: that state's first value.
    nbytes
        How much memory it takes altogether.
    """

    storages: list[Storage] = field(default_factory=list)
    of: dict[Value, Storage] = field(default_factory=dict)
    over: dict[Value, Value] = field(default_factory=dict)
    nbytes: int = 0


def bases_of(program: Program) -> dict[Value, Value]:
    """Tell of each view whose memory it looks at."""
    bases: dict[Value, Value] = {}
    for operation in program.operations:
        if operation.is_view:
            base = operation.arguments[0]
            bases[operation.result] = bases.get(base, base)
    return bases


def rewritten(operation: Operation, bases: Mapping[Value, Value]) -> dict[Value, list[Value]]:
    """Say in whose place an array with other elements may lie: in that of the array before.

    Parameters
    ----------
    operation
        A `setitem`.
    bases
        Of views: the value whose memory they look at.
    """
    target, result = operation.arguments[0], operation.result
    whole = bases.get(target, target)
    reads = [bases.get(value, value) for value in operation.inputs]
    fits = target.strides == result.strides and target.nbytes == whole.nbytes
    return {result: [whole] if fits and reads.count(whole) == 1 else []}


def lay_out(program: Program, tasks: Sequence[Task], bases: Mapping[Value, Value]) -> Layout:
    """Find a place for every value.

    Parameters
    ----------
    program
        The program, for what it begins and ends with.
    tasks
        What is done, in order.
    bases
        Of views: the value whose memory they look at.
    """
    layout = Layout()
    reads = {value: number for number, task in enumerate(tasks) for value in task.reads}
    for value in program.kept:
        reads[bases.get(value, value)] = len(tasks)
    ends = {
        state.after: state.before for state in program.states if state.after is not state.before
    }
    for number, task in enumerate(tasks):
        for value in task.results:
            may_go = task.overwrites.get(value, ())
            before = ends.get(value)
            if before is not None and _alike(value, before):
                last = reads.get(before, -1)
                if last < number or (last == number and before in may_go):
                    layout.over[value] = before
                    continue
            end = max(reads.get(value, number), number)
            earlier = next((v for v in may_go if _ends_here(layout.of.get(v), v, number)), None)
            if earlier is not None:
                storage = layout.of[earlier]
                storage.values.append(value)
                storage.last = end
            else:
                storage = Storage([value], value.nbytes, number, end)
                layout.storages.append(storage)
            layout.of[value] = storage
    layout.nbytes = _place(layout.storages)
    return layout


def _alike(a: Value, b: Value) -> bool:
    return (a.shape, a.dtype, a.strides) == (b.shape, b.dtype, b.strides)


def _ends_here(storage: Storage | None, value: Value, number: int) -> bool:
    """Tell whether a value is the last in its place, and nobody needs it after a task."""
    return storage is not None and storage.last == number and storage.values[-1] is value


def _place(storages: Iterable[Storage]) -> int:
    """Give each piece of memory its place, the largest first; return how much is needed."""
    placed: list[Storage] = []
    total = 0
    for storage in sorted(storages, key=lambda each: -each.nbytes):
        size = _rounded(storage.nbytes)
        offset = 0
        for other in sorted(placed, key=lambda each: each.offset):
            apart = other.last < storage.first or storage.last < other.first
            end = other.offset + _rounded(other.nbytes)
            if apart or end <= offset:
                continue
            if offset + size <= other.offset:
                break
            offset = end
        storage.offset = offset
        placed.append(storage)
        total = max(total, offset + size)
    return total


def _rounded(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def part_of(
    shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any], index: Any
) -> tuple[int, Any]:
    """Find where in an array the elements lie that an index picks.

    Parameters
    ----------
    shape, strides, dtype
        Of the array; strides in bytes.
    index
        Integers, slices and whatever else gives a view.

    Returns
    -------
    As of `view_of`.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if Ellipsis not in parts:
        parts = (*parts, ...)  # integers alone would give a number, which lies elsewhere
    return view_of(shape, strides, dtype, lambda whole: whole[parts])


def view_of(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: np.dtype[Any],
    look: Callable[[Any], Any],
) -> tuple[int, Any]:
    """Find where in an array a view of it lies.

    NumPy is asked, with an array that is as large but has no memory.

    Parameters
    ----------
    shape, strides, dtype
        Of the array; strides in bytes.
    look
        Makes the view, and reads no element.

    Returns
    -------
    How far behind the beginning of the array the view begins, in bytes, and the view, whose
    elements nobody may read.
    """
    whole = np.lib.stride_tricks.as_strided(np.empty(1, dtype), shape, strides)
    part = look(whole)
    return part.__array_interface__["data"][0] - whole.__array_interface__["data"][0], part
