"""Samples of `rules.convolution`."""

from collections.abc import Callable
from typing import Any

from .draw import Call, Sample, call, normal


def _slid() -> list[Sample]:
    lengths = [(5, 3), (3, 5), (4, 2), (2, 4), (5, 2), (1, 4), (3, 3)]
    modes = ["full", "same", "valid"]
    return [call(normal(a), normal(v), mode=mode) for a, v in lengths for mode in modes]


RULES: dict[str, list[Sample]] = {
    "convolve": [call(normal(3), normal(2)), call(normal(), normal(2)), *_slid()],
    "correlate": [call(normal(3), normal(2)), *_slid()],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {}
