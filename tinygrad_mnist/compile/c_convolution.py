"""Convolution of images and its two gradients in C, for shapes that are known.

All three are sums of products, and are computed in blocks that stay in registers, so that what is
loaded is used several times. In the convolution, a block is some places of a row by some outputs,
each a vector of samples. So it is in the gradient of the input, which is a convolution, too: of the
results' gradient, in which a stride leaves gaps, with kernels turned round. In the gradient of the
weights, a block is some outputs by some taps, and it is the samples that are added up in the end.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

from .c_expressions import type_of
from .c_frames import (
    VECTOR_BYTES,
    Pointer,
    Scratch,
    Way,
    chunk_loop,
    chunk_size,
    closed,
    element_strides,
    frame,
    framed,
    loops,
    no_further,
    place,
    stored,
    vectors,
    ways,
)
from .program import Operation, Value

__all__ = ["convolution", "input_gradient", "weight_gradient"]

_BLOCK = 12  # vectors of sums: what is loaded needs registers, too, of which there may be 16
_UNDERWAY = 8  # multiplications that a processor can begin before the first is done
_UNROLLED = 8  # taps of a row, at most


def convolution(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write a convolution."""
    x, weight, bias = operation.arguments
    down, across = ways(x, operation.result, operation.keywords["windows"])
    groups = operation.keywords["groups"]
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    output, *others = element_strides(weight)
    kernels = _Kernels(weight, groups, outputs, inputs, 0, (outputs * output, output, *others))
    return _slide(x, kernels, bias, operation.result, down, across, pointer, scratch)


