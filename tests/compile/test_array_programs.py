"""Steps that pick, look, write, reshape and reduce in odd ways do as Python does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_steps import alike, backends, compiled

from tinygrad_mnist import Tensor, optim

Array = Any
Program = Callable[[Array, Array, Array], Any]  # of 8 numbers, a matrix of 3 × 4, places of 2 × 3

VECTOR, MATRIX = np.arange(8.0), np.arange(12.0).reshape(3, 4)
PLACES = np.array([[0, 1, 2], [3, 4, 5]])


def fixed(numbers: Any, dtype: Any) -> Array:
    array = np.array(numbers, dtype)
    array.flags.writeable = False
    return array


FALLING, AT_THE_END = fixed([9, 6, 3], np.uint8), fixed([253, 254, 255], np.uint8)
HUGE = fixed([2**64 - 2, 2**64 - 1], np.uint64)


def written(array: Array, index: Any, value: Any) -> Array:
    array = array * 2
    array[index] = value
    return array


def seen(array: Array, look: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Write to what looks at an array, or to a copy of it."""
    array = array * 2
    view = look(array)
    view[:2] = 9.0
    return array, view


def mask_written(x: Array, value: Any) -> Array:
    mask = x > 3
    mask[0:1] = value
    return mask * 0.5


PROGRAMS: dict[str, Program] = {
    "write one": lambda x, m, i: written(x, 0, 3.0),
    "write one of a matrix": lambda x, m, i: written(m, (1, -2), 3.0),
    "write a row": lambda x, m, i: written(m, 1, x[:4]),
    "write what has more axes": lambda x, m, i: written(m, 0, np.reshape(x[:4] * 1, (1, 1, 4))),
    "write special numbers": lambda x, m, i: (
        written(x, slice(1), -np.inf),
        written(x, slice(1), np.nan),
        written(x, slice(1), True),
    ),
    "write to a mask": lambda x, m, i: (
        mask_written(x, 3),
        mask_written(x, 0.5),
        mask_written(x, x[5:6]),
    ),
    "write to places that are turned": lambda x, m, i: written(x, i.T, np.flip(m[:, :2])),
    "write to a view in Fortran's order": lambda x, m, i: seen(m.T, lambda a: np.ravel(a, "F")),
    "write to a copy in another shape": lambda x, m, i: seen(
        m, lambda a: np.reshape(a, -1, copy=True)
    ),
    "pick one": lambda x, m, i: (x[3] * 2, m[1, 2] + 1),
    "pick by places that are turned": lambda x, m, i: (x[i.T] * 1, np.take(x, i.T, axis=0) * 1),
    "pick by places that are stretched": lambda x, m, i: (
        x[np.broadcast_to(i[0], (2, 3))] * 1,
        m[i[:1, :2].T, i[0]] * 1,
    ),
    "take along other axes": lambda x, m, i: (
        np.take(m, i[:1].T, axis=1) * 1,
        np.take(m, i[0], axis=-1) * 1,
        np.take(m, [1, 0], axis=0) * 1,
        np.take(m, 1, axis=0) * 1,
    ),
    "look backwards": lambda x, m, i: (
        np.flip(x) * 1,
        np.flip(m, 0) * 1,
        np.rot90(m) * 1,
        np.rot90(m, 2) * 1,
        np.flipud(m) * 1,
        np.fliplr(m) * 1,
    ),
    "look along diagonals": lambda x, m, i: (np.diagonal(m, 1) * 1, np.diagonal(m, -1) * 1),
    "look through a window": lambda x, m, i: np.lib.stride_tricks.sliding_window_view(x, 3)[1:] * 1,
    "look at what looks": lambda x, m, i: np.flip(m[1:].T)[1:] * 1,
    "reshape in another order": lambda x, m, i: (
        np.reshape(m, (12,), order="F") * 1,
        np.reshape(m, (2, -1), order="F") * 1,
        np.ravel(m, order="F") * 1,
        np.ravel(m.T, order="A") * 1,
        m.T.reshape(-1, order="A") * 1,
    ),
    "any and all of small numbers": lambda x, m, i: (
        np.any(x * 0.01),
        np.all(m * 0.01 + 0.001),
        np.any(m * 0.1, axis=1),
    ),
    "clip with odd bounds": lambda x, m, i: (
        np.clip(x, 5, 3),
        np.clip(x, np.nan, 3),
        np.clip(x, 1, np.nan),
        np.clip(x, x[::-1], 4),
        np.clip(x, 2, None),
        np.clip(x, max=3),
        np.clip(np.sqrt(x - 2), 1, 2),
    ),
    "stretch in einsum": lambda x, m, i: (
        np.einsum("ij,j->i", m, x[:1]),
        np.einsum("i j -> j", m),
        np.einsum(m, [0, 1], [1]),
    ),
    "choose by numbers": lambda x, m, i: np.where(x - 2, 1.0, x),
    "in the order of memory": lambda x, m, i: np.ravel(m.T, order="K"),
    "constants of few bits": lambda x, m, i: (x[:3] + FALLING, x[:3] + AT_THE_END, x[:2] + HUGE),
}

