"""Parts of a program as NumPy's users would write them: numbers, arrays, functions, results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from .program import Operation, TensorOf, Value

__all__ = ["Texts", "placed"]


class Texts:
    """Writes down what can be written down; whatever can't is given to the program by name.

    Parameters
    ----------
    taken
        The names of the values.

    Attributes
    ----------
    given
        What is given, by name.
    """

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = taken
        self.given: dict[str, Any] = {}

    def argument(self, part: Any, write: Callable[[Value], str]) -> str:
        """Write an argument of a call, given how a value is written."""
        if isinstance(part, Value):
            return write(part)
        if isinstance(part, tuple) and not hasattr(part, "_fields"):
            inside = ", ".join(self.argument(each, write) for each in part)
            return f"({inside},)" if len(part) == 1 else f"({inside})"
        if isinstance(part, list):
            return f"[{', '.join(self.argument(each, write) for each in part)}]"
        if isinstance(part, np.dtype):
            return f"np.{part}" if part.kind in "fiub" else repr(part)
        if isinstance(part, np.generic):
            return f"np.{part.dtype}({part.item()!r})".replace("inf", "np.inf")
        if part is None or isinstance(part, bool | int | str):
            return repr(part)
        if isinstance(part, float):
            return repr(part) if np.isfinite(part) else f"float('{part}')"
        if isinstance(part, slice):
            parts = (self.argument(each, write) for each in (part.start, part.stop, part.step))
            return f"slice({', '.join(parts)})"
        if part is Ellipsis:
            return "..."
        return self._name_of(part, type(part).__name__.lower())

    def constant(self, value: Value) -> str:
        """Write an array that never changes; nothing if it is given by its name instead."""
        array = value.array
        assert array is not None  # noqa: S101  # a constant has one
        if array.size == 1 and array.dtype.kind in "fiub":
            shape = "" if not array.shape else f".reshape({array.shape})"
            number = f"np.array({array.item()!r}, np.{array.dtype})".replace("inf", "np.inf")
            return number.replace("nan", "np.nan") + shape
        if array.ndim == 1 and np.all(array == 1):
            return f"np.ones({array.size}, np.{array.dtype})"
        if array.ndim == 1 and array.dtype.kind in "iu" and (step := _step(array)):
            first = int(array[0])
            text = f"np.arange({first}, {first + step * array.size}, {step}"
            return text + (")" if array.dtype == np.int64 else f", np.{array.dtype})")
        self.given[value.name] = array
        return ""

    def function(self, operation: Operation) -> str:
        """Name a function that brings its own memory."""
        function = operation.function
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc):
            return f"np.{owner.__name__}.{function.__name__}"
        name = str(getattr(function, "__name__", "function"))
        if getattr(np, name, None) is function:
            return f"np.{name}"
        module = str(getattr(function, "__module__", "")).rpartition(".")[2]
        return self._name_of(function, f"{module}_{name.strip('_')}")

    def returned(self, whole: Any) -> str:
        """Write what the step returns: scalars as such, and copies of arrays."""
        if isinstance(whole, TensorOf):
            return self.returned(whole.value)
        if isinstance(whole, Value):
            if not whole.shape:
                return f"{whole.name}[()]"
            return f"{whole.name}.copy()"
        if isinstance(whole, dict):
            inside = ", ".join(f"{k!r}: {self.returned(v)}" for k, v in whole.items())
            return f"{{{inside}}}"
        if isinstance(whole, tuple | list):
            inside = ", ".join(map(self.returned, whole))
            return f"({inside},)" if whole else "()"
        return self.argument(whole, str)

    def _name_of(self, part: Any, base: str) -> str:
        """Name something that can't be written down, as it was named before, if it was."""
        for name, known in self.given.items():
            if known is part or (
                type(known) is type(part) and isinstance(part, tuple) and known == part
            ):
                return name
        name, number = base, 1
        while name in self.given or name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self.given[name] = part
        return name


def placed(value: Value, offset: int) -> str:
    """Write the array of a value at a place in the memory."""
    strides = np.empty(value.shape, value.dtype).strides
    layout = "" if value.strides == strides or value.size <= 1 else f", {value.strides}"
    return f"np.ndarray({value.shape}, np.{value.dtype}, memory, {offset}{layout})"


def _step(array: Any) -> int:
    """Return the step of numbers that are evenly apart, or 0."""
    if array.size < 2 or array.dtype == np.uint64:
        return 0
    steps = np.diff(array.astype(np.int64))
    return int(steps[0]) if np.all(steps == steps[0]) else 0
