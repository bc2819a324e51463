"""Samples of `rules.products`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal

RULES: dict[str, list[Sample]] = {
    "matmul": [
        call(normal(2, 3), normal(3, 4)),
        call(normal(3), normal(3)),
        call(normal(3), normal(3, 2)),
        call(normal(2, 3), normal(3)),
        call(normal(2, 1, 2, 3), normal(4, 3, 2)),
        call(normal(4, 2, 3), normal(3)),
        call(normal(4, 2, 3), normal(3, 2)),
        call(normal(3), normal(4, 3, 2)),
        call(normal(0, 3), normal(3, 2)),
        call(normal(2, 0), normal(0, 3)),
    ],
    "dot": [
        call(normal(2, 3), normal(3, 4)),
        call(normal(3), normal(3)),
        call(normal(2, 3), normal(3)),
        call(normal(3), normal(3, 2)),
        call(normal(), normal(2, 3)),
        call(normal(2, 3), normal()),
        call(normal(), normal()),
        call(normal(2, 2, 3), normal(3)),
        call(normal(2, 2, 3), normal(3, 2)),
        call(normal(2, 3), normal(2, 3, 2)),
        call(normal(3), normal(2, 3, 2)),
        call(normal(2, 1, 3), normal(2, 3, 2)),
        call(normal(2, 0), normal(0, 3)),
    ],
    "inner": [
        call(normal(3), normal(3)),
        call(normal(2, 3), normal(4, 3)),
        call(normal(2, 2, 3), normal(3)),
        call(normal(3), normal(2, 2, 3)),
        call(normal(), normal(2)),
        call(normal(2), normal()),
        call(normal(2, 0), normal(0)),
    ],
    "vdot": [
        call(normal(3), normal(3)),
        call(normal(2, 3), normal(3, 2)),
        call(normal(), normal()),
        call(normal(0), normal(0, 2)),
    ],
    "vecdot": [
        call(normal(2, 3), normal(2, 3)),
        call(normal(2, 1, 3), normal(4, 3)),
        call(normal(3), normal(2, 3)),
        call(normal(2, 0), normal(0)),
    ],
    "multi_dot": [
        call(normal(2, 3), normal(3, 1)),
        call(normal(2, 3), normal(3, 4), normal(4, 2), normal(2, 2)),
    ],
    "matvec": [
        call(normal(2, 3), normal(3)),
        call(normal(4, 1, 2, 3), normal(2, 3)),
        call(normal(2, 0), normal(0)),
    ],
    "vecmat": [
        call(normal(2), normal(2, 3)),
        call(normal(4, 1, 2), normal(2, 2, 3)),
        call(normal(0), normal(0, 2)),
    ],
}

_CROSSED = (normal(2, 3), normal(2, 3))

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.vecdot: [
        Call(np.vecdot, (normal(2, 3), normal(3))),
        Call(lambda a, b: np.vecdot(a, b, axis=0), (normal(3, 2), normal(3, 1))),
    ],
    np.tensordot: [
        Call(np.tensordot, (normal(2, 3, 2), normal(3, 2, 4))),
        Call(lambda a, b: np.tensordot(a, b, axes=1), (normal(2, 3), normal(3, 2))),
        Call(lambda a, b: np.tensordot(a, b, axes=0), (normal(2), normal(3, 2))),
        Call(lambda a, b: np.tensordot(a, b, axes=(0, -1)), (normal(3, 2), normal(2, 3))),
        Call(lambda a, b: np.tensordot(a, b, ([0, -1], [1, 0])), (normal(3, 2, 4), normal(4, 3))),
        Call(lambda a, b: np.tensordot(a, b, ([], [])), (normal(2), normal())),
        Call(lambda a, b: np.tensordot(a, b, 1), (normal(2, 0), normal(0, 3))),
    ],
    np.outer: [
        Call(np.outer, (normal(2), normal(3))),
        Call(np.outer, (normal(2, 2), normal())),
        Call(np.outer, (normal(0), normal(3))),
    ],
    np.kron: [
        Call(np.kron, (normal(2, 3), normal(1, 2))),
        Call(np.kron, (normal(2), normal(2, 2, 1))),
        Call(np.kron, (normal(2, 1, 2), normal(2))),
        Call(np.kron, (normal(), normal(2))),
        Call(np.kron, (normal(0, 2), normal(2, 2))),
    ],
    np.cross: [
        Call(np.cross, _CROSSED),
        Call(np.cross, (normal(3), normal(2, 1, 3))),
        Call(lambda a, b: np.cross(a, b, axisa=0, axisb=1, axisc=0), (normal(3, 2), normal(2, 3))),
        Call(lambda a, b: np.cross(a, b, axis=0), (normal(3, 2), normal(3, 1))),
        Call(np.cross, (normal(0, 3), normal(3))),
    ],
    np.linalg.matmul: [Call(np.linalg.matmul, (normal(2, 3), normal(3, 2)))],
    np.linalg.outer: [Call(np.linalg.outer, (normal(2), normal(3)))],
    np.linalg.cross: [
        Call(np.linalg.cross, _CROSSED),
        Call(lambda a, b: np.linalg.cross(a, b, axis=0), (normal(3, 2), normal(3, 2))),
    ],
    np.linalg.vecdot: [
        Call(np.linalg.vecdot, (normal(2, 3), normal(3))),
        Call(lambda a, b: np.linalg.vecdot(a, b, axis=0), (normal(3, 2), normal(3, 2))),
    ],
    np.linalg.tensordot: [
        Call(np.linalg.tensordot, (normal(2, 2, 3), normal(2, 3))),
        Call(lambda a, b: np.linalg.tensordot(a, b, axes=1), (normal(2, 3), normal(3, 2))),
    ],
    np.linalg.multi_dot: [
        Call(lambda *arrays: np.linalg.multi_dot(arrays), (normal(2, 3), normal(3, 2))),
        Call(
            lambda *arrays: np.linalg.multi_dot(arrays),
            (normal(3), normal(3, 2), normal(2, 4), normal(4)),
        ),
        Call(lambda *arrays: np.linalg.multi_dot(arrays), (normal(3), normal(3, 2))),
        Call(lambda *arrays: np.linalg.multi_dot(arrays), (normal(2, 3), normal(3, 2), normal(2))),
        Call(lambda *arrays: np.linalg.multi_dot(arrays), (normal(3), normal(3))),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {}

PLAIN: dict[str, Callable[..., Any]] = {
    "vecdot": lambda a, b: np.sum(a * b, axis=-1),
    "multi_dot": lambda *matrices: np.linalg.multi_dot(matrices),
}
