"""The command ``tinygrad-mnist``: train a recogniser, examine it, and see how it reads a digit.

This room parses arguments and prints; the work is done by `recipes`, `training`, `models`, `data`,
`run_directory` and `study`. What a person can have done wrong, or a disk or a network, is told in
one line on the standard error stream. The exit status is 0 if all went well, 2 if the command line
makes no sense, 130 after Ctrl-C, 141 if whoever read the output has gone, and 1 otherwise.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from tinygrad_mnist import CompileError
from tinygrad_mnist.cli import examine, explain, train
from tinygrad_mnist.cli.parsing import PROGRAM, Parser, Version, common_options
from tinygrad_mnist.cli.printing import notes, print_error

__all__ = ["main"]

# What bad input, a bad disk or network, and absurd sizes raise; anything else is a bug.
EXPECTED = (
    OSError,
    ValueError,
    TypeError,
    ImportError,
    FloatingPointError,
    OverflowError,
    MemoryError,
    CompileError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        What follows the command's name; taken from ``sys.argv`` if not given.

    Returns
    -------
    int
        The exit status, 0 if all went well.

    Raises
    ------
    SystemExit
        With status 2 if the arguments make no sense, with status 0 after printing help.
    """
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the name of a file may be anything
    try:
        try:
            with notes():
                status: int = options.run(options)
        finally:
            _flush_output()
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        if options.debug:
            raise
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    except EXPECTED as error:
        if options.debug:
            raise
        print_error(error)
        return 1
    return status


def _parser() -> Parser:
    parser = Parser(PROGRAM, description="Recognise handwritten digits with a small network.")
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = common_options()
    train.add_command(commands, common)
    examine.add_commands(commands, common)
    explain.add_command(commands, common)
    return parser


def _flush_output() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        # What cannot be written is thrown away, or Python would try, and complain, at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(error.errno, error.strerror, "standard output") from error
