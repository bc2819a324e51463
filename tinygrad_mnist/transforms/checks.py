"""`check_grads`: derivatives of any order against central differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor
from .gradients import grad
from .trees import leaves, paths, rebuild

__all__ = ["check_grads"]

Array = Any


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
        Takes arrays or nested lists, tuples and dicts of them, and returns the same, computed
        from its arguments.
    args
        Its arguments. The floating-point arrays in them are differentiated by, as float64.
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
    TypeError
        If no argument is floating-point.

    Examples
    --------
    >>> check_grads(np.tanh, [np.array([0.5, -1.0])], order=2)
    >>> check_grads(lambda p: p["scale"] * np.sin(p["x"]), [{"scale": 2.0, "x": np.ones(3)}])
    """
    if not isinstance(args, list | tuple):
        raise TypeError(
            f"check_grads: args is of type {type(args).__name__}; expected a list with an item for "
            f"each argument of the function"
        )
    rng = rng or np.random.default_rng(0)
    tree = list(args)
    given = [leaf.numpy() if isinstance(leaf, Tensor) else leaf for leaf in leaves(tree)]
    places = [i for i, leaf in enumerate(given) if np.asarray(leaf).dtype.kind == "f"]
    names = [f"argument {i}{path}" for i, arg in enumerate(args) for path in paths(arg)]
    if not places:
        raise TypeError("check_grads: no argument is floating-point, so there is nothing to check")
    arrays = [np.asarray(given[i], np.float64) for i in places]

    def flat(*values: Any) -> list[Any]:
        """List the leaves of the result as a function of the floating-point leaves."""
        tensors = (v if isinstance(v, Tensor) else Tensor(v) for v in values)
        new = dict(zip(places, tensors, strict=True))
        return leaves(function(*rebuild(tree, (new.get(i, v) for i, v in enumerate(given)))))

    checked: Callable[..., Sequence[Any]] = flat
    for k in range(1, order + 1):
        scalar = _weighted(checked, arrays, rng)
        checked = grad(scalar, range(len(arrays)))
        for j, exact in enumerate(checked(*arrays)):
            numeric = _central_differences(scalar, arrays, j, eps)
            error = np.abs(exact - numeric)
            allowed = atol + rtol * np.maximum(np.abs(exact), np.abs(numeric))
            if not (error <= allowed).all():
                worst = np.unravel_index(np.argmax(error - allowed), error.shape)
                raise AssertionError(
                    f"derivative of order {k} by {names[places[j]]}, element "
                    f"{tuple(map(int, worst))}: {exact[worst]} by autodiff, {numeric[worst]} by "
                    f"central differences"
                )


def _weighted(
    function: Callable[..., Sequence[Any]], arrays: list[Array], rng: np.random.Generator
) -> Callable[..., Any]:
    """Reduce what a function returns to a scalar, by random weights."""
    weights = [rng.standard_normal(np.shape(result)) for result in function(*arrays)]

    def scalar(*values: Any) -> Any:
        return sum(np.sum(y * w) for y, w in zip(function(*values), weights, strict=True))

    return scalar


def _central_differences(
    function: Callable[..., Any], arrays: list[Array], place: int, eps: float
) -> Array:
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
