"""Samples of `rules.einsum`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Call, Sample, call, normal


def _written(subscripts: str, *operands: np.ndarray, **keywords: Any) -> Call:
    return Call(lambda *arrays: np.einsum(subscripts, *arrays, **keywords), operands)


RULES: dict[str, list[Sample]] = {
    "einsum": [
        call(normal(2, 3), normal(3, 4), subscripts="ij,jk->ik", optimize=False),
        call(normal(3, 3), subscripts="ii->i", optimize=False),
        call(normal(2, 3), subscripts="ij->", optimize=True),
        call(normal(2, 1), normal(2, 3), subscripts="ij,ij->ij", optimize=False),
    ],
}

DERIVED: dict[Callable[..., Any], list[Call]] = {
    np.einsum: [
        _written("ij,jk", normal(2, 3), normal(3, 2)),
        _written("ba", normal(2, 3)),
        _written("ij -> i", normal(2, 3)),
        _written("ii", normal(3, 3)),
        _written("iji->j", normal(2, 3, 2)),
        _written("iii->i", normal(2, 2, 2)),
        _written("ii,jj->ij", normal(2, 2), normal(3, 3)),
        _written("i,i,i", normal(3), normal(3), normal(3)),
        _written("i,j,k->kij", normal(2), normal(3), normal(2)),
        _written("ij,k->k", normal(2, 3), normal(2)),
        _written(",i->i", normal(), normal(3)),
        _written("...ij,...jk", normal(2, 1, 2, 3), normal(4, 3, 2)),
        _written("i...->...", normal(2, 3, 2)),
        _written("...i,i...->i...", normal(2, 3), normal(3, 2)),
        _written("...,...->...", normal(2, 3), normal(3)),
        _written("ij,ij", normal(2, 1), normal(2, 3)),
        _written("ij,jk->ik", normal(0, 3), normal(3, 2)),
        _written("ij,jk->ik", normal(2, 0), normal(0, 2)),
        _written("ij,jk,kl->il", normal(2, 3), normal(3, 2), normal(2, 2), optimize=True),
        _written("ij,jk,kl", normal(2, 3), normal(3, 2), normal(2, 2), optimize="optimal"),
        _written(
            "ij,jk,kl->il",
            *(normal(2, 2), normal(2, 2), normal(2, 2)),
            optimize=["einsum_path", (0, 1), (0, 1)],
        ),
        Call(lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), (normal(2, 3), normal(3, 2))),
        Call(lambda a, b: np.einsum(a, [5, 1], b, [1, 2]), (normal(2, 3), normal(3, 2))),
        Call(lambda a: np.einsum(a, [..., 0, 0], [...]), (normal(2, 3, 3),)),
    ],
}

CONSTANT: dict[Callable[..., Any], list[Call]] = {
    np.einsum_path: [
        Call(lambda a, b: np.einsum_path("ij,jk", a, b), (normal(2, 3), normal(3, 2)))
    ],
}

PLAIN: dict[str, Callable[..., Any]] = {
    "einsum": lambda *operands, subscripts, optimize: np.einsum(subscripts, *operands),
}
