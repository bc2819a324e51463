"""A checkpoint's file is there as a whole, tells when it is not sound, and leaves no rubbish."""

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small_runs import Crash, CrashAfter, Options, bits, noise

from tinygrad_mnist.training import (
    CheckpointError,
    Checkpoints,
    fit,
    load_checkpoint,
)
from tinygrad_mnist.training.checkpoint_file import DamagedError, from_bytes, to_bytes

DTYPES = st.sampled_from(["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u4", "u8", "?"]).map(np.dtype)
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def crashed(directory: Path, steps: int = 4, keep: int = 3, **options: Any) -> Checkpoints:
    """Leave the checkpoints of a run that crashed."""
    checkpoints = Checkpoints(directory, every=0, keep=keep)
    with pytest.raises(Crash):
        fit(
            **Options(**options).arguments(),
            checkpoints=checkpoints,
            callbacks=[CrashAfter(steps)],
        )
    return checkpoints


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A checkpoint's bytes."""
    checkpoints = crashed(tmp_path_factory.mktemp("run"), optimiser="Adam")
    return checkpoints.paths()[-1].read_bytes()


# --- the form of the file -----------------------------------------------------------------


@given(st.dictionaries(st.text(), TREES, max_size=4))
def test_what_is_read_is_what_was_written(tree: dict[str, Any]) -> None:
    written = to_bytes(tree)
    assert bits(from_bytes(written)) == bits(tree)
    assert to_bytes(tree) == written


def test_arrays_in_any_order_of_memory_are_written_as_they_read() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    for view in (array.T, array[:, ::-1, ::2], np.asfortranarray(array)):
        np.testing.assert_array_equal(from_bytes(to_bytes({"a": view}))["a"], view)


KEYS = st.sampled_from(["$", "$array", "$$array", "a", "b", "a/b", "/", "__metadata__"])


@given(
    st.recursive(
        st.text() | hnp.arrays("f4", hnp.array_shapes(max_dims=1, max_side=2)),
        lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    )
)
@example({"a/b": np.float32([1]), "a": {"b": np.float32([2])}})
def test_no_key_means_something_else(tree: Any) -> None:
    assert bits(from_bytes(to_bytes({"tree": tree}))) == bits({"tree": tree})
    if isinstance(tree, dict):
        assert bits(from_bytes(to_bytes(tree))) == bits(tree)


@pytest.mark.parametrize("wrong", [np.inf, np.nan, -np.inf])
def test_numbers_that_json_lacks_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_bytes({"loss": wrong})


@given(place=st.integers(0), flip=st.integers(1, 255))
def test_every_flipped_byte_is_noticed(content: bytes, place: int, flip: int) -> None:
    damaged = bytearray(content)
    damaged[place % len(content)] ^= flip
    with pytest.raises(DamagedError):
        from_bytes(bytes(damaged))


def test_every_flipped_byte_of_the_header_is_noticed(content: bytes) -> None:
    tree = {"some": [np.zeros(3), {"more": np.arange(2)}], "text": "text"}
    whole = to_bytes(tree)
    for place in range(len(whole)):
        for flip in (0x01, 0x20, 0x29, 0xFF):  # 0x20 ^ 0x29 is a tab
            damaged = bytearray(whole)
            damaged[place] ^= flip
            with pytest.raises(DamagedError):
                from_bytes(bytes(damaged))


@given(st.integers(0))
def test_every_truncation_is_noticed(content: bytes, length: int) -> None:
    with pytest.raises(DamagedError, match="cut short"):
        from_bytes(content[: length % len(content)])


@given(st.binary(min_size=1, max_size=20))
def test_what_was_appended_is_noticed(content: bytes, more: bytes) -> None:
    with pytest.raises(DamagedError, match="altered"):
        from_bytes(content + more)


@given(st.text(st.characters(codec="ascii", min_codepoint=32), min_size=4, max_size=300))
def test_a_text_is_no_checkpoint(text: str) -> None:
    with pytest.raises(DamagedError, match="not a checkpoint"):
        from_bytes(text.encode())


@given(st.binary(max_size=300))
def test_other_files_are_refused(other: bytes) -> None:
    with pytest.raises(DamagedError, match=r"not a checkpoint|cut short"):
        from_bytes(other)


# --- refusals -----------------------------------------------------------------------------


