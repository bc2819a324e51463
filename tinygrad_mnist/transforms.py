"""Transforms: functions that turn a function into its derivative, and check it.

As in JAX, arrays in are arrays out. Tensors in are Tensors out, and what comes out can be
differentiated again if one of them requires a gradient: so can what a transform computes inside
another transform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import numpy as np

from .engine import enable_grad, gradients, recording, wrap
from .tensor import Tensor

__all__ = ["check_grads", "grad", "value_and_grad"]

_inside: ContextVar[bool] = ContextVar("inside a transform", default=False)


@contextmanager
def _transforming() -> Iterator[None]:
    token = _inside.set(True)
    try:
        with enable_grad():
            yield
    finally:
        _inside.reset(token)


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., Any]:
    """Make the function that computes a function's value and its gradient.

    Parameters
    ----------
    function
        Takes arrays, numbers or Tensors, and returns a scalar that was computed from them.
    argnums
        By which of its positional arguments to differentiate: one, or several.

    Returns
    -------
    A function of the same arguments. It returns the value and the gradient, shaped like the
    argument; with several `argnums` a tuple of gradients. The `grad` of no Tensor is touched.

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
    """
    numbers = [argnums] if isinstance(argnums, int) else list(argnums)

    @wraps(function)
    def differentiated(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        if not all(-len(args) <= number < len(args) for number in numbers):
            raise TypeError(f"grad: argnums is {argnums}, with {len(args)} positional arguments")
        places = [number % len(args) for number in numbers]
        followed = _inside.get() or any(
            isinstance(arg, Tensor) and arg.requires_grad for arg in args
        )
        tensors_out = followed or any(isinstance(args[i], Tensor) for i in places)
        create_graph = followed and recording.get()
        inputs = {i: _input(args[i], i) for i in places}
        with _transforming():
            y = function(*(inputs.get(i, arg) for i, arg in enumerate(args)), **keywords)
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"grad: the function returned {type(y).__name__}, not a Tensor: somewhere its "
                    f"value left the graph"
                )
            if y.shape != ():
                raise ValueError(f"grad: the function returned shape {y.shape}, not a scalar")
            landed = _gradients(y, list(inputs.values()), create_graph)
            by_place = dict(zip(inputs, landed, strict=True))
        found = [by_place[i] for i in places]
        if tensors_out:
            value: Any = y if create_graph else y.detach()
            found = [g if isinstance(g, Tensor) else wrap(Tensor, g) for g in found]
        else:
            value = y._array
        return value, found[0] if isinstance(argnums, int) else tuple(found)

    return differentiated


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Make the function that computes a function's gradient; see `value_and_grad`.

    Examples
    --------
    >>> second = grad(grad(np.sin))
    >>> float(second(0.5)) == float(-np.sin(np.float32(0.5)))
    True
    """
    both = value_and_grad(function, argnums)

    @wraps(function)
    def differentiated(*args: Any, **keywords: Any) -> Any:
        return both(*args, **keywords)[1]

    return differentiated


def _input(value: Any, place: int) -> Tensor:
    """Make the Tensor to differentiate by: its own, but connected with what it came from."""
    if isinstance(value, Tensor) and value.requires_grad and recording.get():
        return +value
    tensor = value.detach() if isinstance(value, Tensor) else Tensor(value)
    if tensor.dtype.kind != "f":
        raise TypeError(f"grad: argument {place} is {tensor.dtype}; expected floating-point")
    tensor.requires_grad = True
    return tensor


def _gradients(y: Tensor, inputs: list[Tensor], create_graph: bool) -> list[Any]:
    """Differentiate by the inputs. A value that does not depend on one has the gradient 0."""
    found: list[Any] = [None] * len(inputs)
    if y.requires_grad:
        found = gradients(y, inputs, create_graph=create_graph, retain_graph=create_graph)
    return [
        np.zeros(tensor.shape, tensor.dtype) if g is None else g
        for g, tensor in zip(found, inputs, strict=True)
    ]


def check_grads(
    function: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    *,
    eps: float = 1e-6,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    rng: np.random.Generator | None = None,
) -> None:
    """Hold a function's gradients against central differences.

    The result is reduced to a scalar by random weights, and the derivative by every element of
    every floating-point argument is compared with ``(f(x + eps) - f(x - eps)) / 2 eps``, in
    float64. With a higher `order` the gradients, as functions, are checked in the same way.

    Parameters
    ----------
    function
        Takes arrays, and returns an array of any shape that was computed from them.
    args
        Its arguments. The floating-point ones are differentiated by, as float64.
    order
        Up to which derivative to check.
    eps
        The step of the differences.
    rtol, atol
        The largest difference allowed: `atol` plus `rtol` times the larger of the two.
    rng
        Where the weights are drawn from; seeded with 0 if not given.

    Raises
    ------
    AssertionError
        If a derivative is off. The message names the order, the argument, the element, and
        both values.

    Examples
    --------
    >>> check_grads(np.tanh, [np.array([0.5, -1.0])], order=2)
    """
    rng = rng or np.random.default_rng(0)
    _check_order(function, args, 1, order, eps, rtol, atol, rng)


def _check_order(
    function: Callable[..., Any],
    args: Sequence[Any],
    order: int,
    last: int,
    eps: float,
    rtol: float,
    atol: float,
    rng: np.random.Generator,
) -> None:
    """Check the derivative of this order, and those of its own derivatives up to the last."""
    arrays = [np.asarray(arg) for arg in args]
    places = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
    for i in places:
        arrays[i] = arrays[i].astype(np.float64)
    weights = rng.standard_normal(np.shape(function(*arrays)))

    def scalar(*values: Any) -> Any:
        return np.sum(function(*values) * weights)

    slopes = grad(scalar, places)
    for place, exact in zip(places, slopes(*arrays), strict=True):
        numeric = _central_differences(scalar, arrays, place, eps)
        error = np.abs(exact - numeric)
        allowed = atol + rtol * np.maximum(np.abs(exact), np.abs(numeric))
        if not (error <= allowed).all():
            worst = np.unravel_index(np.argmax(error - allowed), error.shape)
            raise AssertionError(
                f"derivative of order {order} by argument {place}, element "
                f"{tuple(map(int, worst))}: {exact[worst]} by autodiff, {numeric[worst]} by "
                f"central differences"
            )
    if order < last:
        for k in range(len(places)):

            def slope(*values: Any, k: int = k) -> Any:
                return slopes(*values)[k]

            _check_order(slope, arrays, order + 1, last, eps, rtol, atol, rng)


def _central_differences(
    function: Callable[..., Any], arrays: list[Any], place: int, eps: float
) -> np.ndarray:
    """Differentiate numerically by each element of one of the arrays."""
    result = np.empty(arrays[place].shape)
    for index in np.ndindex(result.shape):
        values = []
        for step in (eps, -eps):
            moved = list(arrays)
            moved[place] = moved[place].copy()
            moved[place][index] += step
            values.append(float(function(*moved)))
        result[index] = (values[0] - values[1]) / (2 * eps)
    return result
