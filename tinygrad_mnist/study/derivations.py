"""The two derivations side by side: the gradients by hand, and those that the engine finds."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .. import by_hand, nn
from ..engine import as_array, enable_grad
from ..tensor import Tensor
from .names import UnknownName
from .tables import table
from .trace import Trace, trace

__all__ = ["Comparison", "Derivation", "compare_by_hand", "two_layers"]

# The gradients in by_hand.py, the parameters that they belong to, and whether these lie the other
# way: there, samples are columns.
_PARAMETERS = {"dW1": "0.weight", "db1": "0.bias", "dW2": "2.weight", "db2": "2.bias"}


@dataclass(frozen=True, slots=True, eq=False)
class Derivation:
    """The gradient of one parameter, derived twice.

    Attributes
    ----------
    name
        What `by_hand` calls the gradient: ``"dW1"``.
    parameter
        What the model calls the parameter: ``"0.weight"``.
    by_hand, by_autodiff
        The gradient, both of the parameter's shape.
    line, code
        The line of by_hand.py that computes it: its number, and what stands there.
    steps
        The steps of the sweep through which it came, from the loss to the parameter.
    """

    name: str
    parameter: str
    by_hand: np.ndarray
    by_autodiff: np.ndarray
    line: int
    code: str
    steps: Trace

    @property
    def difference(self) -> float:
        """The largest difference of an element."""
        return float(np.abs(self.by_hand - self.by_autodiff).max())

    @property
    def rules(self) -> tuple[str, ...]:
        """The operations whose rules produced it, in the order of the sweep."""
        return tuple(step.operation for step in self.steps)

    @property
    def formula(self) -> str:
        """The last rule's, in LaTeX."""
        return self.steps[-1].contributions[-1].formula


class Comparison(tuple[Derivation, ...]):
    """The gradients of all parameters of the two-layer network; it prints as a table."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        """Find a derivation by its place, its name or its parameter."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        for derivation in self:
            if key in (derivation.name, derivation.parameter):
                return derivation
        known = [name for each in self for name in (each.name, each.parameter)]
        raise UnknownName(key, "no gradient or parameter is called", known)

    @property
    def difference(self) -> float:
        """The largest difference of all."""
        return max(derivation.difference for derivation in self)

    def __repr__(self) -> str:
        head = ("gradient", "of", "apart by", "by hand, in by_hand.py", "by the rules of")
        return table(head, (_row(derivation) for derivation in self))


def _row(d: Derivation) -> tuple[str, ...]:
    line = f"line {d.line}: {d.code}"
    return d.name, d.parameter, f"{d.difference:.1e}", line, " → ".join(d.rules)


def compare_by_hand(model: Any, images: Any, labels: Any) -> Comparison:
    """Derive the gradients of the two-layer network by hand and by autodiff.

    The loss is the mean cross-entropy. No ``grad`` is touched.

    Parameters
    ----------
    model
        ``nn.Sequential(nn.Linear(...), nn.ReLU(), nn.Linear(...))``, of any sizes.
    images
        An array or a Tensor of floats, (samples, pixels).
    labels
        Integers, (samples,).

    Returns
    -------
    The derivations of dW1, db1, dW2 and db2. In `by_hand` samples are columns, so its gradients of
    the weights are transposed here.

    Raises
    ------
    ValueError
        If the model is another one, if its layers share a parameter or one is frozen, or if the
        shapes do not fit.
    TypeError
        If the images are not floats, or the labels not integers.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import models, study
    >>> rng = np.random.default_rng(0)
    >>> model = models.mlp([784, 10, 10], rng)
    >>> found = study.compare_by_hand(model, rng.random((32, 784), np.float32), np.arange(32) % 10)
    >>> found["dW1"].by_hand.shape, found["dW1"].difference < 1e-6
    ((784, 10), True)
    >>> found["dW1"].code
    'dW1 = 1 / m * dZ1 @ X.T  # 10 x 784'
    >>> found["dW1"].rules
    ('softmax_cross_entropy', 'affine', 'relu', 'affine')
    """
    parameters = two_layers(model)
    X = as_array(images.numpy() if isinstance(images, Tensor) else images)
    t = np.asarray(labels.numpy() if isinstance(labels, Tensor) else labels)
    if X.dtype.kind != "f":
        raise TypeError(f"images: expected floats, as data.scale makes them, not {X.dtype}")
    with enable_grad():
        steps = trace(nn.functional.softmax_cross_entropy(model(Tensor(X)), t), model)
    W1, b1, W2, b2 = (np.atleast_2d(parameter.numpy()).T for parameter in parameters)
    Y = by_hand.one_hot(t, len(b2), X.dtype)
    Z1, A1, _, A2 = by_hand.forward(X.T, W1, b1, W2, b2)
    found = dict(zip(_PARAMETERS, by_hand.backward(X.T, Y, Z1, A1, A2, W2), strict=True))
    places = _lines()
    return Comparison(
        Derivation(
            name,
            parameter,
            found[name].T.reshape(steps.gradients[parameter].shape),
            steps.gradients[parameter],
            *places[name],
            steps[parameter],
        )
        for name, parameter in _PARAMETERS.items()
    )


def two_layers(model: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Take the weights and biases out of the two-layer network: those of W1, b1, W2 and b2.

    Raises
    ------
    ValueError
        If the model is another one, if its layers share a parameter, or if one of them is frozen.
        The message says what was expected.
    """
    layers = list(model) if type(model) is nn.Sequential else []
    match layers:
        case [
            nn.Linear(weight=W1, bias=Tensor() as b1),
            nn.ReLU(),
            nn.Linear(weight=W2, bias=Tensor() as b2),
        ]:
            _check_learned(W1, b1, W2, b2)
            return W1, b1, W2, b2
    found = ", ".join(type(layer).__name__ for layer in layers) or type(model).__name__
    raise ValueError(
        f"the gradients were derived by hand for the two-layer network only, Sequential(Linear, "
        f"ReLU, Linear) with biases, and this model is {found}"
    )


def _check_learned(*parameters: Tensor) -> None:
    """Refuse parameters that are not learned, or not each by itself: by hand, all are."""
    if len({id(parameter) for parameter in parameters}) < len(parameters):
        raise ValueError(
            "the gradients were derived by hand for two layers with parameters of their own, and "
            "these share some"
        )
    for name, parameter in zip(_PARAMETERS.values(), parameters, strict=True):
        if not parameter.requires_grad:
            raise ValueError(
                f"the gradients were derived by hand for all parameters, and {name} is frozen: it "
                f"needs requires_grad=True"
            )


@cache
def _lines() -> dict[str, tuple[int, str]]:
    """Find the lines of `by_hand.backward` that compute each variable: number and text."""
    lines, start = inspect.getsourcelines(by_hand.backward)
    return {
        target.id: (start + statement.lineno - 1, lines[statement.lineno - 1].strip())
        for statement in ast.walk(ast.parse("".join(lines)))
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
