"""Loops in C: a function of elements for every element, or of all elements along some axes.

A `Ref` says where the elements of a value lie: a pointer and strides, all of them known. So loops
have fixed bounds, and axes that lie behind each other in all arrays alike become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .c_expressions import literal, type_of

__all__ = ["Ref", "loops", "nest_order", "reduction"]


@dataclass(frozen=True)
class Ref:
    """The elements of an array.

    Attributes
    ----------
    pointer
        The C expression of the pointer to the first.
    shape
        The lengths of the axes.
    strides
        The steps along them, in elements.
    dtype
        What they are.
    place
        The memory that they lie in, to tell one from another.
    """

    pointer: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    place: Any = None

    def stretched(self, shape: tuple[int, ...]) -> Ref:
        """Broadcast it: new axes, and those of length 1, get strides of 0."""
        extra = len(shape) - len(self.shape)
        strides = [0] * extra + [
            0 if own == 1 and n != 1 else stride
            for own, n, stride in zip(self.shape, shape[extra:], self.strides, strict=True)
        ]
        return Ref(self.pointer, shape, tuple(strides), self.dtype)

    def transposed(self, order: Sequence[int]) -> Ref:
        """Give the axes another order."""
        shape, strides = (
            tuple(part[axis] for axis in order) for part in (self.shape, self.strides)
        )
        return replace(self, shape=shape, strides=strides)

    def at(self, indices: Sequence[str]) -> str:
        """Write the element at some indices."""
        terms = [
            index if stride == 1 else f"{index}*{stride}"
            for index, stride in zip(indices, self.strides, strict=True)
            if stride != 0 and index != "0"
        ]
        return f"{self.pointer}[{' + '.join(terms) or '0'}]"


def nest_order(refs: Sequence[Ref], shape: tuple[int, ...]) -> list[int]:
    """Order the axes, so that the one whose elements lie closest together is innermost.

    The first ref counts most, which is that of the result.
    """

    def closeness(axis: int) -> tuple[Any, ...]:
        return tuple(-abs(ref.strides[axis]) for ref in refs if ref.strides[axis])

    return sorted((axis for axis in range(len(shape)) if shape[axis] != 1), key=closeness)


def merged(
    order: Sequence[int], refs: Sequence[Ref], shape: tuple[int, ...]
) -> list[tuple[list[int], int]]:
    """Join axes that lie behind each other in all arrays: each group of axes, and its length."""
    groups: list[tuple[list[int], int]] = []
    for axis in order:
        if groups:
            last = groups[-1][0][-1]
            if all(ref.strides[last] == ref.strides[axis] * shape[axis] for ref in refs):
                groups[-1] = [*groups[-1][0], axis], groups[-1][1] * shape[axis]
                continue
        groups.append(([axis], shape[axis]))
    return groups


def loops(
    order: Sequence[int], refs: Sequence[Ref], shape: tuple[int, ...], prefix: str = "i"
) -> tuple[list[str], list[str], int]:
    """Open loops over the axes in an order.

    Returns
    -------
    The lines that open them; for each axis its index, where of joined axes the last one counts for
    all; and how many loops there are.
    """
    opened: list[str] = []
    indices = ["0"] * len(shape)
    groups = merged(order, refs, shape)
    for number, (axes, length) in enumerate(groups):
        name = f"{prefix}{number}"
        indices[axes[-1]] = name
        if number == len(groups) - 1:
            opened.append("#pragma GCC ivdep")
        opened.append(f"for (long {name} = 0; {name} < {length}; {name}++) {{")
    return opened, indices, len(groups)


_IDENTITIES = {np.add: 0, np.multiply: 1, np.logical_or: 0, np.logical_and: 1}
_LONG = 2048  # sums of more elements are sums of parts: their error does not grow with the number


def reduction(
    ufunc: np.ufunc,
    element: Any,
    refs: Sequence[Ref],
    shape: tuple[int, ...],
    axes: Sequence[int],
    out: Ref,
) -> list[str]:
    """Reduce elements along axes.

    Parameters
    ----------
    ufunc
        The function of two: add, multiply, maximum, minimum, logical_or or logical_and.
    element
        Given the indices, returns the lines that compute an element, and its name or expression.
    refs
        The arrays that it reads, stretched to the shape; the first one tells the order.
    shape
        Of the elements.
    axes
        Those that are reduced.
    out
        Where the results go: of the same number of axes, of length 1 where they are reduced.
    """
    order = nest_order(refs, shape)
    inner = [axis for axis in order if axis in axes]
    outer = [axis for axis in order if axis not in axes]
    dtype = type_of(out.dtype)
    first = _start(ufunc, out.dtype)
    if order and order[-1] not in axes:
        return _accumulated_in_memory(ufunc, element, refs, shape, inner, outer, out)
    opened, indices, depth = loops(outer, [*refs, out], shape, "o")
    lines = [line for line in opened if not line.startswith("#")]
    lines.append(f"{dtype} total = {first};")
    groups = merged(inner, refs, shape)
    length = groups[-1][1] if groups else 1
    names = list(indices)
    for number, (group, n) in enumerate(groups[:-1]):
        lines.append(f"for (long r{number} = 0; r{number} < {n}; r{number}++) {{")
        names[group[-1]] = f"r{number}"
    closing = "}" * max(0, len(groups) - 1)
    if groups:
        names[groups[-1][0][-1]] = "r"
    computed, text = element(names)
    simd = "#pragma omp simd reduction(+:part)" if ufunc is np.add else ""
    step = _LONG if length > _LONG else length
    lines.append(f"for (long begin = 0; begin < {length}; begin += {step}) {{")
    lines.append(f"const long end = begin + {step} < {length} ? begin + {step} : {length};")
    lines.append(f"{dtype} part = {first};")
    if simd:
        lines.append(simd)
    lines.append("for (long r = begin; r < end; r++) {")
    lines += [*computed, f"{_combined(ufunc, 'part', text, dtype)}", "}"]
    lines += [_combined(ufunc, "total", "part", dtype), "}", closing]
    target = [name if axis not in axes else "0" for axis, name in enumerate(indices)]
    lines.append(f"{out.at(target)} = total;")
    return [*lines, "}" * depth]


def _accumulated_in_memory(
    ufunc: np.ufunc,
    element: Any,
    refs: Sequence[Ref],
    shape: tuple[int, ...],
    inner: list[int],
    outer: list[int],
    out: Ref,
) -> list[str]:
    """Reduce along axes that lie far apart: whole rows at a time, into the result."""
    dtype = type_of(out.dtype)
    opened, indices, depth = loops(outer, [out], tuple(out.shape), "o")
    lines = [*opened, f"{out.at(indices)} = {_start(ufunc, out.dtype)};", "}" * depth]
    far = merged(inner, refs, shape)
    names = ["0"] * len(shape)
    for number, (group, length) in enumerate(far):
        lines.append(f"for (long r{number} = 0; r{number} < {length}; r{number}++) {{")
        names[group[-1]] = f"r{number}"
    opened, indices, depth = loops(outer, [*refs, out], shape, "o")
    both = [a if a != "0" else b for a, b in zip(indices, names, strict=True)]
    computed, text = element(both)
    target = out.at(indices)
    lines += [*opened, *computed, _combined(ufunc, target, text, dtype), "}" * depth]
    return [*lines, "}" * len(far)]


def _start(ufunc: np.ufunc, dtype: np.dtype[Any]) -> str:
    if ufunc in _IDENTITIES:
        return literal(_IDENTITIES[ufunc], dtype)
    if dtype.kind == "f":
        return literal(-np.inf if ufunc is np.maximum else np.inf, dtype)
    limits = np.iinfo(dtype if dtype.kind in "iu" else np.uint8)
    return literal(limits.min if ufunc is np.maximum else limits.max, dtype)


def _combined(ufunc: np.ufunc, total: str, text: str, dtype: str) -> str:
    if ufunc is np.add:
        return f"{total} += {text};"
    if ufunc is np.multiply:
        return f"{total} *= {text};"
    if ufunc in (np.logical_or, np.logical_and):
        return f"{total} = {total} {'||' if ufunc is np.logical_or else '&&'} ({text} != 0);"
    sign = ">" if ufunc is np.maximum else "<"
    return f"{{ const {dtype} x = {text}; {total} = x {sign} {total} || x != x ? x : {total}; }}"
