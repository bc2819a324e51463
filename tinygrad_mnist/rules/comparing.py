"""Comparisons, logic and bits: functions of numbers whose results carry no gradient."""

import numpy as np

from .table import constant

constant(
    np.equal,
    np.not_equal,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
    np.isclose,
    np.allclose,
    np.array_equal,
    np.array_equiv,
    np.isnan,
    np.isinf,
    np.isfinite,
    np.isneginf,
    np.isposinf,
    np.isin,
)
constant(np.logical_and, np.logical_or, np.logical_xor, np.logical_not)
constant(
    np.bitwise_and,
    np.bitwise_or,
    np.bitwise_xor,
    np.bitwise_count,
    np.invert,
    np.left_shift,
    np.right_shift,
    np.gcd,
    np.lcm,
)
