"""Calling a function with arguments that are known by name."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["called_with"]


def called_with(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call a function with all of its arguments by name, whatever kinds they are of."""
    bound = inspect.BoundArguments(inspect.signature(function), dict(arguments))
    return function(*bound.args, **bound.kwargs)
