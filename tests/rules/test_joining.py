"""Joining and taking apart: each undoes the other, for values and for gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from moving import check_moves, numbered
from refusals import check_refusal
from strategies import arrays

from tinygrad_mnist import Tensor

AXES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


@given(data=st.data(), shape=AXES, number=st.integers(1, 3))
def test_what_is_joined_comes_apart_again(data: st.DataObject, shape: Any, number: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    pieces = []
    for _ in range(number):
        own = list(shape)
        own[axis] = data.draw(st.integers(0, 3))
        pieces.append(Tensor(data.draw(arrays(tuple(own))), requires_grad=True))
    y: Any = np.concatenate(pieces, axis)
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    gradients = [piece.grad.numpy() for piece in pieces if piece.grad is not None]
    np.testing.assert_array_equal(np.concatenate(gradients, axis), g, strict=True)
    assert [gradient.shape for gradient in gradients] == [piece.shape for piece in pieces]


@given(data=st.data(), shape=AXES, number=st.integers(1, 3))
def test_what_is_stacked_comes_apart_again(data: st.DataObject, shape: Any, number: int) -> None:
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)), label="axis")
    layers = [Tensor(data.draw(arrays(shape)), requires_grad=True) for _ in range(number)]
    y: Any = np.stack(layers, axis)
    g = data.draw(arrays(y.shape, low=-2.0), label="g")
    y.backward(g)
    for i, layer in enumerate(layers):
        assert layer.grad is not None
        np.testing.assert_array_equal(layer.grad.numpy(), np.take(g, i, axis), strict=True)


@pytest.mark.parametrize(
    "join", [np.vstack, np.hstack, np.dstack, np.column_stack], ids=lambda join: join.__name__
)
@given(shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), data=st.data())
def test_stacking_in_every_direction(join: Any, shape: Any, data: st.DataObject) -> None:
    inputs = [numbered(shape) for _ in range(data.draw(st.integers(1, 3)))]
    place = data.draw(st.integers(0, len(inputs) - 1))
    if join is np.column_stack and not shape:
        return

    def joined(t: Any) -> Any:
        others = [np.zeros(shape) for _ in inputs]
        return join([*others[:place], t, *others[place + 1 :]])

    check_moves(joined, inputs[place])


@pytest.mark.parametrize("split", [np.split, np.array_split], ids=lambda split: split.__name__)
@given(data=st.data(), shape=AXES)
def test_taking_apart(split: Any, data: st.DataObject, shape: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    n = shape[axis]
    numbers = [k for k in range(1, n + 1) if n % k == 0] if split is np.split else [1, 2, 3]
    cuts = st.lists(st.integers(-1, n + 1), max_size=3)
    where = data.draw(st.sampled_from(numbers or [1]) | cuts, label="where")
    number = len(split(np.zeros(shape), where, axis))
    place = data.draw(st.integers(0, number - 1))
    check_moves(lambda t: split(t, where, axis)[place], numbered(shape))


@given(data=st.data(), shape=AXES)
def test_unstacking(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    t: Any = Tensor(numbered(shape), requires_grad=True)
    layers = np.unstack(t, axis=axis)
    assert [layer.shape for layer in layers] == [x.shape for x in np.unstack(t.numpy(), axis=axis)]
    if layers:
        check_moves(lambda t: np.unstack(t, axis=axis)[-1], numbered(shape))


def test_blocks_of_different_depths_of_axes() -> None:
    check_moves(lambda t: np.block([[t, np.zeros((2, 1))], [0.0, np.zeros(3)]]), numbered((2, 3)))
    check_moves(lambda t: np.block([t, t]), numbered((2,)))
    check_moves(lambda t: np.block([[t], [t]]), numbered((2, 1, 2)))
    check_moves(np.block, numbered(()))


@given(data=st.data(), shape=AXES)
def test_what_is_inserted_and_what_it_is_inserted_into(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1), label="axis")
    n = int(np.prod(shape)) if axis is None else shape[axis]
    one = st.integers(-n, n)
    obj = data.draw(one | st.lists(one, max_size=3) | st.slices(n) | hnp.arrays(bool, n))
    target = (n,) if axis is None else shape
    number = np.insert(np.zeros(n), obj, 0).size - n
    whole = list(target)
    whole[axis or 0] = number
    if isinstance(obj, int):
        del whole[axis or 0]
    check_moves(lambda t: np.insert(t, obj, 0.0, axis), numbered(shape))
    check_moves(lambda v: np.insert(np.zeros(shape), obj, v, axis), numbered(tuple(whole)))
    check_moves(lambda v: np.insert(np.zeros(shape), obj, v, axis), numbered(()))


def test_a_mask_says_before_which_elements_to_insert() -> None:
    for mask in (np.array([True, False, True, False]), np.array([False, True, False, False])):
        check_moves(lambda t, mask=mask: np.insert(t, mask, 0.0), numbered((4,)))
        values = numbered((np.count_nonzero(mask),))
        check_moves(lambda v, mask=mask: np.insert(np.zeros(4), mask, v), values)


def test_numbers_and_lists_take_the_dtype_of_the_tensors_that_they_meet() -> None:
    t: Any = Tensor([1.0, 2.0], requires_grad=True)
    joined = [
        np.append(t, 1.0),
        np.append(t, [1, 2]),
        np.concatenate([[0.5], t]),
        np.stack([t, [1, 2]]),
        np.vstack([[0.5, 1.5], t]),
        np.hstack([t, 1.0]),
        np.dstack([t, [0.5, 1.5]]),
        np.column_stack([t, [0.5, 1.5]]),
        np.block([t, 1.0]),
        np.insert(t, 0, 1.0),
        np.insert([1.0, 2.0], 0, t),
    ]
    assert {y.dtype for y in joined} == {np.dtype(np.float32)}
    assert np.concatenate([t, np.zeros(1)]).dtype == np.float64


@given(data=st.data(), shape=AXES)
def test_a_list_may_hold_tensors_at_any_depth(data: st.DataObject, shape: Any) -> None:
    a, b, c = (Tensor(data.draw(arrays(shape)), requires_grad=True) for _ in range(3))
    joined: Any = np.concatenate([np.stack([a]), [b, c], [np.zeros(shape)], (a,)])
    expected = np.stack([a.numpy(), b.numpy(), c.numpy(), np.zeros(shape), a.numpy()])
    np.testing.assert_array_equal(joined.numpy(), expected)
    deep: Any = np.append(np.stack([[a, b]][0]), [[[b], [c]], [[c], [a]]])
    inner = [b, c, c, a]
    np.testing.assert_array_equal(
        deep.numpy(), np.concatenate([x.numpy().ravel() for x in (a, b, *inner)])
    )
    g = data.draw(arrays(joined.shape, low=-2.0), label="g")
    joined.backward(g)
    for tensor, slope in ((a, g[0] + g[4]), (b, g[1]), (c, g[2])):
        assert tensor.grad is not None
        np.testing.assert_allclose(tensor.grad.numpy(), slope)


def test_numbers_beside_tensors_in_a_list_take_their_dtype() -> None:
    t = Tensor(3.0, requires_grad=True)
    y: Any = np.concatenate([Tensor([[1.0, 2.0]]), [[t, 1], [2, 0.5]]])
    assert y.dtype == np.float32
    assert y.tolist() == [[1.0, 2.0], [3.0, 1.0], [2.0, 0.5]]


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda t: np.split(t, 2), ValueError, "split: array split does not result in an equal"),
        (lambda t: np.split(t, 1, 2), IndexError, "split: (3, 2): axis 2 is out of bounds"),
        (lambda t: np.array_split(t, 0), ValueError, "array_split: number sections must be"),
        (lambda t: np.vsplit(t[0], 1), ValueError, "vsplit: (2,): expected at least two axes"),
        (lambda t: np.dsplit(t, 1), ValueError, "dsplit: (3, 2): expected at least three axes"),
        (
            lambda t: np.insert(t, 4, 0.0, 0),
            IndexError,
            "insert: index 4 is out of bounds for axis",
        ),
        (lambda t: np.insert(t, 1, [1, 2, 3], 0), ValueError, "insert: operands could not be"),
        (lambda t: np.block([[t], [t, t]]), ValueError, "block: all the input array dimensions"),
        (lambda t: np.block([[t, (t, t)]]), TypeError, "block: arrays[0][1] is a tuple"),
        (lambda t: np.vstack([t, t[0, 0]]), ValueError, "concatenate: (3, 2), (1, 1): "),
        (
            lambda t: np.concatenate([t, ["a"]]),
            TypeError,
            "concatenate: one array is <U1; expected",
        ),
        (lambda t: np.append(t, [None]), TypeError, "concatenate: one array is object; expected"),
        (lambda t: np.stack([t], out=t), TypeError, "stack: not supported for Tensors: "),
    ],
)
def test_a_refusal_is_one_sentence(
    call: Callable[[Any], Any], error: type[Exception], sentence: str
) -> None:
    check_refusal(call, error, sentence, Tensor(np.ones((3, 2)), requires_grad=True))
