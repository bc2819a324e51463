import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tinygrad_mnist.data import Compose, ElasticTransform, RandomAffine, augment
from tinygrad_mnist.data.augment import Distortion
from tinygrad_mnist.data.sampling import sample

STRONG_AFFINE = RandomAffine(degrees=30, translate=(0.2, 0.1), scale=(0.7, 1.4), shear=20)
DISTORTIONS = st.sampled_from(
    [
        RandomAffine(),
        STRONG_AFFINE,
        ElasticTransform(),
        ElasticTransform(alpha=8, sigma=1.5),
        Compose([STRONG_AFFINE, ElasticTransform()]),
    ]
)
PIXELS = st.sampled_from([np.uint8, np.float16, np.float32, np.float64])
seeds = st.integers(0, 2**32)


@st.composite
def pictures(draw: st.DrawFn, max_count: int = 4, max_side: int = 9) -> NDArray[Any]:
    shape = draw(hnp.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=max_side))
    shape = (min(shape[0], max_count), *shape[1:])
    dtype = draw(PIXELS)
    elements = st.integers(0, 255) if dtype == np.uint8 else st.floats(0, 1, width=16)
    return draw(hnp.arrays(dtype, shape, elements=elements))


def fields(
    distortion: Distortion, numbers: NDArray[Any], height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    dy, dx = np.zeros((2, len(numbers), height, width))
    distortion.displace(np.asarray(numbers, np.float32), dy, dx)
    return dy, dx


def moved(images: NDArray[Any], dy: Any, dx: Any, dtype: type = np.float32) -> NDArray[Any]:
    """Sample images at their own pixels plus displacements."""
    _, height, width = images.shape
    rows, columns = np.mgrid[:height, :width]
    y, x = (np.broadcast_to(at, images.shape).astype(dtype) for at in (rows + dy, columns + dx))
    out = np.empty_like(images)
    sample(images, y, x, out)
    return out


class Extreme(np.random.Generator):
    """Draws the largest number that there is, always."""

    def random(self, size: Any = None, dtype: Any = float, out: Any = None) -> Any:
        out[...] = 1
        return out


def bilinear(image: NDArray[Any], y: float, x: float) -> float:
    """Interpolate in the plainest way; outside there is nothing."""
    total = 0.0
    for i in (math.floor(y), math.floor(y) + 1):
        for j in (math.floor(x), math.floor(x) + 1):
            if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
                total += float(image[i, j]) * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


# --- sampling -----------------------------------------------------------------------------


@given(pictures(), st.data())
def test_sampling_is_bilinear_interpolation(images: NDArray[Any], data: st.DataObject) -> None:
    places = hnp.arrays(np.float64, images.shape, elements=st.floats(-20, 20, width=16))
    y, x = data.draw(places), data.draw(places)
    expected = [bilinear(images[n], y[n, i, j], x[n, i, j]) for n, i, j in np.ndindex(images.shape)]
    out = np.empty_like(images)
    sample(images, y.copy(), x.copy(), out)
    if images.dtype == np.uint8:
        np.testing.assert_allclose(out.ravel(), expected, atol=0.5 + 1e-6)
    else:
        digits = {2: 1e-3, 4: 1e-6, 8: 1e-12}[images.itemsize]
        np.testing.assert_allclose(out.ravel(), expected, atol=digits)


@given(pictures(), st.integers(-10, 10), st.integers(-10, 10))
def test_whole_pixels_shift_the_image_and_let_background_in(
    images: NDArray[Any], down: int, right: int
) -> None:
    _, height, width = images.shape
    expected = np.zeros_like(images)
    for i, j in np.ndindex(height, width):
        if 0 <= i - down < height and 0 <= j - right < width:
            expected[:, i, j] = images[:, i - down, j - right]
    np.testing.assert_array_equal(moved(images, -down, -right), expected)


def test_sampling_agrees_with_scipy() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(0)
    image = rng.random((28, 28))
    y, x = rng.uniform(-3, 31, (2, 28, 28))
    expected = ndimage.map_coordinates(np.pad(image, 8), [y + 8, x + 8], order=1)
    out = np.empty((1, 28, 28))
    sample(image[None], y[None].copy(), x[None].copy(), out)
    np.testing.assert_allclose(out[0], expected, atol=1e-12)


def test_places_far_outside_are_background() -> None:
    images = np.ones((1, 3, 3), np.float32)
    far = np.array([1e30, -1e30, np.inf, -np.inf, 5, -5, 4, -4, 3.5], np.float32).reshape(1, 3, 3)
    out = np.ones_like(images)
    sample(images, far.copy(), far.copy(), out)
    assert not out.any()


# --- every distortion ---------------------------------------------------------------------


@given(DISTORTIONS, pictures(), seeds)
def test_the_form_stays_and_the_input_is_untouched(
    distortion: Distortion, images: NDArray[Any], seed: int
) -> None:
    before = images.tobytes()
    images.flags.writeable = False
    result = distortion(images, np.random.default_rng(seed))
    assert (result.shape, result.dtype) == (images.shape, images.dtype)
    assert images.tobytes() == before
    assert not np.shares_memory(result, images)
    assert result.flags.writeable
    if result.size:
        assert result.min() >= 0
        assert result.max() <= images.max() * 1.0001


@given(DISTORTIONS, st.integers(1, 12), st.data(), seeds)
def test_an_image_is_distorted_alike_alone_and_among_others(
    distortion: Distortion, count: int, data: st.DataObject, seed: int
) -> None:
    images = np.random.default_rng(seed).random((count, 8, 6), np.float32)
    whole = distortion(images, np.random.default_rng(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augment, "_BLOCK", 48 * data.draw(st.integers(1, 13)))
        np.testing.assert_array_equal(distortion(images, np.random.default_rng(seed)), whole)
        rng = np.random.default_rng(seed)
        cut = data.draw(st.integers(0, count))
        parts = [distortion(images[:cut], rng), distortion(images[cut:], rng)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("count", [127, 128, 129, 257])
def test_blocks_leave_no_trace(count: int) -> None:
    distortion = Compose([STRONG_AFFINE, ElasticTransform()])
    images = np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)
    rng = np.random.default_rng(1)
    one_by_one = np.concatenate([distortion(image[None], rng) for image in images])
    whole = distortion(images, np.random.default_rng(1))
    np.testing.assert_array_equal(whole, one_by_one)


@given(DISTORTIONS, seeds)
def test_bytes_are_distorted_as_numbers_are(distortion: Distortion, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (3, 12, 10), np.uint8)
    as_bytes, *as_numbers = (
        distortion(images.astype(dtype), np.random.default_rng(seed))
        for dtype in (np.uint8, np.float32, np.float64)
    )
    for numbers in as_numbers:
        np.testing.assert_allclose(as_bytes, numbers, atol=0.5 + 1e-3)
    np.testing.assert_allclose(as_numbers[0], as_numbers[1], atol=1e-2)


def test_images_are_distorted_differently_from_each_other_and_each_time() -> None:
    image = np.random.default_rng(0).random((28, 28))
    for distortion in (STRONG_AFFINE, ElasticTransform()):
        rng = np.random.default_rng(0)
        first, second = distortion(np.stack([image, image]), rng)
        third, _ = distortion(np.stack([image, image]), rng)
        assert abs(first - second).mean() > 0.01
        assert abs(first - third).mean() > 0.01


def test_images_in_any_layout_are_distorted_alike() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 9, 9), np.uint8)
    expected = ElasticTransform()(images, np.random.default_rng(0))
    for layout in (np.asfortranarray(images), np.repeat(images, 2, axis=2)[:, :, ::2]):
        result = ElasticTransform()(layout, np.random.default_rng(0))
        np.testing.assert_array_equal(result, expected)


