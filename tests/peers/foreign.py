"""Other frameworks' arrays, made to answer NumPy: `np.tanh(foreign)` runs the peer's `tanh`.

Thus the samples of the rows, which are NumPy calls, run on a peer as they are. A `Peer` knows
which of its functions answers which of NumPy's, and how it differentiates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tinygrad_mnist.rules import RULES

__all__ = ["Foreign", "Peer", "Refused", "because", "name_of"]

Function = Callable[..., Any]

REFUSALS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError)


class Refused(Exception):  # noqa: N818  # nothing of ours went wrong
    """The peer does not take these arguments, or cannot differentiate here."""


def name_of(function: Function) -> str:
    """Name a function as people call it: ``np.linalg.inv``, or a row of our own, ``relu``."""
    module = function.__module__ or "numpy"
    if module.startswith("numpy"):
        return f"np{module.removeprefix('numpy')}.{function.__name__}"
    return RULES[function].name


def because(names: Mapping[str, str]) -> dict[str, str]:
    """List the reason of every function, where all that share one stand together."""
    return {name: reason for reason in names for name in names[reason].split()}


class Peer(ABC):
    """A framework to compare with.

    Attributes
    ----------
    functions
        What answers a function, by its name, where it is not the peer's function of that name.
    absent
        Why a function is not compared: there is no such function, or it means something else.
    partly
        Why some samples of a function are not compared: the peer refuses them.
    differently
        Why the peer disagrees on some samples of a function.
    """

    functions: Mapping[str, Function]
    absent: Mapping[str, str]
    partly: Mapping[str, str]
    differently: Mapping[str, str]

    @abstractmethod
    def array(self, value: np.ndarray) -> Any:
        """Turn a NumPy array into one of the peer's."""

    @abstractmethod
    def as_numpy(self, value: Any) -> np.ndarray:
        """Turn one of the peer's arrays into NumPy's."""

    @abstractmethod
    def namesake(self, name: str) -> Function | None:
        """Find the peer's own function of NumPy's name, if it has one."""

    @abstractmethod
    def native_grad(self, function: Function, places: Sequence[int]) -> Function:
        """Make the function that computes the gradients at these places, as a tuple."""

    def find(self, name: str) -> Function | None:
        """Find what answers a function."""
        return self.functions.get(name) or self.namesake(name)

    def foreign(self, values: Sequence[Any]) -> list[Any]:
        """Make foreign arrays of the floating-point ones, and leave the others as they are."""
        return [
            Foreign(self, self.array(a)) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
            for a in values
        ]

    def call(self, name: str, args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        """Answer a call of NumPy's, or of a row of our own, on foreign arrays."""
        function = self.find(name)
        if function is None:
            raise Refused(f"{name}: there is no such function")
        try:
            return self.wrapped(function(*self.bare(args), **self.bare(keywords)))
        except REFUSALS as error:
            raise Refused(f"{name}: {error}") from error

    def run(self, function: Function, values: Sequence[Any]) -> Any:
        """Call a function on foreign arrays. A peer may compile it first."""
        return function(*values)

    def grad(self, function: Function, places: Sequence[int]) -> Function:
        """Make the function that computes gradients: foreign arrays in, foreign arrays out."""

        def native(*values: Any) -> Any:
            return self.bare(function(*self.wrapped(values)))

        differentiated = self.native_grad(native, places)

        def on_foreign(*values: Any) -> Any:
            try:
                return self.wrapped(differentiated(*self.bare(values)))
            except REFUSALS as error:
                raise Refused(f"no gradient: {error}") from error

        return on_foreign

    def bare(self, value: Any) -> Any:
        """Take the peer's arrays out of foreign ones, and make such of NumPy's."""
        if isinstance(value, Foreign):
            return value.native
        if isinstance(value, tuple | list):
            return type(value)(self.bare(item) for item in value)
        if isinstance(value, Mapping):
            return {key: self.bare(item) for key, item in value.items()}
        return self.array(value) if isinstance(value, np.ndarray) else value

    def wrapped(self, value: Any) -> Any:
        """Make foreign arrays of whatever the peer returned; pairs stay pairs."""
        if isinstance(value, tuple | list):
            items = [self.wrapped(item) for item in value]
            return type(value)(*items) if hasattr(value, "_make") else type(value)(items)
        return Foreign(self, value) if hasattr(value, "shape") else value


class Foreign(NDArrayOperatorsMixin):
    """An array of a peer's that speaks NumPy's protocols. Its methods are NumPy's functions."""

    def __init__(self, peer: Peer, native: Any) -> None:
        self.peer = peer
        self.native = native

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.native.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(str(self.native.dtype).removeprefix("torch."))

    def numpy(self) -> np.ndarray:
        return self.peer.as_numpy(self.native)

    @property
    def T(self) -> Any:  # noqa: N802  # as NumPy has it
        return np.transpose(self)  # type: ignore[call-overload]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        assert method == "__call__"
        return self.peer.call(name_of(ufunc), inputs, keywords)

    def __array_function__(
        self, function: Function, types: Any, args: Sequence[Any], keywords: Mapping[str, Any]
    ) -> Any:
        return self.peer.call(name_of(function), args, keywords)

    def __getitem__(self, index: Any) -> Any:
        return self.peer.call("getitem", (self, index), {})

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        return self.shape[0]

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **keywords: getattr(np, name)(self, *args, **keywords)
