import gzip
import hashlib
import os
import signal
import socket
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Answer, Mirrors, Request, Tiny

from tinygrad_mnist.data.download import DownloadError, _MirrorError, _verified, download
from tinygrad_mnist.data.files import DataFile, is_sound

TIMEOUT = 0.3


def not_found(request: Request) -> None:
    request.send_error(404)


def garbage(request: Request) -> None:
    request.send(b"<html>Welcome to the hotel's network</html>")


def other_content(tiny: Tiny) -> Answer:
    return lambda request: request.send(
        gzip.compress(gzip.decompress(tiny.gzipped(request.name))[:-1] + b"\x0b")
    )


def cut_short(tiny: Tiny) -> Answer:
    def answer(request: Request) -> None:
        body = tiny.gzipped(request.name)
        request.send(body[: len(body) // 2], length=len(body))

    return answer


def everything(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def assert_complete(directory: Path, tiny: Tiny) -> None:
    assert everything(directory) == {file.name for file in tiny.files}
    assert all(is_sound(str(directory / file.name), file) for file in tiny.files)


def test_a_good_mirror_gives_all_files(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    mirror = mirrors.start(tiny.serve)
    download(tiny.files, str(tmp_path / "a" / "b"), [mirror.url])
    assert_complete(tmp_path / "a" / "b", tiny)
    assert mirror.asked == [f"{file.name}.gz" for file in tiny.files]


@pytest.mark.parametrize("bad", ["not_found", "garbage", "other_content", "cut_short"])
def test_the_second_mirror_helps_out(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors, bad: str
) -> None:
    answers: dict[str, Answer] = {
        "not_found": not_found,
        "garbage": garbage,
        "other_content": other_content(tiny),
        "cut_short": cut_short(tiny),
    }
    first, second = mirrors.start(answers[bad]), mirrors.start(tiny.serve)
    download(tiny.files, str(tmp_path), [first.url, second.url])
    assert_complete(tmp_path, tiny)
    assert first.asked == second.asked


def test_the_error_says_what_each_mirror_did(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}/"
    answers = [not_found, garbage, other_content(tiny), cut_short(tiny)]
    running = [mirrors.start(answer) for answer in answers]
    urls = [mirror.url for mirror in running] + [closed, "file:///etc/", "nonsense"]
    with pytest.raises(DownloadError) as caught:
        download(tiny.files, str(tmp_path), urls)
    message = str(caught.value)
    assert "\n" not in message
    parts = message.split(" or ")
    assert len(parts) == len(urls)
    for part, url, why in zip(
        parts,
        urls,
        (
            r"HTTP 404 Not Found",
            r"sent no sound gzip file",
            r"of other content: the SHA-256 is wrong",
            r"broke off after",
            r"refused",
            r"unknown url type: file",
            r"unknown url type",
        ),
        strict=True,
    ):
        assert url in part
        assert why in part
    assert everything(tmp_path) == set()
    assert all(len(mirror.asked) == 1 for mirror in running), "the first file tells it all"


def test_a_silent_mirror_is_given_up(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    mirror = mirrors.start(
        lambda request: request.send(b"", 0) if mirrors.closing.wait(9) else None
    )
    begin = time.monotonic()
    with pytest.raises(DownloadError, match=r"no answer within 0.3 s|timed out"):
        download(tiny.files, str(tmp_path), [mirror.url], timeout=TIMEOUT)
    assert time.monotonic() - begin < 3
    assert everything(tmp_path) == set()


def test_a_mirror_that_pauses_is_given_up(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    def answer(request: Request) -> None:
        body = tiny.gzipped(request.name)
        request.send(body[:1000], len(body))
        mirrors.closing.wait(9)

    mirror = mirrors.start(answer)
    with pytest.raises(DownloadError, match="timed out"):
        download(tiny.files, str(tmp_path), [mirror.url], timeout=TIMEOUT)
    assert everything(tmp_path) == set()


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_mirror_that_trickles_is_given_up(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors, part: str
) -> None:
    def answer(request: Request) -> None:
        body = tiny.gzipped(request.name)
        if part == "body":
            request.send(b"", len(body))
        else:
            body = b"HTTP/1.0 200 OK\r\nX-Patience: " + body
        for byte in body[:100]:
            request.wfile.write(bytes([byte]))
            if mirrors.closing.wait(0.02):
                break

    mirror = mirrors.start(answer)
    begin = time.monotonic()
    with pytest.raises(DownloadError, match=r"slower than 20 kB/s|no answer within 0.3 s"):
        download(tiny.files, str(tmp_path), [mirror.url], timeout=TIMEOUT)
    assert time.monotonic() - begin < 3
    assert everything(tmp_path) == set()


def test_a_gzip_bomb_is_harmless(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    mirror = mirrors.start(lambda request: request.send(bomb))
    tracemalloc.start()
    with pytest.raises(DownloadError, match=r"sent more than 3,152 bytes"):
        download(tiny.files, str(tmp_path), [mirror.url])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    assert everything(tmp_path) == set()


def test_a_redirection_leads_to_another_server_but_not_to_a_file(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors
) -> None:
    def redirect(base: str) -> Answer:
        def answer(request: Request) -> None:
            request.send_response(302)
            request.send_header("Location", base + request.name)
            request.end_headers()

        return answer

    with pytest.raises(DownloadError, match="HTTP 302"):
        download(tiny.files, str(tmp_path), [mirrors.start(redirect("file:///etc/")).url])
    good = mirrors.start(tiny.serve)
    download(tiny.files, str(tmp_path), [mirrors.start(redirect(good.url)).url])
    assert_complete(tmp_path, tiny)


def test_two_downloads_at_once_do_no_harm(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    meeting = threading.Barrier(2)

    def answer(request: Request) -> None:
        meeting.wait(9)  # until both have asked for the same file
        tiny.serve(request)

    mirror = mirrors.start(answer)
    threads = [
        threading.Thread(target=download, args=(tiny.files, str(tmp_path), [mirror.url]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mirror.asked) == 2 * len(tiny.files)
    assert_complete(tmp_path, tiny)


def test_an_interrupt_leaves_nothing(tmp_path: Path, tiny: Tiny, mirrors: Mirrors) -> None:
    def answer(request: Request) -> None:
        body = tiny.gzipped(request.name)
        request.send(body[:1000], len(body))
        while not everything(tmp_path):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        mirrors.closing.wait(9)

    mirror = mirrors.start(answer)
    with pytest.raises(KeyboardInterrupt):
        download(tiny.files, str(tmp_path), [mirror.url])
    assert everything(tmp_path) == set()


def test_files_that_arrived_before_the_failure_stay(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors
) -> None:
    first = tiny.files[0]
    mirror = mirrors.start(
        lambda request: (tiny.serve if first.name in request.name else not_found)(request)
    )
    with pytest.raises(DownloadError, match=tiny.files[1].name):
        download(tiny.files, str(tmp_path), [mirror.url])
    assert everything(tmp_path) == {first.name}


def test_a_directory_that_cannot_be_made_is_no_fault_of_the_mirrors(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors
) -> None:
    (tmp_path / "file").touch()
    mirror = mirrors.start(tiny.serve)
    with pytest.raises(NotADirectoryError, match="file"):
        download(tiny.files, str(tmp_path / "file" / "cache"), [mirror.url])
    assert mirror.asked == []


def test_a_progress_bar_names_each_file(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm", reason="progress bars need tqdm")
    download(tiny.files, str(tmp_path), [mirrors.start(tiny.serve).url], progress=True)
    shown = capsys.readouterr().err
    assert all(f"{file.name}: 100%" in shown for file in tiny.files)
    assert_complete(tmp_path, tiny)


def test_a_progress_bar_without_tqdm_is_an_error(
    tmp_path: Path, tiny: Tiny, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"a progress bar needs the package tqdm: pip install"):
        download(tiny.files, str(tmp_path), [mirrors.start(tiny.serve).url], progress=True)
    assert everything(tmp_path) == set()


def data_file(content: bytes) -> DataFile:
    return DataFile("file", len(content), hashlib.sha256(content).hexdigest())


def pieces(data: st.DataObject, whole: bytes) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(st.binary(max_size=300), st.data())
def test_content_passes_however_it_is_cut(content: bytes, data: st.DataObject) -> None:
    received = pieces(data, gzip.compress(content))
    assert b"".join(_verified(received, data_file(content))) == content


@given(st.binary(max_size=300), st.binary(max_size=300), st.data())
def test_other_content_never_passes(content: bytes, other: bytes, data: st.DataObject) -> None:
    received = pieces(data, gzip.compress(other))
    if other == content:
        return
    with pytest.raises(_MirrorError):
        list(_verified(received, data_file(content)))


@given(st.binary(max_size=300), st.data())
def test_truncated_content_never_passes(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    packed = packed[: data.draw(st.integers(0, len(packed) - 1))]
    with pytest.raises(_MirrorError, match="broke off"):
        list(_verified(pieces(data, packed), data_file(content)))


def test_a_long_stream_without_content_is_given_up() -> None:
    squeeze = zlib.compressobj(wbits=31)
    begin = squeeze.compress(b"") + squeeze.flush(zlib.Z_SYNC_FLUSH)
    empty_block = b"\0\0\0\xff\xff"

    def barren() -> Iterator[bytes]:
        yield begin
        for _ in range(100):
            yield empty_block * 1000

    with pytest.raises(_MirrorError, match="sent more than"):
        list(_verified(barren(), data_file(b"content")))
