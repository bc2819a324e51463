import os
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from loopback import Mirrors, Tiny

from tinygrad_mnist.data import MNIST, IDXError, load_mnist, read_idx, write_idx
from tinygrad_mnist.data.download import DownloadError
from tinygrad_mnist.data.files import MNIST_FILES, is_sound
from tinygrad_mnist.data.mnist import cache_directory, load_cached, load_directory, load_verified

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = (file.name for file in MNIST_FILES)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Cut the network: a proxy that nobody runs. Return the user's cache directory, empty."""
    for name in ("no_proxy", "NO_PROXY", "TINYGRAD_MNIST_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return Path(cache_directory())


def copy_of(tiny: Tiny, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for file in tiny.files:
        (directory / file.name).write_bytes((tiny.directory / file.name).read_bytes())
    return directory


def assert_tiny(digits: MNIST, tiny: Tiny) -> None:
    found = (digits.train_images, digits.train_labels, digits.test_images, digits.test_labels)
    for array, file in zip(found, tiny.files, strict=True):
        np.testing.assert_array_equal(array, read_idx(tiny.directory / file.name))


@settings(deadline=None)
@given(data=st.data(), train=st.integers(1, 5), test=st.integers(1, 5))
def test_a_directory_gives_back_what_was_put_in(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, train: int, test: int
) -> None:
    directory = tmp_path_factory.mktemp("digits")
    arrays = []
    for name, count in zip(
        (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS),
        (train, train, test, test),
        strict=True,
    ):
        shape = (count, 28, 28) if "images" in name else (count,)
        elements = st.integers(0, 255 if "images" in name else 9)
        array = data.draw(hnp.arrays(np.uint8, shape, elements=elements, fill=elements))
        write_idx(directory / (name + data.draw(st.sampled_from(["", ".gz"]))), array)
        arrays.append(array)
    digits = load_mnist(directory)
    np.testing.assert_array_equal(digits.train_images, arrays[0])
    np.testing.assert_array_equal(digits.train_labels, arrays[1])
    np.testing.assert_array_equal(digits.test_images, arrays[2])
    np.testing.assert_array_equal(digits.test_labels, arrays[3])
    assert digits.kind == "directory"
    assert digits.source == f"Using {train + test} digits from {directory}."


def test_a_plain_file_is_preferred_to_a_gzipped_one(tmp_path: Path, tiny: Tiny) -> None:
    copy_of(tiny, tmp_path)
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(b"damaged")
    assert_tiny(load_mnist(str(tmp_path)), tiny)


def test_large_plain_images_are_mapped(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_of(tiny, tmp_path)
    write_idx(tmp_path / f"{TEST_IMAGES}.gz", read_idx(tmp_path / TEST_IMAGES))
    (tmp_path / TEST_IMAGES).unlink()
    assert load_mnist(tmp_path).train_images.flags.writeable
    monkeypatch.setattr("tinygrad_mnist.data.mnist._LARGE", 1000)
    digits = load_verified(tmp_path, tiny.files)
    assert_tiny(digits, tiny)
    assert not digits.train_images.flags.writeable
    assert digits.train_labels.flags.writeable
    assert digits.test_images.flags.writeable  # what is gzipped has to be read


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (TRAIN_IMAGES, np.zeros((4, 28, 27), np.uint8), r"found uint8 of shape \(4, 28, 27\)"),
        (TRAIN_IMAGES, np.zeros((4, 784), np.uint8), r"found uint8 of shape \(4, 784\)"),
        (TEST_IMAGES, np.zeros((3, 28, 28), np.int8), r"found int8 of shape \(3, 28, 28\)"),
        (TEST_IMAGES, np.zeros((0, 28, 28), np.uint8), "n above 0"),
        (TEST_IMAGES, np.array(1, np.uint8), r"found uint8 of shape \(\)"),
        (TRAIN_LABELS, np.zeros(4, np.int32), "expected labels, uint8"),
        (TRAIN_LABELS, np.zeros((4, 1), np.uint8), r"expected labels, .* found .* \(4, 1\)"),
        (TRAIN_LABELS, np.zeros(5, np.uint8), "a label for each of the 4 images .* found 5"),
        (TEST_LABELS, np.array([1, 10, 0], np.uint8), "from 0 to 9, found 10"),
    ],
)
def test_content_of_another_form_is_an_error_that_names_the_file(
    tmp_path: Path, tiny: Tiny, name: str, array: np.ndarray[Any, Any], message: str
) -> None:
    copy_of(tiny, tmp_path)
    write_idx(tmp_path / name, array)
    with pytest.raises(ValueError, match=message) as caught:
        load_mnist(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS])
