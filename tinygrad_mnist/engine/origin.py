"""Where in the user's program an operation was called, for the errors that come up later."""

import os
import sys
from types import CodeType

__all__ = ["Origin", "described", "origin"]

Origin = tuple[CodeType, int]  # a function, and the place of an instruction in it

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


class _OwnFiles(dict[str, bool]):
    """Whether a file is one of this package: each is looked at once."""

    def __missing__(self, filename: str) -> bool:
        return self.setdefault(filename, filename.startswith(_PACKAGE))


_own_files = _OwnFiles()


def origin() -> Origin:
    """Find the innermost place that is not in this package, as cheaply as Python can.

    Its caller's caller is in this package: something that called `tape.apply`.
    """
    frame = sys._getframe(3)
    while _own_files[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def described(place: Origin | None) -> str:
    """Say that something was called at a place: the file, the line and the function."""
    if place is None:
        return "called at a line that is noted within tg.detect_anomaly()"
    code, instruction = place
    lines = (line for start, stop, line in code.co_lines() if start <= instruction < stop)
    return f"called at {code.co_filename}, line {next(lines)}, in {code.co_name}"
