"""Pictures of digits, drawn here or taken from MNIST, come out in MNIST's form."""

import io
import itertools
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tinygrad_mnist.data import load_mnist
from tinygrad_mnist.data.image import read_image, to_mnist

Grey = NDArray[np.uint8]
FOUR = ((70, 25), (45, 75), (85, 75), (75, 55), (70, 120))


def drawn(points: tuple[tuple[int, int], ...], width: int = 12) -> Grey:
    """Draw a pen stroke of 255 on 0, with a margin."""
    image = Image.new("L", (140, 140))
    ImageDraw.Draw(image).line(points, fill=255, width=width, joint="curve")
    return np.asarray(image)


some = settings(max_examples=20, deadline=None)  # a large image takes tens of milliseconds
corner = st.tuples(st.integers(20, 120), st.integers(20, 120))
strokes = st.builds(
    drawn, st.lists(corner, min_size=2, max_size=6).map(tuple), st.integers(6, 16)
).filter(lambda digit: np.ptp(np.argwhere(digit), axis=0).max(initial=0) > 30)


def box(digit: Grey) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    pixels = np.argwhere(digit)
    return pixels.min(axis=0), pixels.max(axis=0)


def centre(digit: Grey) -> NDArray[np.float64]:
    return np.average(np.argwhere(digit), axis=0, weights=digit[digit > 0])


def difference(a: Grey, b: Grey) -> float:
    return float(np.abs(a.astype(float) - b).mean())


def shifted(a: Grey) -> list[Grey]:
    """Allow for a centre of mass so near the middle between two pixels that it rounds otherwise."""
    return [np.roll(a, shift, axis=(0, 1)) for shift in itertools.product((-1, 0, 1), repeat=2)]


def difference_up_to_a_pixel(a: Grey, b: Grey) -> float:
    return min(difference(moved, b) for moved in shifted(a))


def is_same_up_to_a_pixel(a: Grey, b: Grey) -> bool:
    return any(np.abs(moved.astype(int) - b).max() <= 1 for moved in shifted(a))


def sample() -> Grey:
    return load_mnist("sample").test_images[:200].reshape(-1, 28, 28)


@some
@given(strokes)
def test_size_and_place_are_those_of_mnist(digit: Grey) -> None:
    result = to_mnist(digit)
    assert result.shape == (28, 28)
    assert result.dtype == np.uint8
    first, last = box(result)
    assert (last - first).max() + 1 in (19, 20)
    at_edge = (first == 0) | (last == 27)  # where centring would cut ink off
    assert (at_edge | (np.abs(centre(result) - 14) <= 0.5)).all()


@some
@given(strokes, st.integers(0, 150), st.integers(0, 150))
def test_the_place_on_the_paper_does_not_matter(digit: Grey, down: int, right: int) -> None:
    paper = np.zeros((290, 290), np.uint8)
    paper[down : down + 140, right : right + 140] = digit
    assert is_same_up_to_a_pixel(to_mnist(paper), to_mnist(digit))


@some
@given(strokes, st.integers(0, 255), st.integers(0, 255))
def test_the_colours_of_pen_and_paper_do_not_matter(digit: Grey, pen: int, paper: int) -> None:
    assume(abs(pen - paper) >= 30)
    result = to_mnist(np.where(digit > 0, pen, paper).astype(np.uint8))
    assert is_same_up_to_a_pixel(result, to_mnist(digit))


@some
@given(strokes, st.integers(2, 3))
def test_the_scale_does_not_matter(digit: Grey, factor: int) -> None:
    larger = np.kron(digit, np.ones((factor, factor), np.uint8))
    assert difference_up_to_a_pixel(to_mnist(larger), to_mnist(digit)) < 6


@some
@given(strokes, st.tuples(*[st.floats(-25, 25)] * 4), st.integers(0, 2**32 - 1))
def test_uneven_light_and_noise_hardly_matter(
    digit: Grey, light: tuple[float, ...], seed: int
) -> None:
    y, x = np.mgrid[-1:1:140j, -1:1:140j]
    paper = 170 + light[0] * x + light[1] * y + light[2] * x * x + light[3] * y * y
    noise = np.random.default_rng(seed).normal(0, 3, digit.shape)
    photograph = np.clip(paper * np.where(digit, 0.3, 1) + noise, 0, 255).astype(np.uint8)
    assert difference_up_to_a_pixel(to_mnist(photograph), to_mnist(digit)) < 6