# --- affine -------------------------------------------------------------------------------


@given(pictures(), seeds)
def test_nothing_to_do_gives_the_same_bits(images: NDArray[Any], seed: int) -> None:
    for distortion in (RandomAffine(), ElasticTransform(alpha=0), Compose([RandomAffine()] * 2)):
        result = distortion(images, np.random.default_rng(seed))
        assert result.tobytes() == images.tobytes()


def test_a_quarter_turn_is_that_of_numpy() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    turned = RandomAffine(degrees=90)(images, Extreme(np.random.PCG64(0)))
    np.testing.assert_array_equal(turned, np.rot90(images, axes=(1, 2)))


def test_a_shift_is_a_share_of_the_size_horizontal_first() -> None:
    images = np.zeros((1, 20, 10), np.float32)
    images[0, 10, 4] = 1
    shifted = RandomAffine(translate=(0.2, 0.15))(images, Extreme(np.random.PCG64(0)))
    expected = np.zeros_like(images)
    expected[0, 13, 6] = 1
    np.testing.assert_allclose(shifted, expected, atol=1e-5)


@pytest.mark.parametrize("side", [8, 9])
def test_enlarging_takes_the_middle(side: int) -> None:
    images = np.random.default_rng(0).random((1, side, side))
    enlarged = RandomAffine(scale=(2, 2))(images, np.random.default_rng(0))
    middle = (np.arange(side) - (side - 1) / 2) / 2 + (side - 1) / 2
    expected = [[bilinear(images[0], y, x) for x in middle] for y in middle]
    np.testing.assert_allclose(enlarged[0], expected, atol=1e-12)


