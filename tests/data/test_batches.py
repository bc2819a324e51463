from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tinygrad_mnist.data import Batches, ElasticTransform, scale

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


# --- epochs that can be taken up ----------------------------------------------------------


def listed(batches: Any) -> list[tuple[bytes, bytes]]:
    return [(x.tobytes(), y.tobytes()) for x, y in batches]


def noise(images: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Distort by anything: what matters is the generator."""
    return np.asarray(images + rng.integers(0, 9, images.shape), images.dtype)


augmentations = st.sampled_from([None, noise])


@given(data_sets(), sizes, st.integers(0, 2**80), augmentations, st.data())
def test_an_epoch_is_taken_up_with_the_same_bits(
    data: tuple[NDArray[Any], NDArray[np.intp]],
    size: int,
    seed: int,
    augment: Any,
    draw: st.DataObject,
) -> None:
    batches = Batches(*data, size, augment=augment)
    whole = listed(batches.epoch(seed))
    start = draw.draw(st.integers(0, len(batches)))
    assert listed(batches.epoch(seed, start)) == whole[start:]
    rng = np.random.default_rng(seed)  # what else there is to draw from makes no difference
    assert listed(Batches(*data, size, rng, augment=augment).epoch(seed)) == whole


@given(data_sets(), sizes, seeds.filter(lambda seed: seed is not None), augmentations)
def test_an_iteration_is_an_epoch_whose_seed_is_drawn(
    data: tuple[NDArray[Any], NDArray[np.intp]], size: int, seed: int, augment: Any
) -> None:
    batches = Batches(*data, size, np.random.default_rng(seed), augment=augment)
    rng = np.random.default_rng(seed)
    for _ in range(2):
        expected = batches.epoch(int(rng.integers(2**63)))
        assert listed(batches) == listed(expected)


def test_every_batch_and_every_epoch_is_distorted_differently() -> None:
    images = np.full((40, 12, 12), 0.5)
    batches = Batches(images, np.arange(40), 10, augment=ElasticTransform())
    seen = [x.tobytes() for seed in (0, 1, 2**32) for x, _ in batches.epoch(seed)]
    assert len(set(seen)) == 12


def test_bytes_are_distorted_before_they_are_scaled() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 12, 12), np.uint8)
    dtypes = []

    def augment(images: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        dtypes.append(images.dtype)
        return 255 - images

    batches = Batches(images, np.arange(9), 4, np.random.default_rng(0), augment=augment)
    for x, y in batches:
        np.testing.assert_array_equal(x, scale(255 - images[y]))
    assert dtypes == [np.dtype(np.uint8)] * 3
    assert images.max() == 255


@pytest.mark.parametrize(
    ("augment", "found"),
    [
        (lambda images, rng: images[:, :1], r"float64 of shape \(3, 1\)"),
        (lambda images, rng: images.astype(np.float32), r"float32 of shape \(3, 2\)"),
        (lambda images, rng: None, "NoneType"),
    ],
)
def test_an_augmentation_that_changes_the_form_is_an_error(augment: Any, found: str) -> None:
    batches = Batches(np.zeros((3, 2)), np.zeros(3), 3, np.random.default_rng(0), augment=augment)
    with pytest.raises(ValueError, match=rf"float64 of shape \(3, 2\); found {found}"):
        next(iter(batches))


def test_epochs_that_cannot_be_are_an_error() -> None:
    batches = Batches(np.zeros((3, 2)), np.zeros(3), 2, augment=noise)
    with pytest.raises(ValueError, match="augment needs random numbers: give Batches an rng"):
        iter(batches)
    with pytest.raises(ValueError, match="seed must be 0 or more, not -1"):
        batches.epoch(-1)
    for start in (-1, 3):
        with pytest.raises(ValueError, match=f"start must be a batch from 0 to 2, not {start}"):
            batches.epoch(0, start)
    with pytest.raises(TypeError, match="float"):
        batches.epoch(0.5)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError, match="augment must be callable, not str"):
        Batches(np.zeros((3, 2)), np.zeros(3), 2, augment="elastic")  # type: ignore[arg-type]
