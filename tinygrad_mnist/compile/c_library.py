"""From C to a library: the system's compiler is run once, and what it made is kept.

Libraries lie in the user's cache, in a directory that nobody else can write to, under a hash of the
source, the compiler, its flags and the processor. Each ends with a checksum of itself, and is
compiled again if that is not right. A library is written to a temporary file and renamed, so that
it is whole or not there.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from .c_processor import describe_processor
from .saying import say

__all__ = ["Library", "NoCompilerError", "load_library"]

FLAGS = (
    "-O3",
    "-march=native",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp-simd",
    "-fPIC",
    "-shared",
    "-std=gnu11",
    "-w",
)
SECONDS = 60
KEPT = 256  # libraries: those that were used last
_DIGEST = 32  # bytes of a SHA-256


class NoCompilerError(Exception):
    """There is no library, because of the compiler; the message says why."""


class Library:
    """A compiled library.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        for symbol, address in _blas().items():
            ctypes.c_void_p.in_dll(self._library, symbol).value = address
        self.step = self._library.tg_step
        self.step.argtypes = [ctypes.c_void_p] * 3
        self.step.restype = ctypes.c_int

    def epoch(self, dtype: np.dtype[np.generic]) -> ctypes._NamedFuncPointer | None:
        """Return the function that takes many steps on pixels of a dtype, if there is one."""
        function = getattr(self._library, f"tg_epoch_{dtype}", None)
        if function is not None:
            pointer = ctypes.c_void_p
            function.argtypes = [*[pointer] * 6, ctypes.c_long, pointer, pointer]
            function.restype = ctypes.c_int
        return function


def load_library(source: str) -> Library:
    """Load the library of a source, compiled now or earlier.

    Raises
    ------
    NoCompilerError
        If it can't be compiled, or what was compiled can't be loaded.
    """
    compiler = _compiler()
    key = hashlib.sha256(
        "\0".join([source, *compiler, *FLAGS, describe_processor(), np.__version__]).encode()
    ).hexdigest()
    directory = _cache_directory()
    path = directory / f"{key[:32]}.so"
    if path.is_file():
        with contextlib.suppress(OSError):
            if _is_whole(path):
                os.utime(path)
                return Library(path)
        say(f"the compiled step in {path} is damaged or of another machine; it is compiled again")
    try:
        return _compiled(source, compiler, path)
    except OSError as error:
        raise NoCompilerError(f"nothing can be compiled in {directory}: {error.strerror}") from None


def _compiler() -> tuple[str, ...]:
    """Find the compiler; with it comes what tells one version from another."""
    wanted = os.environ.get("CC", "")
    try:
        words = shlex.split(wanted)
    except ValueError as error:
        raise NoCompilerError(f"CC is {wanted}, which is no command: {error}") from None
    for name in [words[0]] if words else ["cc", "gcc", "clang"]:
        found = shutil.which(name)
        if found:
            made = os.stat(os.path.realpath(found))
            return found, *words[1:], f"{made.st_size}-{made.st_mtime_ns}"
    raise NoCompilerError(f"there is no C compiler, {words[0] if words else 'cc, gcc or clang'}")


def _compiled(source: str, compiler: tuple[str, ...], path: Path) -> Library:
    """Run the compiler, load what it makes, and keep that where it belongs."""
    with tempfile.TemporaryDirectory(prefix=".compiling-", dir=path.parent) as directory:
        written, made = Path(directory, "step.c"), Path(directory, "step.so")
        written.write_text(source)
        name = compiler[0]
        _run([*compiler[:-1], *FLAGS, "-o", str(made), str(written), "-lm"], made)
        content = made.read_bytes()
        made.write_bytes(content + hashlib.sha256(content).digest())
        try:
            library = Library(made)
        except OSError as error:
            reason = str(error).replace("\n", " ")
            raise NoCompilerError(f"what {name} made can't be loaded: {reason}") from None
        try:
            os.replace(made, path)
            _make_room(path.parent)
        except OSError as error:
            say(f"a compiled step is not kept as {path}: {error.strerror}")
        return library


def _run(command: list[str], made: Path) -> None:
    """Run the compiler; if all is well, it has made a file."""
    name = command[0]
    try:
        done = subprocess.run(  # noqa: S603  # it is the system's compiler, on our own source
            command, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoCompilerError(f"{name} took longer than {SECONDS} seconds") from None
    except OSError as error:
        raise NoCompilerError(f"{name} can't be run: {error.strerror}") from None
    lines = (done.stderr or done.stdout).decode(errors="replace").split("\n")
    said = next((line for line in lines if "error" in line), lines[0]).strip()
    if done.returncode or not made.exists():
        how = f"crashed ({done.returncode})" if done.returncode < 0 else "failed"
        raise NoCompilerError(f"{name} {how}: {said or 'it said nothing'}")
    if said:
        say(f"{name} compiled a step, and said: {said}")


def _make_room(directory: Path) -> None:
    """Remove the libraries that have not been used for longest, if there are many."""
    paths = sorted(directory.glob("*.so"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in paths[KEPT:]:
        path.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    content = path.read_bytes()
    return hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]


def _cache_directory() -> Path:
    """Return the directory of compiled steps; a temporary one if the cache is not for us alone."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # The XDG Base Directory Specification has relative paths ignored.
        base = Path(root) if os.path.isabs(root) else Path.home() / ".cache"
    except RuntimeError:
        return _temporary_directory("the user's cache", "there is no home directory")
    path = base / "tinygrad-mnist" / "compiled"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        reason = _reason_against(path) or _reason_against(path.parent)
    except OSError as error:
        reason = str(error.strerror)
    return _temporary_directory(str(path), reason) if reason else path


def _reason_against(path: Path) -> str:
    """Say why a directory is not ours alone to write to, if it is not."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"{path.name} is a link"
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return f"{path.name} belongs to somebody else"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write to {path.name}"
    return "" if os.access(path, os.W_OK) else f"{path.name} can't be written to"


_temporary: list[tempfile.TemporaryDirectory[str]] = []


def _temporary_directory(path: str, reason: str) -> Path:
    if not _temporary:
        say(f"compiled steps are not kept in {path}: {reason}")
        _temporary.append(tempfile.TemporaryDirectory(prefix="tinygrad-mnist-"))
    return Path(_temporary[0].name)


@cache
def _blas() -> dict[str, int]:
    """Find the products of the BLAS that NumPy has loaded: their addresses, by our names."""
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    found = {}
    for kind in "sd":
        for name in (f"scipy_cblas_{kind}gemm64_", f"cblas_{kind}gemm64_", f"cblas_{kind}gemm"):
            function = getattr(library, name, None)
            if function is not None:
                found[f"tg_{kind}gemm"] = ctypes.cast(function, ctypes.c_void_p).value or 0
                break
        else:
            raise NoCompilerError("the BLAS of NumPy is none that C can call")
    return found
