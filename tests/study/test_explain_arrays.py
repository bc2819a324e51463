"""Arrays as pictures: every number, at the place that its cell claims."""

import base64
import math

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given

from tinygrad_mnist.study.explain.arrays import Picture, cropped, pictured, scale_of, stacked

NUMBERS = st.floats(-1e6, 1e6, width=32)
SHAPES = st.one_of(
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=6),
    st.tuples(st.just(784), st.integers(1, 3)),
    st.tuples(st.integers(1, 120)),
)


def assert_shows(picture: Picture, array: np.ndarray) -> None:
    """Check that each cell holds the number at the place that it claims, and that none is lost."""
    seen = set()
    for cell, value in np.ndenumerate(picture.values):
        if not math.isnan(value):
            flat = sum(place * step for place, step in zip(cell, picture.strides, strict=True))
            assert value == array.ravel()[flat]
            seen.add(flat)
    assert seen == set(range(array.size))


@given(SHAPES, st.data())
@example((784, 10), None)
@example((84, 10), None)
@example((3, 7), None)
@example((2, 3, 4, 5), None)
def test_every_cell_shows_the_number_that_it_names(
    shape: tuple[int, ...], data: st.DataObject | None
) -> None:
    rng = np.random.default_rng(0)
    array = rng.normal(size=shape).astype(np.float32)
    if data is not None:
        array = data.draw(hnp.arrays(np.float32, shape, elements=NUMBERS))
    picture = pictured("a", array)
    assert picture.shape == shape
    assert_shows(picture, array)


@given(hnp.arrays(np.float32, (10, 784), elements=NUMBERS, fill=NUMBERS))
def test_a_stack_lies_as_the_array(array: np.ndarray) -> None:
    assert_shows(stacked("W1", array, (10, 28, 28)), array)
    assert_shows(stacked("W1", array), array)


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=5), elements=NUMBERS))
def test_numbers_reach_the_page_with_all_their_bits(array: np.ndarray) -> None:
    data = pictured("a", array).data()
    back = np.frombuffer(base64.b64decode(data["values"]), "<f4").reshape(data["size"])
    np.testing.assert_array_equal(back, pictured("a", array).values)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(1, 9), st.integers(1, 9)), max_size=5),
    st.integers(1000, 9000),
)
def test_cropping_keeps_to_the_budget_and_begins_at_the_front(
    sizes: list[tuple[int, int, int]], budget: int
) -> None:
    pictures = [stacked(str(i), np.ones(size), size) for i, size in enumerate(sizes)]
    shown = cropped(pictures, budget)
    assert sum(one.values.size for one in shown.values()) <= budget
    for whole in pictures:
        part = shown[whole.key]
        assert 1 <= part.shown <= part.whole == whole.shown
        np.testing.assert_array_equal(
            part.values, whole.values[tuple(map(slice, part.values.shape))]
        )


def test_what_fits_is_not_cropped() -> None:
    picture = stacked("a", np.ones((20, 30)))
    assert cropped([picture, picture], 600)["a"].values.size == 600


def test_two_arrays_may_not_have_one_key() -> None:
    with pytest.raises(ValueError, match="'a'"):
        cropped([pictured("a", np.ones(2)), pictured("a", np.ones(2))], 100)


@given(st.lists(hnp.arrays(np.float32, (2, 3), elements=NUMBERS), min_size=1, max_size=4))
@example([np.full((1, 1), 1e-3, np.float32), np.full((1, 1), 10, np.float32)])
def test_the_scale_reaches_all_numbers_and_shows_the_faintest(arrays: list[np.ndarray]) -> None:
    scale = scale_of([stacked(str(i), array) for i, array in enumerate(arrays)])
    peaks = [np.abs(array).max() for array in arrays if array.any()] or [1.0]
    assert scale["largest"] == max(peaks)
    assert 0 < scale["linear"] < min(peaks)
    strength = np.log1p(min(peaks) / scale["linear"]) / np.log1p(max(peaks) / scale["linear"])
    assert strength > 0.05


def test_words_for_who_cannot_see_name_size_range_and_peak() -> None:
    array = np.zeros((784, 10), np.float32)
    array[405, 3], array[2, 1] = -5.5, 2
    words = pictured("0.weight", array).words
    assert words == (
        "0.weight, shape 784 × 10, from −5.5 to 2, largest in size at 0.weight[405, 3]"
    )
