"""From a NumPy call on Tensors to the row of the table that answers it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine import (
    NO_KEYWORDS,
    ForeignArray,
    Rule,
    Traced,
    apply,
    check_result,
    plain_error,
    wrap,
)
from .table import CONSTANT, DERIVED, IN_PLACE, RULES

__all__ = ["call", "call_method"]

# What the methods of ufuncs are called when they are functions.
_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.logical_and, "reduce"): np.all,
    (np.logical_or, "reduce"): np.any,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}


def call(
    function: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any] = NO_KEYWORDS
) -> Any:
    """Answer ``function(*args, **keywords)``, where some of the arguments are traced.

    Raises
    ------
    TypeError
        If the function has no row in the table, as one that writes in place, or its row does
        not support an argument.
    """
    if function in DERIVED:
        return _derived(function, args, keywords)
    if function in RULES:
        rule = RULES[function]
        inputs, rest = _bind(rule, args, keywords)
        return apply(rule, inputs, rest)
    if function in CONSTANT:
        return _constant(function, args, keywords)
    name = f"{getattr(function, '__module__', None) or 'numpy'}.{function.__name__}"
    if function in IN_PLACE:
        raise TypeError(
            f"{name} writes in place, which Tensors refuse; instead, write {IN_PLACE[function]}"
        )
    raise TypeError(
        f"{name} has no rule for Tensors; add one with tinygrad_mnist.rules.define({name}, "
        f"vjps=..., formula=...), or leave the graph with t.numpy()"
    )


def call_method(
    ufunc: np.ufunc, method: str, inputs: Sequence[Any], keywords: Mapping[str, Any]
) -> Any:
    """Answer a ufunc's method: ``numpy.add.reduce(t)``, ``numpy.multiply.outer(t, u)``.

    Raises
    ------
    TypeError
        If there is no function that does the same, or it has no row.
    """
    if method == "outer" and len(inputs) == 2:
        a, b = inputs
        return call(ufunc, (np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b), keywords)
    if method == "at":
        raise TypeError(
            f"numpy.{ufunc.__name__}.at writes in place, which Tensors refuse; instead, write "
            f"t[index] = v within no_grad(), or build a new Tensor with numpy.{ufunc.__name__}"
        )
    if (ufunc, method) not in _METHODS:
        raise TypeError(f"numpy.{ufunc.__name__}.{method} has no rule for Tensors")
    return call(_METHODS[ufunc, method], inputs, {"axis": 0, **keywords})


def _derived(function: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """Call the implementation of a derived function, if it takes these arguments."""
    implementation = DERIVED[function].implementation
    try:
        return implementation(*args, **keywords)
    except TypeError:
        from inspect import signature  # a costly import that few calls need

        try:
            signature(implementation).bind(*args, **keywords)
        except TypeError as error:
            raise _unsupported(function.__name__, str(error), keywords) from None
        raise


def _constant(
    function: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]
) -> Any:
    """Call a function whose result carries no gradient."""
    if "out" in keywords:
        raise _unsupported(function.__name__, "out", keywords)
    kinds: list[type[Traced]] = []
    values = _plain((*args, *keywords.values()), kinds)
    named = dict(zip(keywords, values[len(args) :], strict=True))
    try:
        result = function(*values[: len(args)], **named)
    except (TypeError, ValueError, IndexError) as error:
        raise plain_error(error, f"{function.__name__}: {error}") from None
    for part in result if isinstance(result, tuple) else (result,):
        check_result(part, function.__name__)
    return _wrapped(result, kinds[0])


def _wrapped(result: Any, kind: type[Traced]) -> Any:
    if isinstance(result, tuple):
        return tuple(_wrapped(part, kind) for part in result)
    arrays = np.ndarray | np.generic | ForeignArray
    return wrap(kind, result) if isinstance(result, arrays) else result


def _plain(value: Any, kinds: list[type[Traced]]) -> Any:
    """Take the arrays out of traced values, to be looked at only, and note the values' classes."""
    if isinstance(value, tuple | list):
        return type(value)(_plain(item, kinds) for item in value)
    if not isinstance(value, Traced):
        return value
    kinds.append(type(value))
    if isinstance(value._array, ForeignArray):
        return value._array
    view = np.asarray(value._array).view()
    view.flags.writeable = False
    return view


def _bind(
    rule: Rule, args: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Sort the arguments of a call into inputs and keywords, as the rule takes them."""
    inputs = len(rule.vjps)
    if len(args) == inputs and not keywords:
        return args, keywords
    if len(args) > len(rule.parameters):
        raise _unsupported(rule.name, f"{len(args)} positional arguments", keywords)
    twice = set(rule.parameters[: len(args)]) & keywords.keys()
    if twice:
        raise TypeError(f"{rule.name}: {sorted(twice)[0]} is given twice, by place and by name")
    named = dict(zip(rule.parameters, args, strict=False)) | dict(keywords)
    values = [named.pop(name) for name in rule.parameters[:inputs] if name in named]
    if named.keys() - rule.keywords:
        raise _unsupported(rule.name, ", ".join(sorted(named.keys() - rule.keywords)), keywords)
    return values, {k: _own_keyword(rule, k, v) for k, v in named.items()}


def _own_keyword(rule: Rule, name: str, value: Any) -> Any:
    """Copy what might be changed before the sweep: a list of axes, a mask."""
    if isinstance(value, Traced):
        if value._node is not None:
            raise TypeError(
                f"{rule.name}: {name} is a Tensor that needs a gradient, which would be lost; "
                f"give t.detach()"
            )
        value = value._array
    if isinstance(value, list | tuple):
        return tuple(_own_keyword(rule, name, part) for part in value)
    return value.copy() if isinstance(value, np.ndarray | ForeignArray) else value


def _unsupported(name: str, what: str, keywords: Mapping[str, Any]) -> TypeError:
    hint = "; instead of f(..., out=t), write t = f(...)" if "out" in keywords else ""
    return TypeError(f"{name}: not supported for Tensors: {what}{hint}")
