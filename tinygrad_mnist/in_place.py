"""Writing to a Tensor in place: only where nothing is recorded, and never behind the engine's back.

Whoever writes tells the engine, which then refuses to sweep through what it had saved before.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .engine import Traced, check_result, plain_error, recording, wrote
from .methods import Methods
from .operators import own_index
from .rules import call

__all__ = ["InPlace"]


class InPlace(Methods):
    """What of a `tinygrad_mnist.Tensor` writes to it."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        if recording.get():
            if self._node is not None:
                raise RuntimeError(
                    "t[...] = v: a Tensor that needs a gradient is not written to in place; "
                    "build a new one, as with np.where(mask, v, t), or write within no_grad()"
                )
            if isinstance(value, Traced) and value._node is not None:
                raise RuntimeError(
                    "t[...] = v: the gradient of v would be lost; build a new Tensor, as with "
                    "np.where or np.concatenate, or write v.detach()"
                )
        array = self.writable()
        try:
            array[own_index(index)] = value._array if isinstance(value, Traced) else value
        except (TypeError, ValueError, IndexError) as error:
            raise plain_error(
                error, f"t[...] = v on a Tensor of shape {self._array.shape}: {error}"
            ) from None
        wrote(array)

    def writable(self) -> Any:
        """Return the array itself, for writing to it. Whoever does, calls `engine.wrote`."""
        if isinstance(self._array, np.generic):  # NumPy's results without axes are immutable
            self._array = np.array(self._array)
        if not self._array.flags.writeable:
            raise ValueError(f"this Tensor of shape {self._array.shape} looks at read-only memory")
        return self._array

    def _augmented(self, function: np.ufunc, other: Any) -> Self:
        """Do ``t += other``: a new Tensor while operations are recorded, in place otherwise."""
        if recording.get():
            return call(function, (self, other))
        array = self.writable()
        try:
            function(array, other._array if isinstance(other, Traced) else other, out=array)
        except (TypeError, ValueError) as error:
            raise plain_error(error, f"{function.__name__} in place: {error}") from None
        wrote(array)
        check_result(array, f"{function.__name__} in place")
        return self

    def __iadd__(self, other: Any) -> Self:
        return self._augmented(np.add, other)

    def __isub__(self, other: Any) -> Self:
        return self._augmented(np.subtract, other)

    def __imul__(self, other: Any) -> Self:
        return self._augmented(np.multiply, other)

    def __itruediv__(self, other: Any) -> Self:
        return self._augmented(np.divide, other)

    def __ifloordiv__(self, other: Any) -> Self:
        return self._augmented(np.floor_divide, other)

    def __imod__(self, other: Any) -> Self:
        return self._augmented(np.remainder, other)

    def __ipow__(self, other: Any) -> Self:
        return self._augmented(np.power, other)
