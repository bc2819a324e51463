"""Products with the Jacobian and the Hessian, without forming them: `vjp`, `jvp` and `hvp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine import enable_grad, owned, recording
from ..tensor import Tensor
from .gradients import named_value_and_grad
from .tracing import Manner, cut_up, end_to_end, given_manner, pull, trace
from .trees import leaves_like, paths, rebuild

__all__ = ["hvp", "jvp", "vjp"]

Array = Any


def vjp(
    function: Callable[..., Any], *primals: Any
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Compute a function's value, and make the function that pulls a gradient back through it.

    Parameters
    ----------
    function
        Takes arrays or nested lists, tuples and dicts of them, and returns the same.
    *primals
        Its arguments, by all of which to differentiate.

    Returns
    -------
    value
        What the function returned.
    pullback
        Takes a cotangent, which is built like the value, and returns a tuple with a gradient for
        each argument: the product of the cotangent with the Jacobian. It can be called several
        times. It keeps what the function computed for as long as it is kept itself.

    Raises
    ------
    TypeError
        If an argument is not floating-point, if the function returns something that is not made
        of Tensors, or if the cotangent is not built like the value.
    ValueError
        If the cotangent has another shape than the value.

    Examples
    --------
    >>> import numpy as np
    >>> value, pullback = vjp(np.multiply, 3.0, np.array([1.0, 2.0]))
    >>> value
    array([3., 6.])
    >>> by_x, by_y = pullback(np.array([1.0, 10.0]))
    >>> float(by_x), by_y
    (21.0, array([ 3., 30.]))
    """
    return _vjp("vjp", function, primals, "cotangent")


def _vjp(
    name: str, function: Callable[..., Any], primals: Sequence[Any], what: str
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Do `vjp`, with the names of a transform and of its cotangent for errors."""
    call = trace(name, function, primals, range(len(primals)))
    # People may add to their lists and dicts before they pull back.
    call = call._replace(like=rebuild(call.like, call.inputs))
    outputs = call.outputs()
    with enable_grad():
        y = end_to_end(outputs)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        parts = _directions(name, what, call.result, outputs, cotangent)
        later = given_manner(parts)
        manner = Manner(
            call.manner.tensors or later.tensors,
            later.connected or (call.manner.connected and recording.get()),
        )
        found = pull(y, call.inputs, end_to_end(parts), retain=True, connected=manner.connected)
        return call._replace(manner=manner).gradient(found)

    return rebuild(call.result, map(call.manner.hand_out, outputs)), pullback


def jvp(
    function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """Compute a function's value, and how it changes as its arguments move in some direction.

    The sweep goes backwards only. But what it computes is linear in the gradient that it starts
    with, and the derivative by that, swept back in turn, is the derivative forwards. So this
    costs two sweeps.

    Parameters
    ----------
    function
        Takes arrays or nested lists, tuples and dicts of them, and returns the same.
    primals
        Its arguments, as a tuple or list.
    tangents
        The directions in which they move, built like `primals`.

    Returns
    -------
    value
        What the function returned.
    tangent
        The product of the Jacobian with the tangents, built like the value.

    Raises
    ------
    TypeError
        If an argument is not floating-point, if the function returns something that is not made
        of Tensors, or if `tangents` is not built like `primals`.
    ValueError
        If a tangent has another shape than its argument.

    Examples
    --------
    >>> import numpy as np
    >>> value, tangent = jvp(np.square, (np.array([1.0, 2.0, 3.0]),), (np.array([1.0, 0.0, 10.0]),))
    >>> tangent
    array([ 2.,  0., 60.])
    """
    call = trace("jvp", function, _arguments("jvp", primals), range(len(primals)), beside=tangents)
    parts = _directions("jvp", "tangents", primals, call.inputs, tangents)
    outputs = call.outputs()
    connected = call.manner.connected
    with enable_grad():
        y = end_to_end(outputs)
        # Its values do not matter. With ones, the sweep warns of nothing that a gradient wouldn't.
        start = Tensor(np.ones(y.shape, y.dtype), requires_grad=True)
        pulled = pull(y, call.inputs, start, retain=True, connected=True)
        laid, along = end_to_end(pulled), end_to_end(parts)
    (pushed,) = pull(laid, [start], along, retain=connected, connected=connected)
    value, tangent = (
        rebuild(call.result, map(call.manner.hand_out, found))
        for found in (outputs, cut_up(pushed, outputs))
    )
    return value, tangent


def hvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Compute the product of a scalar function's Hessian with a direction, without the Hessian.

    It costs two sweeps, whatever the number of elements: the second goes back through the first.

    Parameters
    ----------
    function
        Takes arrays or nested lists, tuples and dicts of them, and returns a scalar.
    primals
        Its arguments, as a tuple or list.
    tangents
        The direction, built like `primals`.

    Returns
    -------
    A tuple with the product for each argument: the change of the gradient as the arguments move
    in that direction.

    Raises
    ------
    TypeError
        If an argument is not floating-point, if the function returns something that is not a
        Tensor, or if `tangents` is not built like `primals`.
    ValueError
        If the function returns something that is not a scalar, or a tangent has another shape
        than its argument.

    Examples
    --------
    >>> import numpy as np
    >>> x, direction = np.array([1.0, 2.0]), np.array([1.0, 10.0])
    >>> (product,) = hvp(lambda x: (x * x * x).sum(), (x,), (direction,))
    >>> product
    array([  6., 120.])
    """
    everything = range(len(_arguments("hvp", primals)))
    both = named_value_and_grad("hvp", function, everything)
    _, pullback = _vjp("hvp", lambda *args: both(*args)[1], primals, "tangents")
    return pullback(tangents)  # the Hessian is symmetric


def _arguments(name: str, primals: Any) -> Sequence[Any]:
    """Check that primals are a list or tuple."""
    if not isinstance(primals, list | tuple):
        raise TypeError(
            f"{name}: primals is of type {type(primals).__name__}; expected a tuple with an item "
            f"for each argument of the function"
        )
    return primals


def _directions(
    name: str, what: str, tree: Any, values: Sequence[Tensor], given: Any
) -> list[Array]:
    """List the leaves of tangents or cotangents that belong to values in the leaves of a tree.

    They must have the same structure and shapes.
    """
    parts = leaves_like(tree, given, f"{name}: {what}")
    return [
        _direction(part, value, f"{name}: {what}{path}")
        for part, value, path in zip(parts, values, paths(tree), strict=True)
    ]


def _direction(part: Any, value: Tensor, name: str) -> Array:
    """Check a tangent or cotangent, and make an array of its own of what is no Tensor."""
    array = part._array if isinstance(part, Tensor) else owned(part)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} is {type(part).__name__}; expected real numbers")
    if array.shape != value.shape:
        raise ValueError(f"{name} has shape {array.shape}; expected {value.shape}")
    return part if isinstance(part, Tensor) else array
