"""Samples of `rules.picking`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, calls, normal

Function = Callable[..., Any]

_mask = np.array([[True, False, True], [False, False, True]])
_island = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]], bool)


_numbers = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])


def _plain_scatter(g: Any, shape: tuple[int, ...], index: Any) -> Any:
    places = np.arange(np.prod(shape)).reshape(shape)[index]
    return np.bincount(places.ravel(), g.ravel(), int(np.prod(shape))).reshape(shape)


RULES: dict[str, list[Sample]] = {
    "getitem": [
        call(normal(4, 3), index=(slice(None, None, -2), None, 1)),
        call(normal(4, 3), index=np.array([[0, 0], [3, -1]])),
        call(normal(2, 3), index=_mask),
        call(normal(3), index=...),
        call(normal(3, 2), index=(np.array([0, 2, 0]), np.array([1, 1, 1]))),
        call(normal(3, 2, 2), index=(slice(1, None), np.array([1, 0, 1]))),
        call(normal(2, 3, 2), index=(np.array([1, 1]), slice(None), np.array([0, 0]))),
        call(normal(2, 3), index=(1, 2)),
        call(normal(4, 9), index=np.array([2, 2, 0])),
        call(normal(4, 9), index=np.array([2, 3, 0])),
        call(normal(3, 0), index=np.array([2, 2])),
    ],
    "scatter": [
        call(normal(2, 3), shape=(4, 3), index=slice(None, None, 2)),
        call(normal(3), shape=(4,), index=np.array([1, 1, 2])),
        call(normal(3, 8), shape=(4, 8), index=np.array([1, 1, -1])),
        call(normal(3, 8), shape=(4, 8), index=np.array([3, 0, 1])),
    ],
    "take": [
        call(normal(2, 3), indices=np.array([4, 0, 4])),
        call(normal(2, 3), indices=2),
        call(normal(4, 3), indices=np.array([[1, -1], [0, 1]]), axis=0),
        call(normal(2, 3, 2), indices=(2, 0, 2), axis=-2),
        call(normal(2, 3), indices=np.array([5, -4]), axis=1, mode="wrap"),
        call(normal(2, 3), indices=np.array([5, -4, 1]), axis=1, mode="clip"),
        call(normal(2, 3), indices=np.array([], int), axis=0),
        call(normal(), indices=0),
        call(normal(), indices=np.array([0, 0]), axis=0),
    ],
}

DERIVED: dict[Function, list[Call]] = {
    np.take_along_axis: [
        Call(np.take_along_axis, (normal(2, 3), np.array([[0, 0], [2, -1]]), 1)),
        Call(np.take_along_axis, (normal(3, 2), np.array([[2, 1]]), 0)),
        Call(np.take_along_axis, (normal(3, 1), np.array([[2, 1]]), 0)),
        Call(np.take_along_axis, (normal(2, 3), np.array([5, 0, 5]), None)),
    ],
    np.compress: [
        Call(lambda a: np.compress([True, False, True], a), (normal(2, 3),)),
        Call(lambda a: np.compress([0, 1], a, axis=-1), (normal(2, 3),)),
    ],
    np.extract: [Call(lambda arr: np.extract(_mask, arr), (normal(2, 3),))],
    np.delete: [
        Call(lambda arr: np.delete(arr, 1), (normal(2, 3),)),
        Call(lambda arr: np.delete(arr, [0, -1], axis=1), (normal(2, 3),)),
        Call(lambda arr: np.delete(arr, slice(1, None), 0), (normal(2, 3),)),
        Call(lambda arr: np.delete(arr, _mask[0], 1), (normal(2, 3),)),
    ],
    np.trim_zeros: [
        Call(lambda a: np.trim_zeros(a * [0, 1, 0, 1, 0]), (normal(5),)),
        Call(lambda a: np.trim_zeros(a * [0, 1, 0, 1, 0], "F"), (normal(5),)),
        Call(lambda a: np.trim_zeros(a * [0, 1, 0, 1, 0], "b"), (normal(5),)),
        Call(lambda a: np.trim_zeros(a * 0), (normal(3),)),
        Call(lambda a: np.trim_zeros(np.where(_island, a, 0)), (normal(4, 4),)),
        Call(lambda a: np.trim_zeros(np.where(_island, a, 0), axis=-1), (normal(4, 4),)),
        Call(lambda a: np.trim_zeros(np.where(_island, a, 0), "f", 1), (normal(4, 4),)),
    ],
}

CONSTANT: dict[Function, list[Call]] = {
    **calls([np.flatnonzero, np.argwhere], _numbers),
    np.nonzero: [Call(lambda a: [places.tolist() for places in np.nonzero(a)], (_numbers,))],
    np.ix_: [Call(lambda a: [part.tolist() for part in np.ix_(a, [1])], (np.array([0, 2]),))],
    **{
        function: [Call(lambda a, f=function: [i.tolist() for i in f(a)], (normal(3, 3),))]
        for function in (np.diag_indices_from, np.tril_indices_from, np.triu_indices_from)
    },
    np.ravel_multi_index: [
        Call(lambda i: np.ravel_multi_index((i, [1, 0]), (3, 2)), (np.array([2, 1]),))
    ],
    np.unravel_index: [
        Call(lambda i: [part.tolist() for part in np.unravel_index(i, (3, 2))], (np.array([5]),))
    ],
}

PLAIN: dict[str, Function] = {
    "getitem": lambda a, index: a[index],
    "scatter": _plain_scatter,
}
