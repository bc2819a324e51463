"""The same rows, their inputs given in other ways: other memory, other shapes, one at a time.

What comes of it is held against what comes of the samples as they are, which `test_rules` has
held against differences.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.walk import CASES, Case, Function, each, is_float, leaves, swept
from strategies import FLOATS, broadcast_shapes

from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import DERIVED, RULES

Layout = Callable[[np.ndarray], np.ndarray]


def weights(shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Make some gradient to start with."""
    return np.array(np.random.default_rng(3).standard_normal(shape), dtype)


def gradients(case: Case, values: list[Any], layout: Layout = np.array) -> tuple[Any, list[Any]]:
    """Compute the value, and the gradients of the leaves from the same weights every time."""
    y = case.function(*values)
    found = swept(values, y, layout(weights(y.shape, y.dtype)))
    return y.numpy(), [None if part is None else part.numpy() for part in found]


# --- memory -------------------------------------------------------------------------------


def strided(array: np.ndarray, step: int) -> np.ndarray:
    """Spread an array over one of twice its sides, which is filled with what nobody should read."""
    wide = np.full([2 * n for n in array.shape], np.nan)
    view = wide[(..., *[slice(None, None, step)] * array.ndim)]
    view[...] = array
    return view


LAYOUTS: list[Any] = [
    pytest.param(lambda array: np.array(array, order="F"), id="transposed"),
    pytest.param(lambda array: strided(array, 2), id="strided"),
    pytest.param(lambda array: strided(array, -2), id="backwards"),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@each(CASES)
def test_the_layout_in_memory_changes_nothing_and_nothing_is_written(
    case: Case, layout: Layout
) -> None:
    def laid_out(array: np.ndarray) -> np.ndarray:
        array = layout(array)
        array.flags.writeable = False
        return array

    given = [laid_out(a) if is_float(a) else a for a in case.inputs]
    value, expected = gradients(case, leaves(case.inputs))
    same, found = gradients(case, leaves(given, copy=False), laid_out)
    by_numpy = case.function(*given)
    np.testing.assert_allclose(same, by_numpy, rtol=1e-10, atol=1e-12)
    if not np.allclose(by_numpy, value, equal_nan=True):
        pytest.skip("this function looks at the layout, as order='A' does")
    for own, other in zip(found, expected, strict=True):
        if other is not None:
            np.testing.assert_allclose(own, other, rtol=1e-10, atol=1e-12, strict=True)


# --- one at a time ------------------------------------------------------------------------


@each([case for case in CASES if sum(map(is_float, case.inputs)) > 1])
def test_an_input_gets_its_gradient_whoever_else_needs_one(case: Case) -> None:
    _, expected = gradients(case, leaves(case.inputs))
    for i in range(len(expected)):
        if expected[i] is not None:
            alone: list[Any] = [Tensor(a) if is_float(a) else a for a in case.inputs]
            alone[i].requires_grad = True
            _, found = gradients(case, alone)
            np.testing.assert_allclose(found[i], expected[i], rtol=1e-12, atol=1e-14)


# --- shapes -------------------------------------------------------------------------------


def is_elementwise(case: Case) -> bool:
    """Tell whether each element of the value comes of the elements at its place, broadcast."""
    try:
        dense = [np.array(a) for a in np.broadcast_arrays(*case.inputs)]
        shape = dense[0].shape
        y = np.asarray(case.function(*case.inputs))
        if y.shape != shape:
            return False
        for place in np.ndindex(shape):
            element = case.function(*(a[(*place, ...)] for a in dense))
            if np.shape(element) or not np.allclose(element, y[place], 1e-12, 0, equal_nan=True):
                return False
            for i, a in enumerate(dense):  # one element there, and all of the others
                stretched = case.function(*dense[:i], a[(*place, ...)], *dense[i + 1 :])
                if len(dense) > 1 and np.shape(stretched) != shape:
                    return False
    except (TypeError, ValueError, IndexError):
        return False
    return True


def tells(case: Case) -> bool:
    """Tell whether there is something in each input, and more than one element in some."""
    sizes = [np.size(a) for a in case.inputs]
    return min(sizes) > 0 and max(sizes) > 1


UFUNCS = {f for f in RULES | DERIVED if isinstance(f, np.ufunc) and f.signature is None}


def elementwise() -> dict[Function, list[Case]]:
    """Find the rows that are elementwise on all of their samples, and the samples that tell."""
    rows: dict[Function, list[Case]] = {}
    for case in CASES:
        rows.setdefault(case.row, []).append(case)
    found = {}
    for row, cases in rows.items():
        with warnings.catch_warnings(action="ignore"):  # a single element may be too few
            fit = [case for case in cases if is_elementwise(case)]
        # Of a ufunc, some samples may fix an array as an argument that is not an input.
        if (len(fit) == len(cases) or row in UFUNCS) and any(map(tells, fit)):
            found[row] = list(filter(tells, fit))
    return found


ELEMENTWISE = elementwise()


def test_ufuncs_are_elementwise() -> None:
    assert ELEMENTWISE.keys() >= UFUNCS


def unbroadcast(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum the elements of `g` into the elements of `shape` that broadcasting made them from."""
    size = int(np.prod(shape))
    places = np.broadcast_to(np.arange(size).reshape(shape), g.shape)
    return np.bincount(places.ravel(), g.ravel(), size).reshape(shape)


@pytest.mark.parametrize(
    "cases", [pytest.param(cases, id=cases[0].name) for cases in ELEMENTWISE.values()]
)
@settings(max_examples=30)
@given(data=st.data())
def test_inputs_of_any_shapes_and_dtypes_get_gradients_of_their_own(
    cases: list[Case], data: st.DataObject
) -> None:
    case = data.draw(st.sampled_from(cases), label="case")
    arrays = [i for i, a in enumerate(case.inputs) if isinstance(a, np.ndarray)]
    given: list[Any] = list(case.inputs)
    for i, shape in zip(arrays, data.draw(broadcast_shapes(len(arrays))), strict=True):
        dtype = data.draw(FLOATS) if is_float(given[i]) else given[i].dtype
        turned = np.roll(given[i].ravel(), data.draw(st.integers(0, given[i].size - 1)))
        given[i] = np.resize(turned, shape).astype(dtype)
    stretched: list[Any] = list(given)
    for i, a in zip(arrays, np.broadcast_arrays(*(given[i] for i in arrays)), strict=True):
        stretched[i] = a.copy()
    _, found = gradients(case, leaves(given))
    _, full = gradients(case, leaves(stretched))
    tolerance = 1e-12 if all(a.dtype != np.float32 for a in given if is_float(a)) else 1e-5
    for a, own, dense in zip(given, found, full, strict=True):
        if own is None:
            assert dense is None
            continue
        assert own.dtype == a.dtype
        assert own.shape == a.shape
        np.testing.assert_allclose(own, unbroadcast(dense, a.shape), tolerance, tolerance)
