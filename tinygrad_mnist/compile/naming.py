"""Names for the values of a program, as somebody who derives the backpropagation by hand has them.

The k-th layer that has a weight computes ``Zk`` from ``Wk`` and ``bk``, and what an activation
makes of it is ``Ak``. The gradient of whatever is called ``X`` is ``dX``.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Mapping

import numpy as np

from .operations import setitem
from .program import Operation, Program, Role, Value

__all__ = ["name_values"]

_RESULTS = {
    "add": "total",
    "subtract": "difference",
    "multiply": "scaled",
    "divide": "quotient",
    "dot": "product",
    "take": "picked",
    "getitem": "picked",
    "setitem": "changed",
    "copy": "copied",
    "log": "logs",
    "sign": "slopes",
    "forward": "convolved",
    "random": "drawn",
    "where": "chosen",
}
_SUMS = {"affine", "matmul", "dot", "convolution"}
_NORMS = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


def name_values(
    program: Program, parameters: Mapping[str, Value], gradients: Mapping[Value, Value]
) -> dict[str, str]:
    """Name every value of a program, in place.

    Parameters
    ----------
    program
        The program.
    parameters
        The first values of the model's Tensors and the optimisers' arrays, by their full names.
    gradients
        The gradient of each value of which one is computed.

    Returns
    -------
    The full names of the states, by the short ones.
    """
    names = _Names()
    for name, value in program.arguments.items():
        value.name = ""
        names.give(value, name)
    full = {
        names.give(value, _short(name, value, names)): name for name, value in parameters.items()
    }
    for numbers in program.numbers:
        for value, name in zip(numbers.values, ("rate", "rate", "share"), strict=False):
            names.give(value, name)
    for operation in program.operations:
        _name_forward(operation, names)
    for value, gradient in gradients.items():
        if value.name and not gradient.name:
            names.give(gradient, f"d{value.name}")
    for operation in program.operations:
        for result in operation.results:
            if not result.name:
                names.give(result, _plain(operation))
        for value in operation.inputs:
            if not value.name:
                names.give(value, _of_constant(value))
    for value in [*program.kept, *(state.before for state in program.states)]:
        if not value.name:
            names.give(value, _of_constant(value))
    return full


_OF_THE_SOURCE = {"np", "build", "ensured", "memory", "numbers", "step"}


class _Names:
    """Gives each name once, with a number behind it where it is wanted again."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self.layers: dict[str, int] = {}
        self.latest = 0

    def give(self, value: Value, name: str) -> str:
        """Name a value, unless it has a name."""
        if value.name:
            return value.name
        name = re.sub(r"\W|^(?=\d)", "_", name)
        taken = keyword.iskeyword(name) or name in _OF_THE_SOURCE or hasattr(np, name)
        name = f"{name}_" if taken else name
        self._taken[name] += 1
        while self._taken[name] > 1:
            candidate = f"{name}_{self._taken[name]}"
            if not self._taken[candidate]:
                self._taken[candidate] += 1
                name = candidate
                break
            self._taken[name] += 1
        value.name = name
        return name

    def layer(self, prefix: str) -> int:
        """Count the layers that have a weight, from 1."""
        return self.layers.setdefault(prefix, len(self.layers) + 1)


def _short(name: str, value: Value, names: _Names) -> str:
    """Shorten the full name of a Tensor: ``0.weight`` is the first layer's W1."""
    path, _, memory = name.partition(":")  # "0.weight:exp_avg" is an optimiser's
    prefix, _, attribute = path.rpartition(".")
    number = names.layer(prefix)
    base = f"{attribute}{number}"
    if attribute == "weight" and len(value.shape) > 1:
        base = f"W{number}"
    elif attribute == "bias" and f"gamma{number}" not in names._taken:
        base = f"b{number}"
    elif attribute in _NORMS:
        base = f"{_NORMS[attribute]}{number}"
    return f"{base}_{memory}" if memory else base


def _name_forward(operation: Operation, names: _Names) -> None:
    """Name what layers compute: sums Z, activations A, the loss."""
    origin, result = operation.origin, operation.result
    if origin.gradient_of is not None or operation.is_view:
        return
    if origin.rule in _SUMS:
        weights = [v.name for v in operation.inputs if re.fullmatch(r"[Wb]\d+", v.name)]
        if weights:
            names.latest = int(weights[0][1:])
            done = operation.function in (np.add, np.matmul) or origin.rule != "affine"
            if done and f"Z{names.latest}" not in names._taken:
                names.give(result, f"Z{names.latest}")
        return
    if "cross_entropy" in origin.rule:
        _name_cross_entropy(operation, names)
    elif (
        origin.rule
        and result.shape
        and f"A{names.latest}" not in names._taken
        and any(value.name == f"Z{names.latest}" for value in operation.inputs)
    ):
        names.give(result, f"A{names.latest}")


def _name_cross_entropy(operation: Operation, names: _Names) -> None:
    result, number = operation.result, names.latest
    if operation.function is np.exp:
        names.give(result, "E")
    elif operation.function is np.divide and operation.inputs[0].name == "E":
        names.give(result, f"A{number}")
    elif operation.function is setitem:
        names.give(result, f"A{number}_minus_Y")
    elif operation.function is np.divide and not result.shape:
        names.give(result, "loss")


def _plain(operation: Operation) -> str:
    """Name a result after the function that computes it."""
    source = operation.inputs[0].name if operation.inputs else ""
    if operation.is_view and source:
        return f"{source}_T" if operation.function is np.transpose else f"{source}_view"
    name = getattr(operation.function, "__name__", "value").strip("_")
    if name == "reduce":
        name = operation.function.__self__.__name__
        return {"add": "total", "maximum": "highest", "minimum": "lowest"}.get(name, name)
    return _RESULTS.get(name, name)


def _of_constant(value: Value) -> str:
    if value.role is Role.STATE:
        return "array"
    if value.role is Role.NUMBER:
        return "number"
    array = value.array
    if array is not None and array.ndim == 1 and array.size > 1:
        if np.all(array == 1):
            return f"ones_{array.size}"
        if array.dtype.kind in "iu" and np.array_equal(array, np.arange(array.size)):
            return f"range_{array.size}"
    return "constant"
