"""Programs of arrays that Hypothesis draws: compiled, they come to what Python comes to.

All numbers are small integers, in whatever dtype, so that nothing is rounded and all must be equal.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_steps import BACKENDS, compiled

Array = Any
Operation = Callable[[Array, Array, Array, int], Any]  # of three arrays; the number says which one
Instruction = tuple[str, int, int, int, int]  # an operation, its arrays, and which one it is

SHAPES = [(3, 4), (4, 3), (4,), (3, 1), (1, 4), (), (2, 3, 4), (1, 1), (0, 4), (17, 4), (3, 33)]
DTYPES = [np.float32, np.float64, np.int64, np.int32, np.uint8, np.bool_]
LARGEST, MOST = 2**20, 3000

UNARY = [np.negative, np.absolute, np.square, np.sign, np.logical_not, np.floor, np.isnan]
BINARY = [
    *(np.add, np.subtract, np.multiply, np.maximum, np.minimum),
    *(np.greater, np.less_equal, np.equal, np.logical_and, np.logical_or),
]
NUMBERS = [2, -1, 0, 3.0, True]
REDUCTIONS = [np.sum, np.max, np.min, np.prod, np.any, np.all]
VIEWS: list[Callable[[Array], Array]] = [
    lambda a: a.T,
    lambda a: a.reshape(-1),
    lambda a: a[1:],
    lambda a: a[::-1],
    lambda a: a[:, 1:3],
    lambda a: a[..., 0],
    lambda a: a[1],
    lambda a: np.expand_dims(a, 0),
    lambda a: np.swapaxes(a, 0, 1),
    lambda a: np.flip(a, 0),
    lambda a: np.rot90(a),
    lambda a: np.diagonal(a, 1),
    lambda a: np.broadcast_to(a, (2, *a.shape)),
    lambda a: np.reshape(a, (-1, 2), order="F"),
]
PLACES = np.array([[0, 2], [1, 0]])


def scalar(a: Array, b: Array, c: Array, n: int) -> Array:
    number, function = NUMBERS[n % len(NUMBERS)], BINARY[n % len(BINARY)]
    return function(a, number) if n % 2 else function(number, a)


def reduced(a: Array, b: Array, c: Array, n: int) -> Array:
    axis = [None, *range(a.ndim)][n % (a.ndim + 1)]
    return REDUCTIONS[n % len(REDUCTIONS)](a, axis=axis, keepdims=n % 4 > 1)


def written(a: Array, b: Array, c: Array, n: int) -> Array:
    a = np.copy(a)
    if n % 6 == 0:
        a[1:] = a[:-1]
    elif n % 6 == 1:
        a[0:1] = 3
    elif n % 6 == 2:
        turned = a.T
        turned[...] = np.multiply(turned, 2)
    elif n % 6 == 3:
        a[..., ::2] = b
    elif n % 6 == 4:
        a[PLACES] = b
    else:
        a[0] = b
    return a


def changed(a: Array, b: Array, c: Array, n: int) -> Array:
    """Change an array while a view of it looks on."""
    a = np.copy(a)
    view = VIEWS[n % 6](a)
    a += 1
    product = view * 2
    a *= 2
    return np.concatenate([product.reshape(-1), view.reshape(-1)])


def product(a: Array, b: Array, c: Array, n: int) -> Array:
    if max(a.ndim, b.ndim) > 2 or not a.size or a.dtype.kind != "f" or a.dtype != b.dtype:
        raise TypeError("not written in C")
    return a @ b


OPERATIONS: dict[str, Operation] = {
    "unary": lambda a, b, c, n: UNARY[n % len(UNARY)](a),
    "binary": lambda a, b, c, n: BINARY[n % len(BINARY)](a, b),
    "scalar": scalar,
    "reduced": reduced,
    "view": lambda a, b, c, n: VIEWS[n % len(VIEWS)](a),
    "where": lambda a, b, c, n: np.where(np.greater(a, n % 3), b, c),
    "clip": lambda a, b, c, n: np.clip(a, n % 3, 1),
    "written": written,
    "changed": changed,
    "picked": lambda a, b, c, n: a[PLACES.T] if n % 2 else a[PLACES[0], PLACES[:1]],
    "taken": lambda a, b, c, n: np.take(a, PLACES.T, axis=n % a.ndim if a.ndim else None),
    "product": product,
    "astype": lambda a, b, c, n: a.astype(DTYPES[n % 3]),
    "joined": lambda a, b, c, n: np.concatenate([a, b], axis=n % 2),
    "scanned": lambda a, b, c, n: np.cumsum(a, axis=n % a.ndim),
    "largest": lambda a, b, c, n: np.argmax(a.reshape(3, -1), axis=1),
}


def calls(name: str, places: Sequence[int], n: int, values: list[Array]) -> Array:
    a, b, c = (values[place % len(values)] for place in places)
    return OPERATIONS[name](a, b, c, n)


def possible(instructions: Sequence[Instruction], values: list[Array]) -> list[Instruction]:
    """List the instructions that these values allow, and that keep the numbers small."""
    kept = []
    for instruction in instructions:
        name, *places, n = instruction
        places = [place % len(values) for place in places]
        try:
            found = np.asarray(calls(name, places, n, values))
        except (ArithmeticError, IndexError, TypeError, ValueError):
            continue
        if found.size <= MOST and np.all(np.abs(found.astype(np.float64)) <= LARGEST):
            values = [*values, found]
            kept.append((name, *places, n))
    return kept


PICKS = st.integers(0, 99)
INSTRUCTIONS = st.lists(
    st.tuples(st.sampled_from(list(OPERATIONS)), PICKS, PICKS, PICKS, PICKS),
    min_size=1,
    max_size=14,
)
INPUTS = st.tuples(st.sampled_from(SHAPES), st.sampled_from(DTYPES), st.integers(0, 9))


def made(shape: tuple[int, ...], dtype: Any, seed: int) -> Array:
    low = 0 if np.dtype(dtype).kind in "ub" else -3
    return np.asarray(np.random.default_rng(seed).integers(low, 4, shape)).astype(dtype)


def check(instructions: Any, forms: Any, backend: str) -> None:
    inputs = [made(*form) for form in forms]
    program = possible(instructions, inputs)

    def step(x: Array, y: Array, z: Array) -> Any:
        values = [x, y, z]
        for name, *places, n in program:
            values.append(calls(name, places, n, values))
        return tuple(values[3:])

    expected = step(*inputs)
    run = compiled(step, backend)
    for _ in range(2):
        for found, wanted in zip(run(*inputs), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
            assert np.asarray(found).dtype == np.asarray(wanted).dtype
    assert run.backend == backend


@given(INSTRUCTIONS, st.tuples(INPUTS, INPUTS, INPUTS))
@settings(max_examples=150, report_multiple_bugs=False)
def test_in_numpy(instructions: Any, forms: Any) -> None:
    check(instructions, forms, "numpy")


@pytest.mark.parametrize("backend", BACKENDS[1:])
@given(INSTRUCTIONS, st.tuples(INPUTS, INPUTS, INPUTS))
@settings(max_examples=50, report_multiple_bugs=False)
def test_in_c(backend: str, instructions: Any, forms: Any) -> None:
    check(instructions, forms, backend)