def test_dark_corners_are_not_ink() -> None:
    y, x = np.mgrid[-1:1:140j, -1:1:140j]
    paper = 230 - 60 * (x * x + y * y)
    with pytest.raises(ValueError, match="shows no digit"):
        to_mnist(paper.astype(np.uint8))
    digit = drawn(FOUR)
    photograph = (paper * np.where(digit, 0.3, 1)).astype(np.uint8)
    assert difference_up_to_a_pixel(to_mnist(photograph), to_mnist(digit)) < 6


@some
@given(strokes)
def test_a_digit_in_mnists_form_stays_as_it_is(digit: Grey) -> None:
    result = to_mnist(digit)
    first, last = box(result)
    assume((last - first).max() == 19)
    assume((np.abs(centre(result) - 14) <= 0.5).all())
    np.testing.assert_array_equal(to_mnist(result), result)
    np.testing.assert_array_equal(to_mnist(255 - result), result)


def test_nearly_every_digit_of_mnist_stays_as_it_is() -> None:
    kept = [np.array_equal(to_mnist(digit), digit) for digit in sample()]
    assert np.mean(kept) > 0.99


def test_digits_of_mnist_out_of_place_come_back_almost_the_same() -> None:
    for digit in sample()[:40]:
        moved = 255 - np.pad(digit, ((3, 17), (11, 1)))
        assert difference_up_to_a_pixel(to_mnist(moved), digit) < 2


def test_digits_of_mnist_with_hardly_any_margin_come_back_almost_the_same() -> None:
    for digit in sample()[:40]:
        first, last = box(digit)
        cut = digit[first[0] - 1 : last[0] + 2, first[1] - 1 : last[1] + 2]
        assert difference_up_to_a_pixel(to_mnist(cut), digit) < 2


def test_specks_are_dropped() -> None:
    digit = drawn(FOUR)
    dusty = digit.copy()
    dusty[2:5, 2:5] = dusty[130:134, 60:63] = 255
    np.testing.assert_array_equal(to_mnist(dusty), to_mnist(digit))


def test_a_digit_in_two_pieces_stays_whole() -> None:
    digit = drawn(((60, 40), (60, 120))) | drawn(((40, 20), (110, 20)))
    first, last = box(to_mnist(digit))
    assert last[0] - first[0] == 19
    assert last[1] - first[1] > 10


@some
@given(st.integers(0, 255), st.integers(1, 50), st.integers(1, 50))
def test_a_blank_image_shows_no_digit(level: int, height: int, width: int) -> None:
    with pytest.raises(ValueError, match="shows no digit"):
        to_mnist(np.full((height, width), level, np.uint8))


@some
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 20))
def test_noise_shows_no_digit(seed: int, level: float) -> None:
    noise = np.random.default_rng(seed).normal(128, level, (200, 150))
    with pytest.raises(ValueError, match="shows no digit"):
        to_mnist(np.clip(noise, 0, 255).astype(np.uint8))


def test_only_grey_levels_are_taken() -> None:
    with pytest.raises(TypeError, match="must be uint8, not float64"):
        to_mnist(np.zeros((28, 28)))  # type: ignore[arg-type]  # the wrong type is the test
    for shape in [(28,), (28, 28, 3), (0, 28)]:
        with pytest.raises(ValueError, match=re.escape(f"(height, width), not {shape}")):
            to_mnist(np.zeros(shape, np.uint8))


# Files


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def photograph() -> Image.Image:
    return Image.fromarray(255 - drawn(FOUR))


@pytest.mark.parametrize(
    ("mode", "suffix", "tolerance"),
    [
        ("1", "png", 0),
        ("L", "png", 0),
        ("P", "png", 0),
        ("P", "gif", 0),
        ("LA", "png", 0),
        ("RGB", "bmp", 0),
        ("RGBA", "webp", 3),
        ("CMYK", "jpg", 3),
        ("YCbCr", "jpg", 3),
        ("I", "tif", 0),
        ("F", "tif", 0),
    ],
)
def test_every_kind_of_image_is_read(
    tmp_path: Path, mode: str, suffix: str, tolerance: float
) -> None:
    path = saved(photograph().convert(mode), tmp_path / f"four.{suffix}")
    assert difference(read_image(path), to_mnist(drawn(FOUR))) <= tolerance


