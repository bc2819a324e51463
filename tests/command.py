"""Running the command line in tests, and what it leaves."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from tinygrad_mnist import cli

QUICK = ("--data", "sample", "--epochs", "2", "--no-plots")
PLAIN_FILES = {"model.safetensors", "settings.json", "history.json"}
CHECKPOINTS = {"checkpoints"}  # the directory of them
PICTURES = {
    "learning_curves.png",
    "confusion_matrix.png",
    "first_layer.png",
    "confident_mistakes.png",
}


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    status: int | str | None
    out: str
    err: str


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(*arguments: object, err: io.StringIO | None = None) -> Result:
    """Run the command in this process."""
    out, err = io.StringIO(), err or io.StringIO()
    status: int | str | None
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
    return Result(status, out.getvalue(), err.getvalue())


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tinygrad_mnist", *map(str, arguments)]


def assert_one_line(result: Result, status: int, *words: str) -> None:
    assert result.status == status
    assert result.err.startswith("tinygrad-mnist: error: ")
    assert result.err.count("\n") == 1
    assert result.err.endswith("\n")
    for word in words:
        assert word in result.err
