"""Where in the user's program an operation was called, for the errors that come up later."""

import os
import sys
from types import CodeType

__all__ = ["Origin", "described", "origin"]

Origin = tuple[CodeType, int]  # a function, and the place of an instruction in it

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_own_files: set[str] = set()  # those of this package that were met so far


def origin() -> Origin:
    """Find the innermost place that is not in this package, as cheaply as Python can.

    Its caller's caller is in this package: something that called `tape.apply`.
    """
    frame = sys._getframe(3)
    while (code := frame.f_code).co_filename in _own_files:
        frame = frame.f_back  # type: ignore[assignment]  # a program starts outside
    if not code.co_filename.startswith(_PACKAGE):
        return code, frame.f_lasti
    _own_files.add(code.co_filename)
    return origin()


def described(place: Origin) -> str:
    """Say that something was called at a place: the file, the line and the function."""
    code, instruction = place
    lines = (line for start, stop, line in code.co_lines() if start <= instruction < stop)
    return f"called at {code.co_filename}, line {next(lines)}, in {code.co_name}"
