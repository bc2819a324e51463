"""What a compiled step says to people: warnings of one line, which point at their line."""

import sys
import warnings

__all__ = ["CompileWarning", "say"]

_PACKAGE = __name__.partition(".")[0] + "."


class CompileWarning(UserWarning):
    """A step runs in another way than was asked for, with the same results."""


def say(message: str) -> None:
    """Tell in one line what is done instead, and point at the user's line."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, CompileWarning, stacklevel=level)
