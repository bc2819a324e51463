"""The list of functions in `docs/` is the one that the table of rules makes."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_mnist.rules import CONSTANT, DERIVED, RULES, constant, define, derive

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "list_functions.py"))


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.2.0", reason="an older NumPy has fewer functions"
)
def test_the_list_is_what_the_table_makes(script: dict[str, Any]) -> None:
    written = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    assert written == script["page"](), "out of date: run `make docs`"


def test_every_function_is_listed_once(script: dict[str, Any]) -> None:
    page = script["page"]()
    for function in RULES | DERIVED:
        assert page.count(f"\n| {script['how_called'](function)} |") == 1
    without_gradient = " ".join(page.partition("## Without a gradient")[2].split())
    for function in CONSTANT:
        assert without_gradient.count(f" {script['how_called'](function)}") == 1


def test_every_line_of_a_table_has_its_three_columns(script: dict[str, Any]) -> None:
    lines = [line for line in script["page"]().splitlines() if line.startswith("|")]
    assert lines
    assert {line.replace(r"\|", "").count("|") for line in lines} == {4}


@pytest.mark.usefixtures("table")
def test_a_new_row_is_listed_with_its_arguments_and_formulas(script: dict[str, Any]) -> None:
    no_value = object()

    def double(a: Any, *, scale: float | None = None, rtol: Any = no_value) -> Any:
        return a * scale

    define(
        np.polyfit,
        vjps=(lambda g, y, a, b, axis=None, *, keepdims=False: g, None),
        formula=(r"\bar a = \bar y / \|a\| \operatorname{sign} |a|", ""),
    )
    derive(np.poly, double, "y = 2 a")
    constant(np.union1d)
    entries = {entry.function: entry for entry in script["entries"]()}
    fit = entries["`np.polyfit`"]
    assert fit.arguments == "a, b, axis=None, *, keepdims=False"
    assert [script["in_markdown"](formula) for formula in fit.formulas] == [
        r"$`\bar a = \bar y / \Vert a\Vert  \mathop{\mathrm{sign}} \vert a\vert `$"
    ]
    assert entries["`np.poly`"].arguments == "a, *, scale=None, rtol=..."
    assert entries["`np.poly`"].formulas == ("y = 2 a",)
    assert "`np.union1d`" in script["without_gradient"]()