def input_gradient(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write the gradient of a convolution for its input."""
    g, weight = operation.arguments
    groups, windows = operation.keywords["groups"], operation.keywords["windows"]
    down, across = (
        Way(way.results, way.source, way.taps, 1, way.spread, reach - way.shift, way.step)
        for way, reach in zip(ways(operation.result, g, windows), windows.reach, strict=True)
    )
    outputs, inputs = weight.shape[1], weight.shape[0] // groups
    output, inner, row, column = element_strides(weight)
    strides = inputs * output, inner, output, -row, -column
    last = (down.taps - 1) * row + (across.taps - 1) * column
    kernels = _Kernels(weight, groups, outputs, inputs, last, strides)
    return _slide(g, kernels, None, operation.result, down, across, pointer, scratch)


class _Kernels(NamedTuple):
    """Weights, and where those of (group, output, input, row, column) lie from the first one on."""

    weight: Value
    groups: int
    outputs: int
    inputs: int
    first: int
    strides: tuple[int, ...]


# --- places by outputs --------------------------------------------------------------------


def _slide(
    source: Value,
    kernels: _Kernels,
    bias: Value | None,
    result: Value,
    down: Way,
    across: Way,
    pointer: Pointer,
    scratch: Scratch,
) -> list[str]:
    """Add up the products of kernels with what they slide over."""
    if not result.size:
        return []
    kind, size, samples = type_of(result.dtype), result.dtype.itemsize, result.shape[0]
    _, groups, outputs, inputs, *_ = kernels
    chunk = chunk_size(samples, result.dtype)
    wide, tall = _block(across.results, outputs)
    block = list(product(range(wide), range(tall)))
    bands = -(-outputs // tall)
    taps = groups * bands * down.taps * inputs * across.taps * tall * size
    under = f"((row*{groups * inputs} + group*{inputs} + c)*{across.width} + x*{across.step})"
    tap = f"(((group*{bands} + band)*{down.taps} + i)*{inputs} + c)*{across.taps * tall}"
    strides = element_strides(result)

    def start(o: int) -> str:
        if bias is None:
            return ""
        return f" + {pointer(bias)}[{place(element_strides(bias), f'output + {o}')}]"

    def address(x: int, o: int) -> str:
        indices = "n + v*lanes", f"output + {o}", "y", f"x + {x}"
        return f"{pointer(result)} + {place(strides, *indices)}"

    return closed(
        "{",
        *vectors(result.dtype, chunk),
        *frame(source, across, result.dtype, chunk, scratch),
        f"{kind} *taps = ({kind} *)({scratch(taps)});",
        *_in_bands(kernels, down.taps, across.taps, tall, pointer),
        *chunk_loop(samples, f"{chunk}"),
        *framed(source, across, chunk, pointer),
        *loops(y=down.results),
        f"for (long next = 0; next < {across.results}; next += {wide})",
        *loops(group=groups, band=bands),
        "for (long v = 0; v < vectors; v++) {",
        f"const long x = {no_further('next', f'{across.results - wide}')};",
        f"const long output = group*{outputs} + {_output_of_band(outputs, tall)};",
        *(f"vector sum_{x}_{o} = (vector){{0}}{start(o)};" for x, o in block),
        *closed(
            f"for (long i = 0; i < {down.taps}; i++) {{",
            *down.find("y", "i", "row"),
            f"for (long c = 0; c < {inputs}; c++) {{",
            f"const vector *under = (const vector *)frame + {under}*vectors + v;",
            f"const {kind} *tap = taps + {tap};",
            f"#pragma GCC unroll {min(across.taps, _UNROLLED)}",
            f"for (long j = 0; j < {across.taps}; j++) {{",
            *(f"const {kind} tap_{o} = tap[j*{tall} + {o}];" for o in range(tall)),
            *(
                f"const vector under_{x} = under[(j*{across.spread} + {x * across.step})*vectors];"
                for x in range(wide)
            ),
            *(f"sum_{x}_{o} += under_{x} * tap_{o};" for x, o in block),
        ),
        *(stored("vector", f"sum_{x}_{o}", address(x, o), strides[0]) for x, o in block),
    )


def _in_bands(kernels: _Kernels, down: int, across: int, tall: int, pointer: Pointer) -> list[str]:
    """Copy weights to where they are read in order: a band is the outputs of one block."""
    weight, groups, outputs, inputs, first, strides = kernels
    bands = -(-outputs // tall)
    new = f"((((group*{bands} + band)*{down} + i)*{inputs} + c)*{across} + j)*{tall} + o"
    old = place(strides, "group", f"{_output_of_band(outputs, tall)} + o", "c", "i", "j")
    return [
        *loops(group=groups, band=bands, i=down, c=inputs, j=across, o=tall),
        f"taps[{new}] = {pointer(weight)}[{first} + {old}];",
    ]


def _output_of_band(outputs: int, tall: int) -> str:
    return no_further(f"band*{tall}", f"{outputs - tall}")


def _block(places: int, outputs: int) -> tuple[int, int]:
    """Choose how many places and outputs are a block: those that take the least time."""
    blocks = product(_up_to(places), _up_to(outputs))
    return min(
        (block for block in blocks if block[0] * block[1] <= _BLOCK),
        key=lambda block: -(-places // block[0]) * -(-outputs // block[1]) * _time(*block),
    )


def _up_to(count: int) -> range:
    return range(1, min(count, _BLOCK) + 1)


def _time(wide: int, tall: int) -> int:
    """Weigh what a block does for one tap: multiply, or wait for results of too few, and load."""
    return max(wide * tall, _UNDERWAY) + wide + tall


# --- outputs by taps ----------------------------------------------------------------------


def weight_gradient(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
    """Write the gradient of a convolution for its weights."""
    x, g = operation.arguments
    result, groups, samples = operation.result, operation.keywords["groups"], g.shape[0]
    outputs, inputs = result.shape[0] // groups, result.shape[1]
    down, across = ways(x, g, operation.keywords["windows"])
    total = f"{pointer(result)}[{place(element_strides(result), 'output + o', 'c', 'i', 'j')}]"
    if not samples:
        empty = loops(o=outputs * groups, c=inputs, i=down.taps, j=across.taps)
        return closed("{", "const long output = 0;", *empty, f"{total} = 0;")
    kind, size = type_of(result.dtype), result.dtype.itemsize
    chunk = chunk_size(samples, result.dtype)
    deep, wide, tall = _tap_block(inputs, across.taps, outputs)
    under = list(product(range(deep), range(wide)))
    block = [(c, j, o) for c, j in under for o in range(tall)]
    above = across.results * tall * chunk * size
    sums = down.taps * inputs * across.taps * tall
    fresh = f"{pointer(g)}[{place(element_strides(g), 'n + s', 'output + o', 'y', 'x')}]"
    if samples % chunk:
        fresh = f"n + s < fresh ? 0 : {fresh}"
    first = f"((row*{groups * inputs} + group*{inputs} + c)*{across.width} + j*{across.spread})"

    def sum_of(c: int, j: int, o: int) -> str:
        return f"sum[{(c * across.taps + j) * tall + o}]"

    return closed(
        "{",
        *vectors(result.dtype, chunk),
        *frame(x, across, result.dtype, chunk, scratch),
        f"{kind} *above = ({kind} *)({scratch(above)});",
        f"vector *sums = (vector *)({scratch(sums * VECTOR_BYTES)});",
        *chunk_loop(samples, f"{chunk}"),
        *framed(x, across, chunk, pointer),
        *loops(group=groups),
        f"for (long next = 0; next < {outputs}; next += {tall}) {{",
        f"const long output = group*{outputs} + {no_further('next', f'{outputs - tall}')};",
        f"memset(sums, 0, {sums} * sizeof(vector));",
        *closed(
            f"for (long y = 0; y < {down.results}; y++) {{",
            *loops(o=tall, x=across.results, s=chunk),
            f"above[(x*{tall} + o)*{chunk} + s] = {fresh};",
            f"for (long i = 0; i < {down.taps}; i++) {{",
            *down.find("y", "i", "row"),
            f"for (long c = 0; c < {inputs}; c += {deep})",
            f"for (long j = 0; j < {across.taps}; j += {wide}) {{",
            f"const vector *under = (const vector *)frame + {first}*vectors;",
            f"vector *sum = sums + ((i*{inputs} + c)*{across.taps} + j)*{tall};",
            *(f"vector sum_{c}_{j}_{o} = {sum_of(c, j, o)};" for c, j, o in block),
            *closed(
                *loops(x=across.results),
                "for (long v = 0; v < vectors; v++) {",
                *(
                    f"const vector above_{o} = "
                    f"((const vector *)above)[(x*{tall} + {o})*vectors + v];"
                    for o in range(tall)
                ),
                *(
                    f"const vector under_{c}_{j} = under[(x*{across.step} + "
                    f"{c * across.width + j * across.spread})*vectors + v];"
                    for c, j in under
                ),
                *(f"sum_{c}_{j}_{o} += under_{c}_{j} * above_{o};" for c, j, o in block),
            ),
            *(f"{sum_of(c, j, o)} = sum_{c}_{j}_{o};" for c, j, o in block),
        ),
        *loops(i=down.taps, c=inputs, j=across.taps),
        f"for (long o = group*{outputs} + next - output; o < {tall}; o++) {{",
        f"const vector parts = sums[((i*{inputs} + c)*{across.taps} + j)*{tall} + o];",
        f"{kind} whole = fresh ? {total} : 0;",
        "#pragma omp simd reduction(+: whole)",
        "for (long lane = 0; lane < lanes; lane++) whole += parts[lane];",
        f"{total} = whole;",
    )


def _tap_block(inputs: int, taps: int, outputs: int) -> tuple[int, int, int]:
    """Choose how many inputs, taps and outputs are a block; none is added up in two of them."""

    def time(block: tuple[int, int, int]) -> float:
        deep, wide, tall = block
        return -(-outputs // tall) * _time(deep * wide, tall) / (deep * wide)

    blocks = product(_parts_of(inputs), _parts_of(taps), _up_to(outputs))
    return min((block for block in blocks if math.prod(block) <= _BLOCK), key=time)


def _parts_of(count: int) -> list[int]:
    return [part for part in _up_to(count) if count % part == 0]
