"""Optimisers: how the parameters follow their gradients.

An optimiser writes to the parameters in place and notes the write, so that a graph that still
needs the old values says so.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .engine import Leaf, Traced, wrote
from .tensor import Tensor

__all__ = ["SGD"]


class SGD:
    """Stochastic gradient descent, with momentum and weight decay.

    Every step does, with the gradient `g` of each parameter `p`, as PyTorch does::

        g = g + weight_decay * p
        v = momentum * v + g
        p = p - lr * v

    Parameters
    ----------
    parameters
        The Tensors to learn.
    lr
        The learning rate, which may be changed between steps.
    momentum
        How much of the last step's velocity stays, from 0 up to less than 1.
    weight_decay
        The strength of the pull towards 0.

    Raises
    ------
    ValueError
        If there is nothing to learn, or a number makes no sense.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> optimiser = SGD([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimiser.step()
    >>> round(x.item(), 6)
    2.4
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        if not self.parameters:
            raise ValueError("SGD: no parameters to learn")
        for parameter in self.parameters:
            if not (isinstance(parameter, Tensor) and parameter.is_leaf):
                raise ValueError(f"SGD: {parameter!r} is not a leaf Tensor")
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError("SGD: a parameter is listed twice, and would be moved twice")
        if not (math.isfinite(lr) and lr >= 0):
            raise ValueError(f"SGD: lr is {lr}; expected a finite number, 0 or more")
        if not 0 <= momentum < 1:
            raise ValueError(f"SGD: momentum is {momentum}; expected 0 or more, but less than 1")
        if not (math.isfinite(weight_decay) and weight_decay >= 0):
            raise ValueError(f"SGD: weight_decay is {weight_decay}; expected 0 or more")
        for parameter in self.parameters:
            parameter.writable()
        self._velocities: list[np.ndarray | None] = [None] * len(self.parameters)
        # Each parameter with memory for what its step computes on the way.
        self._places = [(p, np.empty_like(p.numpy())) for p in self.parameters]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for parameter in self.parameters:
            if isinstance(parameter._node, Leaf):
                parameter._node.grad = None

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        written = []
        rates: dict[Any, np.ndarray] = {}  # NumPy multiplies faster by arrays than by floats
        for i, (parameter, scratch) in enumerate(self._places):
            node, values = parameter._node, parameter._array
            if not isinstance(node, Leaf) or node.grad is None:
                continue
            g = node.grad._array if isinstance(node.grad, Traced) else node.grad
            if self.weight_decay:
                g = np.add(g, np.multiply(values, self.weight_decay, scratch), scratch)
            if self.momentum:
                g = self._velocity(i, g)
            rate = rates.get(values.dtype)
            if rate is None:
                rate = rates[values.dtype] = np.array(self.lr, values.dtype)
            values -= np.multiply(g, rate, scratch)
            written.append(values)
        wrote(*written)

    def _velocity(self, i: int, g: np.ndarray) -> np.ndarray:
        """Add the gradient to what momentum has left of the velocity."""
        velocity = self._velocities[i]
        if velocity is None:
            velocity = self._velocities[i] = np.array(g)
        else:
            velocity *= self.momentum
            velocity += g
        return velocity
