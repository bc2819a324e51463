"""The code in a Markdown page: its fenced blocks, and running them."""

import contextlib
import doctest
import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(
    r"^(?P<fence>`{3,}|~{3,})(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=fence)$", re.M | re.S
)


class Block(NamedTuple):
    """A fenced block: its language, its text, the line where that begins, and what precedes it."""

    language: str
    code: str
    line: int
    before: str


def blocks(page: Path) -> list[Block]:
    """List the blocks of a page; `before` is the text between a block and the one before it."""
    text = page.read_text(encoding="utf-8")
    found, end = [], 0
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("code")) + 1
        before = text[end : match.start()]
        found.append(Block(match["language"], match["code"], line, before))
        end = match.end()
    return found


def with_output(page: Path) -> Iterator[tuple[Block, Block | None]]:
    """Pair each block of Python with the block ``text`` right after it, which is what it prints."""
    for block, after in pairwise([*blocks(page), None]):
        if block is not None and block.language == "python":
            prints = after is not None and after.language == "text" and not after.before.strip()
            yield block, after if prints else None


def execute(page: Path, block: Block, names: dict[str, object]) -> str:
    """Run a block of Python, and return what it prints; errors tell the line of the page."""
    code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102  # it is our own
    return printed.getvalue()


def agree(stated: str, printed: str) -> bool:
    """Tell whether an output is as stated, where ``...`` stands for anything."""
    plain = [
        "".join(f"{line.rstrip()}\n" for line in text.splitlines()) for text in (stated, printed)
    ]
    return doctest.OutputChecker().check_output(*plain, doctest.ELLIPSIS)
