"""The cache of compiled steps: safe, checked, and of use to the next process."""

import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_steps import adam, batch, classifier, close, compiled, needs_compiler

from tinygrad_mnist.compile import CompileWarning, c_library

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own for each test, and no temporary directory from before."""
    root = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(root))
    monkeypatch.setattr(c_library, "_temporary", [])
    yield root
    for directory in c_library._temporary:
        directory.cleanup()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the library of the step below in it, which takes a second to compile."""
    root = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root))
        assert train() == []
    return root


def train(backend: str = "c") -> list[str]:
    """Take steps in C, see that they are right, and return what was said."""
    eager, training = classifier(adam), classifier(adam)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        step = compiled(training.step, backend)
        for seed in range(2):
            close(step(*batch(seed=seed)), eager.step(*batch(seed=seed)))
    close(training.state(), eager.state())
    assert step.backend == "c"
    assert all(issubclass(warning.category, CompileWarning) for warning in said)
    assert all("\n" not in str(warning.message) for warning in said)
    return [str(warning.message) for warning in said]


def directory_of(home: Path) -> Path:
    return home / "tinygrad-mnist" / "compiled"


def libraries(home: Path) -> list[Path]:
    return sorted(directory_of(home).glob("*"))


@pytest.fixture
def filled(home: Path, library: Path) -> Path:
    """The library, in this test's cache."""
    shutil.copytree(library, home)
    (path,) = libraries(home)
    return path


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> None:
        pytest.fail("the compiler was run")

    monkeypatch.setattr(subprocess, "run", run)


def test_one_library_is_kept_where_only_the_user_can_write(library: Path) -> None:
    directory = directory_of(library)
    assert directory.stat().st_mode & 0o077 == 0
    (path,) = libraries(library)
    assert path.suffix == ".so"
    assert path.stat().st_mode & 0o022 == 0


def test_what_is_in_the_cache_is_not_compiled_again(filled: Path, no_compiler: None) -> None:
    assert train() == []


def test_another_process_finds_it(filled: Path) -> None:
    """It gets no compiler that works."""
    program = textwrap.dedent("""
        import subprocess, sys, warnings
        warnings.simplefilter("error")
        def run(*_, **__):
            raise SystemExit("the compiler was run")
        subprocess.run = run
        from test_c_cache import train
        assert train() == []
        print("fine")
    """)
    here = Path(__file__).parent
    done = subprocess.run(  # noqa: S603  # it is this Python, on the program above
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])},
    )
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def cut_by_one(content: bytes) -> bytes:
    return content[:-1]


def emptied(content: bytes) -> bytes:
    return b""


def longer(content: bytes) -> bytes:
    return content + b"\0"


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def signed_nonsense(content: bytes) -> bytes:
    """Something else altogether, with a checksum that is right."""
    other = b"not a library of this machine" * 100
    return other + hashlib.sha256(other).digest()


def of_another_machine(content: bytes) -> bytes:
    """The same for another processor: the field of the machine says so."""
    other = bytearray(content[:-32])
    other[18:20] = (0xF3).to_bytes(2, "little")  # RISC-V
    return bytes(other) + hashlib.sha256(other).digest()


@pytest.mark.parametrize(
    "damage",
    [cut_short, cut_by_one, emptied, longer, flipped, signed_nonsense, of_another_machine],
)
def test_a_damaged_library_is_compiled_again(
    filled: Path, damage: Callable[[bytes], bytes]
) -> None:
    whole = filled.read_bytes()
    filled.unlink()  # the file of now may be mapped into memory
    filled.write_bytes(damage(whole))
    (line,) = train()
    assert "compiled again" in line
    assert str(filled) in line
    assert len(filled.read_bytes()) == len(whole)
    assert train() == []


def test_a_directory_in_its_place(filled: Path) -> None:
    filled.unlink()
    filled.mkdir()
    assert len(train()) == 1


def test_a_library_that_can_not_be_read(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(c_library, "_is_whole", refuse)
    (line,) = train()
    assert "compiled again" in line


def unwritable(home: Path) -> None:
    directory_of(home).mkdir(parents=True)
    directory_of(home).chmod(0o500)


def open_to_others(home: Path) -> None:
    directory_of(home).mkdir(parents=True)
    directory_of(home).chmod(0o777)


def open_to_the_group(home: Path) -> None:
    directory_of(home).mkdir(parents=True)
    directory_of(home).chmod(0o770)


def behind_a_link(home: Path) -> None:
    other = home.parent / "elsewhere"
    other.mkdir(mode=0o700)
    directory_of(home).parent.mkdir(parents=True)
    directory_of(home).symlink_to(other)


def a_file(home: Path) -> None:
    home.write_text("a file where the cache belongs")


def below_a_file(home: Path) -> None:
    home.mkdir()
    (home / "tinygrad-mnist").write_text("")


@pytest.mark.parametrize(
    "spoil",
    [unwritable, open_to_others, open_to_the_group, behind_a_link, a_file, below_a_file],
)
def test_a_cache_that_is_not_the_users_alone_is_not_used(
    home: Path, spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(home)
    if spoil is unwritable and os.access(directory_of(home), os.W_OK):  # as for root
        access = os.access
        monkeypatch.setattr(
            os, "access", lambda path, mode: Path(path) != directory_of(home) and access(path, mode)
        )
    (line,) = train()
    assert "not kept" in line
    assert str(home) in line
    assert not any(home.rglob("*.so")) if home.is_dir() else home.is_file()
    assert not list((home.parent / "elsewhere").glob("*"))
    assert train() == []  # in the temporary directory of this process, and said once


def test_a_cache_of_somebody_else_is_not_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: user)
    (line,) = train()
    assert "somebody else" in line


def test_without_a_home_there_is_a_temporary_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert len(train()) == 1


def test_nothing_is_left_behind_by_compiling(home: Path) -> None:
    train()
    assert [path.suffix for path in libraries(home)] == [".so"]
