"""Samples of `rules.comparing`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, calls

_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])
_other = np.array([-1.5, 1.0, 2.0])
_special = np.array([0.0, np.nan, np.inf, -np.inf])
_bits = np.array([6, 3, 1])

RULES: dict[str, list[Sample]] = {}

DERIVED: dict[Callable[..., Any], list[Call]] = {}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.isnan, np.isinf, np.isfinite, np.isneginf, np.isposinf], _special),
    **calls([np.equal, np.not_equal, np.less, np.less_equal], _signed, _other),
    **calls([np.greater, np.greater_equal, np.isclose, np.isin], _signed, _other),
    **calls([np.allclose, np.array_equal, np.array_equiv], _signed, _other),
    **calls([np.logical_and, np.logical_or, np.logical_xor], _signed, _other),
    **calls([np.logical_not], _signed),
    **calls([np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm], _bits, np.array(4)),
    **calls([np.left_shift, np.right_shift], _bits, np.array(1)),
    **calls([np.invert, np.bitwise_count], _bits),
}

PLAIN: dict[str, Callable[..., Any]] = {}