def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path, tiny: Tiny, name: str) -> None:
    (copy_of(tiny, tmp_path) / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}: expected .* {name} or {name}.gz"):
        load_mnist(tmp_path)


def test_a_missing_directory_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: expected a directory with"):
        load_mnist("nowhere")


def test_a_directory_by_the_name_of_a_file_is_not_the_file(tmp_path: Path, tiny: Tiny) -> None:
    (copy_of(tiny, tmp_path) / TRAIN_LABELS).unlink()
    (tmp_path / TRAIN_LABELS).mkdir()
    with pytest.raises(FileNotFoundError, match=f"expected .* file {TRAIN_LABELS} or"):
        load_mnist(tmp_path)
    write_idx(tmp_path / f"{TRAIN_LABELS}.gz", read_idx(tiny.directory / TRAIN_LABELS))
    assert_tiny(load_mnist(tmp_path), tiny)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_by_the_name_of_a_file_is_refused(tmp_path: Path, tiny: Tiny) -> None:
    (copy_of(tiny, tmp_path) / TRAIN_LABELS).unlink()
    os.mkfifo(tmp_path / TRAIN_LABELS)
    with pytest.raises(OSError, match=f"not a regular file: .*{TRAIN_LABELS}"):
        load_mnist(tmp_path)


def test_an_empty_name_is_an_error_that_shows_it() -> None:
    with pytest.raises(ValueError, match=r"data must be .* not ''"):
        load_mnist("")


