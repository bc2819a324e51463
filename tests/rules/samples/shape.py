"""Samples of `rules.shape`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, calls, normal

_mask = np.array([[True, False, True], [False, False, True]])
_signed = np.array([[-1.5, 0.0, 2.5], [0.5, -0.5, 3.0]])
_other = np.array([-1.5, 1.0, 2.0])


def _joined(*arrays: Any) -> Any:
    return np.concatenate(arrays, axis=1)


def _plain_scatter(g: Any, shape: tuple[int, ...], index: Any) -> Any:
    places = np.arange(np.prod(shape)).reshape(shape)[index]
    return np.bincount(places.ravel(), g.ravel(), int(np.prod(shape))).reshape(shape)


RULES: dict[str, list[Sample]] = {
    "reshape": [
        call(normal(2, 3), shape=(3, 2)),
        call(normal(2, 3), shape=-1),
        call(normal(), shape=(1, 1)),
        call(normal(0, 3), shape=(3, 0)),
    ],
    "expand_dims": [call(normal(2, 3), axis=1), call(normal(2), axis=(0, -1))],
    "squeeze": [call(normal(1, 3, 1)), call(normal(1, 3, 1), axis=-1)],
    "broadcast_to": [
        call(normal(3), shape=(2, 3)),
        call(normal(2, 1), shape=(4, 2, 3)),
        call(normal(), shape=(2, 0)),
    ],
    "swapaxes": [call(normal(2, 3, 4), axis1=0, axis2=-1)],
    "transpose": [
        call(normal(2, 3)),
        call(normal(2, 3, 4), axes=(2, 0, 1)),
        call(normal(2, 3, 4), axes=(-2, 0, -1)),
        call(normal(3)),
    ],
    "concatenate": [
        call(normal(2, 3), normal(1, 3), axis=0, sizes=[2, 1]),
        call(normal(2, 1, 2), normal(2, 0, 2), normal(2, 3, 2), axis=-2, sizes=[1, 0, 3]),
    ],
    "getitem": [
        call(normal(4, 3), index=(slice(None, None, -2), None, 1)),
        call(normal(4, 3), index=np.array([[0, 0], [3, -1]])),
        call(normal(2, 3), index=_mask),
        call(normal(3), index=...),
        call(normal(3, 2), index=(np.array([0, 2, 0]), np.array([1, 1, 1]))),
    ],
    "scatter": [
        call(normal(2, 3), shape=(4, 3), index=slice(None, None, 2)),
        call(normal(3), shape=(4,), index=np.array([1, 1, 2])),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.concatenate: [
        Call(_joined, (normal(2, 3), normal(2, 1), normal(2, 0))),
        Call(lambda *arrays: np.concatenate(arrays), (normal(2), normal(3))),
        Call(lambda *arrays: np.concatenate(arrays, None), (normal(2, 2), normal(3), normal())),
    ],
    np.stack: [
        Call(lambda *arrays: np.stack(arrays), (normal(2, 3), normal(2, 3))),
        Call(lambda *arrays: np.stack(arrays, -1), (normal(2, 3), normal(2, 3))),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    **calls([np.shape, np.ndim, np.size], _signed),
    **calls([np.allclose, np.array_equal, np.result_type], _signed, _other),
    np.shares_memory: [Call(np.shares_memory, (_signed, _other))],
}

PLAIN: dict[str, Callable[..., Any]] = {
    "concatenate": lambda *arrays, axis, sizes: np.concatenate(arrays, axis),
    "getitem": lambda a, index: a[index],
    "scatter": _plain_scatter,
}
