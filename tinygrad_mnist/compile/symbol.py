"""A symbol: what stands for an array while a step is captured.

It speaks NumPy's protocols, so that the rules, the optimisers and whatever the step itself does
run on it as they are; each function that is called on it is noted as an operation. It has a shape
and a dtype, but whoever asks for its elements gets an error, since they will be others in the next
step.

Arrays can be written to; values of a program are computed once. So a symbol is a name for a value
that changes when it is written to, and a view remembers what it looks at: writing to it makes a new
value of that.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import as_strided

from ..engine import ForeignArray, Traced
from . import operations
from .canonical import canonical, plain_index
from .operations import getitem, setitem

if TYPE_CHECKING:
    from .program import Value
    from .recording import Recording

__all__ = ["Symbol", "replaced"]


def _method(name: str) -> Any:
    """Make a method of a function of NumPy."""
    function = getattr(np, name)

    def method(self: Symbol, *args: Any, **keywords: Any) -> Any:
        return self._call(function, (self, *args), keywords)

    return method


class Symbol(NDArrayOperatorsMixin, ForeignArray):
    """A name for the values that an array has, one after the other, in a step.

    Parameters
    ----------
    recording
        Notes what is done with it.
    value
        Its present value.
    base, view
        What it looks at, if it is a view, and the operation that does.
    """

    __slots__ = ("__weakref__", "_recording", "_seen", "_value", "_view", "base")

    def __init__(
        self,
        recording: Recording,
        value: Value,
        base: Symbol | None = None,
        view: Callable[[Value], Value] | None = None,
    ) -> None:
        self._recording = recording
        self._value = value
        self.base = base
        self._view = view
        self._seen = None if base is None else base.value

    # --- its values -----------------------------------------------------------------------

    @property
    def value(self) -> Value:
        """The value that it has now."""
        if self.base is not None and self.base.value is not self._seen:
            assert self._view is not None  # noqa: S101  # a view knows how it looks
            self._seen = self.base.value
            self._value = self._view(self._seen)
        return self._value

    def write(self, value: Value) -> None:
        """Give it another value, of the same shape and dtype."""
        self._recording.check_writable(self)
        if self.base is not None:
            self.base.write(self._recording.seen_from(self.value, self.base.value, value))
            self._seen = self.base.value
        self._value = value

    # --- what it is -----------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """As of arrays."""
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of arrays."""
        return self._value.dtype

    @property
    def ndim(self) -> int:
        """As of arrays."""
        return len(self._value.shape)

    @property
    def size(self) -> int:
        """As of arrays."""
        return self._value.size

    @property
    def nbytes(self) -> int:
        """As of arrays."""
        return self._value.nbytes

    @property
    def itemsize(self) -> int:
        """As of arrays."""
        return self._value.dtype.itemsize

    @property
    def flags(self) -> Any:
        """As of arrays."""
        value = self._value
        return as_strided(np.empty(1, value.dtype), value.shape, value.strides).flags

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<symbol of shape {self.shape}, {self.dtype}>"

    # --- what it computes -----------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self._call(function, inputs, keywords)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
    ) -> Any:
        if any(issubclass(kind, Traced) for kind in types):
            return NotImplemented  # the rules know what to do with Tensors
        return self._call(function, args, dict(keywords))

    def _call(
        self, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        if (bystanders := self._recording.bystanders).are_here():
            return bystanders.call(function, args, keywords)
        out = keywords.pop("out", None)
        where = keywords.pop("where", True) if out is not None else True
        function, args, keywords = canonical(function, args, keywords)
        found = self._recording.note(function, args, keywords)
        if out is None:
            return found
        (target,) = out if isinstance(out, tuple) else (out,)
        self._recording.copy_to(target, found, where)
        return target

    # --- ndarray's methods ----------------------------------------------------------------

    sum, mean, var, std, prod = map(_method, ("sum", "mean", "var", "std", "prod"))
    max, min, any, all = map(_method, ("max", "min", "any", "all"))
    argmax, argmin, argsort = map(_method, ("argmax", "argmin", "argsort"))
    dot, take, clip, round = map(_method, ("dot", "take", "clip", "round"))
    cumsum, cumprod, repeat = map(_method, ("cumsum", "cumprod", "repeat"))
    ravel, squeeze, swapaxes = map(_method, ("ravel", "squeeze", "swapaxes"))
    diagonal, trace, conj = map(_method, ("diagonal", "trace", "conj"))

    def copy(self, order: str = "C") -> Any:
        """As of arrays."""
        return self._call(np.copy, (self, order), {})

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """As of arrays."""
        return self._call(np.reshape, (self, shape[0] if len(shape) == 1 else shape, order), {})

    def transpose(self, *axes: Any) -> Any:
        """As of arrays."""
        if len(axes) == 1 and not isinstance(axes[0], int):
            axes = axes[0]
        return self._call(np.transpose, (self, axes or None), {})

    @property
    def T(self) -> Any:  # noqa: N802
        """As of arrays."""
        return self._call(np.transpose, (self,), {})

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """As of arrays."""
        return self._call(operations.astype, (self, np.dtype(dtype)), {})

    def view(self) -> Symbol:
        """See the same array."""
        return self

    # --- its parts ------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        return self._call(getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        if (bystanders := self._recording.bystanders).are_here():
            bystanders.call(operator.setitem, (self, index, value), {})
            return
        if index is Ellipsis:
            self._recording.copy_to(self, value, True)
            return
        new = self._recording.note(setitem, (self, plain_index(index), value), {})
        self.write(new.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            self._recording.refuse(f"the method {name} of an array can't be captured")
        raise AttributeError(f"a symbol has no {name}")

    # --- what nobody can know -------------------------------------------------------------

    def _look(self, what: str) -> Any:
        return self._recording.looked_at(self, what)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self._look("turning it into a NumPy array"), dtype)

    def __bool__(self) -> bool:
        return bool(self._look("a condition, as of `if` or `while`,"))

    def __float__(self) -> float:
        return float(self._look("float()"))

    def __int__(self) -> int:
        return int(self._look("int()"))

    def __index__(self) -> int:
        return operator.index(self._look("an index made of it"))

    def __format__(self, spec: str) -> str:
        return format(self._look("formatting it"), spec)

    def item(self, *place: Any) -> Any:
        """As of arrays."""
        return self._look(".item()").item(*place)

    def tolist(self) -> Any:
        """As of arrays."""
        return self._look(".tolist()").tolist()


def replaced(part: Any, make: Callable[[Symbol], Any]) -> Any:
    """Put something else in the place of each symbol in tuples, lists, dicts and slices."""
    if isinstance(part, Symbol):
        return make(part)
    if isinstance(part, slice):
        return slice(*(replaced(end, make) for end in (part.start, part.stop, part.step)))
    if isinstance(part, tuple | list) and not hasattr(part, "_fields"):
        return type(part)(replaced(each, make) for each in part)
    if isinstance(part, dict):
        return {name: replaced(each, make) for name, each in part.items()}
    return part
