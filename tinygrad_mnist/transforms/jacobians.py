"""All partial derivatives at once: `jacobian` and `hessian`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..engine import ForeignArray
from ..tensor import Tensor
from .tracing import Trace, pull, trace
from .trees import rebuild

__all__ = ["hessian", "jacobian"]

Array = Any


def jacobian(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Make the function that computes the derivative of every output by every input.

    It takes one sweep for each element of the output, one after the other.

    Parameters
    ----------
    function
        Takes arrays or nested lists, tuples and dicts of them, and returns the same.
    argnums
        By which of its positional arguments to differentiate: one, or several.

    Returns
    -------
    A function of the same arguments. For an array by an array it returns one of shape
    ``output.shape + input.shape``. Otherwise it returns what is built like the output, with what
    is built like the argument in the place of each array; like a tuple of the arguments, with
    several `argnums`.

    Raises
    ------
    TypeError
        When called: if an argument is not floating-point, or the function returns something that
        is not made of Tensors.

    Examples
    --------
    >>> import numpy as np
    >>> jacobian(np.multiply)(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 0.],
           [0., 4.]])
    >>> jacobian(lambda p: p["scale"] * p["x"])({"scale": 2.0, "x": np.array([1.0, 5.0])})
    {'scale': array([1., 5.], dtype=float32), 'x': array([[2., 0.],
           [0., 2.]])}
    """
    return _jacobian("jacobian", function, argnums)


def hessian(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Make the function that computes the second derivatives: the Jacobian of the Jacobian.

    Parameters
    ----------
    function
        Takes arrays or nested lists, tuples and dicts of them, and returns a scalar, usually; what
        it returns may be anything, as for `jacobian`.
    argnums
        By which of its positional arguments to differentiate: one, or several.

    Returns
    -------
    A function of the same arguments. For an array by an array it returns one of shape
    ``output.shape + input.shape + input.shape``. Otherwise it returns what is built like the
    output, then like the argument, and then like the argument again.

    Raises
    ------
    TypeError
        As for `jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> hessian(lambda x: x[0] * x[0] * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    """
    return _jacobian("hessian", _jacobian("hessian", function, argnums), argnums)


def _jacobian(
    name: str, function: Callable[..., Any], argnums: int | Sequence[int]
) -> Callable[..., Any]:
    """Do `jacobian`, with the name of a transform for errors."""

    @wraps(function)
    def differentiated(*args: Any, **keywords: Any) -> Any:
        call = trace(name, function, args, argnums, keywords)
        return rebuild(call.result, [_derivatives(call, y) for y in call.outputs()])

    return differentiated


def _derivatives(call: Trace, y: Tensor) -> Any:
    """Differentiate every element of one output by every input."""
    connected = call.manner.connected
    rows = (
        pull(y, call.inputs, _one_at(index, y), retain=True, connected=connected)
        for index in np.ndindex(y.shape)
    )
    found = [np.empty((y.size, *tensor.shape), tensor.dtype) for tensor in call.inputs]
    # Where it can be, each row is written to its place at once, which takes half the memory.
    if y.size and (connected or isinstance(y._array, ForeignArray)):
        found = [np.stack(column) for column in zip(*rows, strict=True)]
    else:
        for k, row in enumerate(rows):
            for array, g in zip(found, row, strict=True):
                array[k] = g
    return call.gradient(np.reshape(array, y.shape + array.shape[1:]) for array in found)


def _one_at(index: tuple[int, ...], y: Tensor) -> Array:
    """Make a gradient to start with that asks for one element."""
    start = np.zeros(y.shape, y.dtype)
    start[index] = 1
    return start
