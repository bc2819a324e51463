"""Every block of code on the site runs, and prints what the site says.

The blocks of a page run in order in one namespace. A block ``text`` right after a block ``python``
is what that prints; ``...`` in it stands for anything. Commands are in blocks ``sh``.
"""

import re
import shlex
from pathlib import Path

import pytest
from code_blocks import agree, blocks, execute, with_output

from tinygrad_mnist import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
CHECKED = {"python", "text", "sh", "math"}  # formulas are checked by the build of the site


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.usefixtures("table")  # some pages add rules
@pytest.mark.parametrize("page", [page for page in PAGES if any(with_output(page))], ids=name)
def test_the_code_runs_and_prints_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for block, output in with_output(page):
        printed = execute(page, block, names)
        stated = output.code if output else ""
        where = f"{name(page)}:{block.line}"
        assert agree(stated, printed), f"{where} prints\n{printed}\nwhere the page has\n{stated}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_block_goes_unchecked(page: Path) -> None:
    found = blocks(page)
    assert {block.language for block in found} <= CHECKED
    outputs = [output for _, output in with_output(page) if output]
    assert sum(block.language == "text" for block in found) == len(outputs)


COMMANDS = [
    pytest.param(line, id=f"{name(page)}:{block.line + i}")
    for page in PAGES
    for block in blocks(page)
    if block.language == "sh"
    for i, line in enumerate(block.code.splitlines())
]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_exist(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        target = re.escape(words[1])
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif words[:2] == ["pip", "install"]:
        assert words[-1].startswith(".[")
    else:
        assert words.pop(0) == "tinygrad-mnist"
        cli._parser().parse_args(words)


def test_a_wrong_output_is_noticed() -> None:
    assert agree("1.5\nabout 0.3...\n", "1.5\nabout 0.333\n")
    assert not agree("1.5\n", "1.6\n")
    assert not agree("", "1.5\n")
    assert not agree("1.5\n", "")


def test_blocks_and_their_outputs_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\nno\n\n```python\n2\n```\n"
    )
    (first, output), (second, nothing) = with_output(page)
    assert (first.code, first.line) == ("print(1)\n", 4)
    assert output is not None
    assert output.code == "1\n"
    assert (second.code, nothing) == ("2\n", None)
    assert execute(page, first, {}) == "1\n"
