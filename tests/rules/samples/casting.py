"""Samples of `rules.casting`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, calls, normal

_numbers = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])

RULES: dict[str, list[Sample]] = {"astype": [call(normal(2, 3), dtype=np.float64)]}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.astype: [
        Call(lambda x: np.astype(x, x.dtype), (_numbers,)),
        Call(lambda x: np.astype(x, x.dtype, copy=False), (_numbers,)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.common_type], _numbers),
    **calls([np.result_type], _numbers, np.array(3)),
    np.min_scalar_type: [Call(np.min_scalar_type, (np.array(3),))],
    np.can_cast: [Call(lambda a: np.can_cast(a, np.float32), (_numbers,))],
}

PLAIN: dict[str, Callable[..., Any]] = {"astype": lambda a, dtype: np.array(a, dtype)}