def test_shear_slants_upright_strokes_to_the_right() -> None:
    images = np.zeros((1, 9, 9))
    images[0, :, 4] = 1
    slanted = RandomAffine(shear=45)(images, Extreme(np.random.PCG64(0)))
    np.testing.assert_allclose(slanted[0], np.eye(9)[::-1], atol=1e-6)


@given(
    hnp.arrays(np.float32, (2, 5), elements=st.floats(-1, 1, width=32)),
    st.floats(0, 180),
    st.floats(0, 1),
    st.tuples(st.floats(0.5, 1), st.floats(1, 2)),
    st.floats(0, 60),
)
def test_an_affine_distortion_is_the_inverse_of_shear_scale_turn_and_shift(
    numbers: NDArray[Any],
    degrees: float,
    translate: float,
    scale: tuple[float, float],
    shear: float,
) -> None:
    height, width = 5, 8
    distortion = RandomAffine(degrees, translate, scale, shear)
    dy, dx = fields(distortion, numbers, height, width)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    for n, (turn, right, down, size, slant) in enumerate(numbers.astype(float)):
        angle = math.radians(degrees * turn)
        factor = scale[0] + (scale[1] - scale[0]) * (size + 1) / 2
        rotation = [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        sheared = [[1, -math.tan(math.radians(shear * slant))], [0, 1]]
        shift = np.array([translate * width * right, translate * height * down])
        for i, j in np.ndindex(height, width):
            source = np.array([j + dx[n, i, j], i + dy[n, i, j]])
            there = factor * np.array(rotation) @ np.array(sheared) @ (source - centre)
            np.testing.assert_allclose(there + centre + shift, [j, i], atol=1e-6)


# --- elastic ------------------------------------------------------------------------------


def smoothing(size: int, sigma: float) -> NDArray[np.float64]:
    """The Gaussian, normalised over far more pixels than there are."""
    offsets = np.arange(-1000, 1001)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    return np.array([[kernel[1000 + i - j] for j in range(size)] for i in range(size)])


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.3, 8), st.floats(0, 40))
def test_displacements_have_the_covariance_of_smoothed_noise(
    height: int, width: int, sigma: float, alpha: float
) -> None:
    distortion = ElasticTransform(alpha, sigma)
    draws = distortion.draws(height, width)
    assert draws <= 2 * height * width
    dy, dx = fields(distortion, np.eye(draws), height, width)  # displacements are linear in these
    moves = np.concatenate([dy.reshape(draws, -1), dx.reshape(draws, -1)], axis=1)
    gaussian = np.kron(smoothing(height, sigma), smoothing(width, sigma))
    covariance = alpha**2 * gaussian @ gaussian.T
    nothing = np.zeros_like(covariance)
    expected = np.block([[covariance, nothing], [nothing, covariance]])
    np.testing.assert_allclose(moves.T @ moves, expected, atol=1e-3 * expected.max() + 1e-12)


def test_displacements_have_the_spread_of_simards() -> None:
    rng = np.random.default_rng(0)
    distortion = ElasticTransform()
    numbers = rng.uniform(-1, 1, (4000, distortion.draws(28, 28)))
    dy, dx = fields(distortion, numbers, 28, 28)
    gaussian = smoothing(28, 4.0)
    norms = (gaussian**2).sum(axis=1)
    variance = 34**2 / 3 * np.multiply.outer(norms, norms)
    for field in (dy, dx):
        np.testing.assert_allclose(field.mean(axis=0) / np.sqrt(variance), 0, atol=0.08)
        np.testing.assert_allclose(field.var(axis=0) / variance, 1, atol=0.12)
    centre = dy[:, 14, 14]
    excess = (centre**4).mean() / centre.var() ** 2 - 3
    assert abs(excess) < 0.25  # a normal distribution has 0, a uniform one -1.2
    assert 1.3 < centre.std() < 1.5


def test_smoothed_noise_is_that_of_scipy() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    point = np.zeros((28, 28))
    point[10, 3] = 1
    expected = ndimage.gaussian_filter(point, 4.0, mode="constant", truncate=8)
    gaussian = smoothing(28, 4.0)
    np.testing.assert_allclose(np.outer(gaussian[10], gaussian[3]), expected, atol=1e-12)


# --- composition --------------------------------------------------------------------------


def test_a_composition_adds_displacements_up() -> None:
    parts = [STRONG_AFFINE, ElasticTransform(), RandomAffine(degrees=5)]
    composed = Compose(parts)
    draws = [part.draws(9, 7) for part in parts]
    assert composed.draws(9, 7) == sum(draws)
    numbers = np.random.default_rng(0).uniform(-1, 1, (3, sum(draws)))
    pieces = np.split(numbers, np.cumsum(draws)[:-1], axis=1)
    separate = [fields(part, piece, 9, 7) for part, piece in zip(parts, pieces, strict=True)]
    expected = np.sum(separate, axis=0)
    np.testing.assert_allclose(fields(composed, numbers, 9, 7), expected, atol=1e-12)


