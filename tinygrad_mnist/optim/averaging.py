"""The moving average of a model's weights, which often does better than the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import add, multiply, subtract

from ..checks import checked, fraction, steps
from ..engine import never_captured, wrote
from ..tensor import Tensor
from .blocks import constant, cut

if TYPE_CHECKING:
    from ..nn.module import Module

__all__ = ["ExponentialMovingAverage"]

Array = Any


class ExponentialMovingAverage:
    """An average of a model's state in which older values fade.

    Every update does, for each Tensor of floating-point numbers in the model's state::

        average = average + (1 - d) * (value - average),    d = min(decay, (1 + n) / (10 + n))

    where `n` updates came before, so that the first values, which the average starts from, fade
    quickly (`num_updates` of TensorFlow's ``tf.train.ExponentialMovingAverage``). Whatever else
    is in the state, such as counters, is copied.

    Parameters
    ----------
    model
        The Module. It may be trained on, and have its Tensors replaced by others of the same
        shapes, but its parts keep their names.
    decay
        How much of the average stays at each update, from 0 up to less than 1.

    Attributes
    ----------
    updates
        How many there were.

    Raises
    ------
    ValueError
        If the decay makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import nn, no_grad
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> average = ExponentialMovingAverage(layer, decay=0.5)
    >>> with no_grad():
    ...     layer.weight[...] = 7.0
    >>> for _ in range(20):
    ...     average.update()
    >>> with average.applied():
    ...     round(layer.weight.item(), 4)
    7.0
    """

    def __init__(self, model: Module, decay: float = 0.999) -> None:
        checks = {"decay": fraction}
        self.decay = checked("ExponentialMovingAverage", checks, {"decay": decay})["decay"]
        self.updates = 0
        self._model = model
        tensors = self._tensors()
        self._values = {name: np.array(tensor._array) for name, tensor in tensors.items()}
        self._blocks = dict(zip(tensors, cut([*self._values.values()], 1), strict=True))

    def is_of(self, model: Module) -> bool:
        """Tell whether it follows this model."""
        return model is self._model

    def update(self) -> None:
        """Let the model's present values enter the average.

        Raises
        ------
        ValueError
            If the model has other Tensors than it had at first.
        """
        never_captured("average.update() is for Python; call it after the compiled step")
        tensors = self._known_tensors("update")
        fresh = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, tensor in tensors.items():
            average, values = self._values[name], tensor._array
            if average.dtype.kind != "f":
                average[...] = values
                continue
            share = constant(fresh, average.dtype)
            for a, value, s in self._blocks[name].of(average, values):
                add(a, multiply(subtract(value, a, s), share, s), a)
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model have the averaged values within this block.

        Afterwards, and if the block raises, the model has exactly the values that it had before;
        what was written to it within the block is lost.

        Raises
        ------
        ValueError
            If the model has other Tensors than it had at first.
        """
        tensors = self._known_tensors("applied")
        before = {name: np.array(tensor._array) for name, tensor in tensors.items()}
        try:
            _write(tensors, self._values)
            yield
        finally:
            _write(tensors, before)

    def state_dict(self) -> dict[str, Any]:
        """Copy the count of ``"updates"`` and, by name, the averaged ``"values"``."""
        values = {name: np.array(value) for name, value in self._values.items()}
        return {"updates": self.updates, "values": values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises
        ------
        ValueError
            If it belongs to another model, or its count makes no sense. Nothing is changed then.
        """
        what = "ExponentialMovingAverage: load_state_dict"
        if state.keys() != {"updates", "values"}:
            raise ValueError(f"{what}: expected 'updates' and 'values', not {list(state)}")
        updates = checked(what, {"updates": steps}, {"updates": state["updates"]})["updates"]
        values = {name: np.asarray(value) for name, value in state["values"].items()}
        _check_same(what, self._values, values)
        self.updates = updates
        for name, value in self._values.items():
            value[...] = values[name]

    def _tensors(self) -> dict[str, Tensor]:
        """Find the Tensors of the model's state, those with several names once."""
        first: dict[int, str] = {}
        tensors = {}
        for name, tensor in self._model.named_state():
            if first.setdefault(id(tensor), name) == name:
                tensors[name] = tensor
        return tensors

    def _known_tensors(self, what: str) -> dict[str, Tensor]:
        tensors = self._tensors()
        found = {name: tensor._array for name, tensor in tensors.items()}
        _check_same(f"ExponentialMovingAverage: {what}", self._values, found)
        return tensors


def _check_same(what: str, own: Mapping[str, Array], found: Mapping[str, Array]) -> None:
    """Refuse arrays that have other names, shapes or dtypes."""
    wrong = [f"{name} is missing" for name in own.keys() - found.keys()]
    wrong += [f"{name} is unknown" for name in found.keys() - own.keys()]
    wrong += [
        f"{name} is {found[name].dtype} of shape {found[name].shape} where {own[name].dtype} of "
        f"shape {own[name].shape} was expected"
        for name in own.keys() & found.keys()
        if (own[name].shape, own[name].dtype) != (found[name].shape, found[name].dtype)
    ]
    if wrong:
        raise ValueError(f"{what}: {'; '.join(sorted(wrong))}")


def _write(tensors: Mapping[str, Tensor], values: Mapping[str, Array]) -> None:
    """Set the values of Tensors, in place."""
    arrays = {name: tensor.writable() for name, tensor in tensors.items()}
    for name, array in arrays.items():
        array[...] = values[name]
    wrote(*arrays.values())