def test_the_environment_variable_comes_first(
    offline: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_MNIST_DATA", str(tiny.directory))
    digits = load_mnist()
    assert_tiny(digits, tiny)
    assert digits.kind == "directory"
    assert str(tiny.directory) in digits.source


def test_full_takes_nothing_else_from_the_directory_in_the_environment(
    offline: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_MNIST_DATA", str(tiny.directory))
    with pytest.raises(ValueError, match="expected MNIST's own file") as caught:
        load_mnist("full")
    assert str(caught.value).startswith(str(tiny.directory / TRAIN_IMAGES))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("spoiled", [None, TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS])
def test_each_file_is_held_against_what_it_must_be(
    tmp_path: Path, tiny: Tiny, suffix: str, spoiled: str | None
) -> None:
    for file in tiny.files:
        array = read_idx(tiny.directory / file.name)
        write_idx(tmp_path / f"{file.name}{suffix}", array ^ (file.name == spoiled))
    if spoiled is None:
        digits = load_verified(tmp_path, tiny.files)
        assert_tiny(digits, tiny)
        assert (digits.kind, digits.source) == ("full", f"Using 7 MNIST digits from {tmp_path}.")
    else:
        with pytest.raises(ValueError, match="the SHA-256 is wrong") as caught:
            load_verified(tmp_path, tiny.files)
        assert str(caught.value).startswith(f"{tmp_path / spoiled}{suffix}: ")


def test_a_bad_directory_in_the_environment_is_an_error_and_no_reason_to_go_on(
    offline: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYGRAD_MNIST_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_mnist()
    damaged = copy_of(tiny, tmp_path / "damaged")
    (damaged / TEST_LABELS).write_bytes(b"damaged")
    monkeypatch.setenv("TINYGRAD_MNIST_DATA", str(damaged))
    with pytest.raises(IDXError, match=TEST_LABELS):
        load_mnist()


def test_offline_there_is_the_sample_and_a_sentence_that_says_why(offline: Path) -> None:
    digits = load_mnist()
    assert digits.kind == "sample"
    assert digits.source.startswith(
        "Using the bundled sample of 5,000 MNIST digits, because MNIST is not at hand: "
        "train-images-idx3-ubyte.gz could not be downloaded from https://"
    )
    assert "refused" in digits.source
    assert "\n" not in digits.source
    assert list(offline.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_a_reason_for_the_sample(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline.write_bytes(b"in the way")
    digits = load_mnist()
    assert digits.kind == "sample"
    assert str(offline) in digits.source


def test_full_is_never_the_sample(offline: Path) -> None:
    with pytest.raises(DownloadError, match=TRAIN_IMAGES):
        load_mnist("full")


def test_a_cache_is_filled_once_and_then_read(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    mirror = mirrors.start(tiny.serve)
    cache = tmp_path / "cache"
    for _ in range(2):
        digits = load_cached(str(cache), tiny.files, [mirror.url])
        assert_tiny(digits, tiny)
        assert digits.kind == "full"
        assert digits.source == f"Using 7 MNIST digits from {cache}."
    assert mirror.asked == [f"{file.name}.gz" for file in tiny.files]


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"\x0b", lambda _: b""])
def test_a_damaged_file_in_the_cache_is_replaced(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors, damage: Callable[[bytes], bytes]
) -> None:
    path = copy_of(tiny, tmp_path) / TEST_LABELS
    path.write_bytes(damage(path.read_bytes()))
    mirror = mirrors.start(tiny.serve)
    assert_tiny(load_cached(str(tmp_path), tiny.files, [mirror.url]), tiny)
    assert mirror.asked == [f"{TEST_LABELS}.gz"]
    assert is_sound(str(path), tiny.files[3])


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/tinygrad_mnist"),
        ("linux", {"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/tinygrad_mnist"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/tinygrad_mnist"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/tinygrad_mnist"),
    ],
)
def test_each_platform_has_its_place_for_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Path(cache_directory()) == Path(expected)


def test_the_sample_is_small_balanced_and_mixed() -> None:
    sample = resources.files("tinygrad_mnist.data").joinpath("sample.npz")
    assert len(sample.read_bytes()) < 1_000_000
    digits = load_mnist("sample")
    assert digits.kind == "sample"
    for images, labels, count in (
        (digits.train_images, digits.train_labels, 400),
        (digits.test_images, digits.test_labels, 100),
    ):
        assert images.shape == (10 * count, 28, 28)
        assert images.dtype == labels.dtype == np.uint8
        np.testing.assert_array_equal(np.bincount(labels), np.full(10, count))
        assert all(len(set(batch)) >= 5 for batch in labels.reshape(-1, 50))
    distinct = {image.tobytes() for image in (*digits.train_images, *digits.test_images)}
    assert len(distinct) == 5000


def test_the_sample_tells_digits_apart() -> None:
    digits = load_mnist("sample")
    means = np.array(
        [digits.train_images[digits.train_labels == digit].mean(axis=0) for digit in range(10)]
    ).reshape(10, 784)
    test = digits.test_images.reshape(-1, 784).astype(float)
    distances = (means**2).sum(axis=1) - 2 * test @ means.T
    accuracy = (distances.argmin(axis=1) == digits.test_labels).mean()
    assert accuracy > 0.75  # of a wrong label for every second digit, half would remain


def test_importing_the_room_loads_no_network() -> None:
    heavy = ("urllib.request", "http.client", "tqdm")
    code = f"import sys, tinygrad_mnist.data; print([m for m in {heavy} if m in sys.modules])"
    printed = subprocess.run(  # noqa: S603 (our own interpreter, our own words)
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "[]\n"


@pytest.fixture(scope="module")
def mnist() -> MNIST:
    directory = os.environ.get("TINYGRAD_MNIST_DATA")
    if not directory:
        pytest.skip("needs all of MNIST: set TINYGRAD_MNIST_DATA to its directory")
    return load_directory(directory)


def test_full_is_the_whole_of_mnist(mnist: MNIST) -> None:
    digits = load_mnist("full")
    assert digits.kind == "full"
    np.testing.assert_array_equal(digits.test_images, mnist.test_images)


def test_the_whole_of_mnist_has_its_well_known_numbers(mnist: MNIST) -> None:
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.test_images.shape == (10_000, 28, 28)
    assert round(float(mnist.train_images.mean()) / 255, 4) == 0.1307
    assert list(mnist.train_labels[:10]) == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert list(mnist.test_labels[:5]) == [7, 2, 1, 0, 4]


def test_the_sample_is_part_of_mnists_training_set(mnist: MNIST) -> None:
    known = {
        image.tobytes(): label
        for image, label in zip(mnist.train_images, mnist.train_labels, strict=True)
    }
    sample = load_mnist("sample")
    for image, label in (
        *zip(sample.train_images, sample.train_labels, strict=True),
        *zip(sample.test_images, sample.test_labels, strict=True),
    ):
        assert known[image.tobytes()] == label
