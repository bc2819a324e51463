import os
from pathlib import Path

import pytest

from tinygrad_mnist.regular import open_regular


def test_a_file_is_opened_and_so_is_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file") as caught:
        open_regular(tmp_path / "pipe")
    assert caught.value.filename == str(tmp_path / "pipe")


def test_what_cannot_be_opened_is_told_in_the_systems_words(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")
    with pytest.raises(IsADirectoryError if os.name == "posix" else PermissionError):
        open_regular(tmp_path)
