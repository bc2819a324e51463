"""Kernels that pick and place elements, draw random ones, or look for the largest.

An index that is out of range, and a condition that does not hold, end the step: it returns the
number of the operation, counted from 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..rules.picking import _scattered
from .c_expressions import NotInC, converted, literal, type_of
from .c_kernels import RefOf
from .c_loops import Ref, loops, nest_order
from .memory import part_of
from .operations import ensured, getitem, random, setitem
from .program import Operation, Value

__all__ = ["ELEMENTS", "Emitter"]

Emitter = Callable[[Operation, RefOf, int], list[str]]
"""Writes an operation in C, given where values lie and what to return where it fails."""


def _take(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    array, index, out = map(ref, (*operation.arguments, operation.result))
    axis = operation.keywords["axis"]
    if axis is None or operation.keywords.keys() - {"axis"}:
        raise NotInC("numpy.take from all axes at once, or with a mode")
    after = axis + len(index.shape)
    others = [*range(axis)], [*range(axis + 1, len(array.shape))]
    from_ = array.transposed([axis, *others[0], *others[1]])
    to = out.transposed([*range(axis, after), *range(axis), *range(after, len(out.shape))])
    return _picked(from_, [index], to, failure)


def _getitem(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    array, index = operation.arguments
    if _is_basic(index):
        return _copied(ref(operation.result), _part(ref(array), index))
    return _picked(ref(array), _indices(index, ref), ref(operation.result), failure)


def _indices(index: Any, ref: RefOf) -> list[Ref]:
    """Read an index that is made of arrays of integers only, which are broadcast."""
    parts = index if isinstance(index, tuple) else (index,)
    values = [part for part in parts if isinstance(part, Value) and part.dtype.kind in "iu"]
    if len(values) < len(parts) or not values:
        raise NotInC("an index that is not made of arrays of integers")
    shape = np.broadcast_shapes(*(value.shape for value in values))
    return [ref(value).stretched(shape) for value in values]


def _picked(array: Ref, indices: list[Ref], out: Ref, failure: int) -> list[str]:
    return _visited(array, indices, out, failure, lambda here, there: f"{there} = {here};")


def _visited(
    array: Ref, indices: list[Ref], other: Ref, failure: int, write: Callable[[str, str], str]
) -> list[str]:
    """Go through the elements of an array that indices name, and those of another, in turn."""
    shape, count = indices[0].shape, len(indices[0].shape)
    row = Ref(other.pointer, shape, other.strides[:count], other.dtype)
    opened, names, depth = loops(range(count), [*indices, row], shape, "p")
    lines = ["{", *(line for line in opened if not line.startswith("#"))]
    offsets = []
    for number, index in enumerate(indices):
        length = array.shape[number]
        lines += [
            f"int64_t n{number} = (int64_t){index.at(names)};",
            f"if (n{number} < 0) n{number} += {length};",
            f"if (n{number} < 0 || n{number} >= {length}) return {failure};",
        ]
        offsets.append(f"n{number}*{array.strides[number]}")
    rest, strides = array.shape[len(indices) :], array.strides[len(indices) :]
    inside = Ref(f"({array.pointer} + {' + '.join(offsets)})", rest, strides, array.dtype)
    across = Ref(f"(&{row.at(names)})", rest, other.strides[count:], other.dtype)
    more, within, deep = loops(nest_order([across, inside], rest), [across, inside], rest, "q")
    lines += [*more, write(inside.at(within), across.at(within)), "}" * deep]
    return [*lines, "}" * depth, "}"]


def _copied(out: Ref, source: Ref) -> list[str]:
    """Write the elements of one array into another of the same shape."""
    opened, names, depth = loops(nest_order([out, source], out.shape), [out, source], out.shape)
    text = source.at(names)
    if source.dtype != out.dtype:
        text = converted(text, out.dtype)
    return [*opened, f"{out.at(names)} = {text};", "}" * depth]


def _setitem(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    target, index, value = operation.arguments
    array, out = ref(target), ref(operation.result)
    lines = [] if array.place is out.place else _copied(out, array)
    if _is_basic(index):
        part = _part(out, index)
        return [*lines, *_copied(part, _source(value, part.shape, out.dtype, ref))]
    indices = _indices(index, ref)
    shape = (*indices[0].shape, *out.shape[len(indices) :])
    source = _source(value, shape, out.dtype, ref)

    def write(here: str, there: str) -> str:
        return f"{here} = {converted(there, out.dtype)};"

    return [*lines, *_visited(out, indices, source, failure, write)]


def _source(value: Any, shape: tuple[int, ...], dtype: np.dtype[Any], ref: RefOf) -> Ref:
    """Say where the elements come from that are written."""
    if isinstance(value, Value):
        place = ref(value)
        extra = max(0, len(place.shape) - len(shape))  # axes of length 1
        whole = replace(place, shape=place.shape[extra:], strides=place.strides[extra:])
        return whole.stretched(shape)
    if not isinstance(value, bool | int | float):
        raise NotInC(f"writing a {type(value).__name__} to elements")
    text = f"((const {type_of(dtype)}[]){{{literal(value, dtype)}}})"
    return Ref(text, (), (), dtype).stretched(shape)


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None
        or part is Ellipsis
        or (isinstance(part, int | slice) and not isinstance(part, bool))
        for part in parts
    )


def _part(ref: Ref, index: Any) -> Ref:
    """Say where the elements of a part of an array lie."""
    size = ref.dtype.itemsize
    strides = tuple(stride * size for stride in ref.strides)
    offset, part = part_of(ref.shape, strides, ref.dtype, index)
    inner = tuple(stride // size for stride in part.strides)
    return Ref(f"({ref.pointer} + {offset // size})", part.shape, inner, ref.dtype)


def _scattered_to(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    """Put elements into zeros, where those of the same place add up."""
    value, _, index = operation.arguments
    out, source = ref(operation.result), ref(value)
    kind = type_of(out.dtype)
    opened, names, depth = loops(nest_order([out], out.shape), [out], out.shape)
    lines = [*opened, f"{out.at(names)} = ({kind})0;", "}" * depth]
    if not _is_basic(index):
        indices = _indices(index, ref)
        return [
            *lines,
            *_visited(out, indices, source, failure, lambda here, there: f"{here} += {there};"),
        ]
    return [*lines, *_copied(_part(out, index), source)]


def _ensured(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    return [f"if (!{ref(operation.arguments[0]).at([])}) return {failure};"]


def _random(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    out = ref(operation.result)
    size = int(np.prod(out.shape, dtype=np.int64))
    bits = f"((tg_bitgen *)given_{operation.result.name})"
    draw = {
        "float32": f"(float)({bits}->next_uint32({bits}->state) >> 8) * 0x1p-24f",
        "float64": f"{bits}->next_double({bits}->state)",
    }[out.dtype.name]
    return [f"for (long i = 0; i < {size}; i++) {out.pointer}[i] = {draw};"]


def _reshaped(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    """Copy elements into another shape, in the order of their indices."""
    source, out = ref(operation.arguments[0]), ref(operation.result)
    strides = np.empty(source.shape, np.uint8).strides
    target = Ref(out.pointer, source.shape, strides, out.dtype)
    return _copied(target, source)


def _concatenated(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    """Copy one array after the other."""
    out, axis = ref(operation.result), _axis_of(operation) or 0
    axis %= len(out.shape)
    lines, begin = [], 0
    for value in operation.arguments[0]:
        if not isinstance(value, Value):
            raise NotInC("numpy.concatenate of lists")
        piece = slice(begin, begin + value.shape[axis])
        lines += _copied(_part(out, (*[slice(None)] * axis, piece)), ref(value))
        begin = piece.stop
    return lines


def _scanned(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    """Add up or multiply along an axis, and keep every step."""
    array, out, axis = ref(operation.arguments[0]), ref(operation.result), _axis_of(operation)
    if not array.shape or (axis is None and len(array.shape) > 1):
        raise NotInC(f"numpy.{operation.function.__name__} of all axes at once")
    axis = (axis or 0) % len(array.shape)
    sign, first = ("+", 0) if operation.function is np.cumsum else ("*", 1)
    kind, length = type_of(out.dtype), array.shape[axis]
    others = [i for i in range(len(array.shape)) if i != axis]
    opened, names, depth = loops(others, [array, out], array.shape)
    names[axis] = "r"
    return [
        "{",
        *(line for line in opened if not line.startswith("#")),
        f"{kind} total = {first};",
        f"for (long r = 0; r < {length}; r++) {{",
        f"total {sign}= ({kind}){array.at(names)};",
        f"{out.at(names)} = total;",
        "}" * (depth + 2),
    ]


def _axis_of(operation: Operation) -> int | None:
    axis: int | None = operation.keywords.get("axis", *operation.arguments[1:2] or (None,))
    return axis


def _argmax(operation: Operation, ref: RefOf, failure: int) -> list[str]:
    value, result = operation.arguments[0], operation.result
    axis = _axis_of(operation)
    if operation.keywords.keys() - {"axis"} or len(value.shape) != 2 or axis not in (1, -1):
        raise NotInC("numpy.argmax along other axes than the last of two")
    array, out = ref(value), ref(result)
    kind = type_of(value.dtype)
    return [
        f"for (long i = 0; i < {value.shape[0]}; i++) {{",
        f"{kind} best = {array.at(['i', '0'])}; int64_t place = 0;",
        f"for (long j = 1; j < {value.shape[1]}; j++) {{",
        f"const {kind} x = {array.at(['i', 'j'])};",
        "if (best == best && (x > best || x != x)) { best = x; place = j; }",
        "}",
        f"{out.at(['i'])} = place;",
        "}",
    ]


ELEMENTS: dict[Any, Emitter] = {
    np.take: _take,
    getitem: _getitem,
    setitem: _setitem,
    _scattered: _scattered_to,
    np.reshape: _reshaped,
    ensured: _ensured,
    random: _random,
    np.argmax: _argmax,
    np.concatenate: _concatenated,
    np.cumsum: _scanned,
    np.cumprod: _scanned,
}
