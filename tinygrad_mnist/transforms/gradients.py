"""Gradients of functions that return a scalar: `grad` and `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from ..tensor import Tensor
from .tracing import differentiable, pull, trace
from .trees import leaves, rebuild

__all__ = ["grad", "named_value_and_grad", "value_and_grad"]


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that computes a function's value and its gradient.

    Parameters
    ----------
    function
        Takes arrays, numbers or Tensors, or nested lists, tuples and dicts of them, and returns
        a scalar that was computed from them.
    argnums
        By which of its positional arguments to differentiate: one, or several.
    has_aux
        Whether the function returns a pair, of the scalar and of something else that is only
        passed on.

    Returns
    -------
    A function of the same arguments. It returns the value and the gradient, which is built like
    the argument: an array for an array, a dict for a dict. With several `argnums` there is a
    tuple of gradients, with `has_aux` a pair in place of the value.

    Raises
    ------
    TypeError
        When called: if `argnums` names an argument that isn't there, or one that is not
        floating-point, or the function returns something that is not a Tensor.
    ValueError
        When called: if the function returns something that is not a scalar.

    Examples
    --------
    >>> value, slope = value_and_grad(lambda x: x * x)(3.0)
    >>> float(value), float(slope)
    (9.0, 6.0)

    >>> import numpy as np
    >>> def loss(parameters, x):
    ...     return ((x @ parameters["weight"] + parameters["bias"]) ** 2).sum()
    >>> parameters = {"weight": np.array([1.0, -1.0]), "bias": np.array(0.5)}
    >>> value, slopes = value_and_grad(loss)(parameters, np.array([3.0, 1.0]))
    >>> float(value), slopes["weight"].tolist(), slopes["bias"].tolist()
    (6.25, [15.0, 5.0], 5.0)
    """
    return named_value_and_grad("value_and_grad", function, argnums, has_aux)


def grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that computes a function's gradient; see `value_and_grad`.

    With `has_aux`, it returns the pair of the gradient and of what else the function returned.

    Examples
    --------
    >>> import numpy as np
    >>> second = grad(grad(np.sin))
    >>> float(second(0.5)) == float(-np.sin(np.float32(0.5)))
    True
    """
    both = named_value_and_grad("grad", function, argnums, has_aux)

    @wraps(function)
    def differentiated(*args: Any, **keywords: Any) -> Any:
        value, found = both(*args, **keywords)
        return (found, value[1]) if has_aux else found

    return differentiated


def named_value_and_grad(
    name: str, function: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool = False
) -> Callable[..., Any]:
    """Do `value_and_grad`, with the name of a transform for errors."""

    @wraps(function)
    def differentiated(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        call = trace(name, function, args, argnums, keywords)
        y, aux = _pair(name, call.result) if has_aux else (call.result, None)
        y = _scalar(name, y)
        manner = call.manner
        found = pull(y, call.inputs, retain=manner.connected, connected=manner.connected)
        value = manner.hand_out(y)
        if has_aux:
            handed = (manner.hand_out(v) if isinstance(v, Tensor) else v for v in leaves(aux))
            value = value, rebuild(aux, handed)
        return value, call.gradient(found)

    return differentiated


def _scalar(name: str, y: Any) -> Tensor:
    """Check that what a function returned is a scalar that can be differentiated."""
    if isinstance(y, list | tuple | dict):
        raise TypeError(f"{name}: the function returned a {type(y).__name__}, not a scalar")
    y = differentiable(name, y)
    if y.shape != ():
        raise ValueError(f"{name}: the function returned shape {y.shape}, not a scalar")
    return y


def _pair(name: str, result: Any) -> tuple[Any, Any]:
    """Check that a function returned a pair."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"{name}: the function returned {type(result).__name__}; with has_aux, expected a "
            f"tuple of a scalar and something else"
        )
    return result
