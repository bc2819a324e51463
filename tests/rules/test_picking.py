"""Indexing of every kind, and the functions that pick elements by their places."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from moving import check_moves, numbered
from refusals import check_refusal
from strategies import FLOATS, indices

from tinygrad_mnist import Tensor
from tinygrad_mnist.rules.picking import scatter

Move = Callable[[Any], Any]
AXES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
FULL = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


@given(data=st.data(), shape=AXES, dtype=FLOATS)
def test_any_index(data: st.DataObject, shape: Any, dtype: Any) -> None:
    index = data.draw(indices(shape), label="index")
    check_moves(lambda t: t[index], numbered(shape, dtype))


@given(
    data=st.data(),
    shape=st.tuples(st.integers(1, 5), st.sampled_from([0, 1, 7, 8, 9])),
    leading=st.booleans(),
)
def test_rows_that_are_picked_several_times(data: st.DataObject, shape: Any, leading: bool) -> None:
    rows = shape[0]
    chosen = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=6)
    index = data.draw(hnp.arrays(np.intp, chosen, elements=st.integers(-rows, rows - 1)))
    if leading:
        check_moves(lambda t: t[:, index], numbered((2, *shape)))
    else:
        check_moves(lambda t: t[index], numbered(shape, np.float32))


def test_many_rows_are_added_up_in_pieces() -> None:
    rng = np.random.default_rng(0)
    places = rng.integers(0, 50, 30_000)
    g = rng.standard_normal((30_000, 9))
    found = scatter(g, shape=(50, 9), index=places)
    expected = np.zeros((50, 9))
    np.add.at(expected, places, g)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(data=st.data())
def test_large_blocks_in_a_frame_of_zeros(data: st.DataObject) -> None:
    a = np.ones((3, 120, 100))
    ends = [(st.integers(0, n // 2) | st.none(), st.integers(2 - n // 2, n + 2)) for n in a.shape]
    slices = [slice(data.draw(start), data.draw(stop)) for start, stop in ends]
    index = data.draw(st.sampled_from([slices[0], tuple(slices), tuple(slices[:2])]), label="index")
    t = Tensor(a, requires_grad=True)
    y = t[index]
    y.backward(np.full(y.shape, 2.0))
    expected = np.zeros(a.shape)
    expected[index] = 2.0
    assert t.grad is not None
    np.testing.assert_array_equal(t.grad.numpy(), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_integers_of_every_size_are_indices(dtype: Any) -> None:
    index = np.array([2, 0, 2], dtype)
    check_moves(lambda t: t[index], numbered((3, 2)))
    check_moves(lambda t: t[:, index, None], numbered((2, 3)))


@pytest.mark.parametrize(
    "index",
    [
        [0, 2, 0],
        [True, False, True],
        [[0, 1], [2, 2]],
        ([0, 0], [1, 1]),
        (slice(None), [1, 0, 1]),
        ([1, 0, 1], ...),
        (..., [1, 0, 1]),
        ([0, 2, 0], True),
        (np.array([True, False, True]), [1, 1]),
        (None, [0, 2, 0], None),
        (2, [1, 0, 1]),
        (np.int8(1), [0, 0]),
        np.int64(1),
        True,
        False,
        np.array(2),
        np.array(True),
        [],
        (slice(None), []),
        (),
    ],
    ids=repr,
)
def test_lists_and_numpys_numbers_are_indices_too(index: Any) -> None:
    check_moves(lambda t: t[index], numbered((3, 2)))


def test_arrays_meet_masks_and_ellipses_of_several_axes() -> None:
    mask = np.array([[True, False, True], [False, False, True]])
    check_moves(lambda t: t[mask, [1, 0, 1]], numbered((2, 3, 2)))
    check_moves(lambda t: t[[1, 0, 1], mask], numbered((2, 2, 3)))
    check_moves(lambda t: t[..., [1, 0, 1]], numbered((2, 3, 2)))
    check_moves(lambda t: t[[1, 1], ..., [1, 0]], numbered((2, 3, 2)))
    check_moves(lambda t: t[None, [1, 1], :, [1, 0]], numbered((2, 3, 2, 2)))


def test_a_tensor_is_an_index_too() -> None:
    t = Tensor([1.0, 5.0, 3.0], requires_grad=True)
    y = t[Tensor(np.array([1, 1]))].sum() + t[t > 2].sum() + t[t.argmax()]
    y.backward()
    assert t.grad is not None
    assert t.grad.tolist() == [0.0, 4.0, 1.0]


def test_tensors_say_where_and_how_often() -> None:
    t: Any = Tensor([1.0, 5.0, 3.0], requires_grad=True)
    places = Tensor(np.array([2, 1]))
    assert np.take(t, places).tolist() == [3.0, 5.0]
    assert np.take_along_axis(t, places, 0).tolist() == [3.0, 5.0]
    assert np.delete(t, places).tolist() == [1.0]
    assert np.compress(t > 2, t).tolist() == [5.0, 3.0]
    assert np.extract(t > 2, t).tolist() == [5.0, 3.0]
    assert np.insert(t, places, [0.0, 9.0]).tolist() == [1.0, 9.0, 5.0, 0.0, 3.0]
    assert np.repeat(t, Tensor(np.array([0, 1, 2]))).tolist() == [5.0, 3.0, 3.0]
    assert np.split(t, Tensor(np.array([1])))[1].tolist() == [5.0, 3.0]


def test_an_index_that_changes_afterwards_changes_nothing() -> None:
    index, t = np.array([0, 1]), Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y: Any = t[index].sum() + np.take(t, index).sum()
    index[:] = 2
    y.backward()
    assert t.grad is not None
    assert t.grad.tolist() == [2.0, 2.0, 0.0]


@given(data=st.data(), shape=FULL, mode=st.sampled_from(["raise", "wrap", "clip"]))
def test_take(data: st.DataObject, shape: Any, mode: Any) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1), label="axis")
    n = int(np.prod(shape)) if axis is None else shape[axis]
    allowed = st.integers(-n, n - 1) if mode == "raise" else st.integers(-3 * n, 3 * n)
    chosen = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)
    places = data.draw(hnp.arrays(np.intp, chosen, elements=allowed), label="places")
    given_as = data.draw(st.sampled_from([np.asarray, np.ndarray.tolist]))
    indices = given_as(places) if places.size else places
    check_moves(lambda t: np.take(t, indices, axis, mode=mode), numbered(shape))


@given(data=st.data(), shape=FULL)
def test_take_along_axis(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    n = shape[axis]
    chosen = [data.draw(st.sampled_from([1, length])) for length in shape]
    chosen[axis] = data.draw(st.integers(0, 4))
    places = data.draw(hnp.arrays(np.intp, tuple(chosen), elements=st.integers(-n, n - 1)))
    check_moves(lambda t: np.take_along_axis(t, places, axis), numbered(shape))


@given(data=st.data(), shape=FULL)
def test_what_is_left_out_has_no_gradient(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1), label="axis")
    n = int(np.prod(shape)) if axis is None else shape[axis]
    one = st.integers(-n, n - 1)
    obj = data.draw(one | st.lists(one) | st.slices(n) | hnp.arrays(bool, n), label="obj")
    check_moves(lambda t: np.delete(t, obj, axis), numbered(shape))
    condition = data.draw(hnp.arrays(bool, st.integers(0, n)), label="condition")
    check_moves(lambda t: np.compress(condition, t, axis), numbered(shape))
    mask = data.draw(hnp.arrays(bool, shape), label="mask")
    check_moves(lambda t: np.extract(mask, t), numbered(shape))


@given(mask=hnp.arrays(bool, AXES), trim=st.sampled_from(["f", "b", "fb"]), data=st.data())
def test_zeros_are_trimmed(mask: np.ndarray, trim: Any, data: st.DataObject) -> None:
    t = Tensor(numbered(mask.shape) * mask, requires_grad=True)
    if mask.ndim == 1:
        arguments: Any = {}
    else:
        several = st.lists(st.integers(0, mask.ndim - 1), min_size=1, unique=True).map(tuple)
        several = several if np.lib.NumpyVersion(np.__version__) >= "2.4.0" else st.none()
        axis = data.draw(st.none() | st.integers(-mask.ndim, mask.ndim - 1) | several)
        arguments = {"axis": axis}
    y: Any = np.trim_zeros(t, trim, **arguments)
    np.testing.assert_array_equal(y.numpy(), np.trim_zeros(t.numpy(), trim, **arguments))
    y.sum().backward()
    assert t.grad is not None
    assert t.grad.sum().item() == y.size
    assert (t.grad.numpy()[mask] == 1).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.copyto(t, 0.0),
        lambda t: np.copyto(np.zeros(3), t),
        lambda t: np.full_like(np.zeros(3), t[0]),
        lambda t: np.put(t, [0], 1.0),
        lambda t: np.place(t, t > 0, [1.0]),
        lambda t: np.putmask(t, t > 0, [1.0]),
        lambda t: np.put_along_axis(t, np.array([0]), 1.0, 0),
        lambda t: np.fill_diagonal(t, 1.0),
    ],
)
def test_writing_in_place_is_refused_with_what_to_write_instead(call: Move) -> None:
    t = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    refusal = r"^numpy\.\w+ writes in place, which Tensors refuse; instead, write np\.where\(.*$"
    with pytest.raises(TypeError, match=refusal):
        call(t)
    assert t.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda t: np.take(t, [7]), IndexError, "take: (2, 3): index 7 is out of bounds"),
        (lambda t: np.take(t, [0], out=t), TypeError, "take: not supported for Tensors: out"),
        (lambda t: np.delete(t, 4, 1), IndexError, "delete: index 4 is out of bounds for axis 1"),
        (lambda t: np.delete(t, 0, 2), IndexError, "delete: (2, 3): axis 2 is out of bounds"),
        (lambda t: np.compress([[True]], t), ValueError, "compress: condition must be a 1-d"),
        (
            lambda t: np.take_along_axis(t, np.array([0]), 0),
            ValueError,
            "take_along_axis: (2, 3): ",
        ),
        (lambda t: np.take_along_axis(t, t, 0), TypeError, "a Tensor that needs a gradient does"),
        (lambda t: np.trim_zeros(t, "x"), ValueError, "trim_zeros: trim is 'x'; expected"),
        (lambda t: t[[0.5]], IndexError, "getitem: (2, 3): arrays used as indices must be of int"),
        (lambda t: t[[2]], IndexError, "getitem: (2, 3): index 2 is out of bounds for axis 0"),
        (lambda t: t[0, 0][[0]], IndexError, "getitem: (): invalid index to scalar"),
    ],
)
def test_a_refusal_is_one_sentence(call: Move, error: type[Exception], sentence: str) -> None:
    check_refusal(call, error, sentence, Tensor(np.ones((2, 3)), requires_grad=True))
