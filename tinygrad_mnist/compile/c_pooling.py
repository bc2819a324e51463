"""Pooling of images in C, for shapes that are known.

What looks into windows goes over them with vectors of samples, and keeps the largest, or the sum,
in registers. What puts something into windows goes from each of them to all of its elements.
"""

from __future__ import annotations

from math import prod

from ..nn.windows import Windows
from .c_expressions import NotInC, type_of
from .c_frames import (
    Pointer,
    Scratch,
    Way,
    chunk_loop,
    chunk_size,
    closed,
    element_strides,
    loaded,
    loops,
    place,
    stored,
    vector_type,
    vectors,
    ways,
)
from .program import Operation, Value

__all__ = ["largest", "mean", "of_winners", "shares", "to_winners"]

_UNROLLED = 8  # taps in one direction, at most


# --- looking into windows -----------------------------------------------------------------


def largest(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write the largest of each window, and under which tap it lies."""
    winners = operation.results[1]
    strides = element_strides(winners)
    address = f"{pointer(winners)} + {place(strides, *_ROWS)}"
    before = [
        "vector found = (vector){0} - INFINITY;",
        "mask winner = {0}, none = ~winner;  /* the first one wins even with -infinity */",
    ]
    each = [
        "const mask taken = (tap > found) | (tap != tap) | none;  /* than NaN nothing is larger */",
        "found = (vector)(((mask)tap & taken) | ((mask)found & ~taken));",
        "winner = (number & taken) | (winner & ~taken);",
        "none = (mask){0};",
    ]
    after = [
        *vector_type("places", winners.dtype),
        "const places won = __builtin_convertvector(winner, places);",
        stored("places", "won", address, strides[-1]),
    ]
    return _look(operation, before, each, after, pointer)


def of_winners(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write what lies under the tap that won each window."""
    winners = operation.keywords["winners"]
    strides = element_strides(winners)
    address = f"{pointer(winners)} + {place(strides, *_ROWS)}"
    before = [
        *vector_type("places", winners.dtype),
        *loaded("places", "won", address, strides[-1]),
        "const mask winner = __builtin_convertvector(won, mask);",
        "vector found = {0};",
    ]
    each = [
        "const mask chosen = winner == number;",
        "found = (vector)(((mask)tap & chosen) | ((mask)found & ~chosen));",
    ]
    return _look(operation, before, each, [], pointer)


def mean(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write the mean of each window."""
    before = [*_count(operation, operation.arguments[0], operation.result), "vector found = {0};"]
    return _look(operation, before, ["found += tap;"], ["found /= count;"], pointer)


_IMAGES = "n", "c", "y", "x"
_ROWS = "y", "c", "x", "n"


def _look(
    operation: Operation, before: list[str], each: list[str], after: list[str], pointer: Pointer
) -> list[str]:
    """Compute `found` in each window: before its taps, for each `tap` of a `number`, and after."""
    x, y = operation.arguments[0], operation.result
    if not y.size:
        return []
    samples, channels, height, width = y.shape
    down, across = ways(x, y, operation.keywords["windows"])
    reads, writes = element_strides(x), element_strides(y)
    integer = f"int{8 * y.dtype.itemsize}_t"
    return closed(
        "{",
        *vectors(y.dtype, chunk_size(samples, y.dtype)),
        f"typedef {integer} mask __attribute__((vector_size(sizeof(vector))));",
        *loops(y=height, c=channels, x=width),
        *chunk_loop(samples, "lanes"),
        *before,
        *closed(
            *_tap_loops(down, across),
            f"const {integer} number = i*{across.taps} + j;",
            *loaded(
                "vector",
                "tap",
                f"{pointer(x)} + {place(reads, 'n', 'c', 'row', 'column')}",
                reads[0],
            ),
            *each,
        ),
        *after,
        stored("vector", "found", f"{pointer(y)} + {place(writes, *_IMAGES)}", writes[0]),
    )


def _tap_loops(down: Way, across: Way) -> list[str]:
    """Open loops over the taps of a window that are inside of the image, at `row` and `column`."""
    return [
        f"#pragma GCC unroll {min(down.taps, _UNROLLED)}",
        f"for (long i = 0; i < {down.taps}; i++) {{",
        *down.find("y", "i", "row"),
        f"#pragma GCC unroll {min(across.taps, _UNROLLED)}",
        f"for (long j = 0; j < {across.taps}; j++) {{",
        *across.find("x", "j", "column"),
    ]


def _count(operation: Operation, x: Value, y: Value) -> list[str]:
    """Count the elements of a window; those of the padding only where they are to be."""
    windows: Windows = operation.keywords["windows"]
    kind = type_of(y.dtype)
    down, across = ways(x, y, windows)
    inside = down.stays_inside and across.stays_inside
    if (divisor := operation.keywords.get("divisor")) is not None:
        return [f"const {kind} count = {divisor};"]
    if operation.keywords["count_include_pad"] and any(a != b for a, b in windows.padding):
        raise NotInC("the mean of windows that reach beyond the padding")
    if inside or operation.keywords["count_include_pad"]:
        return [f"const {kind} count = {prod(windows.kernel)};"]
    return [f"{kind} count = 0;", *closed(*_tap_loops(down, across), "count++;")]


# --- putting into windows -----------------------------------------------------------------


def to_winners(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write what puts to the tap that won each window what belongs to it."""
    a, winners = operation.arguments[0], operation.keywords["winners"]
    won = f"{pointer(winners)}[{place(element_strides(winners), *_ROWS)}]"
    what = f"{pointer(a)}[{place(element_strides(a), *_IMAGES)}] * ({won} == number)"
    return _put(operation, [], what, pointer)


def shares(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write what shares among the elements of each window what belongs to it."""
    a = operation.arguments[0]
    what = f"{pointer(a)}[{place(element_strides(a), *_IMAGES)}] / count"
    return _put(operation, _count(operation, operation.result, a), what, pointer)


def _put(operation: Operation, before: list[str], what: str, pointer: Pointer) -> list[str]:
    """Add something to each element of each window."""
    a, result = operation.arguments[0], operation.result
    samples, channels, height, width = a.shape
    windows: Windows = operation.keywords["windows"]
    down, across = ways(result, a, windows)
    strides = element_strides(result)
    lines = []
    if not (windows.are_apart and down.covers and across.covers):
        lines = [
            *loops(y=result.shape[2], c=channels, x=result.shape[3], n=samples),
            f"{pointer(result)}[{place(strides, *_IMAGES)}] = 0;",
        ]
    return lines + closed(
        "{",
        *loops(y=height, c=channels, x=width),
        "{",
        *before,
        *_tap_loops(down, across),
        f"const long number = i*{across.taps} + j;",
        "#pragma omp simd",
        *loops(n=samples),
        f"{pointer(result)}[{place(strides, 'n', 'c', 'row', 'column')}] "
        f"{'=' if windows.are_apart else '+='} {what};",
    )
