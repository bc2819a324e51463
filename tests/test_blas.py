"""The program says when other kernels may be faster, and leaves the choice to its user."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_mnist import blas

LIBRARY = {"internal_api": "openblas", "architecture": "Haswell"}


@pytest.fixture
def cpu_info(tmp_path: Path) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text("flags\t\t: fpu avx2 avx512f avx512bw\n")
    return path


@pytest.mark.parametrize("kernels", ["Haswell", "Zen"])
def test_avx2_kernels_on_a_processor_with_avx512_are_told(
    cpu_info: Path, monkeypatch: pytest.MonkeyPatch, kernels: str
) -> None:
    libraries = [{"internal_api": "openmp"}, LIBRARY | {"architecture": kernels}]
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: libraries)
    before = dict(os.environ)
    sentence = blas.advice(cpu_info)
    assert sentence is not None
    assert "OPENBLAS_CORETYPE=SKYLAKEX" in sentence
    assert kernels in sentence
    assert dict(os.environ) == before


def test_the_flag_is_found_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [LIBRARY])
    path = tmp_path / "cpuinfo"
    for flags in ("avx512f avx2", "avx2 avx512f", "avx2\tavx512f\tfpu"):
        path.write_text(f"flags\t\t: {flags}\nbugs\t\t: none\n")
        assert blas.advice(path) is not None


def test_all_other_machines_are_left_in_peace(
    cpu_info: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in (LIBRARY | {"architecture": "SkylakeX"}, {"internal_api": "mkl"}):
        monkeypatch.setattr("threadpoolctl.threadpool_info", lambda library=library: [library])
        assert blas.advice(cpu_info) is None
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [LIBRARY])
    assert blas.advice(tmp_path / "nowhere") is None
    cpu_info.write_text("flags\t\t: fpu avx2\n")
    assert blas.advice(cpu_info) is None


def test_without_threadpoolctl_it_cannot_be_known(
    cpu_info: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinygrad_mnist.blas.find_spec", lambda name: None)
    assert blas.advice(cpu_info) is None


@pytest.mark.skipif(
    not blas.CPU_INFO.exists() or "avx512f" not in blas.CPU_INFO.read_text(),
    reason="needs a processor with AVX-512",
)
def test_training_says_it_once(tmp_path: Path) -> None:
    arguments = ["train", "--data", "sample", "--epochs", "1", "--no-plots", "--out", str(tmp_path)]
    done = subprocess.run(  # noqa: S603 (own program)
        [sys.executable, "-m", "tinygrad_mnist", *arguments],
        env=os.environ | {"OPENBLAS_CORETYPE": "Haswell"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("OPENBLAS_CORETYPE=SKYLAKEX") == 1
