"""Images under windows in C: how windows go over them, and how they come in vectors of samples.

What slides over images does the same to every sample, so it is samples that vectors are made of.
They are taken in chunks, the last of which overlaps the one before: thus all are of one size, and
there are no odd samples at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..nn.windows import Windows
from .c_expressions import type_of
from .program import Value

__all__ = [
    "VECTOR_BYTES",
    "Pointer",
    "Scratch",
    "Way",
    "chunk_loop",
    "chunk_size",
    "closed",
    "element_strides",
    "frame",
    "framed",
    "loaded",
    "loops",
    "no_further",
    "place",
    "stored",
    "vector_type",
    "vectors",
    "ways",
]

Pointer = Callable[[Value], str]
Scratch = Callable[[int], str]

VECTOR_BYTES = 64  # of the longest
_CHUNK_BYTES = 256  # of one element of all samples of a chunk: some cache lines side by side


class Way(NamedTuple):
    """How windows go over a source, down or across.

    With tap ``t``, result ``r`` reads what is at the place ``r*step + t*spread - shift``. There the
    elements of the source are `gap` places apart, with zeros between and around them.
    """

    source: int
    results: int
    taps: int
    step: int
    spread: int
    shift: int
    gap: int = 1

    @property
    def width(self) -> int:
        """How many places there are from the first that is read to the last."""
        return (self.results - 1) * self.step + (self.taps - 1) * self.spread + 1

    @property
    def in_reach(self) -> range:
        """Which elements of the source are at these places."""
        stop = (self.width - 1 - self.shift) // self.gap + 1
        return range(max(0, -(self.shift // self.gap)), max(0, min(self.source, stop)))

    @property
    def stays_inside(self) -> bool:
        """Whether there is an element of the source at each of these places."""
        return self.gap == 1 and self.shift <= 0 and self.width - self.shift <= self.source

    @property
    def covers(self) -> bool:
        """Whether every element of the source is read."""
        first_taps = range(0, self.results * self.step, self.step)
        read = {r + t * self.spread - self.shift for r in first_taps for t in range(self.taps)}
        return read.issuperset(range(0, self.source * self.gap, self.gap))

    def find(self, result: str, tap: str, name: str) -> list[str]:
        """Find the element that is read, and go on with the next tap if there is none."""
        spot = f"{result}*{self.step} + {tap}*{self.spread} - {self.shift}"
        if self.gap > 1:
            outside = f"place < 0 || place % {self.gap} || place >= {self.source * self.gap}"
            return [
                f"const long place = {spot};",
                f"if ({outside}) continue;",
                f"const long {name} = place / {self.gap};",
            ]
        found = [f"const long {name} = {spot};"]
        if not self.stays_inside:
            found.append(f"if ({name} < 0 || {name} >= {self.source}) continue;")
        return found


def ways(x: Value, y: Value, windows: Windows) -> tuple[Way, Way]:
    """Tell how windows go over images `x`, of which each becomes an element of `y`."""
    before = [first for first, _ in windows.padding]
    sizes = x.shape[2:], y.shape[2:], windows.kernel, windows.stride, windows.dilation, before
    down, across = zip(*sizes, strict=True)
    return Way(*down), Way(*across)


# --- pieces of C --------------------------------------------------------------------------


def closed(*lines: str) -> list[str]:
    """Close the braces that lines leave open."""
    return [*lines, "}" * sum(line.count("{") - line.count("}") for line in lines)]


def loops(**counts: int) -> list[str]:
    """Open loops, each over an index."""
    return [f"for (long {i} = 0; {i} < {count}; {i}++)" for i, count in counts.items()]


def no_further(index: str, last: str) -> str:
    """Write an index that stops at the last place where a block fits."""
    return f"({index} < {last} ? {index} : {last})"


def element_strides(value: Value) -> tuple[int, ...]:
    """Tell how far a value's elements lie apart, in elements."""
    return tuple(stride // value.dtype.itemsize for stride in value.strides)


def place(strides: tuple[int, ...], *indices: str) -> str:
    """Write where an element lies, in elements."""
    terms = zip(indices, strides, strict=True)
    return " + ".join(f"({index})*{stride}" for index, stride in terms)


# --- samples ------------------------------------------------------------------------------


def chunk_size(samples: int, dtype: np.dtype[Any]) -> int:
    """Tell how many samples are a chunk: a power of two, for which the least is done twice."""
    powers = [1 << bits for bits in range(samples.bit_length())]
    allowed = [size for size in powers if size * dtype.itemsize <= _CHUNK_BYTES]
    return min(reversed(allowed[-3:]), key=lambda size: -(-samples // size) * size)


def chunk_loop(samples: int, chunk: str) -> list[str]:
    """Open a loop over chunks of samples: `n` is the first of each, `fresh` the first new one."""
    return [
        f"for (long fresh = 0; fresh < {samples}; fresh += {chunk}) {{",
        f"const long n = {no_further('fresh', f'{samples} - {chunk}')};",
    ]


def vectors(dtype: np.dtype[Any], chunk: int) -> list[str]:
    """Tell how many `lanes` a `vector` has, and how many `vectors` a chunk is."""
    most = f"TG_VECTOR_BYTES / {dtype.itemsize}"
    return [
        f"enum {{ lanes = {most} < {chunk} ? {most} : {chunk}, vectors = {chunk} / lanes }};",
        *vector_type("vector", dtype),
    ]


def vector_type(name: str, dtype: np.dtype[Any]) -> list[str]:
    """Name the vectors of a dtype, and those that lie wherever their elements may."""
    size = dtype.itemsize
    return [
        f"typedef {type_of(dtype)} {name} __attribute__((vector_size(lanes * {size})));",
        f"typedef {name} any_{name} __attribute__((aligned({size})));",
    ]


def loaded(kind: str, name: str, address: str, stride: int) -> list[str]:
    """Load a vector of samples that are so far apart."""
    if stride == 1:
        return [f"{kind} {name} = *(const any_{kind} *)({address});"]
    return [f"{kind} {name};", f"{_EACH_LANE} {name}[lane] = ({address})[lane*{stride}];"]


def stored(kind: str, name: str, address: str, stride: int) -> str:
    """Store a vector of samples so far apart."""
    if stride == 1:
        return f"*(any_{kind} *)({address}) = {name};"
    return f"{_EACH_LANE} ({address})[lane*{stride}] = {name}[lane];"


_EACH_LANE = "for (long lane = 0; lane < lanes; lane++)"


def frame(
    source: Value, across: Way, dtype: np.dtype[Any], chunk: int, scratch: Scratch
) -> list[str]:
    """Set memory aside for the `frame` of a chunk, with zeros where it is never written to."""
    _, channels, height, _ = source.shape
    nbytes = height * channels * across.width * chunk * dtype.itemsize
    lines = [f"{type_of(dtype)} *frame = ({type_of(dtype)} *)({scratch(nbytes)});"]
    if len(across.in_reach) < across.width:
        lines.append(f"memset(frame, 0, {nbytes});")
    return lines


def framed(source: Value, across: Way, chunk: int, pointer: Pointer) -> list[str]:
    """Copy a chunk into its `frame`, (H, C, W, chunk).

    It stays in the cache while everything is computed from it.
    """
    _, channels, height, _ = source.shape
    columns = across.in_reach
    old = place(element_strides(source), "n + s", "c", "y", "x")
    new = f"((y*{channels} + c)*{across.width} + x*{across.gap} + {across.shift})*{chunk} + s"
    return [
        *loops(y=height, c=channels),
        f"for (long x = {columns.start}; x < {columns.stop}; x++)",
        *loops(s=chunk),
        f"frame[{new}] = {pointer(source)}[{old}];",
    ]
