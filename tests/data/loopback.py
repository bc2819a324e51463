"""Mirrors on the loopback interface that serve a small MNIST, well or badly."""

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tinygrad_mnist.data.files import DataFile

Answer = Callable[["Request"], None]


@dataclass(frozen=True)
class Tiny:
    """A data set of MNIST's form, as plain IDX files in a directory of its own."""

    directory: Path
    files: tuple[DataFile, ...]

    def gzipped(self, name: str) -> bytes:
        return gzip.compress((self.directory / name.removesuffix(".gz")).read_bytes())

    def serve(self, request: "Request") -> None:
        request.send(self.gzipped(request.name))


class Request(BaseHTTPRequestHandler):
    """A request to a mirror, which hands it to the answer that the test gave."""

    server: "Mirror"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def do_GET(self) -> None:
        self.server.asked.append(self.name)
        self.server.answer(self)

    def send(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Mirror(ThreadingHTTPServer):
    """A server on a free port of the loopback interface."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer = answer
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mnist/"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that gives up on a bad mirror is what these tests are about


@dataclass
class Mirrors:
    """The mirrors of a test; ``closing`` wakes the answers that only wait."""

    closing: threading.Event = field(default_factory=threading.Event)
    running: list[Mirror] = field(default_factory=list)

    def start(self, answer: Answer) -> Mirror:
        mirror = Mirror(answer)
        self.running.append(mirror)
        threading.Thread(target=mirror.serve_forever, args=(0.01,), daemon=True).start()
        return mirror

    def stop(self) -> None:
        self.closing.set()
        for mirror in self.running:
            mirror.shutdown()
            mirror.server_close()
