"""Where an operation belongs, read off the call stack while a step is captured.

Which layer, rule and gradient an operation is part of matters to nobody but the reader of the
source. So an eager step notes nothing of it; capturing looks at the functions that are running.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from ..engine import Node, Rule
from ..engine.origin import described
from ..engine.sweep import _carry
from ..engine.tape import apply
from ..nn import Module
from ..tensor import Tensor

__all__ = ["Surroundings", "surroundings"]

_APPLY, _CARRY = apply.__code__, _carry.__code__
_FORWARD = Module.__call__.__code__
_BACKWARD = Tensor.backward.__code__
_NOT_THE_USERS = __file__.rpartition("compile")[0], np.__file__.rpartition("__init__")[0]


class Surroundings(NamedTuple):
    """What is running.

    Attributes
    ----------
    rule, values, keywords
        The innermost rule that is being applied, and to what.
    target
        The node whose gradient the sweep computes.
    module
        The innermost module that is being called.
    line
        Where in the user's program.
    """

    rule: Rule | None
    values: list[Any]
    keywords: Any
    target: Node | None
    module: Module | None
    line: str


def surroundings() -> Surroundings:
    """Look at what is running."""
    rule, values, keywords, target, module, line = None, [], {}, None, None, ""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code is _APPLY and rule is None and target is None:
            rule, values = frame.f_locals["rule"], frame.f_locals["values"]
            keywords = frame.f_locals["keywords"]
        elif code is _CARRY and target is None:
            target = frame.f_locals.get("parent")
            rule = frame.f_locals.get("rule")
        elif code is _FORWARD and module is None and target is None:
            module = frame.f_locals["self"]
        elif not line and not code.co_filename.startswith(_NOT_THE_USERS):
            line = described((code, frame.f_lasti))
        frame = frame.f_back
    return Surroundings(rule, values, keywords, target, module, line)