def newer(content: bytes) -> bytes:
    return content.replace(b'checkpoint":"1 ', b'checkpoint":"2 ', 1)


def without_end(content: bytes) -> bytes:
    return content.replace(b'checkpoint":"1 ', b'checkpoint":"' + b"1" * 5000 + b" ", 1)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:-1], r"it is cut short, to \d[\d,]* of its \d[\d,]* bytes"),
        (lambda content: b"", "it is cut short"),
        (lambda content: content[:-1] + b"?", "it was altered after it was written"),
        (lambda content: b"A text." * 99, "it is not a checkpoint of tinygrad_mnist"),
        (without_end, "it was altered after it was written"),
        (newer, "it is written in version 2 of the format, and this program reads version 1"),
    ],
)
def test_the_one_before_is_offered(tmp_path: Path, damage: Any, words: str) -> None:
    *_, older, old, last = crashed(tmp_path).paths()
    last.write_bytes(damage(last.read_bytes()))
    with pytest.raises(CheckpointError, match=f"^{last}: {words}.*one before it, {old.name}, can"):
        load_checkpoint(tmp_path)
    old.write_bytes(b"")
    with pytest.raises(CheckpointError, match=f"one before it, {older.name}, can") as caught:
        load_checkpoint(last)
    assert (caught.value.path, caught.value.previous) == (last, older)
    older.unlink()
    with pytest.raises(CheckpointError, match=words) as caught:
        Checkpoints(tmp_path).latest()
    assert caught.value.previous is None


def test_a_run_goes_on_from_before_a_damaged_checkpoint(tmp_path: Path) -> None:
    checkpoints = crashed(tmp_path)
    old, _, last = checkpoints.paths()
    last.write_bytes(b"")
    arguments = Options().arguments()
    with pytest.raises(Crash):
        fit(
            **arguments,
            checkpoints=checkpoints,
            resume=load_checkpoint(old),
            callbacks=[CrashAfter(1)],
        )
    assert checkpoints.latest().step == load_checkpoint(old).step + 1  # what was later is gone
    fit(**Options().arguments(), checkpoints=checkpoints, resume=checkpoints.latest())
    assert checkpoints.latest().finished


