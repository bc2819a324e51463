"""Samples of `rules.joining`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

Function = Callable[..., Any]


def _all(function: Function, **keywords: Any) -> Function:
    """Give a function that takes a sequence its arrays one by one."""
    return lambda *arrays: function(arrays, **keywords)


def _together(function: Function, *args: Any, **keywords: Any) -> Function:
    """Join the pieces that a function returns, the last one first, into one array."""
    return lambda a: np.concatenate(function(a, *args, **keywords)[::-1], None)


def _insert(obj: Any, axis: int | None = None) -> Function:
    return lambda arr, values: np.insert(arr, obj, values, axis)


RULES: dict[str, list[Sample]] = {
    "concatenate": [
        call(normal(2, 3), normal(1, 3), axis=0, sizes=[2, 1]),
        call(normal(2, 1, 2), normal(2, 0, 2), normal(2, 3, 2), axis=-2, sizes=[1, 0, 3]),
    ],
}

DERIVED: dict[Function, list[Call]] = {
    np.concatenate: [
        Call(_all(np.concatenate, axis=1), (normal(2, 3), normal(2, 1), normal(2, 0))),
        Call(_all(np.concatenate), (normal(2), normal(3))),
        Call(_all(np.concatenate, axis=None), (normal(2, 2), normal(3), normal())),
        Call(np.concatenate, (normal(3, 2),)),
    ],
    np.stack: [
        Call(_all(np.stack), (normal(2, 3), normal(2, 3))),
        Call(_all(np.stack, axis=-1), (normal(2, 3), normal(2, 3))),
        Call(_all(np.stack), (normal(), normal())),
    ],
    np.vstack: [
        Call(_all(np.vstack), (normal(3), normal(2, 3))),
        Call(_all(np.vstack), (normal(), normal())),
    ],
    np.hstack: [
        Call(_all(np.hstack), (normal(3), normal())),
        Call(_all(np.hstack), (normal(2, 3), normal(2, 1))),
    ],
    np.dstack: [
        Call(_all(np.dstack), (normal(3), normal(1, 3, 2))),
        Call(_all(np.dstack), (normal(2, 3), normal(2, 3))),
    ],
    np.column_stack: [
        Call(_all(np.column_stack), (normal(3), normal(3, 2))),
        Call(_all(np.column_stack), (normal(), normal(1, 2))),
    ],
    np.append: [
        Call(np.append, (normal(2, 3), normal(2))),
        Call(lambda arr, values: np.append(arr, values, axis=0), (normal(2, 3), normal(1, 3))),
    ],
    np.block: [
        Call(lambda a, b, c, d: np.block([[a, b], [c, d]]), (*(normal(2, 2),) * 3, normal(2, 2))),
        Call(lambda a, b: np.block([a, b, 1.0]), (normal(2), normal())),
        Call(lambda a, b: np.block([[a], [b]]), (normal(1, 2, 2), normal(2))),
        Call(np.block, (normal(2, 2),)),
    ],
    np.insert: [
        Call(_insert(1), (normal(2, 3), normal())),
        Call(_insert(1, axis=1), (normal(2, 3), normal(2))),
        Call(_insert(-1, axis=0), (normal(2, 3), normal(2, 3))),
        Call(_insert([1], axis=1), (normal(2, 3), normal(2, 1))),
        Call(_insert([1, -3, 1], axis=-1), (normal(2, 3), normal(2, 3))),
        Call(_insert([2, 0]), (normal(3), normal())),
        Call(_insert(slice(None, None, 2)), (normal(4), normal(2))),
        Call(_insert([], axis=0), (normal(2, 3), normal(0, 3))),
        Call(_insert(2), (normal(3), normal(2))),
        Call(lambda arr: np.insert(arr, 0, 7.0), (normal(3),)),
    ],
    np.split: [
        Call(_together(np.split, 2), (normal(4, 3),)),
        Call(_together(np.split, [1, 1, 2], axis=-1), (normal(2, 3),)),
    ],
    np.array_split: [
        Call(_together(np.array_split, 3, axis=1), (normal(2, 4),)),
        Call(_together(np.array_split, (3, 1)), (normal(4),)),
        Call(_together(np.array_split, 2), (normal(0, 2),)),
    ],
    np.hsplit: [
        Call(_together(np.hsplit, 2), (normal(2, 4),)),
        Call(_together(np.hsplit, [1]), (normal(3),)),
    ],
    np.vsplit: [Call(_together(np.vsplit, [1]), (normal(3, 2),))],
    np.dsplit: [Call(_together(np.dsplit, 2), (normal(2, 1, 4),))],
    np.unstack: [
        Call(_together(np.unstack), (normal(2, 3),)),
        Call(_together(np.unstack, axis=-1), (normal(2, 3),)),
        Call(_together(np.unstack, axis=1), (normal(2, 2, 0),)),
    ],
}

CONSTANT: dict[Function, list[Call]] = {}

PLAIN: dict[str, Function] = {
    "concatenate": lambda *arrays, axis, sizes: np.concatenate(arrays, axis),
}
