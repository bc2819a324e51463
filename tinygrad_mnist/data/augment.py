"""Distort digits at random, so that a network sees new ones in every epoch.

A distortion moves the places at which an image is sampled: it adds a field of displacements, drawn
anew for each image, to every pixel's row and column. Several of them composed add their fields up,
and the image is sampled once, at the very end, so that nothing is blurred twice. `sampling` does
that, block by block, so that what it computes with stays in the processor's cache.

Affine and elastic distortions of MNIST are due to P. Y. Simard, D. Steinkraus and J. C. Platt,
"Best practices for convolutional neural networks applied to visual document analysis", ICDAR 2003.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.data.sampling import sample, scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.floating]

__all__ = ["Compose", "Distortion", "ElasticTransform", "RandomAffine"]

_BLOCK = 128 * 28 * 28  # pixels distorted at a time


class Distortion:
    """A distortion of images, drawn for each of them; what all distortions have in common.

    A distortion of your own has the two methods `draws` and `displace`, and can be called then.
    It computes its displacements from the numbers that it is given and from nothing else, so that
    an image is distorted alike whether it comes alone or with others.
    """

    def draws(self, height: int, width: int) -> int:
        """Return how many random numbers an image of this size takes."""
        raise NotImplementedError

    def displace(self, numbers: NDArray[np.float32], y: Places, x: Places) -> None:
        """Add displacements, in pixels, to the places at which images will be sampled.

        Parameters
        ----------
        numbers
            float32, shape (n, draws): uniform in [-1, 1).
        y, x
            Floating, shape (n, height, width), changed in place: the row and the column of the
            image from which each pixel of the result will come.
        """
        raise NotImplementedError

    def __call__(self, images: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Distort images.

        Parameters
        ----------
        images
            uint8 or floating, shape (n, height, width).
        rng
            Draws the distortions, image after image.

        Returns
        -------
        numpy.ndarray
            New images of the same shape and dtype: interpolated bilinearly, with background, 0,
            around the image. Floating images are computed in their own precision, float32 at
            least; uint8 is rounded to nearest.

        Raises
        ------
        TypeError
            If the images are no array of uint8 or floating-point numbers, or ``rng`` is no
            Generator.
        ValueError
            If the images have another rank.
        """
        _check(images)
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a numpy.random.Generator, not {type(rng).__name__}")
        count, height, width = images.shape
        draws = self.draws(height, width)
        block = max(1, _BLOCK // max(1, height * width))
        dtype = np.result_type(images.dtype, np.float32)
        grid = np.mgrid[:height, :width].astype(dtype)
        distorted = np.empty(images.shape, images.dtype)
        for start in range(0, count, block):
            part = images[start : start + block]
            numbers = scratch("numbers", (len(part), draws), np.float32)
            rng.random(dtype=np.float32, out=numbers)
            numbers *= 2
            numbers -= 1
            y, x = (scratch(name, part.shape, dtype) for name in "yx")
            y[...], x[...] = grid
            self.displace(numbers, y, x)
            sample(part, y, x, distorted[start : start + block])
        return distorted


@dataclass(frozen=True)
class RandomAffine(Distortion):
    """Rotate, shift, scale and shear images about their centres, at random.

    Each amount is drawn uniformly from its range: an image is sheared first, then scaled and
    rotated, and shifted last. Outside of an image there is background, 0.

    Parameters
    ----------
    degrees
        The largest rotation, either way.
    translate
        The largest shift, either way, as a share of the size, from 0 to 1; one for both
        directions or a pair (horizontal, vertical).
    scale
        The smallest and the largest factor; above 1 enlarges.
    shear
        The largest angle, in degrees below 90, to which upright strokes are slanted, either way.

    Raises
    ------
    TypeError
        If an argument is not a number, or not a pair of them where it must be.
    ValueError
        If a number makes no sense.

    Examples
    --------
    >>> augment = RandomAffine(degrees=15, translate=0.1, scale=(0.85, 1.15), shear=10)
    >>> images = np.full((5, 28, 28), 255, np.uint8)
    >>> distorted = augment(images, np.random.default_rng(0))
    >>> distorted.shape, distorted.dtype
    ((5, 28, 28), dtype('uint8'))
    """

    degrees: float = 0.0
    translate: float | tuple[float, float] = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0

    def __post_init__(self) -> None:
        for name in ("translate", "scale"):
            object.__setattr__(self, name, _without_arrays(getattr(self, name)))
        if _number("degrees", self.degrees) < 0:
            raise ValueError(f"degrees must be 0 or more, not {self.degrees}")
        if not all(0 <= share <= 1 for share in self._shifts()):
            raise ValueError(f"translate must be from 0 to 1, not {self.translate}")
        low, high = _pair("scale", self.scale)
        if not 0 < low <= high:
            raise ValueError(f"scale must be (low, high) with 0 < low <= high, not {self.scale}")
        if not 0 <= _number("shear", self.shear) < 90:
            raise ValueError(f"shear must be from 0 to less than 90 degrees, not {self.shear}")

    def _shifts(self) -> tuple[float, float]:
        if isinstance(self.translate, Real):
            return (_number("translate", self.translate),) * 2
        return _pair("translate", self.translate)

    def draws(self, height: int, width: int) -> int:  # noqa: D102 (as in Distortion)
        return 5

    def displace(self, numbers: NDArray[np.float32], y: Places, x: Places) -> None:  # noqa: D102
        turn, right, down, size, slant = numbers.T.astype(np.float64)[:, :, None]
        horizontal, vertical = self._shifts()
        low, high = self.scale
        angle = math.radians(self.degrees) * turn
        factor = (low + high) / 2 + (high - low) / 2 * size
        tangent = np.tan(math.radians(self.shear) * slant)
        sine, cosine = np.sin(angle) / factor, np.cos(angle) / factor

        # With (v, u) a pixel's row and column counted from the centre, and (v', u') the same
        # before the shift, it comes from row sine u' + cosine v' of the image, and from column
        # cosine u' - sine v' + tangent row. That is a term of u and a term of v.
        _, height, width = y.shape
        v = np.arange(height) - (height - 1) / 2
        u = np.arange(width) - (width - 1) / 2
        v_before, u_before = v - vertical * height * down, u - horizontal * width * right
        y += (cosine * v_before - v)[:, :, None]
        y += (sine * u_before)[:, None, :]
        x += ((tangent * cosine - sine) * v_before)[:, :, None]
        x += ((cosine + tangent * sine) * u_before - u)[:, None, :]


@dataclass(frozen=True)
class ElasticTransform(Distortion):
    """Distort images as if they were drawn on rubber (Simard et al. 2003, section 2).

    Every pixel is displaced by a random amount in either direction: uniform in (-1, 1), smoothed
    by a Gaussian whose weights sum to 1, so that neighbours move together, times ``alpha``. (What
    is drawn is the smoothed noise itself, with its covariance; it has far fewer degrees of freedom
    than pixels.) With the defaults, which the paper found best for MNIST, a displacement has a
    standard deviation of 1.4 pixels. Outside of an image there is background, 0, and no noise
    either, so that displacements become smaller towards the border, by nearly half in a corner.

    Parameters
    ----------
    alpha
        How strong, from 0 to 1e30.
    sigma
        The standard deviation of the Gaussian, in pixels: how smooth.

    Raises
    ------
    TypeError
        If an argument is not a number.
    ValueError
        If a number makes no sense.

    Examples
    --------
    >>> augment = ElasticTransform()
    >>> images = np.zeros((5, 28, 28), np.float32)
    >>> images[:, 14] = 1
    >>> distorted = augment(images, np.random.default_rng(0))
    >>> distorted.shape, distorted.dtype
    ((5, 28, 28), dtype('float32'))
    """

    alpha: float = 34.0
    sigma: float = 4.0

    def __post_init__(self) -> None:
        if not 0 <= _number("alpha", self.alpha) <= 1e30:  # float32 holds it
            raise ValueError(f"alpha must be 0 or more, up to 1e30, not {self.alpha}")
        if _number("sigma", self.sigma) <= 0:
            raise ValueError(f"sigma must be above 0, not {self.sigma}")

    def draws(self, height: int, width: int) -> int:  # noqa: D102 (as in Distortion)
        return 2 * _modes(height, self.sigma).shape[1] * _modes(width, self.sigma).shape[1]

    def displace(self, numbers: NDArray[np.float32], y: Places, x: Places) -> None:  # noqa: D102
        count, height, width = y.shape
        along_y, along_x = _modes(height, self.sigma), _modes(width, self.sigma)
        amounts = numbers.reshape(count, 2, along_y.shape[1], along_x.shape[1])
        shape = (count, 2, along_y.shape[1], width)
        rows = np.matmul(amounts, along_x.T, out=scratch("rows", shape, np.float32))
        shape = (count, 2, height, width)
        scaled = np.multiply(self.alpha, along_y, dtype=np.float32)
        fields = np.matmul(scaled, rows, out=scratch("fields", shape, np.float32))
        y += fields[:, 0]
        x += fields[:, 1]


class Compose(Distortion):
    """Several distortions at once: their displacements add up, and the image is sampled once.

    Parameters
    ----------
    distortions
        At least one.

    Attributes
    ----------
    distortions
        The same, as a tuple.

    Raises
    ------
    TypeError
        If they are no list, or one of them is no `Distortion`.
    ValueError
        If there are none.

    Examples
    --------
    >>> augment = Compose([RandomAffine(degrees=10), ElasticTransform()])
    >>> augment(np.zeros((3, 28, 28)), np.random.default_rng(0)).shape
    (3, 28, 28)
    """

    def __init__(self, distortions: Sequence[Distortion]) -> None:
        if not isinstance(distortions, Sequence):
            raise TypeError(f"Compose takes a list of distortions, not {distortions!r}")
        if not distortions:
            raise ValueError("Compose needs at least one distortion")
        for distortion in distortions:
            if not isinstance(distortion, Distortion):
                raise TypeError(f"Compose takes distortions, not {type(distortion).__name__}")
        self.distortions = tuple(distortions)

    def draws(self, height: int, width: int) -> int:  # noqa: D102 (as in Distortion)
        return sum(distortion.draws(height, width) for distortion in self.distortions)

    def displace(self, numbers: NDArray[np.float32], y: Places, x: Places) -> None:  # noqa: D102
        for distortion in self.distortions:
            draws = distortion.draws(*y.shape[1:])
            distortion.displace(numbers[:, :draws], y, x)
            numbers = numbers[:, draws:]

    def __repr__(self) -> str:
        return f"Compose({list(self.distortions)})"


@lru_cache
def _modes(size: int, sigma: float) -> NDArray[np.float32]:
    """Return a matrix that turns a few random numbers into a row of smoothed noise.

    A Gaussian smooths noise by a symmetric matrix. The result has the covariance of
    vectors * values @ numbers, with its eigenvectors and eigenvalues, and of these only a few
    differ from 0: without those below a two-hundredth of the largest, the variance is less by a
    hundred-thousandth, and there is far less to draw and to compute. An orthogonal matrix in
    between, here that of the cosine transform, changes no covariance; it makes every pixel a sum
    of many numbers, nearly normally distributed, as smoothed noise is.
    """
    pixels = np.arange(size)
    with np.errstate(over="ignore"):  # for a minute sigma, all weight is on the pixel itself
        weights = np.exp(-0.5 * ((pixels - pixels[:, None]) / sigma) ** 2)
        near = np.exp(-0.5 * (np.arange(-10, 11) / sigma) ** 2).sum()
    # From sigma = 1 on, the sum over all integers is the integral, to eight digits.
    total = near if sigma < 1 else sigma * math.sqrt(2 * math.pi)
    values, vectors = np.linalg.eigh(weights / total)
    kept = values > 0.005 * values.max(initial=0)
    k = np.arange(np.count_nonzero(kept))
    cosines = np.cos(np.pi / max(1, len(k)) * k[:, None] * (k + 0.5))
    cosines /= np.linalg.norm(cosines, axis=1, keepdims=True)
    modes: NDArray[np.float32] = ((vectors * values)[:, kept] @ cosines).astype(np.float32)
    modes.flags.writeable = False
    return modes


def _check(images: NDArray[Any]) -> None:
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be a NumPy array, not {type(images).__name__}")
    if images.ndim != 3:
        raise ValueError(f"images must have the shape (n, height, width), not {images.shape}")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise TypeError(f"images must be uint8 or floating-point, not {images.dtype}")


def _number(name: str, value: Any) -> float:
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    return float(value)


def _without_arrays(value: Any) -> Any:
    """Make a number or a tuple of an array, and leave all else as it is."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value


def _pair(name: str, values: Any) -> tuple[float, float]:
    if not isinstance(values, Sequence) or len(values) != 2:
        raise TypeError(f"{name} must be a pair of numbers, not {values!r}")
    return _number(name, values[0]), _number(name, values[1])
