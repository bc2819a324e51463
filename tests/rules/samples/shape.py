"""Samples of `rules.shape`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, calls, normal

RULES: dict[str, list[Sample]] = {
    "reshape": [
        call(normal(2, 3), shape=(3, 2)),
        call(normal(2, 3), shape=-1),
        call(normal(), shape=(1, 1)),
        call(normal(0, 3), shape=(3, 0)),
        call(normal(2, 3, 2), shape=(3, 4), order="F"),
        call(normal(2, 3), shape=6, copy=True),
    ],
    "expand_dims": [call(normal(2, 3), axis=1), call(normal(2), axis=(0, -1))],
    "squeeze": [
        call(normal(1, 3, 1)),
        call(normal(1, 3, 1), axis=-1),
        call(normal(1, 3, 1), axis=(0, 2)),
        call(normal(1, 0)),
    ],
    "broadcast_to": [
        call(normal(3), shape=(2, 3)),
        call(normal(2, 1), shape=(4, 2, 3)),
        call(normal(), shape=(2, 0)),
        call(normal(3), shape=3),
    ],
    "swapaxes": [call(normal(2, 3, 4), axis1=0, axis2=-1)],
    "transpose": [
        call(normal(2, 3)),
        call(normal(2, 3, 4), axes=(2, 0, 1)),
        call(normal(2, 3, 4), axes=(-2, 0, -1)),
        call(normal(3)),
    ],
    "flip": [
        call(normal(2, 3)),
        call(normal(2, 3), axis=-1),
        call(normal(2, 3, 2), axis=(0, 2)),
        call(normal()),
    ],
    "rot90": [
        call(normal(2, 3)),
        call(normal(2, 3), k=2),
        call(normal(2, 3, 2), k=-1, axes=(2, 0)),
    ],
    "roll": [
        call(normal(2, 3), shift=1),
        call(normal(2, 3), shift=-2, axis=-1),
        call(normal(2, 3, 2), shift=(1, 5), axis=(0, 1)),
        call(normal(2, 3), shift=1, axis=(0, 1)),
        call(normal(0, 3), shift=1),
        call(normal(), shift=2),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.reshape: [
        Call(np.reshape, (normal(2, 3), (3, 2))),
        Call(lambda a: np.reshape(a, [3, -1], order="F"), (normal(2, 3),)),
        Call(lambda a: np.reshape(a.T, (2, 3), "A"), (normal(2, 3),)),
        Call(lambda a: np.reshape(a, (3, 2), order="A"), (normal(2, 3),)),
    ],
    np.ravel: [
        Call(np.ravel, (normal(2, 3),)),
        Call(lambda a: np.ravel(a, "F"), (normal(2, 3),)),
        Call(lambda a: np.ravel(a.T, order="A"), (normal(2, 3),)),
        Call(np.ravel, (normal(),)),
    ],
    np.atleast_1d: [
        Call(np.atleast_1d, (normal(),)),
        Call(lambda a, b: np.concatenate(np.atleast_1d(a, b)), (normal(), normal(2))),
    ],
    np.atleast_2d: [
        Call(np.atleast_2d, (normal(),)),
        Call(np.atleast_2d, (normal(3),)),
        Call(lambda a, b: np.concatenate(np.atleast_2d(a, b)), (normal(2), normal(3, 2))),
    ],
    np.atleast_3d: [
        Call(np.atleast_3d, (normal(),)),
        Call(np.atleast_3d, (normal(3),)),
        Call(np.atleast_3d, (normal(2, 3),)),
        Call(lambda a, b: np.multiply(*np.atleast_3d(a, b)), (normal(2), normal(3, 2, 2))),
    ],
    np.broadcast_arrays: [
        Call(lambda a, b: np.multiply(*np.broadcast_arrays(a, b)), (normal(3), normal(2, 1))),
    ],
    np.moveaxis: [
        Call(lambda a: np.moveaxis(a, 0, -1), (normal(2, 3, 4),)),
        Call(lambda a: np.moveaxis(a, (0, -1), [1, 0]), (normal(2, 3, 4),)),
    ],
    np.rollaxis: [
        Call(lambda a: np.rollaxis(a, -1), (normal(2, 3, 4),)),
        Call(lambda a: np.rollaxis(a, 0, 2), (normal(2, 3, 4),)),
        Call(lambda a: np.rollaxis(a, axis=1, start=1), (normal(2, 3, 4),)),
    ],
    np.matrix_transpose: [
        Call(np.matrix_transpose, (normal(2, 3, 4),)),
        Call(np.matrix_transpose, (normal(0, 3),)),
    ],
    np.linalg.matrix_transpose: [Call(np.linalg.matrix_transpose, (normal(2, 3, 4),))],
    np.fliplr: [Call(np.fliplr, (normal(2, 3),))],
    np.flipud: [Call(np.flipud, (normal(2, 3),))],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.shape, np.ndim, np.size], normal(2, 3)),
}

PLAIN: dict[str, Callable[..., Any]] = {}
