import gzip
import hashlib
import os
import re
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tinygrad_mnist.data import Batches, Digits, IDXError, read_idx, scale, split, write_idx
from tinygrad_mnist.data.idx import idx_sha256

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
GZIPPED = pytest.mark.parametrize("name", ["array.idx", "array.idx.gz"])
UNHURRIED = settings(deadline=None)  # a file may take the disk a while


def arrays(max_dims: int = 4, max_side: int = 4) -> st.SearchStrategy[NDArray[Any]]:
    dtypes = st.builds(
        np.dtype, st.builds(str.__add__, st.sampled_from("<>"), st.sampled_from([*CODES]))
    )
    shapes = hnp.array_shapes(min_dims=0, max_dims=max_dims, min_side=0, max_side=max_side)
    return hnp.arrays(dtypes, shapes)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


@GZIPPED
@UNHURRIED
@given(array=arrays())
def test_what_is_written_is_read(directory: Path, name: str, array: NDArray[Any]) -> None:
    write_idx(directory / name, array)
    result = read_idx(directory / name)
    assert result.dtype == array.dtype.newbyteorder("=")
    assert result.dtype.isnative
    assert result.shape == array.shape
    assert result.tobytes() == array.astype(result.dtype).tobytes()
    assert result.flags.writeable
    mapped = read_idx(directory / name, mmap=True)
    assert (mapped.dtype, mapped.shape) == (result.dtype, result.shape)
    assert mapped.tobytes() == result.tobytes()
    is_map = result.itemsize == 1 and name == "array.idx"
    assert mapped.flags.writeable == (not is_map)
    assert (directory / name).read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")


