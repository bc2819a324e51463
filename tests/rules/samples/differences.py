"""Samples of `rules.differences`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, normal

_x = np.array([0.0, 0.4, 1.1, 1.5, 2.7])  # coordinates, unevenly spaced
_even = np.array([0.0, 0.5, 1.0, 1.5])


def _stacked(*steps: Any, **keywords: Any) -> Callable[..., Any]:
    """Stack the slopes along all axes."""
    return lambda f: np.stack(np.gradient(f, *steps, **keywords))


RULES: dict[str, list[Sample]] = {}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.diff: [
        Call(np.diff, (normal(4),)),
        Call(lambda a: np.diff(a, 2, 0), (normal(4, 2),)),
        Call(lambda a: np.diff(a, axis=-2), (normal(2, 3, 2),)),
        Call(lambda a: np.diff(a, 0), (normal(3),)),
        Call(lambda a: np.diff(a, 5), (normal(3),)),
        Call(lambda a: np.diff(a, prepend=0.0, append=[[1.0], [2.0]]), (normal(2, 3),)),
        Call(lambda a, p, q: np.diff(a, 1, 0, p, q), (normal(2, 3), normal(2, 3), normal())),
        Call(lambda p: np.diff([1.0, 3.0], prepend=p), (normal(2),)),
        Call(np.diff, (normal(0),)),
    ],
    np.ediff1d: [
        Call(np.ediff1d, (normal(4),)),
        Call(np.ediff1d, (normal(2, 3),)),
        Call(lambda a: np.ediff1d(a, 1.0, [2.0, 3.0]), (normal(3),)),
        Call(lambda a, end: np.ediff1d(a, to_end=end), (normal(3), normal(2, 2))),
        Call(np.ediff1d, (normal(0),)),
    ],
    np.gradient: [
        Call(np.gradient, (normal(2),)),
        Call(np.gradient, (normal(5),)),
        Call(lambda f: np.gradient(f, 0.5, edge_order=2), (normal(5),)),
        Call(lambda f: np.gradient(f, _even, edge_order=2), (normal(4),)),
        Call(lambda f: np.gradient(f, list(_x)), (normal(5),)),
        Call(lambda f, x: np.gradient(f, x), (normal(5), _x)),
        Call(lambda f, x: np.gradient(f, x, axis=-1, edge_order=2), (normal(2, 5), _x)),
        Call(lambda f, h: np.gradient(f, h, edge_order=2), (normal(4), np.array(0.3))),
        Call(lambda x: np.gradient([1.0, 2.0, 5.0, 4.0, 3.0], x), (_x,)),
        Call(_stacked(), (normal(2, 3),)),
        Call(_stacked(2.0, axis=(2, 0), edge_order=2), (normal(3, 2, 4),)),
        Call(_stacked(0.5, _x), (normal(3, 5),)),
        Call(_stacked(_x, 2, axis=(-1, 0)), (normal(3, 5),)),
    ],
    np.trapezoid: [
        Call(np.trapezoid, (normal(5),)),
        Call(lambda y: np.trapezoid(y, None, 0.5, 0), (normal(3, 2),)),
        Call(lambda y, x: np.trapezoid(y, x), (normal(2, 5), _x)),
        Call(lambda y, x: np.trapezoid(y, x, axis=0), (normal(5, 2), _x)),
        Call(lambda y, x: np.trapezoid(y, x, axis=-2), (normal(2, 3, 2), normal(2, 3, 2))),
        Call(lambda y, dx: np.trapezoid(y, dx=dx), (normal(2, 3), normal())),
        Call(lambda x: np.trapezoid([1.0, 2.0, 4.0], x), (normal(3),)),
        Call(lambda y: np.trapezoid(y, [0, 1, 3]), (normal(3),)),
        Call(lambda y: np.trapezoid(y, axis=1), (normal(2, 0),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {}
