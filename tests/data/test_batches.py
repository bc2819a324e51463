from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tinygrad_mnist.data import Batches, scale

PIXELS = st.sampled_from([np.uint8, np.float16, np.float32, np.float64])


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Draw images of any pixel type, and labels that number them."""
    samples = draw(st.integers(1, 30))
    shape = (samples, *draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))
    images = draw(hnp.arrays(draw(PIXELS), shape))
    return images, np.arange(samples)


seeds = st.none() | st.integers(0, 9)
sizes = st.integers(0, 40)


def generator(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(seed)


@given(data_sets(), sizes, seeds)
def test_every_sample_comes_once_with_its_label(
    data: tuple[NDArray[Any], NDArray[np.intp]], size: int, seed: int | None
) -> None:
    images, labels = data
    batches = Batches(images, labels, size, generator(seed))
    seen: list[int] = []
    for x, y in batches:
        np.testing.assert_array_equal(x, scale(images[y]))
        assert x.dtype == (np.float32 if images.dtype == np.uint8 else images.dtype)
        assert y.dtype == labels.dtype
        seen.extend(y)
    assert sorted(seen) == list(labels)
    if seed is None:
        assert seen == list(labels)


@given(data_sets(), sizes, seeds)
def test_all_batches_but_the_last_are_full(
    data: tuple[NDArray[Any], NDArray[np.intp]], size: int, seed: int | None
) -> None:
    batches = Batches(*data, size, generator(seed))
    lengths = [len(y) for _, y in batches]
    full = size or len(data[0])
    assert len(lengths) == len(batches)
    assert all(length == full for length in lengths[:-1])
    assert 0 < lengths[-1] <= full


@given(data_sets(), sizes, seeds)
def test_batches_are_the_receivers_own(
    data: tuple[NDArray[Any], NDArray[np.intp]], size: int, seed: int | None
) -> None:
    images, labels = data
    before = images.tobytes(), labels.tobytes()
    for x, y in Batches(images, labels, size, generator(seed)):
        x.fill(1)
        y.fill(1)
    assert (images.tobytes(), labels.tobytes()) == before


def test_the_order_is_new_each_time_and_the_same_for_the_same_seed() -> None:
    images, labels = np.zeros((100, 2), np.uint8), np.arange(100)

    def orders(seed: int) -> list[list[int]]:
        batches = Batches(images, labels, 7, np.random.default_rng(seed))
        return [[int(label) for _, y in batches for label in y] for _ in range(2)]

    first, second = orders(0)
    assert first != second
    assert orders(0) == [first, second]
    assert orders(1) != [first, second]


def test_strided_images_are_served_too() -> None:
    images = np.arange(60, dtype=np.uint8).reshape(10, 6)[::2, ::-1]
    for x, y in Batches(images, np.arange(5), 2, np.random.default_rng(0)):
        np.testing.assert_array_equal(x, scale(images[y]))


def test_every_byte_is_scaled_to_the_nearest_float32() -> None:
    bytes_ = np.arange(256, dtype=np.uint8)
    scaled = scale(bytes_)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, (np.arange(256) / 255).astype(np.float32))
    assert scaled[0] == 0
    assert scaled[255] == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_images_are_given_back(dtype: type[np.floating[Any]]) -> None:
    images = np.array([0.5, 2.0], dtype)
    assert scale(images) is images


@pytest.mark.parametrize("dtype", ["int64", "int8", "bool", "complex64"])
def test_pixels_of_another_type_are_an_error(dtype: str) -> None:
    images = np.zeros((3, 2), dtype)
    with pytest.raises(TypeError, match=f"uint8 or floating-point, not {dtype}"):
        scale(images)
    with pytest.raises(TypeError, match=f"uint8 or floating-point, not {dtype}"):
        Batches(images, np.zeros(3), 1)


@pytest.mark.parametrize(
    ("images", "labels", "size", "message"),
    [
        ((3, 2), (4,), 1, r"as many labels as images, .* \(3, 2\) .* \(4,\)"),
        ((0, 2), (0,), 1, r"at least one sample, found images of shape \(0, 2\)"),
        ((3, 2), (3,), -1, "batch_size must be 0 .* not -1"),
    ],
)
def test_bad_arguments_are_an_error(
    images: tuple[int, ...], labels: tuple[int, ...], size: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Batches(np.zeros(images, np.uint8), np.zeros(labels), size)


def test_arguments_of_another_type_are_an_error() -> None:
    images, labels = np.zeros((3, 2), np.uint8), np.zeros(3)
    with pytest.raises(TypeError, match="float"):
        Batches(images, labels, 1.5)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError, match=r"must be a numpy.random.Generator, not int"):
        Batches(images, labels, 1, 7)  # type: ignore[arg-type]  # the point of the test
