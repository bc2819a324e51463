"""How arrays show themselves in a notebook: as a table where they are small, else as a heat map.

What is negative is blue, what is positive orange, and the stronger the further from 0; what is not
finite is yellow. The colours are transparent, so that they do for light and dark pages.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

__all__ = ["array_html", "colours", "png"]

Array = Any

_BLUE, _ORANGE, _YELLOW = (33, 113, 181), (212, 92, 10), (240, 200, 0)
_FEW = 12  # rows and columns of numbers that are shown as such
_MANY = 1_000_000  # elements for which a picture takes too long


def array_html(array: Array, title: str) -> str:
    """Write an array as HTML.

    Parameters
    ----------
    array
        Real numbers, of any shape.
    title
        What stands above it, in plain text.

    Examples
    --------
    >>> print(array_html(np.array([1.0, -1.0]), "two numbers"))  # doctest: +ELLIPSIS
    <div><code>two numbers</code><table><tr><td style="background:rgba(212,92,10,...
    """
    head = f"<code>{escape(title)}</code>"
    numbers = f"<pre>{escape(np.array2string(array, threshold=200))}</pre>"
    if not 1 <= array.ndim <= 2 or not 0 < array.size <= _MANY:
        return f"<div>{head}{numbers}</div>"
    rows = np.atleast_2d(array)
    if max(rows.shape) <= _FEW:
        return f"<div>{head}{_table(rows)}</div>"
    below = f"<details><summary>numbers</summary>{numbers}</details>"
    return f"<div>{head}<br>{_picture(rows)}{below}</div>"


def colours(array: Array, largest: float | None = None) -> Array:
    """Give each number its colour.

    Parameters
    ----------
    array
        Real numbers, of any shape.
    largest
        The absolute value that gets the strongest colour; by default the largest that is finite.

    Returns
    -------
    Red, green, blue and opacity from 0 to 255, along a new last axis, uint8.
    """
    values = np.asarray(array, np.float64)
    finite = np.isfinite(values)
    values = np.where(finite, values, 0)
    if largest is None:
        largest = float(np.abs(values).max(initial=0))
    found = np.empty((*values.shape, 4), np.uint8)
    found[..., :3] = np.where(values[..., None] < 0, _BLUE, _ORANGE)
    found[..., 3] = np.minimum(np.abs(values) / (largest or 1), 1) * 255
    found[~finite] = (*_YELLOW, 255)
    return found


def png(pixels: Array) -> bytes:
    """Write an image as a PNG file.

    Parameters
    ----------
    pixels
        Of shape (height, width, 4): red, green, blue and opacity, uint8.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 4 * width), np.uint8)  # each row begins with 0: it has no filter
    rows[:, 1:] = pixels.reshape(height, -1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )


def _table(rows: Array) -> str:
    lines = (
        "".join(map(_cell, row.tolist(), shades.tolist()))
        for row, shades in zip(rows, colours(rows), strict=True)
    )
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: float | int | bool, colour: Sequence[int]) -> str:
    red, green, blue, opacity = colour
    shade = f"rgba({red},{green},{blue},{0.6 * opacity / 255:.2f})"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f'<td style="background:{shade}">{text}</td>'


def _picture(rows: Array) -> str:
    height, width = (max(80, min(480, 12 * size)) for size in rows.shape)
    data = base64.b64encode(png(colours(rows))).decode()
    return (
        f'<img alt="heat map of {rows.shape[0]} by {rows.shape[1]} numbers" '
        f'style="width:{width}px;height:{height}px;image-rendering:pixelated;'
        f'border:1px solid #808080" src="data:image/png;base64,{data}">'
    )
