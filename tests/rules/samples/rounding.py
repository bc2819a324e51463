"""Samples of `rules.rounding`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, calls, normal, positive, unary

_grid = np.arange(6.0).reshape(2, 3)  # for remainders: a multiple of b plus or minus 0.3
_remainders = [
    (_grid * 1.5 + 0.3, np.full(3, 1.5)),
    (-_grid - 0.3, np.array(1.0)),
    (_grid[:, :1] + 0.3, np.full(3, -1.0)),
    (np.array(7.3), np.array(2.0)),
    (normal(0, 3), positive(1, 3)),
]
_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])
_other = np.array([-1.5, 1.0, 2.0])
_powers = np.array([-2, 0, 3], np.int8)

RULES: dict[str, list[Sample]] = {
    "remainder": [call(*pair) for pair in _remainders],
    "fmod": [call(*pair) for pair in _remainders],
    "fraction": unary(apart),
    "ldexp": [call(normal(2, 3), _powers), call(normal(), np.int8(2)), call(normal(0, 3), _powers)],
    "nextafter": [call(normal(2, 3), _powers), call(normal(), np.int8(2))],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.divmod: [Call(lambda a, b: np.divmod(a, b)[1], pair) for pair in _remainders],
    np.modf: [Call(lambda a: np.modf(a)[0], (a,)) for a in (apart(2, 3), apart(), apart(0, 3))],
    np.frexp: [
        Call(lambda a: np.frexp(a)[0], (a,))
        for a in (apart(2, 3) * 1.1, apart(), apart(0, 3), np.array([-3e-3, 700.0]))
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.floor, np.ceil, np.trunc, np.fix, np.rint, np.round, np.around], _signed),
    **calls([np.spacing], _signed),
    **calls([np.floor_divide], _signed, _other),
}

PLAIN: dict[str, Callable[..., Any]] = {"fraction": lambda a: a - np.trunc(a)}
