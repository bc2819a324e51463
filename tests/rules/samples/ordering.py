"""Samples of `rules.ordering`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, apart, call, calls, holes, normal

_lines = np.array([[3.0, -1.0, 2.0, 2.5], [0.5, 4.0, 1.0, -2.0]])
_edges = np.array([-1.5, 1.0, 2.5])
_METHODS = [
    "linear",
    "midpoint",
    "lower",
    "higher",
    "nearest",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "median_unbiased",
    "normal_unbiased",
]


def _forms(function: Callable[..., Any]) -> list[Call]:
    """Call a median in all its forms."""
    return [
        Call(function, (apart(5),)),
        Call(function, (apart(2, 3),)),
        Call(lambda a: function(a, 0), (apart(2, 3),)),
        Call(lambda a: function(a, axis=-1, keepdims=True), (apart(2, 3),)),
        Call(lambda a: function(a, axis=(0, -1), keepdims=True), (apart(2, 3, 4),)),
        Call(lambda a: function(a, axis=[0, 1]), (apart(2, 3, 4),)),
        Call(function, (apart(),)),
        Call(lambda a: function(a, axis=0), (apart(3, 0),)),
    ]


def _quantiles(function: Callable[..., Any], whole: int) -> list[Call]:
    """Call a quantile with numbers, lists and arrays of parts of a whole, by all its methods."""
    return [
        Call(lambda a: function(a, 0.3 * whole), (apart(5),)),
        Call(lambda a: function(a, [0.1 * whole, 0.5 * whole], 0), (apart(4, 3),)),
        Call(lambda a: function(a, [[0.1 * whole], [whole]], axis=-1), (apart(2, 3),)),
        Call(
            lambda a: function(a, [0.0, 0.7 * whole], axis=(0, 2), keepdims=True),
            (apart(2, 3, 4),),
        ),
        Call(lambda a: function(a, 0.55 * whole, axis=[0, 1], keepdims=True), (apart(2, 3),)),
        Call(lambda a: function(a, 0.4 * whole), (apart(),)),
        Call(lambda a: function(a, [], axis=0), (apart(2, 3),)),
        Call(
            lambda a, q: function(a, q, axis=1),
            (apart(2, 4), np.array([0.21 * whole, 0.75 * whole])),
        ),
        Call(lambda q: function([1.0, 4.0, 3.0], q), (np.array(0.3 * whole),)),
        *(
            Call(
                lambda a, m=method: function(
                    a, [0.01 * whole, 0.44 * whole, 0.93 * whole], method=m
                ),
                (apart(7),),
            )
            for method in _METHODS
        ),
    ]


def _with_holes(function: Callable[..., Any], whole: int) -> list[Call]:
    return [
        Call(lambda a: function(a, 0.3 * whole), (holes(5),)),
        Call(lambda a: function(a, [0.1 * whole, 0.5 * whole], 1), (holes(3, 4),)),
        Call(lambda a: function(a, 0.7 * whole, (0, 2), keepdims=True), (holes(3, 2, 3),)),
        Call(lambda a: function(a, [0.2 * whole], 1, method="hazen"), (holes(3, 4),)),
    ]


RULES: dict[str, list[Sample]] = {
    "permute": [
        call(normal(4, 2), order=np.array([[2, 0], [0, 1], [3, 3], [1, 2]]), axis=0),
        call(normal(2, 3), order=np.array([[1, 2, 0], [0, 1, 2]]), axis=-1),
    ],
    "sort": [
        call(apart(2, 4)),
        call(apart(4, 2), axis=0),
        call(apart(2, 3), axis=None),
        call(apart(2, 3, 2), axis=1, kind="heapsort"),
        call(apart(4), stable=True),
        call(apart(0, 3)),
    ],
    "partition": [
        call(apart(7), kth=2),
        call(apart(2, 5), kth=(1, -2), axis=1, kind="introselect"),
        call(apart(2, 3), kth=3, axis=None),
        call(apart(5, 2), kth=np.array([1, 3]), axis=0),
    ],
    "order_statistics": [
        call(apart(5), ranks=np.array([1, 3, 1])),
        call(apart(4, 2), ranks=np.array([[0, 3], [2, 1]])),
        call(apart(4, 2), ranks=np.array([[3]])),
        call(apart(4, 0), ranks=np.array([[3]])),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.median: _forms(np.median),
    np.nanmedian: [
        *_forms(np.nanmedian),
        Call(np.nanmedian, (holes(7),)),
        Call(lambda a: np.nanmedian(a, (0, -1), keepdims=True), (holes(3, 2, 3),)),
        Call(lambda a: np.nanmedian(a, 1), (holes(3, 4),)),
    ],
    np.quantile: _quantiles(np.quantile, 1),
    np.percentile: _quantiles(np.percentile, 100),
    np.nanquantile: [*_quantiles(np.nanquantile, 1), *_with_holes(np.nanquantile, 1)],
    np.nanpercentile: [*_quantiles(np.nanpercentile, 100), *_with_holes(np.nanpercentile, 100)],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.argsort, np.lexsort], _lines),
    **calls([np.digitize], _lines, _edges),
    **calls([np.searchsorted], _edges, _lines),
    np.argpartition: [Call(lambda a: np.argpartition(a, 1), (_lines,))],
}

PLAIN: dict[str, Callable[..., Any]] = {
    "permute": lambda a, order, axis: np.take_along_axis(a, order, axis),
    "order_statistics": lambda lines, ranks: np.take_along_axis(np.sort(lines, 0), ranks, 0),
}
