"""What became of a step: which memory it takes, for how long, and what is computed together."""

from __future__ import annotations

from collections.abc import Sequence

from .c_source import CSource
from .memory import Layout
from .numpy_calls import writes
from .numpy_source import NumpySource
from .program import Program

__all__ = ["describe"]


def describe(program: Program, captured: int, source: NumpySource, compiled: CSource | None) -> str:
    """Describe a program as a table for people.

    Parameters
    ----------
    program
        The program.
    captured
        How many operations there were before it was simplified.
    source, compiled
        It in NumPy; and in C, if that is what runs.
    """
    layout = source.layout if compiled is None else compiled.layout
    nbytes = layout.nbytes if compiled is None else compiled.nbytes
    states = [state for state in program.states if state.after is not state.before]
    in_place = sum(state.after in layout.over for state in states)
    lines = [
        f"operations   {captured} captured, {len(program.operations)} left",
        f"runs as      {_form(source, compiled)}",
        f"memory       {_bytes(nbytes)} at its peak, for {_bytes(_total(layout))} of values",
        f"changes      {len(states)} arrays, {in_place} of them in place",
        "",
        f"{'buffer':24} {'form':24} {'bytes':>12}  {'at':>10}  from – to",
    ]
    for storage in sorted(layout.storages, key=lambda each: (each.first, each.offset)):
        first = storage.values[0]
        names = ", ".join(dict.fromkeys(value.name for value in storage.values))
        lines.append(
            f"{_short(names, 24):24} {f'{first.dtype} {first.shape}':24} {storage.nbytes:12,}  "
            f"{storage.offset:10,}  {storage.first} – {storage.last}"
        )
    if compiled is None and (own := _with_own_memory(program)):
        lines += ["", f"bring memory of their own: {', '.join(own)}"]
    groups = _fused(source) if compiled is None else compiled.fused
    lines += ["", "computed together", *(f"  {_short(group, 96)}" for group in groups)]
    return "\n".join(lines)


def _form(source: NumpySource, compiled: CSource | None) -> str:
    if compiled is None:
        return f"NumPy, {source.statements} statements"
    return f"C, {compiled.kernels} kernels (in NumPy: {source.statements} statements)"


def _with_own_memory(program: Program) -> list[str]:
    """Name the functions whose results NumPy, or we, can't write to memory set aside."""
    names = (
        operation.function.__name__.strip("_")
        for operation in program.operations
        if not (operation.is_view or writes(operation))
    )
    return list(dict.fromkeys(names))


def _total(layout: Layout) -> int:
    """Add up the sizes of all values, as if each had memory of its own."""
    return sum(value.nbytes for storage in layout.storages for value in storage.values)


def _fused(source: NumpySource) -> Sequence[str]:
    """List the values that share a place one after the other."""
    groups = (
        " → ".join(dict.fromkeys(value.name for value in storage.values))
        for storage in source.layout.storages
        if len(storage.values) > 1
    )
    return [group for group in groups if "→" in group]


def _bytes(count: int) -> str:
    for unit, size in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
