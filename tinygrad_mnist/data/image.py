"""An ordinary picture of a handwritten digit, brought to MNIST's form.

A network trained on MNIST has seen only digits that were prepared in one way [1]_: bright on
black, scaled with anti-aliasing so that the longer side fills 20 pixels, and placed in 28 by 28
pixels by their centre of mass. :func:`read_image` reads a file with Pillow, which must be
installed, into plain grey levels; :func:`to_mnist` does the rest and needs nothing but NumPy.

.. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998, section III.A.
"""

import struct
import warnings
import zlib
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.extras import need
from tinygrad_mnist.regular import open_regular

__all__ = ["read_image", "to_mnist"]

SIDE = 28  # of the whole image, in pixels
DIGIT_SIDE = 20  # of the box around the digit, its longer side
CENTRE = 14  # the row and column index that the centre of mass is rounded to in MNIST's own files
LARGEST_SIDE = 512  # what a file is reduced to first; a digit needs far less
SMALLEST_DIGIT = 32  # how many times the image may be as long as the digit; less is dust
FAINTEST_INK = 16.0  # in grey levels away from the background, of 255; less is not a digit

# What Pillow raises for a damaged image depends on the format, and on where the damage is.
UNDECODABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    RuntimeError,
    struct.error,
    zlib.error,
)

Grey = NDArray[np.uint8]
Levels = NDArray[np.float64]
Mask = NDArray[np.bool_]