def test_a_directory_without_checkpoints_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no checkpoint in it: '{tmp_path}'"):
        load_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Checkpoints(tmp_path / "nowhere").latest()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"every": -1}, ValueError, "every must be 0 seconds or more, not -1"),
        ({"every": np.nan}, ValueError, "every must be 0 seconds or more, not nan"),
        ({"keep": 1.5}, TypeError, "keep must be an integer, not 1.5"),
        ({"keep": 0}, ValueError, "keep must be 1 or more, not 0"),
        ({"record": {"lr": np.inf}}, ValueError, "JSON"),
        ({"record": object()}, TypeError, "JSON"),
    ],
)
def test_nonsense_is_refused(options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Checkpoints("nowhere", **options)


# --- the directory ------------------------------------------------------------------------


def test_the_last_ones_are_kept(tmp_path: Path) -> None:
    checkpoints = crashed(tmp_path, steps=5, keep=2)
    assert [path.name for path in checkpoints.paths()] == [
        "checkpoint-000000004.safetensors",
        "checkpoint-000000005.safetensors",
    ]
    assert [load_checkpoint(path).step for path in checkpoints.paths()] == [4, 5]
    assert set(tmp_path.iterdir()) == set(checkpoints.paths())


def test_one_is_written_before_the_first_step_and_one_at_the_end(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, every=np.inf)
    fit(**Options().arguments(), checkpoints=checkpoints)
    assert [load_checkpoint(path).step for path in checkpoints.paths()] == [0, 9]
    assert [load_checkpoint(path).finished for path in checkpoints.paths()] == [False, True]


def test_time_decides_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    checkpoints = Checkpoints(tmp_path, every=3.0, keep=100)
    fit(**Options().arguments(), checkpoints=checkpoints)
    assert [load_checkpoint(path).step for path in checkpoints.paths()] == [0, 3, 6, 9]


def test_the_record_comes_back(tmp_path: Path) -> None:
    record = {"network": [784, 10, 10], "lr": 0.1, "preset": None}
    fit(**Options().arguments(), checkpoints=Checkpoints(tmp_path, record=record))
    assert load_checkpoint(tmp_path).record == record


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    checkpoints = crashed(tmp_path)
    (tmp_path / ".checkpoint-000000009.safetensors.0123.tmp").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    fit(**Options().arguments(), checkpoints=checkpoints, resume=checkpoints.latest())
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {path.name for path in checkpoints.paths()} | {"notes.txt"}


def test_another_runs_checkpoints_are_not_overwritten(tmp_path: Path) -> None:
    checkpoints = crashed(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FileExistsError, match="it holds checkpoints, up to step 4; resume"):
        fit(**Options().arguments(), checkpoints=checkpoints)
    elsewhere = crashed(tmp_path / "elsewhere").latest()
    with pytest.raises(FileExistsError, match="it holds checkpoints"):
        fit(**Options().arguments(), checkpoints=checkpoints, resume=elsewhere)
    assert {path: path.read_bytes() for path in before} == before
    checkpoints.clear()
    fit(**Options().arguments(), checkpoints=checkpoints)


def test_a_run_may_move_to_another_directory(tmp_path: Path) -> None:
    resume = crashed(tmp_path / "one").latest()
    fit(**Options().arguments(), checkpoints=Checkpoints(tmp_path / "other"), resume=resume)
    assert [load_checkpoint(path).step for path in Checkpoints(tmp_path / "other").paths()] == [
        4,
        9,
    ]


def test_only_files_are_checkpoints(tmp_path: Path) -> None:
    checkpoints = crashed(tmp_path)
    (tmp_path / "checkpoint-000000098.safetensors").mkdir()
    (tmp_path / "checkpoint-000000099.safetensors").symlink_to("nowhere")
    assert checkpoints.latest().step == 4
    fit(**Options().arguments(), checkpoints=checkpoints, resume=checkpoints.latest())
    assert checkpoints.latest().finished


@pytest.mark.parametrize(
    "options",
    [
        {"clip_norm": np.inf},
        {"clip_norm": np.float32(1)},
        {"clip_value": np.float16(0.5)},
        {"valid": noise(1), "patience": np.int64(1)},
        {"epochs": np.int8(2), "batch_size": np.uint8(5)},
    ],
)
def test_any_numbers_are_kept(tmp_path: Path, options: dict[str, Any]) -> None:
    checkpoints = Checkpoints(tmp_path, every=0, keep=np.int64(2))  # type: ignore[arg-type]
    history = fit(**(Options().arguments() | options), checkpoints=checkpoints)
    arguments = Options().arguments() | options
    assert fit(**arguments, resume=checkpoints.latest()) == history


# --- a full disk --------------------------------------------------------------------------


def assert_the_old_ones_are_there(directory: Path, steps: list[int]) -> None:
    paths = Checkpoints(directory).paths()
    assert set(directory.iterdir()) == set(paths)
    assert [load_checkpoint(path).step for path in paths] == steps


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    directory = tmp_path / "run"
    checkpoints = crashed(directory, steps=2)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space left on device") as caught:
            fit(**Options().arguments(), checkpoints=checkpoints, resume=checkpoints.latest())
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(directory / "checkpoint-000000003.safetensors")
    assert_the_old_ones_are_there(directory, [0, 1, 2])
    fit(**Options().arguments(), checkpoints=checkpoints, resume=checkpoints.latest())


LIMITED = """
import resource, sys
from small_runs import Options
from tinygrad_mnist.training import Callback, Checkpoints, fit

class Fill(Callback):
    def on_step(self, step):
        if step.step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))

try:
    fit(**Options().arguments(), checkpoints=Checkpoints(sys.argv[1], every=0), callbacks=[Fill()])
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="the limit of a file's size is POSIX's")
def test_a_file_that_cannot_grow_keeps_the_old_ones() -> None:
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run(  # noqa: S603 (own program)
            [sys.executable, "-c", LIMITED, directory],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "File too large" in result.stdout
        assert os.path.join(directory, "checkpoint-000000003.safetensors") in result.stdout
        assert_the_old_ones_are_there(Path(directory), [0, 1, 2])


def test_there_is_no_pickle_in_it(content: bytes) -> None:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert {array["dtype"] for name, array in header.items() if name != "__metadata__"} == {"F32"}
    text = header["__metadata__"]["tinygrad_mnist_checkpoint"].split(" ", 3)[3]
    assert json.loads(text).keys() == {"step", "record", "conditions", "state"}
