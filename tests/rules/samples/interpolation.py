"""Samples of `rules.interpolation`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

_knots = np.array([-1.0, 0.25, 0.5, 2.0])
_x = np.array([[-1.7, -0.9, 0.3], [0.4, 1.9, 2.6]])  # no knot is near, some are outside


def _interp(*args: Any, **keywords: Any) -> Any:
    """Bring the result, which is always float64, back to the dtype of the values."""
    return np.interp(*args, **keywords).astype(args[2].dtype)


RULES: dict[str, list[Sample]] = {
    "interp": [
        call(_x, _knots, normal(4)),
        call(np.array(0.3), _knots, normal(4)),
        call(np.array([-1.0, 0.5, 2.0]), np.array([0.7]), normal(1)),
        call(normal(0, 2), _knots, normal(4)),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.interp: [
        Call(_interp, (_x, _knots, normal(4))),
        Call(lambda f: _interp(0.3, _knots.tolist(), f), (normal(4),)),
        Call(lambda x, f: _interp(x, _knots, f, left=-1.5, right=3.0), (_x, normal(4))),
        Call(lambda x, f, end: _interp(x, _knots, f, end, end * 2), (_x, normal(4), normal())),
        Call(lambda x, xp, f: _interp(x, xp, f, period=3.5), (_x, _knots + 5, normal(4))),
        Call(lambda x, xp, f: _interp(x, xp, f, period=-1.37), (_x, _knots, normal(4))),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {"interp": np.interp}
