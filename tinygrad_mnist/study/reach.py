"""What a function can reach: the modules that it may call, and so may change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..nn import Module
from ..tensor import Tensor

__all__ = ["modules_reached"]

_NOTHING_INSIDE = (
    Tensor,
    np.ndarray,
    np.generic,
    np.random.Generator,
    str,
    bytes,
    type,
    int,
    float,
)


def modules_reached(start: Iterable[Any]) -> list[Module]:
    """List the modules in some things, and in what these lead to, each once.

    Functions are followed to their closures, default values and the global variables that their
    code names; lists, dicts and objects to what they hold.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> models = {"small": nn.Linear(2, 2)}
    >>> modules_reached([lambda x: models["small"](x)])
    [Linear(2, 2)  # 6 parameters]
    """
    found: list[Module] = []
    seen: dict[int, Any] = {}  # which keeps what was looked at, and so its number, for itself
    stack = list(start)
    while stack:
        thing = stack.pop()
        if isinstance(thing, _NOTHING_INSIDE) or id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, Module):
            found.append(thing)
        stack += _held(thing)
    return found


def _held(thing: Any) -> Iterable[Any]:
    """List what a thing leads to directly."""
    if isinstance(thing, Mapping):
        return list(thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        return thing
    if isinstance(thing, MethodType):
        return thing.__self__, thing.__func__
    if isinstance(thing, partial):
        return thing.func, thing.args, thing.keywords
    if isinstance(thing, FunctionType):
        return list(_used(thing))
    if isinstance(thing, ModuleType):  # of Python: what is used of it is listed with the function
        return ()
    call = vars(type(thing)).get("__call__")
    return [call, *getattr(thing, "__dict__", {}).values()]


def _used(function: FunctionType) -> Iterator[Any]:
    """List what a function gets from around it."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    names = _names(function.__code__)
    for name in names:
        value = function.__globals__.get(name)
        yield value
        if isinstance(value, ModuleType):
            yield from (vars(value)[n] for n in names if n in vars(value))


def _names(code: CodeType) -> set[str]:
    """List the names in a function's code, and in that of functions inside."""
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)