def test_sixteen_bits_are_read(tmp_path: Path) -> None:
    deep = 4095 - drawn(FOUR).astype(np.uint16) * 16  # 12 bits of 16, as scanners write
    path = saved(Image.fromarray(deep), tmp_path / "four.png")
    np.testing.assert_array_equal(read_image(path), to_mnist(drawn(FOUR)))


def test_pixels_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = saved(Image.fromarray(np.full((9, 9), np.nan, np.float32)), tmp_path / "nan.tif")
    with pytest.raises(ValueError, match="cannot be decoded"):
        read_image(path)


@pytest.mark.parametrize("hidden", [0, 255])
@pytest.mark.parametrize("colour", [0, 90, 128, 255])
def test_a_digit_on_a_transparent_background(tmp_path: Path, colour: int, hidden: int) -> None:
    digit = drawn(FOUR)
    grey = np.where(digit, colour, hidden).astype(np.uint8)
    path = saved(Image.fromarray(np.dstack([grey, digit]), "LA"), tmp_path / "four.png")
    np.testing.assert_array_equal(read_image(path), to_mnist(digit))


@pytest.mark.parametrize(("pen", "paper"), [(0, 255), (255, 0)])
def test_a_digit_on_a_card_with_transparent_surroundings(
    tmp_path: Path, pen: int, paper: int
) -> None:
    digit = drawn(FOUR)
    card = np.dstack([np.where(digit, pen, paper), np.full(digit.shape, 255)]).astype(np.uint8)
    card = np.pad(card, ((30, 30), (30, 30), (0, 0)))
    path = saved(Image.fromarray(card, "LA"), tmp_path / "four.png")
    np.testing.assert_array_equal(read_image(path), to_mnist(digit))


def test_a_wholly_transparent_image_shows_no_digit(tmp_path: Path) -> None:
    path = saved(Image.new("RGBA", (40, 40)), tmp_path / "nothing.png")
    with pytest.raises(ValueError, match=r"nothing.png: the image shows no digit"):
        read_image(path)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90)],
)
def test_the_camera_may_have_been_turned(
    tmp_path: Path, orientation: int, turn: Image.Transpose
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(photograph().transpose(turn), tmp_path / "four.png", exif=exif)
    np.testing.assert_array_equal(read_image(path), to_mnist(drawn(FOUR)))


def test_a_large_photograph_is_read(tmp_path: Path) -> None:
    path = saved(photograph().resize((2800, 2800)), tmp_path / "four.png")
    assert difference(read_image(path), to_mnist(drawn(FOUR))) < 3


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cannot read the image .*none.png: No such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(OSError, match=r"cannot read the image .*directory"):
        read_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"cannot read the image .*pipe: not a regular file"):
        read_image(tmp_path / "pipe")


def test_a_text_is_not_an_image(tmp_path: Path) -> None:
    path = tmp_path / "four.png"
    path.write_text("4")
    with pytest.raises(ValueError, match=r"four.png is not an image of a known format"):
        read_image(path)


@some
@given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]), st.data())
def test_a_damaged_file_is_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    buffer = io.BytesIO()
    photograph().save(buffer, kind)
    content = bytearray(buffer.getvalue())
    for _ in range(3):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "four"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        assert read_image(path).shape == (28, 28)  # the damage may be harmless
    except ValueError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 (either end is right)
        assert "\n" not in str(error)  # noqa: PT017


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = saved(photograph(), tmp_path / "four.png")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"four.png cannot be decoded"):
        read_image(path)


@pytest.mark.parametrize("most", [15_000, 5_000])  # Pillow warns at 1 to 2 times, and refuses above
def test_an_absurdly_large_image_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    path = saved(photograph(), tmp_path / "four.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with pytest.raises(ValueError, match=f"too large an image: at most {most:,} pixels"):
        read_image(path)


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"tinygrad-mnist\[cli\]"):
        read_image("four.png")
