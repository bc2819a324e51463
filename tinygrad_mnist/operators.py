"""The operators of a Tensor, each a short way to a rule."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .engine import Traced, apply, owned
from .rules import RULES, call, getitem

__all__ = ["Operators", "own_index"]

_ADD, _SUBTRACT = RULES[np.add], RULES[np.subtract]
_MULTIPLY, _DIVIDE = RULES[np.multiply], RULES[np.divide]
_REMAINDER, _POWER = RULES[np.remainder], RULES[np.power]
_MATMUL, _NEGATIVE = RULES[np.matmul], RULES[np.negative]


def own_index(index: Any) -> Any:
    """Make an index of integers, slices and arrays that nobody else can change."""
    if isinstance(index, tuple):
        return tuple(_own_part(part) for part in index)
    return _own_part(index)


def _own_part(part: Any) -> Any:
    if part is None or part is Ellipsis or isinstance(part, int | np.integer | np.bool_ | slice):
        return part
    array = owned(part)
    return array.astype(np.intp) if not array.size and isinstance(part, list | tuple) else array


class Operators(Traced):
    """The operators of `tinygrad_mnist.Tensor`."""

    __slots__ = ()

    def __add__(self, other: Any) -> Self:
        return apply(_ADD, (self, other))

    def __radd__(self, other: Any) -> Self:
        return apply(_ADD, (other, self))

    def __sub__(self, other: Any) -> Self:
        return apply(_SUBTRACT, (self, other))

    def __rsub__(self, other: Any) -> Self:
        return apply(_SUBTRACT, (other, self))

    def __mul__(self, other: Any) -> Self:
        return apply(_MULTIPLY, (self, other))

    def __rmul__(self, other: Any) -> Self:
        return apply(_MULTIPLY, (other, self))

    def __truediv__(self, other: Any) -> Self:
        return apply(_DIVIDE, (self, other))

    def __rtruediv__(self, other: Any) -> Self:
        return apply(_DIVIDE, (other, self))

    def __floordiv__(self, other: Any) -> Self:
        return call(np.floor_divide, (self, other))

    def __rfloordiv__(self, other: Any) -> Self:
        return call(np.floor_divide, (other, self))

    def __mod__(self, other: Any) -> Self:
        return apply(_REMAINDER, (self, other))

    def __rmod__(self, other: Any) -> Self:
        return apply(_REMAINDER, (other, self))

    def __divmod__(self, other: Any) -> tuple[Self, Self]:
        return call(np.divmod, (self, other))

    def __rdivmod__(self, other: Any) -> tuple[Self, Self]:
        return call(np.divmod, (other, self))

    def __pow__(self, other: Any) -> Self:
        return apply(_POWER, (self, other))

    def __rpow__(self, other: Any) -> Self:
        return apply(_POWER, (other, self))

    def __matmul__(self, other: Any) -> Self:
        return apply(_MATMUL, (self, other))

    def __rmatmul__(self, other: Any) -> Self:
        return apply(_MATMUL, (other, self))

    def __neg__(self) -> Self:
        return apply(_NEGATIVE, (self,))

    def __pos__(self) -> Self:
        return call(np.positive, (self,))

    def __abs__(self) -> Self:
        return call(np.absolute, (self,))

    def __round__(self, ndigits: int = 0) -> Self:
        return call(np.round, (self, ndigits))

    def __floor__(self) -> Self:
        return call(np.floor, (self,))

    def __ceil__(self) -> Self:
        return call(np.ceil, (self,))

    def __trunc__(self) -> Self:
        return call(np.trunc, (self,))

    def __eq__(self, other: object) -> Any:
        return call(np.equal, (self, other))

    def __ne__(self, other: object) -> Any:
        return call(np.not_equal, (self, other))

    def __lt__(self, other: Any) -> Self:
        return call(np.less, (self, other))

    def __le__(self, other: Any) -> Self:
        return call(np.less_equal, (self, other))

    def __gt__(self, other: Any) -> Self:
        return call(np.greater, (self, other))

    def __ge__(self, other: Any) -> Self:
        return call(np.greater_equal, (self, other))

    def __and__(self, other: Any) -> Self:
        return call(np.bitwise_and, (self, other))

    def __rand__(self, other: Any) -> Self:
        return call(np.bitwise_and, (other, self))

    def __or__(self, other: Any) -> Self:
        return call(np.bitwise_or, (self, other))

    def __ror__(self, other: Any) -> Self:
        return call(np.bitwise_or, (other, self))

    def __xor__(self, other: Any) -> Self:
        return call(np.bitwise_xor, (self, other))

    def __rxor__(self, other: Any) -> Self:
        return call(np.bitwise_xor, (other, self))

    def __lshift__(self, other: Any) -> Self:
        return call(np.left_shift, (self, other))

    def __rlshift__(self, other: Any) -> Self:
        return call(np.left_shift, (other, self))

    def __rshift__(self, other: Any) -> Self:
        return call(np.right_shift, (self, other))

    def __rrshift__(self, other: Any) -> Self:
        return call(np.right_shift, (other, self))

    def __invert__(self) -> Self:
        return call(np.invert, (self,))

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Self:
        return getitem(self, index=own_index(index))