def read_image(path: str | PathLike[str]) -> Grey:
    """Read the picture of a digit from a file and bring it to MNIST's form.

    Whatever Pillow reads will do: colour, grey, palette, one-bit, 16-bit and CMYK images, turned
    as their EXIF orientation says. A transparent background counts as background, whatever the
    colour of the digit.

    Parameters
    ----------
    path
        The image file.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (28, 28): a bright digit on black.

    Raises
    ------
    OSError
        If the file is missing or cannot be read.
    ValueError
        If it is not a whole image, is absurdly large, or shows no digit.
    ImportError
        If Pillow is not installed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> paper = Image.new("L", (200, 300), "white")
    >>> paper.paste("black", (90, 50, 110, 250))  # a printed one
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     file = pathlib.Path(directory, "one.png")
    ...     paper.save(file)
    ...     digit = read_image(file)
    >>> digit.shape, digit[:, 14].nonzero()[0].size
    ((28, 28), 20)
    """
    Image = need("PIL.Image", "cli", "reading an image")
    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata and the like; errors are raised
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                grey = _grey_levels(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = f"{Image.MAX_IMAGE_PIXELS:,}"
        raise ValueError(f"{path} is too large an image: at most {limit} pixels expected") from None
    except Image.UnidentifiedImageError:
        raise ValueError(f"{path} is not an image of a known format") from None
    except UNDECODABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise type(error)(f"cannot read the image {path}: {error.strerror}") from None
        raise ValueError(f"{path} cannot be decoded: a damaged or unusual image") from error
    try:
        return to_mnist(grey)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def to_mnist(grey: Grey) -> Grey:
    """Bring grey levels that show one digit to MNIST's form.

    The digit may be darker or brighter than its background, and the light may be uneven. An image
    that has MNIST's form already, or would have it with black and white exchanged, keeps every
    pixel.

    Parameters
    ----------
    grey
        uint8 of shape (height, width).

    Returns
    -------
    numpy.ndarray
        uint8 of shape (28, 28), black where there is no digit. The digit's longer side measures
        20 pixels, and its centre of mass is within half a pixel of row 14, column 14, counted
        from 0 at the middle of the first pixel, which is where MNIST's digits have it. Only a
        digit that would be cut off there is placed further inside.

    Raises
    ------
    TypeError
        If the array is not uint8.
    ValueError
        If it is empty, does not have two axes, or shows no digit.

    Examples
    --------
    >>> import numpy as np
    >>> paper = np.full((90, 60), 255, np.uint8)
    >>> paper[20:60, 10:14] = 0
    >>> digit = to_mnist(paper)
    >>> np.argwhere(digit).min(axis=0), np.argwhere(digit).max(axis=0)
    (array([ 4, 14]), array([23, 15]))
    """
    if grey.dtype != np.uint8:
        raise TypeError(f"grey levels must be uint8, not {grey.dtype}")
    if grey.ndim != 2 or grey.size == 0:
        raise ValueError(f"grey levels must have the shape (height, width), not {grey.shape}")
    for candidate in (grey, 255 - grey):
        if _has_mnist_form(candidate):
            return candidate.copy()
    ink = _ink(grey.astype(np.float64))
    digit = ink[_box(ink > 0)]
    if max(digit.shape) * SMALLEST_DIGIT < max(grey.shape):
        raise ValueError("the image shows no digit, only specks")
    scale = DIGIT_SIDE / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    digit = _resampling(height, digit.shape[0]) @ digit @ _resampling(width, digit.shape[1]).T
    digit = np.rint(255 * np.minimum(digit / _full_ink(digit), 1))
    row, column = (
        min(max(round(CENTRE - middle), 0), SIDE - side)
        for middle, side in zip(_centre_of_mass(digit), digit.shape, strict=True)
    )
    result = np.zeros((SIDE, SIDE), np.uint8)
    result[row : row + height, column : column + width] = digit
    return result


def _grey_levels(image: Any) -> Grey:
    """Turn a Pillow image of any mode into grey levels, without its transparency."""
    Image = need("PIL.Image", "cli", "reading an image")
    ImageOps = need("PIL.ImageOps", "cli", "reading an image")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits: no fixed white
        deep = np.asarray(image).astype(np.float64)
        low, high = deep.min(), deep.max()
        if not np.isfinite(high - low):
            raise ValueError("its pixels are not all finite")
        image = Image.fromarray((255 * (deep - low) / max(high - low, 1)).astype(np.uint8))
    image = image.convert("RGBA").convert("LA")
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    grey, alpha = np.moveaxis(np.asarray(image), -1, 0)
    return _without_alpha(grey, alpha)


def _without_alpha(grey: Grey, alpha: Grey) -> Grey:
    """Find the drawing in the transparency, or on an opaque card with transparent surroundings."""
    visible = alpha > alpha.max() / 2
    if not visible.any():
        return alpha
    is_card = visible[_box(visible)].mean() > 0.8 and np.ptp(grey[visible]) >= FAINTEST_INK
    if not is_card:
        return alpha
    paper = np.median(grey[visible])
    levels: Levels = np.rint(paper + alpha / 255 * (grey - paper))
    return levels.astype(np.uint8)


def _has_mnist_form(grey: Grey) -> bool:
    """Whether the digit has MNIST's size and place already."""
    if grey.shape != (SIDE, SIDE) or not grey.any():
        return False
    sides = grey[_box(grey > 0)].shape
    off_centre = max(abs(middle - CENTRE) for middle in _centre_of_mass(grey))
    return max(sides) == DIGIT_SIDE and off_centre <= 0.5


def _ink(grey: Levels) -> Levels:
    """Find how far each pixel of the digit is from the background; everything else is zero."""
    background, noise = _background(grey)
    difference = grey - background
    floor = max(5 * noise, FAINTEST_INK)
    if difference[np.abs(difference) > floor].sum() < 0:
        difference = -difference
    ink = np.where(difference > floor, difference, 0)
    if not ink.any():
        raise ValueError("the image shows no digit: it is blank or too faint")
    # Soft edges go down to a tenth of the full ink, unless the noise of the paper goes higher.
    floor = max(5 * noise, 0.1 * _full_ink(ink))
    return _without_specks(np.where(difference > floor, difference, 0))


def _background(grey: Levels) -> tuple[Levels, float]:
    """Fit a quadratic surface to the background; also return the noise around it.

    The fit begins at the image's border and goes on with whatever lies near the surface, until
    the digit has dropped out.
    """
    y, x = (np.linspace(-1, 1, side) for side in grey.shape)
    y = y[:, None]
    terms = np.ones(()), y, x, y * y, y * x, x * x
    step = -(-max(grey.shape) // 64)  # 64 points on a side are plenty for a smooth surface
    points = np.stack(
        [np.broadcast_to(term, grey.shape)[::step, ::step].ravel() for term in terms], axis=1
    )
    levels = grey[::step, ::step].ravel()
    at_border = (np.abs(points[:, 1:3]) == 1).any(axis=1)
    distance = np.abs(levels - np.median(levels[at_border]))
    near = at_border
    for _ in range(10):
        noise = 1.4826 * np.median(distance[near])  # the standard deviation, were it normal
        near = distance <= max(3 * noise, 2)
        coefficients = np.linalg.lstsq(points[near], levels[near])[0]
        distance = np.abs(levels - points @ coefficients)
    surface = sum(weight * term for weight, term in zip(coefficients, terms, strict=True))
    return np.asarray(surface), float(noise)


def _without_specks(ink: Levels) -> Levels:
    """Keep the heaviest connected piece, and those with at least a tenth of its ink."""
    pieces = _connected_pieces(ink > 0)
    weights = np.bincount(pieces, weights=ink[ink > 0])
    kept = ink.copy()
    kept[ink > 0] *= (weights >= 0.1 * weights.max())[pieces]
    return kept


def _connected_pieces(mask: Mask) -> NDArray[np.intp]:
    """Tell the 8-connected pieces of a mask apart: one number for each pixel that is set."""
    number = np.full((mask.shape[0] + 1, mask.shape[1] + 2), -1)
    number[:-1, 1:-1][mask] = np.arange(mask.sum())
    here = number[:-1, 1:-1]
    beside = number[:-1, 2:], number[1:, :-2], number[1:, 1:-1], number[1:, 2:]
    pairs = np.concatenate(
        [np.stack([here, there], -1)[(here >= 0) & (there >= 0)] for there in beside]
    )
    piece = np.arange(mask.sum())
    while True:
        # Neighbouring pieces join under the smaller number, then every pixel follows its piece.
        a, b = piece[pairs].T
        joined = piece.copy()
        np.minimum.at(joined, np.maximum(a, b), np.minimum(a, b))
        while (joined[joined] != joined).any():
            joined = joined[joined]
        if (joined == piece).all():
            return piece
        piece = joined


def _box(mask: Mask) -> tuple[slice, slice]:
    """Find the smallest box around what is set in a mask."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _resampling(size: int, source: int) -> Levels:
    """Build the matrix (size, source) that resamples a column with anti-aliasing.

    Each new pixel is a mean of the old ones around it, with weights that fall off linearly.
    """
    reach = max(source / size, 1)
    centres = (np.arange(size) + 0.5) * source / size - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(source) - centres[:, None]) / reach)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _full_ink(ink: Levels) -> float:
    """Find the level of a stroke's core, which a few outliers do not move."""
    return float(np.percentile(ink[ink > 0], 90))


def _centre_of_mass(ink: NDArray[Any]) -> tuple[float, float]:
    """Find the mean row and column index, weighted by ink."""
    total = ink.sum(dtype=float)
    row, column = (
        float(ink.sum(axis=axis, dtype=float) @ np.arange(ink.shape[1 - axis]) / total)
        for axis in (1, 0)
    )
    return row, column
