"""Operations as people write them: ``Z1 = images @ W1 + b1``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .operations import astype, ensured, getitem, random, setitem
from .program import Operation, Role, Value

__all__ = ["formula"]

_INFIX: dict[Any, tuple[str, int]] = {
    np.add: ("+", 1),
    np.subtract: ("-", 1),
    np.multiply: ("*", 2),
    np.divide: ("/", 2),
    np.dot: ("@", 2),
    np.matmul: ("@", 2),
    np.power: ("**", 3),
    np.greater: (">", 0),
    np.greater_equal: (">=", 0),
    np.less: ("<", 0),
    np.less_equal: ("<=", 0),
    np.equal: ("==", 0),
    np.not_equal: ("!=", 0),
}
_REDUCTIONS = {"add": "sum", "maximum": "max", "minimum": "min", "multiply": "prod"}
_ATOM = 9

Written = tuple[str, int]  # the text, and how strongly it holds together


def formula(operation: Operation, inner: Mapping[Value, Operation]) -> str:
    """Write what an operation computes; those in `inner` are written out in place."""
    return _written(operation, inner)[0]


def _written(operation: Operation, inner: Mapping[Value, Operation]) -> Written:
    function, arguments = operation.function, operation.arguments

    def part(argument: Any) -> Written:
        if isinstance(argument, Value):
            if argument in inner:
                return _written(inner[argument], inner)
            return _value(argument), _ATOM
        if isinstance(argument, tuple | list):
            return f"({', '.join(part(each)[0] for each in argument)})", _ATOM
        if isinstance(argument, np.generic):
            return f"{argument.item():.6g}", _ATOM
        return str(argument), _ATOM

    if function in _INFIX and len(arguments) == 2:
        sign, strength = _INFIX[function]
        left, right = map(part, arguments)
        return f"{_held(left, strength)} {sign} {_held(right, strength + 1)}", strength
    if function is np.negative:
        return f"-{_held(part(arguments[0]), 3)}", 2
    if function is np.transpose and arguments[1] == tuple(range(len(arguments[1])))[::-1]:
        return f"{_held(part(arguments[0]), _ATOM)}.T", _ATOM
    if function is getitem or function is np.take:
        return f"{_held(part(arguments[0]), _ATOM)}[{part(arguments[1])[0]}]", _ATOM
    if function is setitem:
        array, index, value = (part(argument)[0] for argument in arguments)
        return f"{array} with {value} at [{index}]", 0
    if function is np.copy or function is np.reshape or function is astype:
        return part(arguments[0])
    if function is ensured:
        return part(arguments[0])
    if function is random:
        return "random numbers from 0 to 1", 0
    name = getattr(function, "__name__", "function").strip("_")
    if name == "reduce":
        name = _REDUCTIONS.get(function.__self__.__name__, function.__self__.__name__)
    shown = [part(argument)[0] for argument in arguments]
    return f"{name}({', '.join(shown)})", _ATOM


def _value(value: Value) -> str:
    if value.role is Role.CONSTANT and value.array is not None and not value.shape:
        return f"{value.array.item():.6g}"
    return value.name


def _held(written: Written, strength: int) -> str:
    return written[0] if written[1] >= strength else f"({written[0]})"
