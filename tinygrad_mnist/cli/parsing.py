"""What the commands share in reading their arguments."""

from __future__ import annotations

import argparse
from typing import NoReturn

__all__ = ["PROGRAM", "Parser", "Version", "common_options", "data_option"]

PROGRAM = "tinygrad-mnist"


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        self.exit(2, f"{PROGRAM}: error: {message} (see {self.prog} --help)\n")


class Version(argparse.Action):
    """Look the version up, which takes a while, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print it, and leave."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(PROGRAM, version(PROGRAM))
        except PackageNotFoundError:
            parser.exit(1, f"{PROGRAM}: error: not installed, so the version is not known\n")
        parser.exit()


def common_options() -> Parser:
    """Make the options that every command has."""
    common = Parser(add_help=False)
    common.add_argument(
        "--debug", action="store_true", help="show the full traceback when something goes wrong"
    )
    return common


def data_option(default: str | None) -> Parser:
    """Make the option that says where the digits are."""
    data = Parser(add_help=False)
    data.add_argument(
        "--data",
        default=default,
        metavar="auto|full|sample|DIR",
        help="the digits: 'auto' takes the directory that TINYGRAD_MNIST_DATA names, or else all "
        "of MNIST, downloaded once, or else the bundled sample; 'full' insists on all of MNIST, "
        "true to the last bit; 'sample' takes the bundled sample; a directory must hold four files "
        "named and made as MNIST's are (default: auto)",
    )
    return data