@UNHURRIED
@given(array=arrays())
def test_a_file_is_a_header_and_the_big_endian_elements(
    directory: Path, array: NDArray[Any]
) -> None:
    write_idx(directory / "file", array)
    code = CODES[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    content = array.astype(array.dtype.newbyteorder(">")).tobytes()
    assert (directory / "file").read_bytes() == header + content


@UNHURRIED
@given(array=arrays())
def test_any_memory_layout_is_written_alike(directory: Path, array: NDArray[Any]) -> None:
    write_idx(directory / "transposed", array.T)
    write_idx(directory / "contiguous", np.array(array.T, order="C"))
    assert (directory / "transposed").read_bytes() == (directory / "contiguous").read_bytes()


@UNHURRIED
@given(array=arrays())
def test_the_sha256_is_that_of_the_plain_file(directory: Path, array: NDArray[Any]) -> None:
    write_idx(directory / "hashed", array)
    content = (directory / "hashed").read_bytes()
    assert idx_sha256(array) == hashlib.sha256(content).hexdigest()


@GZIPPED
@UNHURRIED
@given(array=arrays(), data=st.data())
def test_a_truncated_file_is_an_error(
    directory: Path, name: str, array: NDArray[Any], data: st.DataObject
) -> None:
    path = directory / name
    write_idx(path, array)
    os.truncate(path, data.draw(st.integers(0, path.stat().st_size - 1)))
    with pytest.raises(IDXError, match=name):
        read_idx(path)


@GZIPPED
def test_every_truncation_is_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_idx(path, np.arange(6, dtype=np.int32).reshape(2, 3))
    for length in reversed(range(path.stat().st_size)):
        os.truncate(path, length)
        with pytest.raises(IDXError, match=name):
            read_idx(path)


@GZIPPED
@UNHURRIED
@given(array=arrays(), more=st.binary(min_size=1).filter(any))
def test_appended_bytes_are_an_error(
    directory: Path, name: str, array: NDArray[Any], more: bytes
) -> None:
    path = directory / name
    write_idx(path, array)
    with path.open("ab") as file:
        file.write(more)
    with pytest.raises(IDXError, match=name):
        read_idx(path)


@UNHURRIED
@given(array=arrays(), more=st.binary(min_size=1))
def test_appended_bytes_within_a_gzip_file_are_an_error(
    directory: Path, array: NDArray[Any], more: bytes
) -> None:
    path = directory / "file"
    write_idx(path, array)
    path.write_bytes(gzip.compress(path.read_bytes() + more))
    with pytest.raises(IDXError, match="too long"):
        read_idx(path)


@UNHURRIED
@given(array=arrays(), data=st.data())
def test_a_truncated_array_in_a_sound_gzip_file_is_an_error(
    directory: Path, array: NDArray[Any], data: st.DataObject
) -> None:
    path = directory / "file"
    write_idx(path, array)
    content = path.read_bytes()
    path.write_bytes(gzip.compress(content[: data.draw(st.integers(0, len(content) - 1))]))
    with pytest.raises(IDXError, match=r"truncated|not an IDX file"):
        read_idx(path)


@UNHURRIED
@given(array=arrays(), data=st.data())
def test_a_flipped_bit_in_gzip_never_passes_for_other_content(
    directory: Path, array: NDArray[Any], data: st.DataObject
) -> None:
    path = directory / "file.gz"
    write_idx(path, array)
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    try:
        result = read_idx(path)
    except IDXError:
        return
    assert result.tobytes() == array.astype(result.dtype).tobytes()  # a bit that means nothing


@UNHURRIED
@given(content=st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\0\0" + tail))
def test_any_bytes_give_an_array_or_an_idx_error(directory: Path, content: bytes) -> None:
    (directory / "file").write_bytes(content)
    try:
        result = read_idx(directory / "file")
    except IDXError as error:
        with pytest.raises(IDXError, match=f"^{re.escape(str(error))}$"):
            read_idx(directory / "file", mmap=True)
        return
    assert read_idx(directory / "file", mmap=True).tobytes() == result.tobytes()
    write_idx(directory / "again", result)
    assert (directory / "again").read_bytes() == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file: .* found nothing"),
        (b"\x89PNG\r\n", "not an IDX file: .* found 89 50 4e 47"),
        (b"\0\0\x0a\x01\0\0\0\0", "unknown IDX type code 0x0A, expected one of 0x08, 0x09"),
        (b"\0\0\x08\x02\0\0\0\x01", "truncated: expected 12 bytes, found at most 8"),
        (b"\0\0\x0b\x01\0\0\0\x03\0\0\0", "truncated: expected 14 bytes, found at most 11"),
        (b"\0\0\x08\x01\0\0\0\x01ab", "too long: expected 9 bytes"),
        (b"\x1f\x8bnonsense", "expected a sound gzip file"),
        (b"\0\0\x08\xc8" + 200 * b"\0\0\0\x01" + b"x", "no array can have the rank 200"),
        (b"\0\0\x0e\x04" + 3 * b"\xff\xff\xff\xff" + b"\0\0\0\0", "no array can have"),
    ],
)
def test_the_error_says_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(IDXError, match=message):
        read_idx(tmp_path / "file", mmap=True)
    with pytest.raises(IDXError, match=message) as caught:
        read_idx(tmp_path / "file")
    assert str(caught.value).startswith(f"{tmp_path / 'file'}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_promise_of_terabytes_costs_nothing(tmp_path: Path, pack: Any) -> None:
    header = struct.pack(">BBBB3I", 0, 0, 0x0E, 3, 60_000, 10_000, 1_000)
    (tmp_path / "file").write_bytes(pack(header + bytes(1000)))
    tracemalloc.start()
    with pytest.raises(IDXError, match="truncated: expected 4,800,000,000,016 bytes"):
        read_idx(tmp_path / "file")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@GZIPPED
def test_reading_takes_little_more_memory_than_the_array(tmp_path: Path, name: str) -> None:
    array = np.tile(np.arange(256, dtype=np.uint8), 1 << 15)
    write_idx(tmp_path / name, array)
    read_idx(tmp_path / name)  # imports are done with
    tracemalloc.start()
    read_idx(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < array.nbytes + 1_500_000


def test_a_mapped_file_takes_no_memory_to_open_to_hash_and_to_serve(tmp_path: Path) -> None:
    images = np.tile(np.arange(256, dtype=np.uint8), (1 << 15, 1))
    write_idx(tmp_path / "images", images)
    (tmp_path / "images").chmod(0o444)
    idx_sha256(images[:1])  # imports are done with
    read_idx(tmp_path / "images", mmap=True)
    tracemalloc.start()
    mapped = read_idx(tmp_path / "images", mmap=True)
    digest = idx_sha256(mapped)
    batches = Batches(mapped.reshape(-1, 16, 16), np.zeros(1 << 15), 64)
    x, _ = next(batches.epoch(seed=0))
    first, _ = split(Digits(mapped, np.zeros(1 << 15)), 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000  # the images are four times as much
    assert digest == idx_sha256(images)
    np.testing.assert_array_equal(x[0].ravel(), scale(images[0]))
    assert len(first.images) == (1 << 15) - 1000


def test_a_map_outlives_the_name_of_its_file(tmp_path: Path) -> None:
    write_idx(tmp_path / "file", np.arange(9, dtype=np.uint8))
    mapped = read_idx(tmp_path / "file", mmap=True)
    write_idx(tmp_path / "file", np.zeros(9, np.uint8))  # another file of the same name
    np.testing.assert_array_equal(mapped, np.arange(9))
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_gzip_is_told_by_content_and_not_by_name(tmp_path: Path) -> None:
    array = np.arange(3, dtype=np.int16)
    write_idx(tmp_path / "zipped.gz", array)
    write_idx(tmp_path / "plain", array)
    os.rename(tmp_path / "zipped.gz", tmp_path / "no-suffix")
    os.rename(tmp_path / "plain", tmp_path / "plain.gz")
    np.testing.assert_array_equal(read_idx(tmp_path / "no-suffix"), array)
    np.testing.assert_array_equal(read_idx(tmp_path / "plain.gz"), array)


def test_the_best_compressed_array_there_is_can_be_read(tmp_path: Path) -> None:
    zeros = np.zeros(5_000_000, np.uint8)
    write_idx(tmp_path / "zeros.gz", zeros)
    assert zeros.nbytes / (tmp_path / "zeros.gz").stat().st_size > 1000
    np.testing.assert_array_equal(read_idx(tmp_path / "zeros.gz"), zeros)


def test_a_gzip_file_of_several_members_is_one_array(tmp_path: Path) -> None:
    write_idx(tmp_path / "plain", np.arange(9, dtype=np.uint8))
    content = (tmp_path / "plain").read_bytes()
    (tmp_path / "file").write_bytes(gzip.compress(content[:10]) + gzip.compress(content[10:]))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), np.arange(9))


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(9, dtype=np.int32))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4)  # no time


@pytest.mark.parametrize("dtype", ["int64", "uint16", "bool", "complex64", "U3", "O", "f2"])
def test_a_dtype_without_a_code_is_an_error(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(
        TypeError, match=r"cannot hold .* expected one of uint8, int8, int16, int32"
    ):
        write_idx(tmp_path / "file", np.zeros(2, dtype))
    assert list(tmp_path.iterdir()) == []


def test_a_size_beyond_32_bits_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot hold the shape"):
        write_idx(tmp_path / "file", np.empty((2**32, 0), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"not a regular file: .*pipe"):
        read_idx(tmp_path / "pipe")
