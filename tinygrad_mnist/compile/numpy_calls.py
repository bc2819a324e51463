"""How each operation is called in NumPy so that it writes into memory that is there already.

What is not listed here brings memory of its own for its result, each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .operations import astype, ensured, getitem, random, setitem
from .program import Operation, Value

__all__ = ["Write", "call", "index_text", "setitem_call", "writes"]

Write = Callable[[Any], str]
"""Writes an argument as Python."""


def writes(operation: Operation) -> bool:
    """Tell whether the operation can write its result into memory that is there already."""
    if operation.function is np.where:  # NumPy copies where a mask says, and no number
        condition = operation.arguments[0]
        return not isinstance(condition, Value) or condition.dtype.kind == "b"
    if operation.function is np.mean and operation.result.dtype == np.float16:
        return False  # into float16, NumPy would write the sum first, which may be beyond it
    if operation.function is np.clip and (operation.keywords or len(operation.arguments) != 3):
        return False
    return operation.function in _CALLS or _is_plain_ufunc(operation) or _is_reduction(operation)


def call(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    """Write the call of an operation that `writes`.

    Parameters
    ----------
    operation
        What to call.
    out
        The name of the array to write into.
    write
        Writes an argument.

    Returns
    -------
    Statements that come first, and the call. Its value is the array.
    """
    if operation.function in _CALLS:
        return _CALLS[operation.function](operation, out, write)
    if _is_reduction(operation):
        return _reduction(operation, out, write)
    inputs = ", ".join(map(write, operation.arguments))
    keywords = "".join(f", {k}={write(v)}" for k, v in operation.keywords.items())
    # NumPy wants it named where two arrays and a third might be meant
    named = "out=" if operation.function in (np.maximum, np.minimum) else ""
    return [], f"{operation.function.__name__}({inputs}, {named}{out}{keywords})"


def _is_plain_ufunc(operation: Operation) -> bool:
    function = operation.function
    return isinstance(function, np.ufunc) and function.nout == 1 and not operation.is_tuple


def _is_reduction(operation: Operation) -> bool:
    owner = getattr(operation.function, "__self__", None)
    return isinstance(owner, np.ufunc) and operation.function.__name__ == "reduce"


def _axis(axis: Any) -> str:
    return repr(axis[0]) if isinstance(axis, tuple) and len(axis) == 1 else repr(axis)


def _reduction(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    keywords = dict(operation.keywords)
    axis, keepdims = _axis(keywords.pop("axis")), keywords.pop("keepdims")
    rest = "".join(f", {name}={write(value)}" for name, value in keywords.items())
    owner = operation.function
    name = "mean" if owner is np.mean else f"{owner.__self__.__name__}.reduce"
    kept = ", keepdims=True" if keepdims else ""
    return [], f"{name}({write(operation.arguments[0])}, {axis}, out={out}{kept}{rest})"


def _simple(name: str) -> Any:
    def written(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
        return [], f"{name}({', '.join(map(write, operation.arguments))}, {out})"

    return written


def _take(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    array, indices = map(write, operation.arguments)
    mode = "".join(f", {k}={write(v)}" for k, v in operation.keywords.items() if k != "axis")
    return [], f"{array}.take({indices}, {operation.keywords['axis']}, {out}{mode})"


def _named(name: str) -> Any:
    def written(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
        arguments = [write(argument) for argument in operation.arguments]
        arguments += [f"{k}={write(v)}" for k, v in operation.keywords.items()]
        return [], f"{name}({', '.join(arguments)}, out={out})"

    return written


def _copy(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    return [f"copyto({out}, {write(operation.arguments[0])})"], out


def _astype(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    return [f"copyto({out}, {write(operation.arguments[0])}, casting='unsafe')"], out


def _where(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    condition, a, b = map(write, operation.arguments)
    return [
        f"copyto({out}, {b}, casting='unsafe')",
        f"copyto({out}, {a}, casting='unsafe', where={condition})",
    ], out


def setitem_call(
    operation: Operation, out: str, write: Write, *, in_place: bool = False
) -> tuple[list[str], str]:
    """Write what changes elements: in place, where the result lies where the array was."""
    array, index, value = operation.arguments
    first = [] if in_place else [f"copyto({out}, {write(array)})"]
    return [*first, f"{out}[{index_text(index, write)}] = {write(value)}"], out


def _getitem(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    array, index = operation.arguments
    indices = isinstance(index, Value) and index.dtype.kind in "iu" and index.shape
    if indices and len(operation.arguments[0].shape) == 1:
        return [], f"{write(array)}.take({write(index)}, 0, {out})"
    return [f"copyto({out}, {write(array)}[{index_text(index, write)}])"], out


def index_text(index: Any, write: Write) -> str:
    """Write what stands between the brackets."""
    if isinstance(index, tuple) and index:
        return ", ".join(index_text(part, write) for part in index)
    if isinstance(index, slice):
        parts = ["" if part is None else write(part) for part in (index.start, index.stop)]
        step = "" if index.step is None else f":{write(index.step)}"
        return f"{parts[0]}:{parts[1]}{step}"
    return "..." if index is Ellipsis else write(index)


def _random(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    generator, _, dtype = operation.arguments
    return [], f"{write(generator)}.random(dtype={write(dtype)}, out={out})"


def _ensured(operation: Operation, out: str, write: Write) -> tuple[list[str], str]:
    condition, message = map(write, operation.arguments)
    return [f"ensured({condition}, {message})"], out


_CALLS: dict[Any, Callable[[Operation, str, Write], tuple[list[str], str]]] = {
    np.dot: _simple("dot"),
    np.clip: _simple("clip"),
    np.mean: _reduction,
    np.take: _take,
    np.einsum: _named("einsum"),
    np.concatenate: _named("concatenate"),
    np.cumsum: _named("cumsum"),
    np.cumprod: _named("cumprod"),
    np.copy: _copy,
    astype: _astype,
    np.where: _where,
    setitem: setitem_call,
    getitem: _getitem,
    random: _random,
    ensured: _ensured,
}
