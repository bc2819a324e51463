"""Repeating, tiling, padding, windows and grids: what goes to several places gets their sum."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from moving import check_moves, numbered
from numpy.lib.stride_tricks import sliding_window_view
from refusals import check_refusal
from strategies import FLOATS

from tinygrad_mnist import Tensor

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
FULL = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)
WIDTHS = st.integers(0, 5)


@given(data=st.data(), shape=SHAPES, dtype=FLOATS)
def test_repeat(data: st.DataObject, shape: Any, dtype: Any) -> None:
    axes = st.integers(-len(shape), len(shape) - 1) if shape else st.nothing()
    axis = data.draw(st.none() | axes, label="axis")
    n = int(np.prod(shape)) if axis is None else shape[axis]
    times = st.integers(0, 3)
    counts = data.draw(times | st.lists(times, min_size=n, max_size=n), label="counts")
    check_moves(lambda t: np.repeat(t, counts, axis), numbered(shape, dtype))


@given(data=st.data(), shape=SHAPES)
def test_tile(data: st.DataObject, shape: Any) -> None:
    times = st.integers(0, 3)
    reps = data.draw(times | st.lists(times, max_size=4).map(tuple), label="reps")
    check_moves(lambda t: np.tile(t, reps), numbered(shape))


@given(shape=SHAPES, new_shape=SHAPES)
def test_resize(shape: Any, new_shape: Any) -> None:
    if np.prod(shape):
        check_moves(lambda t: np.resize(t, new_shape), numbered(shape))
    else:
        y: Any = np.resize(Tensor(np.zeros(shape)), new_shape)
        np.testing.assert_array_equal(y.numpy(), np.zeros(new_shape), strict=True)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
@given(data=st.data(), shape=FULL)
def test_padding_of_every_width(mode: Any, data: st.DataObject, shape: Any) -> None:
    pair = st.tuples(WIDTHS, WIDTHS)
    each = st.lists(pair, min_size=len(shape), max_size=len(shape))
    forms = WIDTHS | WIDTHS.map(lambda n: (n,)) | pair | pair.map(lambda p: [p]) | each
    widths = data.draw(forms | each.map(np.array), label="widths")
    check_moves(lambda t: np.pad(t, widths, mode), numbered(shape))


@given(data=st.data(), shape=SHAPES)
def test_padding_nothing_with_zeros(data: st.DataObject, shape: Any) -> None:
    width = data.draw(WIDTHS)
    check_moves(lambda t: np.pad(t, width), numbered(shape))


def test_widths_are_given_by_axis() -> None:
    t: Any = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = np.pad(t, {-1: (1, 2), 0: 1}, "edge")
    np.testing.assert_array_equal(y.numpy(), np.pad(t.numpy(), ((1, 1), (1, 2)), "edge"))


@pytest.mark.parametrize("values", [0.5, (1, 2), ((1, 2), (3, np.nan)), Tensor(-np.inf)])
def test_constants_fill_the_frame_and_have_no_gradient(values: Any) -> None:
    t: Any = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = np.pad(t, ((1, 2), (0, 1)), constant_values=values)
    own = values.numpy() if isinstance(values, Tensor) else values
    expected = np.pad(t.numpy(), ((1, 2), (0, 1)), constant_values=own)
    np.testing.assert_array_equal(y.numpy(), expected)
    y.sum().backward()
    assert t.grad.tolist() == [[1.0] * 3] * 2


@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=2), dtype=FLOATS)
def test_constants_that_are_tensors_have_the_gradient_of_their_frame(
    data: st.DataObject, shape: Any, dtype: Any
) -> None:
    width = st.integers(0, 2)
    widths = [(data.draw(width), data.draw(width)) for _ in shape]
    form = data.draw(st.sampled_from([(), (1,), (2,), (1, 2), (len(shape), 2)]))
    a = np.zeros(shape, dtype)
    check_moves(lambda v: np.pad(Tensor(a), widths, constant_values=v), numbered(form, dtype))
    once, twice = (Tensor(value, requires_grad=True) for value in (1.0, 2.0))
    y: Any = np.pad(Tensor(a), widths, constant_values=(once, twice))
    np.testing.assert_array_equal(y.numpy(), np.pad(a, widths, constant_values=(1.0, 2.0)))
    y.sum().backward()
    assert once.grad is not None
    assert once.grad.item() == (y.numpy() == 1).sum()


def test_padding_makes_a_copy_even_of_no_width() -> None:
    t: Any = Tensor(np.zeros(3))
    for mode in ("constant", "edge"):
        y: Any = np.pad(t, 0, mode)
        assert not np.shares_memory(y.numpy(), t.numpy())


@given(data=st.data(), shape=FULL)
def test_windows(data: st.DataObject, shape: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    length = data.draw(st.integers(0, shape[axis]), label="length")
    check_moves(lambda t: sliding_window_view(t, length, axis), numbered(shape))
    lengths = tuple(data.draw(st.integers(1, n)) for n in shape)
    check_moves(lambda t: sliding_window_view(t, lengths), numbered(shape))


@given(
    data=st.data(),
    lengths=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    indexing=st.sampled_from(["xy", "ij"]),
    sparse=st.booleans(),
    copy=st.booleans(),
)
def test_grids(data: st.DataObject, lengths: Any, indexing: Any, sparse: bool, copy: bool) -> None:
    place = data.draw(st.integers(0, len(lengths) - 1))
    others = [np.zeros(n) for n in lengths]

    def grid(t: Any) -> Any:
        xi = [*others[:place], t, *others[place + 1 :]]
        return np.meshgrid(*xi, copy=copy, sparse=sparse, indexing=indexing)[place]

    check_moves(grid, numbered((lengths[place],)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: np.pad(t, 1, "mean"), "pad: not supported for Tensors: mode='mean'; the modes"),
        (lambda t: np.pad(t, 1, "odd"), "pad: not supported for Tensors: mode='odd'; the modes"),
        (
            lambda t: np.pad(t, 1, "reflect", reflect_type="odd"),
            "pad: not supported for Tensors: mode='reflect', reflect_type='odd'; the modes",
        ),
        (
            lambda t: np.pad(t, 1, "edge", constant_values=1),
            "pad: not supported for Tensors: mode='edge', constant_values=1; the modes",
        ),
        (lambda t: np.pad(t, 1, constant_values=t), "pad: broadcast_to: "),
        (lambda t: np.pad(t, -1), "pad: pad_width is -1; expected integers that are not negative"),
        (lambda t: np.pad(t, 0.5), "pad: pad_width is 0.5; expected integers that are not neg"),
        (lambda t: np.pad(t, {1: 2}), "pad: (3,): axis 1 is out of bounds"),
        (lambda t: np.pad(t, ((1, 2), (3, 4))), "pad: operands could not be broadcast"),
        (lambda t: np.pad(t[:0], 1, "edge"), "pad: can't extend empty axis 0"),
        (lambda t: np.repeat(t, [1, 2]), "repeat: (3,): operands could not be broadcast"),
        (lambda t: np.repeat(t, -1), "repeat: (3,): negative dimensions are not allowed"),
        (lambda t: np.repeat(t, t), "repeat: repeats is a Tensor that needs a gradient"),
        (lambda t: np.tile(t, -1), "tile: (3,): negative dimensions are not allowed"),
        (lambda t: np.resize(t, -1), "resize: all elements of `new_shape` must be non-negative"),
        (lambda t: np.meshgrid(t, indexing="yx"), "meshgrid: indexing is 'yx'; expected 'xy' or"),
        (lambda t: sliding_window_view(t, 5), "sliding_window_view: window shape cannot be"),
        (
            lambda t: sliding_window_view(t, (1, 1)),
            "sliding_window_view: (3,): 2 lengths; exp",
        ),
    ],
)
def test_a_refusal_is_one_sentence(call: Any, sentence: str) -> None:
    check_refusal(
        call,
        (TypeError, ValueError, IndexError),
        sentence,
        Tensor([1.0, 2.0, 3.0], requires_grad=True),
    )
