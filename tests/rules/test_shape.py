"""The same elements in another shape or order, from memory that lies in any way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from moving import check_moves, numbered
from refusals import check_refusal
from strategies import FLOATS, SHAPES, arrays, axes, broadcast_shapes

from tinygrad_mnist import Tensor
from tinygrad_mnist.engine.uses import HAS_GRADIENT
from tinygrad_mnist.rules import RULES

Move = Callable[[Any], Any]
AXES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)


@st.composite
def laid_out(draw: st.DrawFn, shapes: Any = SHAPES) -> np.ndarray:
    """Draw an array whose axes lie in memory in any order, with gaps, forwards or backwards."""
    shape = draw(shapes)
    order = draw(st.permutations(range(len(shape))))
    gaps = draw(st.sampled_from([[1], [-2, -1, 1, 2]]))
    steps = [draw(st.sampled_from(gaps)) for _ in shape]
    wide = [shape[axis] * abs(steps[axis]) for axis in order]
    straight = np.transpose(np.zeros(wide, draw(FLOATS)), np.argsort(order))
    a = straight[(..., *(slice(None, None, step) for step in steps))]
    a[...] = numbered(shape)
    return a


def factors(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw shapes of so many elements."""
    if size == 0:
        return st.sampled_from([(0,), (3, 0), (0, 2, 2)])
    divisors = [n for n in range(1, size + 1) if size % n == 0]
    return st.sampled_from(divisors).map(lambda n: (n, 1, size // n))


@given(data=st.data(), a=laid_out(), order=st.sampled_from("CFA"))
def test_any_shape_in_any_order(data: st.DataObject, a: np.ndarray, order: Any) -> None:
    shape = data.draw(factors(a.size), label="shape")
    check_moves(lambda t: np.reshape(t, shape, order), a)


@given(a=laid_out(), order=st.sampled_from("CFA"))
def test_ravel_in_any_order(a: np.ndarray, order: Any) -> None:
    check_moves(lambda t: np.ravel(t, order), a)


def one_axis(ndim: int) -> st.SearchStrategy[int]:
    return st.integers(-ndim, ndim - 1)


@st.composite
def moveaxis(draw: st.DrawFn, shape: Any) -> Move:
    number = draw(st.integers(0, len(shape)))
    ends = []
    for _ in range(2):
        places = draw(st.permutations(range(len(shape))))[:number]
        ends.append([place - draw(st.sampled_from([0, len(shape)])) for place in places])
    source, destination = ends
    if number == 1 and draw(st.booleans()):
        return lambda t: np.moveaxis(t, source[0], destination[0])
    return lambda t: np.moveaxis(t, source, tuple(destination))


@st.composite
def rollaxis(draw: st.DrawFn, shape: Any) -> Move:
    axis, start = draw(one_axis(len(shape))), draw(st.integers(-len(shape), len(shape)))
    return lambda t: np.rollaxis(t, axis, start)


@st.composite
def swapaxes(draw: st.DrawFn, shape: Any) -> Move:
    first, second = draw(one_axis(len(shape))), draw(one_axis(len(shape)))
    return lambda t: np.swapaxes(t, first, second)


@st.composite
def transpose(draw: st.DrawFn, shape: Any) -> Move:
    order = draw(st.permutations(range(len(shape))))
    negative = [axis - len(shape) for axis in order]
    chosen = draw(st.sampled_from([None, tuple(order), negative]))
    return lambda t: np.transpose(t, chosen)


@st.composite
def flip(draw: st.DrawFn, shape: Any) -> Move:
    axis = draw(axes(len(shape)))
    return lambda t: np.flip(t, axis)


@st.composite
def roll(draw: st.DrawFn, shape: Any) -> Move:
    axis = draw(axes(len(shape)))
    shifts = st.integers(-5, 5)
    if isinstance(axis, tuple) and draw(st.booleans()):
        several = [draw(shifts) for _ in axis]
        return lambda t: np.roll(t, several, axis)
    shift = draw(shifts)
    return lambda t: np.roll(t, shift, axis)


@st.composite
def rot90(draw: st.DrawFn, shape: Any) -> Move:
    if len(shape) < 2:
        return lambda t: np.flip(t)
    plane = draw(st.permutations(range(len(shape))))[:2]
    k = draw(st.integers(-5, 5))
    return lambda t: np.rot90(t, k, plane)


@st.composite
def squeeze(draw: st.DrawFn, shape: Any) -> Move:
    short = [axis for axis, n in enumerate(shape) if n == 1]
    axis = draw(st.sampled_from([None, tuple(short), *short]))
    return lambda t: np.squeeze(t, axis)


@st.composite
def expand_dims(draw: st.DrawFn, shape: Any) -> Move:
    one = draw(st.integers(-len(shape) - 1, len(shape)))
    axis = draw(st.sampled_from([one, (one,), (0, -1)]))
    return lambda t: np.expand_dims(t, axis)


@st.composite
def broadcast_to(draw: st.DrawFn, shape: Any) -> Move:
    wider = [draw(st.sampled_from([0, 1, 3])) if n == 1 else n for n in shape]
    whole = (*draw(st.sampled_from([(), (1,), (2, 1), (0,)])), *wider)
    return lambda t: np.broadcast_to(t, whole)


ALL = (
    moveaxis,
    rollaxis,
    swapaxes,
    transpose,
    flip,
    roll,
    rot90,
    squeeze,
    expand_dims,
    broadcast_to,
)


@pytest.mark.parametrize("moves", ALL, ids=lambda moves: moves.__name__)
@given(data=st.data())
def test_every_form_of_the_arguments(moves: Any, data: st.DataObject) -> None:
    a = data.draw(laid_out(AXES))
    check_moves(data.draw(moves(a.shape)), a)


@pytest.mark.parametrize("function", [np.atleast_1d, np.atleast_2d, np.atleast_3d])
@given(a=laid_out())
def test_at_least_so_many_axes(function: Any, a: np.ndarray) -> None:
    check_moves(function, a)
    both = function(Tensor(a), [1.0, 2.0])
    assert [part.shape for part in both] == [part.shape for part in function(a, [1.0, 2.0])]


@given(shapes=broadcast_shapes(3))
def test_arrays_broadcast_against_each_other(shapes: Any) -> None:
    inputs = [numbered(shape) for shape in shapes]
    for i, (a, whole) in enumerate(zip(inputs, np.broadcast_arrays(*inputs), strict=True)):

        def one_of_them(t: Any, i: int = i) -> Any:
            return np.broadcast_arrays(*inputs[:i], t, *inputs[i + 1 :])[i]

        assert one_of_them(Tensor(a)).shape == whole.shape
        check_moves(one_of_them, a)


def test_moving_keeps_no_values() -> None:
    moving = [np.reshape, np.transpose, np.flip, np.roll, np.rot90, np.take, np.repeat, np.tile]
    for function in (*moving, np.tril, np.copy):
        assert RULES[function].look_up_uses() == (HAS_GRADIENT,)


def test_what_needs_no_copy_shares_its_memory() -> None:
    a = np.arange(6.0).reshape(2, 3)
    t = Tensor(a, copy=False)
    views: list[Any] = [np.reshape(t, 6), np.ravel(t), np.moveaxis(t, 0, 1), np.flip(t), t[1:]]
    assert all(np.shares_memory(view.numpy(), a) for view in views)
    copy: Any = np.reshape(t, 6, copy=True)
    assert not np.shares_memory(copy.numpy(), a)


@pytest.mark.parametrize(
    "function",
    [np.broadcast_arrays, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.meshgrid],
    ids=lambda function: function.__name__,
)
@given(dtype=FLOATS, place=st.integers(0, 2))
def test_all_of_several_results_are_tensors_if_one_input_is(
    function: Any, dtype: Any, place: int
) -> None:
    a = np.ones(2, dtype)
    inputs: list[Any] = [2.0, a, [1.0, 3.0]]
    inputs[place] = Tensor(np.asarray(inputs[place], dtype))
    results = function(*inputs)
    assert [type(y) for y in results] == [Tensor] * 3
    assert {y.dtype for y in results} == {dtype}
    a[:] = 5  # the Tensors do not see it
    assert not any((y.numpy() == 5).any() for y in results)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda t: np.moveaxis(t, 0, 5), IndexError, "moveaxis: destination: axis 5 is out of"),
        (lambda t: np.moveaxis(t, (0, 1), 0), ValueError, "moveaxis: `source` and `destination`"),
        (lambda t: np.rollaxis(t, 3), IndexError, "rollaxis: axis 3 is out of bounds"),
        (lambda t: np.ravel(t, "K"), ValueError, "ravel: order is 'K'; expected 'C', 'F'"),
        (lambda t: np.reshape(t.T, 6, copy=False), ValueError, "reshape: (3, 2): Unable to avoid"),
        (lambda t: np.broadcast_arrays(t, ["a"]), TypeError, "broadcast_arrays: one array is <U1"),
        (lambda t: np.flip(t, 2), IndexError, "flip: (2, 3): axis 2 is out of bounds"),
        (lambda t: np.broadcast_to(t, 3, subok=True), TypeError, "broadcast_to: not supported"),
        (lambda t: np.matrix_transpose(t[0]), ValueError, "matrix_transpose: Input array must be"),
    ],
)
def test_a_refusal_is_one_sentence(call: Move, error: type[Exception], sentence: str) -> None:
    check_refusal(call, error, sentence, Tensor(np.zeros((2, 3))))


@given(
    data=st.data(),
    order=st.permutations(range(3)),
    steps=st.tuples(*[st.sampled_from([-2, -1, 1, 2])] * 3),
)
def test_memory_that_lies_crosswise_makes_no_difference(
    data: st.DataObject, order: Any, steps: Any
) -> None:
    wide = data.draw(arrays((4, 5, 6), np.float32))
    crosswise = wide[tuple(slice(None, None, step) for step in steps)].transpose(order)
    straight = np.ascontiguousarray(crosswise)
    gradients = []
    for a in (crosswise, straight):
        t = Tensor(a, requires_grad=True, copy=False)
        weight = Tensor(np.linspace(-1, 1, a.shape[-1] * 2, dtype=np.float32).reshape(-1, 2))
        y = np.tanh(t @ weight).sum() + (t * t).mean(axis=1).max() + t.reshape(-1)[::3].sum()
        y.backward()
        assert t.grad is not None
        gradients.append(t.grad.numpy())
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-5, atol=1e-6)
