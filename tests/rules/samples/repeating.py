"""Samples of `rules.repeating`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .draw import Call, Sample, call, normal

Function = Callable[..., Any]


def _pad(pad_width: Any, *args: Any, **keywords: Any) -> Function:
    return lambda array: np.pad(array, pad_width, *args, **keywords)


def _grid(**keywords: Any) -> Function:
    """Combine the grids so that each is told apart."""

    def combined(*xi: Any) -> Any:
        first, *others = np.meshgrid(*xi, **keywords)
        return sum((np.square(grid) for grid in others), first)

    return combined


RULES: dict[str, list[Sample]] = {
    "repeat": [
        call(normal(2, 3), repeats=2),
        call(normal(2, 3), repeats=3, axis=0),
        call(normal(2, 3), repeats=np.array([2, 0, 1]), axis=-1),
        call(normal(2, 3), repeats=(0, 2), axis=0),
        call(normal(3), repeats=np.array([2]), axis=0),
        call(normal(3), repeats=0),
        call(normal(), repeats=2),
        call(normal(), repeats=2, axis=0),
        call(normal(2, 0), repeats=2, axis=1),
    ],
    "tile": [
        call(normal(3), reps=2),
        call(normal(2, 3), reps=(2, 1)),
        call(normal(2, 3), reps=(2, 1, 3)),
        call(normal(2, 3), reps=np.array([2])),
        call(normal(2, 3), reps=0),
        call(normal(), reps=(2, 2)),
        call(normal(2, 0), reps=2),
    ],
}

DERIVED: dict[Function, list[Call]] = {
    np.resize: [
        Call(lambda a: np.resize(a, (3, 3)), (normal(2, 2),)),
        Call(lambda a: np.resize(a, 3), (normal(2, 3),)),
        Call(lambda a: np.resize(a, (0, 2)), (normal(3),)),
    ],
    np.pad: [
        Call(_pad(1), (normal(2, 3),)),
        Call(_pad((1, 2)), (normal(2, 2),)),
        Call(_pad(((1, 0), (0, 2)), "constant", constant_values=3.0), (normal(2, 3),)),
        Call(_pad([[1], [2]], constant_values=((1, 2), (3, 4))), (normal(2, 2),)),
        Call(_pad((2, 1)), (normal(0),)),
        Call(_pad(2), (normal(),)),
        *(
            Call(_pad(width, mode), (normal(*shape),))
            for mode in ("edge", "reflect", "symmetric", "wrap")
            for width, shape in [
                (((1, 2), (0, 1)), (2, 3)),
                ((7, 4), (3,)),
                (2, (1, 2)),
                (0, (2, 2)),
                (((0, 0), (1, 1)), (0, 2)),
            ]
        ),
        Call(_pad(1, "reflect", reflect_type="even"), (normal(3),)),
    ],
    sliding_window_view: [
        Call(lambda x: sliding_window_view(x, 2), (normal(4),)),
        Call(lambda x: sliding_window_view(x, (2, 1)), (normal(3, 2),)),
        Call(lambda x: sliding_window_view(x, 2, axis=0), (normal(3, 2),)),
        Call(lambda x: sliding_window_view(x, (2, 3), (-1, -1)), (normal(2, 5),)),
    ],
    np.meshgrid: [
        Call(_grid(), (normal(3), normal(2))),
        Call(_grid(), (normal(3), normal(2), normal(2))),
        Call(_grid(indexing="ij", copy=False), (normal(3), normal(2))),
        Call(_grid(sparse=True), (normal(3), normal(2))),
        Call(_grid(), (normal(3),)),
        Call(_grid(), (normal(), normal(0))),
    ],
}
CONSTANT: dict[Function, list[Call]] = {}

PLAIN: dict[str, Function] = {}