# Not written in C.
IN_NUMPY: dict[str, Program] = {
    "means of some": lambda x, m, i: (
        np.mean(m, axis=0, keepdims=True, where=m > 4),
        np.mean(m, where=m > 1),
        np.mean(m, axis=0, dtype=np.float32),
    ),
    "mean of half precision": lambda x, m, i: np.mean((x * 8e3).astype(np.float16), axis=0),
    "take beyond the ends": lambda x, m, i: (np.take(m, i, mode="wrap"), np.take(m, i)),
    "write a list": lambda x, m, i: written(x, slice(1, 3), [1, 2]),
    "einsum in short": lambda x, m, i: (
        np.einsum("ij,ij", m, m),
        np.einsum("ij,jk", m, m.T),
        np.einsum("...j->...", m),
        np.einsum(m, [0, 1]),
    ),
    "clip in another dtype": lambda x, m, i: np.clip(
        x, 1, 3, dtype=np.float32, casting="same_kind"
    ),
}


@pytest.fixture(scope="module", params=["numpy", "c"])
def found(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Compute all that is written in C in one step."""

    def step(x: Array, m: Array, i: Array) -> Any:
        return {name: program(x, m, i) for name, program in PROGRAMS.items()}

    run = compiled(step, request.param)
    with np.errstate(invalid="ignore"):
        results = run(VECTOR, MATRIX, PLACES)
    if request.param == "c" and run.backend != "c":
        pytest.skip("there is no C compiler here")
    return request.param, results


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_do_as_python_does(name: str, found: tuple[str, dict[str, Any]]) -> None:
    backend, results = found
    with np.errstate(invalid="ignore"):
        alike(backend, results[name], PROGRAMS[name](VECTOR, MATRIX, PLACES))


@pytest.mark.parametrize("name", IN_NUMPY)
def test_what_is_called_in_odd_ways_is_left_to_numpy(name: str) -> None:
    program = IN_NUMPY[name]
    run, arrays = compiled(program, "c"), (VECTOR, MATRIX, PLACES)
    with pytest.warns(match="runs in NumPy"):
        run.prepare(*arrays)
    alike("numpy", run(*arrays), program(*arrays))


@backends
def test_gradients_of_places_that_are_turned(backend: str) -> None:
    def make() -> tuple[Tensor, Callable[[Array], Tensor]]:
        x, weights = Tensor(np.arange(8.0), requires_grad=True), np.arange(6.0).reshape(3, 2)
        optimiser = optim.SGD([x], lr=1.0)

        def step(places: Array) -> Tensor:
            optimiser.zero_grad()
            loss: Tensor = (x[places].T * weights).sum()
            loss.backward()
            optimiser.step()
            return loss

        return x, step

    (x, step), (expected, eager) = make(), make()
    step = compiled(step, backend)
    for _ in range(2):
        alike(backend, step(PLACES), eager(PLACES))
    alike(backend, x, expected)


@pytest.mark.parametrize("order", ["A", "F", "C"])
@backends
def test_a_parameter_in_fortrans_order(order: str, backend: str) -> None:
    x = Tensor(np.asfortranarray(MATRIX), copy=False)
    program = compiled(lambda: (np.ravel(x, order) * 1, np.reshape(x, (2, 6), order) * 1), backend)
    expected = np.ravel(x.numpy(), order), np.reshape(x.numpy(), (2, 6), order)
    alike(backend, program(), expected)