def test_a_composition_blurs_once() -> None:
    images = np.random.default_rng(0).random((1, 9, 9))
    there = RandomAffine(translate=0.5 / 9)
    extreme = Extreme(np.random.PCG64(0))
    twice = Compose([there, there])(images, extreme)  # a whole pixel: nothing is blurred
    np.testing.assert_allclose(twice[:, 1:, 1:], images[:, :-1, :-1], atol=1e-6)


# --- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomAffine(degrees=-1), "degrees must be 0 or more, not -1"),
        (lambda: RandomAffine(degrees=math.inf), "degrees must be finite, not inf"),
        (lambda: RandomAffine(translate=1.5), "translate must be from 0 to 1, not 1.5"),
        (lambda: RandomAffine(translate=(0.1, -0.1)), r"translate must .* not \(0.1, -0.1\)"),
        (lambda: RandomAffine(scale=(1.2, 0.8)), r"scale must be \(low, high\) .* \(1.2, 0.8\)"),
        (lambda: RandomAffine(scale=(0, 1)), r"scale must be .* 0 < low <= high"),
        (lambda: RandomAffine(scale=(1, math.nan)), "scale must be finite, not nan"),
        (lambda: RandomAffine(shear=90), "shear must be from 0 to less than 90 degrees, not 90"),
        (lambda: ElasticTransform(alpha=-1), "alpha must be 0 or more, up to 1e30, not -1"),
        (lambda: ElasticTransform(alpha=1e300), r"alpha must be 0 or more, .* not 1e\+300"),
        (lambda: ElasticTransform(sigma=0), "sigma must be above 0, not 0"),
        (lambda: ElasticTransform(sigma=math.nan), "sigma must be finite, not nan"),
        (lambda: Compose([]), "Compose needs at least one distortion"),
    ],
)
def test_arguments_that_make_no_sense_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomAffine(degrees="ten"), "degrees must be a number, not str"),
        (lambda: RandomAffine(scale=1.0), "scale must be a pair of numbers, not 1.0"),
        (lambda: RandomAffine(translate=(0.1, 0.1, 0.1)), "translate must be a pair of numbers"),
        (lambda: RandomAffine(translate=np.zeros((2, 2))), "translate must be a number, not list"),
        (lambda: RandomAffine(scale=np.array(1.0)), "scale must be a pair of numbers, not 1.0"),
        (lambda: ElasticTransform(alpha=None), "alpha must be a number, not NoneType"),
        (lambda: Compose([len]), "Compose takes distortions, not builtin_function"),
        (lambda: Compose(RandomAffine()), r"Compose takes a list of distortions, not RandomAffine"),
    ],
)
def test_arguments_of_a_wrong_type_are_named(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def test_images_of_another_form_are_an_error() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"shape \(n, height, width\), not \(3, 784\)"):
        ElasticTransform()(np.zeros((3, 784), np.uint8), rng)
    with pytest.raises(TypeError, match="uint8 or floating-point, not int64"):
        ElasticTransform()(np.zeros((3, 8, 8), np.int64), rng)
    with pytest.raises(TypeError, match="images must be a NumPy array, not list"):
        ElasticTransform()([[1]], rng)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError, match=r"numpy.random.Generator, not int"):
        ElasticTransform()(np.zeros((3, 8, 8)), 0)  # type: ignore[arg-type]  # the point of the test


@given(
    st.floats(0, 1) | hnp.arrays(float, 2, elements=st.floats(0, 1)),
    hnp.arrays(float, 2, elements=st.floats(0.5, 2)).map(np.sort),
)
def test_pairs_may_be_arrays(translate: Any, scale: NDArray[Any]) -> None:
    made = RandomAffine(translate=np.array(translate), scale=scale)  # type: ignore[arg-type]
    plain = translate if isinstance(translate, float) else (*translate.tolist(),)
    assert made == RandomAffine(translate=plain, scale=(scale[0], scale[1]))
    assert hash(made)


def test_an_alpha_beyond_all_measure_is_no_trouble() -> None:
    images = np.random.default_rng(0).random((2, 6, 6))
    for dtype in (np.float32, np.float64):
        strong = Compose([ElasticTransform(alpha=1e30, sigma=0.3)] * 2)
        assert np.isfinite(strong(images.astype(dtype), np.random.default_rng(0))).all()


def test_a_sigma_beyond_all_measure_is_no_trouble() -> None:
    images = np.random.default_rng(0).random((2, 6, 6))
    for sigma in (1e-200, 1e-3, 1e6, 1e200):
        result = ElasticTransform(sigma=sigma)(images, np.random.default_rng(0))
        assert np.isfinite(result).all()
