"""Samples of `rules.missing`: NaN stays NaN when it is moved, so that its differences are 0."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, calls, holes, mask

_nan = np.nan


def _forms() -> list[Sample]:
    return [
        call(holes(2, 3)),
        call(apart(2, 3)),
        call(holes(2, 3), axis=0),
        call(holes(2, 4), axis=-1, keepdims=True),
        call(holes(2, 3, 2), axis=(0, -1)),
        call(apart()),
        call(holes(0, 3), axis=1),
    ]


def _masked(**keywords: Any) -> list[Sample]:
    return [
        call(holes(2, 3), where=mask, **keywords),
        call(holes(2, 4), axis=1, where=np.array([True, True, False, True]), **keywords),
    ]


def _freedom() -> list[Sample]:
    return [
        call(holes(2, 4), axis=1, ddof=1),
        call(holes(2, 4), axis=1, correction=0.5, keepdims=True),
        call(holes(2, 4), axis=1, mean=0.3, where=np.array([True, True, False, True])),
    ]


def _derived(function: Callable[..., Any], samples: list[Sample]) -> list[Call]:
    def fixed(keywords: dict[str, Any]) -> Callable[..., Any]:
        return lambda a: function(a, **keywords)

    return [Call(fixed(sample.keywords), sample.inputs) for sample in samples]


_with_zeros = np.array([[0.5, _nan, 0.0, 2.0], [0.0, 1.5, 0.0, _nan]])


def _scans() -> list[Sample]:
    return [call(holes(2, 3)), call(holes(2, 3), axis=0), call(_with_zeros, axis=-1)]


RULES: dict[str, list[Sample]] = {
    "nanmean": [*_forms(), *_masked()],
    "nanvar": [*_forms(), *_masked(), *_freedom()],
    "nanstd": [
        call(holes(2, 4)),
        call(holes(3, 3), axis=0),
        call(holes(2, 3, 2), axis=(0, -1), keepdims=True),
        call(holes(0, 3), axis=1),
        *_masked(),
        *_freedom(),
    ],
    "nanmax": [*_forms(), *_masked(initial=0.03)],
    "nanmin": [*_forms(), *_masked(initial=0.03)],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.nansum: _derived(np.nansum, [*_forms(), *_masked(initial=0.5)]),
    np.nanprod: _derived(np.nanprod, [*_forms(), *_masked(initial=0.5), call(_with_zeros)]),
    np.nancumsum: _derived(np.nancumsum, _scans()),
    np.nancumprod: _derived(np.nancumprod, _scans()),
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.nanargmax, np.nanargmin], holes(2, 4)),
}

PLAIN: dict[str, Callable[..., Any]] = {}
