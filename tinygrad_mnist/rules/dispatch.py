"""From a NumPy call on Tensors to the row of the table that answers it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine import NO_KEYWORDS, Rule, Traced, apply, wrap
from .table import CONSTANT, DERIVED, RULES

__all__ = ["call", "plain"]


def call(
    function: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any] = NO_KEYWORDS
) -> Any:
    """Answer ``function(*args, **keywords)``, where some of the arguments are traced.

    Raises
    ------
    TypeError
        If the function has no row in the table, or its row does not support an argument.
    """
    rule = RULES.get(function)
    if function in DERIVED:
        from inspect import signature  # a costly import that few calls need

        implementation = DERIVED[function]
        try:
            signature(implementation).bind(*args, **keywords)
        except TypeError as error:
            raise _unsupported(function.__name__, str(error), keywords) from None
        return implementation(*args, **keywords)
    if rule is not None:
        inputs, rest = _bind(rule, args, keywords)
        return apply(rule, inputs, rest)
    if function in CONSTANT:
        if "out" in keywords:
            raise _unsupported(function.__name__, "out", keywords)
        result = function(*map(plain, args), **{k: plain(v) for k, v in keywords.items()})
        kind = _kind_of([*args, *keywords.values()])
        return wrap(kind, result) if isinstance(result, np.ndarray | np.generic) else result
    module = function.__module__ or "numpy"
    name = f"{module}.{function.__name__}"
    raise TypeError(
        f"{name} has no rule for Tensors; add one with tinygrad_mnist.rules.define({name}, "
        f"vjps=..., formula=...), or leave the graph with t.numpy()"
    )


def plain(value: Any) -> Any:
    """Take the array out of a traced value, also within tuples and lists."""
    if isinstance(value, Traced):
        return value._array
    if isinstance(value, tuple | list):
        return type(value)(plain(item) for item in value)
    return value


def _kind_of(values: Sequence[Any]) -> type[Traced]:
    return next((type(value) for value in values if isinstance(value, Traced)), Traced)


def _bind(
    rule: Rule, args: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Sort the arguments of a call into inputs and keywords, as the rule takes them."""
    inputs = len(rule.vjps)
    if len(args) == inputs and not keywords:
        return args, keywords
    if len(args) > len(rule.parameters):
        raise _unsupported(rule.name, f"{len(args)} positional arguments", keywords)
    named = dict(zip(rule.parameters, args, strict=False)) | dict(keywords)
    values = [named.pop(name) for name in rule.parameters[:inputs] if name in named]
    if named.keys() - rule.keywords:
        raise _unsupported(rule.name, ", ".join(sorted(named.keys() - rule.keywords)), keywords)
    return values, named


def _unsupported(name: str, what: str, keywords: Mapping[str, Any]) -> TypeError:
    hint = "; instead of f(..., out=t), write t = f(...)" if "out" in keywords else ""
    return TypeError(f"{name}: not supported for Tensors: {what}{hint}")
