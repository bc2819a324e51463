"""Every example in the package's docstrings runs and shows what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import tinygrad_mnist

MODULES = [
    module.name
    for module in pkgutil.walk_packages(tinygrad_mnist.__path__, "tinygrad_mnist.")
    if not module.name.endswith("__main__")  # importing it runs the program
]


@pytest.mark.usefixtures("table")  # an example adds a rule
@pytest.mark.parametrize("name", ["tinygrad_mnist", *MODULES])
def test_the_examples_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
