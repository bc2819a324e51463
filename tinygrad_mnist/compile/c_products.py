"""Matrix products in C: the skinny ones of small layers here, the large ones by NumPy's own BLAS.

A product with few columns keeps a block of its result in registers, some rows by all columns, while
it goes once along the inner axis; the columns lie side by side in vectors, filled up with zeros.
That is bound by arithmetic, where a BLAS mostly prepares for sizes that never come.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .c_expressions import type_of
from .c_loops import Ref
from .c_processor import vector_bytes

__all__ = ["is_skinny", "product"]

_COLUMNS = 48  # the most that are kept in registers
_SUMS = 12  # vectors of sums at a time, which leaves some of the least number of registers
_WORK = 1 << 21  # multiplications, below which a product is done here; a BLAS has threads for more


def is_skinny(m: int, k: int, n: int) -> bool:
    """Tell whether a product (m, k) by (k, n) is done here, and not by the BLAS."""
    return n <= _COLUMNS and m * k * n <= _WORK


def product(a: Ref, b: Ref, out: Ref, scratch: Callable[[int], str]) -> list[str]:
    """Multiply two matrices.

    Parameters
    ----------
    a, b, out
        Of shapes (m, k), (k, n) and (m, n), of one dtype.
    scratch
        Gives memory of so many bytes.
    """
    m, k = a.shape
    n = b.shape[1]
    if is_skinny(m, k, n):
        return _skinny(a, b, out, scratch)
    if is_skinny(n, k, m):
        return _skinny(_turned(b), _turned(a), _turned(out), scratch)
    return _by_blas(a, b, out, scratch)


def _turned(ref: Ref) -> Ref:
    return Ref(ref.pointer, ref.shape[::-1], ref.strides[::-1], ref.dtype)


def _skinny(a: Ref, b: Ref, out: Ref, scratch: Callable[[int], str]) -> list[str]:
    """Multiply by a matrix of few columns, which is copied into vectors first."""
    (m, k), n = a.shape, b.shape[1]
    dtype = type_of(a.dtype)
    lanes = vector_bytes() // a.dtype.itemsize
    vectors = -(-n // lanes)
    width = vectors * lanes
    rows = max(1, min(m, _SUMS // vectors))
    lines = [
        "{",
        f"typedef {dtype} vector __attribute__((vector_size({vector_bytes()})));",
        f"{dtype} *columns = ({dtype} *)({scratch(k * width * a.dtype.itemsize)});",
        f"for (long l = 0; l < {k}; l++) {{",
        *_row_of_columns(b, n, width),
        "}",
        "const vector *vectors = (const vector *)columns;",
    ]
    whole = m // rows * rows
    if whole:
        lines.append(f"for (long i = 0; i < {whole}; i += {rows}) {{")
        lines += [*_block(a, out, k, n, vectors, lanes, rows), "}"]
    if whole < m:
        lines += [f"{{ const long i = {whole};"]
        lines += [*_block(a, out, k, n, vectors, lanes, m - whole), "}"]
    return [*lines, "}"]


def _row_of_columns(b: Ref, n: int, width: int) -> list[str]:
    """Copy a row, and fill it up with zeros."""
    size = b.dtype.itemsize
    lines = [f"memset(columns + l*{width} + {n}, 0, {(width - n) * size});"] if width > n else []
    if b.strides[1] == 1:
        return [*lines, f"memcpy(columns + l*{width}, &{b.at(['l', '0'])}, {n * size});"]
    copied = f"columns[l*{width} + j] = {b.at(['l', 'j'])};"
    return [*lines, f"for (long j = 0; j < {n}; j++) {copied}"]


def _block(a: Ref, out: Ref, k: int, n: int, vectors: int, lanes: int, rows: int) -> list[str]:
    """Compute some rows of the result."""
    dtype = type_of(a.dtype)
    sums = [(r, v) for r in range(rows) for v in range(vectors)]
    down, along = a.strides
    lines = [f"const {dtype} *start = {a.pointer} + i*{down};"]
    lines += [f"vector sum_{r}_{v} = {{0}};" for r, v in sums]
    lines.append(f"for (long l = 0; l < {k}; l++) {{")
    lines += [f"const vector b_{v} = vectors[l*{vectors} + {v}];" for v in range(vectors)]
    for r in range(rows):
        lines.append(f"const {dtype} a_{r} = start[l*{along} + {r * down}];")
        lines += [f"sum_{r}_{v} += a_{r} * b_{v};" for v in range(vectors)]
    lines.append("}")
    for r, v in sums:
        count = min(lanes, n - v * lanes)
        across = out.strides[1]
        place = f"({out.pointer} + (i + {r})*{out.strides[0]} + {v * lanes * across})"
        if across == 1:
            lines.append(f"memcpy({place}, &sum_{r}_{v}, {count * a.dtype.itemsize});")
        else:
            lines.append(
                f"for (long j = 0; j < {count}; j++) {place}[j*{across}] = sum_{r}_{v}[j];"
            )
    return lines


def _by_blas(a: Ref, b: Ref, out: Ref, scratch: Callable[[int], str]) -> list[str]:
    """Call the BLAS that NumPy has loaded."""
    if out.strides[1] != 1 and out.strides[0] == 1:
        return _by_blas(_turned(b), _turned(a), _turned(out), scratch)
    lines = ["{"]
    for name, ref in (("a", a), ("b", b)):
        lines += _packed(name, ref, scratch)
    m, k = a.shape
    n = b.shape[1]
    function = "tg_sgemm" if a.dtype == np.float32 else "tg_dgemm"
    kind = type_of(a.dtype)
    (turn_a, down_a), (turn_b, down_b) = _flags(a), _flags(b)
    down = out.strides[0] if m > 1 else n
    lines.append(
        f"{function}(101, {turn_a}, {turn_b}, {m}, {n}, {k}, ({kind})1, a, {down_a}, "
        f"b, {down_b}, ({kind})0, {out.pointer}, {down});"
    )
    return [*lines, "}"]


def _is_direct(ref: Ref) -> bool:
    """Tell whether the BLAS can read a matrix as it lies."""
    (rows, columns), (down, across) = ref.shape, ref.strides
    by_rows = (across == 1 or columns == 1) and (down >= columns or rows == 1)
    by_columns = (down == 1 or rows == 1) and (across >= rows or columns == 1)
    return by_rows or by_columns


def _packed(name: str, ref: Ref, scratch: Callable[[int], str]) -> list[str]:
    dtype = type_of(ref.dtype)
    if _is_direct(ref):
        return [f"const {dtype} *{name} = {ref.pointer};"]
    rows, columns = ref.shape
    return [
        f"{dtype} *{name} = ({dtype} *)({scratch(rows * columns * ref.dtype.itemsize)});",
        f"for (long i = 0; i < {rows}; i++)",
        f"for (long j = 0; j < {columns}; j++) {name}[i*{columns} + j] = {ref.at(['i', 'j'])};",
    ]


def _flags(ref: Ref) -> tuple[int, int]:
    """Say whether the BLAS is to turn a matrix, and how far its rows lie apart."""
    (rows, columns), (down, across) = ref.shape, ref.strides
    if not _is_direct(ref):
        return 111, columns
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return 111, down if rows > 1 else columns
    return 112, across if columns > 1 else rows
