"""`Module`, what layers and models are, and `Sequential`, one layer after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from ..engine import no_grad
from ..tensor import Tensor

__all__ = ["Module", "Sequential", "walk"]


class Module:
    """A layer or a model: a thing with parameters that computes something from Tensors.

    A subclass sets its Tensors and its parts as attributes and defines `forward`. Every
    attribute that is a Tensor, a Module, or a list, tuple or dict of them, is found by its
    name: a Tensor that requires a gradient is a parameter, any other belongs to the state all
    the same.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = Tensor(2.0, requires_grad=True)
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(Tensor([1.0, 3.0])).tolist()
    [2.0, 6.0]
    """

    training: bool = True

    def forward(self, *inputs: Any) -> Any:
        """Compute the module's value; subclasses define it."""
        raise TypeError(f"{type(self).__name__} has no forward(): define it in the class")

    def __call__(self, *inputs: Any) -> Any:
        """Compute the module's value: what `forward` returns."""
        return self.forward(*inputs)

    # --- what it is made of ---------------------------------------------------------------

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the attributes, with their names."""
        yield from vars(self).items()

    def named_state(self) -> Iterator[tuple[str, Tensor]]:
        """Iterate over all Tensors inside, with names such as ``"0.weight"``."""
        return ((name, part) for name, part in walk("", self) if isinstance(part, Tensor))

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Iterate over the Tensors that are learned, each once, with their names."""
        seen: set[int] = set()
        for name, tensor in self.named_state():
            if tensor.requires_grad and id(tensor) not in seen:
                seen.add(id(tensor))
                yield name, tensor

    def parameters(self) -> list[Tensor]:
        """List the Tensors that are learned, each once."""
        return [tensor for _, tensor in self.named_parameters()]

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all modules inside."""
        return (part for _, part in walk("", self) if isinstance(part, Module))

    def extra_repr(self) -> str:
        """Write the arguments that the printed form shows."""
        return ""

    def __repr__(self) -> str:
        size = sum(parameter.size for parameter in self.parameters())
        count = f"  # {size:,} parameters" if size else ""
        inside = [
            (name, part)
            for attribute, value in self.parts()
            for name, part in walk(attribute, value, (id(self),), deep=False)
            if isinstance(part, Module)
        ]
        if not inside:
            return f"{type(self).__name__}({self.extra_repr()}){count}"
        lines = "\n".join(f"({name}): {part!r}" for name, part in inside).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {lines}\n){count}"

    # --- its state ------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copy the values of all Tensors inside into a dict of arrays, by name."""
        return {name: np.array(tensor.numpy()) for name, tensor in self.named_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the values of all Tensors inside.

        Raises
        ------
        ValueError
            If names are missing or unknown, a shape is another, or something is not made of real
            numbers. Nothing is set then.
        """
        own = dict(self.named_state())
        state = {k: v.numpy() if isinstance(v, Tensor) else np.asarray(v) for k, v in state.items()}
        wrong = [f"{name} is missing" for name in own.keys() - state.keys()]
        wrong += [f"{name} is unknown" for name in state.keys() - own.keys()]
        wrong += [
            f"{name} holds {state[name].dtype}, not real numbers"
            for name in own.keys() & state.keys()
            if state[name].dtype.kind not in "fiub"
        ]
        wrong += [
            f"{name} has shape {state[name].shape} where {own[name].shape} was expected"
            for name in own.keys() & state.keys()
            if state[name].shape != own[name].shape
        ]
        if wrong:
            raise ValueError(f"load_state_dict: {'; '.join(sorted(wrong))}")
        with no_grad():
            for name, tensor in own.items():
                tensor[...] = state[name]

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all inside to training, or with False to evaluation."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all inside to evaluation."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for parameter in self.parameters():
            parameter.grad = None


def walk(
    name: str, value: Any, above: tuple[int, ...] = (), *, deep: bool = True
) -> Iterator[tuple[str, Any]]:
    """Find the Tensors and Modules in a value, the value itself included.

    Lists, tuples and dicts are searched and, if `deep`, the modules that are found. A part that
    leads back to something above it is not entered again.
    """
    if id(value) in above:
        return
    if isinstance(value, Tensor | Module):
        yield name, value
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Module):
        parts = value.parts() if deep else ()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    elif isinstance(value, dict):
        parts = value.items()
    for key, part in parts:
        inner = f"{name}.{key}" if name else str(key)
        yield from walk(inner, part, (*above, id(value)), deep=deep)


class Sequential(Module):
    """Layers one after another, each fed with what the one before it computed.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.Sequential(nn.Linear(784, 10), nn.ReLU(), nn.Linear(10, 10))
    Sequential(
      (0): Linear(784, 10)  # 7,850 parameters
      (1): ReLU()
      (2): Linear(10, 10)  # 110 parameters
    )  # 7,960 parameters
    """

    def __init__(self, *layers: Module) -> None:
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        """Pass the input through all layers in turn."""
        for layer in self.layers:
            x = layer(x)
        return x

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the layers, named by their places, and over what a subclass adds."""
        yield from ((str(i), layer) for i, layer in enumerate(self.layers))
        yield from ((name, part) for name, part in vars(self).items() if name != "layers")

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Module:
        return self.layers[i]

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)
