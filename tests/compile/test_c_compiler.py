"""Compilers that are missing, fail, crash, hang or talk: one line says so, and NumPy takes over."""

import os
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_steps import batch, classifier, close, compiled, needs_compiler, same

from tinygrad_mnist.compile import CompileWarning, c_library

MakeCompiler = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)


@pytest.fixture
def make_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeCompiler:
    """Return what writes a shell script, and makes it the compiler."""

    def make(script: str) -> Path:
        path = tmp_path / "compilers" / "mycc"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CC", str(path))
        return path

    return make


def train(backend: str = "c") -> tuple[list[str], str]:
    """Take steps, see that they are right, and return what was said and what ran."""
    eager, training = classifier(), classifier()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        step = compiled(training.step, backend)
        compare = same if backend == "numpy" else close
        for seed in range(3):
            compare(step(*batch(seed=seed)), eager.step(*batch(seed=seed)))
    if step.backend == "numpy":
        same(training.state(), eager.state())
    assert all(issubclass(warning.category, CompileWarning) for warning in said)
    lines = [str(warning.message) for warning in said]
    assert all("\n" not in line and 20 < len(line) < 300 for line in lines)
    return lines, step.backend


def test_none_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (line,), backend = train()
    assert backend == "numpy"
    assert "there is no C compiler" in line
    assert "runs in NumPy" in line


def test_the_one_that_was_asked_for_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    (line,), backend = train()
    assert backend == "numpy"
    assert "no-such-compiler" in line


@pytest.mark.parametrize("text", ["", "  ", "'"], ids=repr)
def test_odd_names_of_compilers(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty CC is as none; one that is no command is said."""
    monkeypatch.setenv("CC", text)
    lines, backend = train()
    there = any(map(shutil.which, ("cc", "gcc", "clang")))
    if text.strip() or not there:
        assert (len(lines), backend) == (1, "numpy")
    else:
        assert (lines, backend) == ([], "c")


BROKEN = {
    "fails": ("echo 'step.c:7: error: of mine' >&2; exit 3", "error: of mine"),
    "fails after a line of place": (
        "echo 'step.c: In function tg_step:' >&2; echo 'step.c:7:6: error: of mine' >&2; exit 1",
        "error: of mine",
    ),
    "fails without a word": ("exit 1", "failed"),
    "crashes": ("kill -SEGV $$", "crashed"),
    "is killed": ("kill -KILL $$", "crashed"),
    "makes nothing": ("exit 0", "failed"),
    "makes nonsense": (
        'while [ "$1" != -o ]; do shift; done; echo nonsense > "$2"',
        "can't be loaded",
    ),
    "makes an empty file": ('while [ "$1" != -o ]; do shift; done; : > "$2"', "can't be loaded"),
    "says what is no text": ("printf '\\377\\376' >&2; exit 1", "failed"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("backend", ["c", "auto"])
def test_it_does_not_work(name: str, backend: str, make_compiler: MakeCompiler) -> None:
    script, reason = BROKEN[name]
    path = make_compiler(script)
    (line,), ran = train(backend)
    assert ran == "numpy"
    assert reason in line
    assert path.name in line
    assert line.endswith("this step runs in NumPy")


def test_it_hangs(make_compiler: MakeCompiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_library, "SECONDS", 0.3)
    make_compiler("sleep 20 & wait")
    begin = time.perf_counter()
    (line,), backend = train()
    assert time.perf_counter() - begin < 10  # its children are not waited for
    assert backend == "numpy"
    assert "longer than 0.3 seconds" in line


@needs_compiler
def test_it_says_something_and_works(make_compiler: MakeCompiler) -> None:
    real = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    make_compiler(f"echo 'warning: of mine' >&2; exec {real} \"$@\"")
    (line,), backend = train()
    assert backend == "c"
    assert "warning: of mine" in line


@needs_compiler
def test_its_options_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    monkeypatch.setenv("CC", f"{real} -g")
    assert train() == ([], "c")


def test_it_is_not_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mycc"
    path.write_bytes(b"\x7fELF, but nothing else")
    path.chmod(0o755)
    monkeypatch.setenv("CC", str(path))
    (line,), backend = train()
    assert backend == "numpy"
    assert "can't be run" in line


def test_there_is_no_room(make_compiler: MakeCompiler, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    (line,), backend = train()
    assert backend == "numpy"
    assert "No space left" in line


def test_the_cache_can_not_be_renamed_into(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    lines, _ = train()
    assert len(lines) == 1
    assert "No space left" in lines[0] or "C compiler" in lines[0]


def test_numpy_asks_for_no_compiler(make_compiler: MakeCompiler, tmp_path: Path) -> None:
    make_compiler(f"touch {tmp_path / 'ran'}; exit 1")
    assert train("numpy") == ([], "numpy")
    assert not (tmp_path / "ran").exists()


def test_failures_leave_nothing_in_the_cache(make_compiler: MakeCompiler, tmp_path: Path) -> None:
    make_compiler("exit 1")
    train()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_compiler_that_was_repaired_is_used_by_the_next_step(
    make_compiler: MakeCompiler,
) -> None:
    make_compiler("exit 1")
    assert train()[1] == "numpy"
    real = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if real is None:
        pytest.skip("there is no C compiler here")
    make_compiler(f'exec {real} "$@"')
    assert train() == ([], "c")
