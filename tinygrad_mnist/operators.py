"""What a Tensor can compute: its operators and methods, each a short way to a rule."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from .engine import Traced, apply, wrap
from .rules import (
    RULES,
    call,
    cast,
    getitem,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    softmax,
)

__all__ = ["Operators", "own_index"]

Axis = int | tuple[int, ...] | None

_ADD, _SUBTRACT = RULES[np.add], RULES[np.subtract]
_MULTIPLY, _DIVIDE = RULES[np.multiply], RULES[np.divide]
_REMAINDER, _POWER = RULES[np.remainder], RULES[np.power]
_MATMUL, _NEGATIVE = RULES[np.matmul], RULES[np.negative]
_SUM, _MEAN, _VAR = RULES[np.sum], RULES[np.mean], RULES[np.var]
_MAX, _MIN = RULES[np.max], RULES[np.min]
_RESHAPE, _TRANSPOSE = RULES[np.reshape], RULES[np.transpose]


def own_index(index: Any) -> Any:
    """Make an index of integers, slices and arrays that nobody else can change."""
    if isinstance(index, tuple):
        return tuple(_own_part(part) for part in index)
    return _own_part(index)


def _own_part(part: Any) -> Any:
    if part is None or part is Ellipsis or isinstance(part, int | np.integer | np.bool_ | slice):
        return part
    array = np.array(part._array if isinstance(part, Traced) else part)
    return array.astype(np.intp) if not array.size and isinstance(part, list | tuple) else array


class Operators(Traced):
    """The operators and methods of `tinygrad_mnist.Tensor`."""

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

    def __or__(self, other: Any) -> Self:
        return call(np.bitwise_or, (self, other))

    def __xor__(self, other: Any) -> Self:
        return call(np.bitwise_xor, (self, other))

    def __invert__(self) -> Self:
        return call(np.invert, (self,))

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Self:
        return getitem(self, index=own_index(index))

    # --- methods, as NumPy and PyTorch have them ------------------------------------------

    def sum(self, axis: Axis = None, *, keepdims: bool = False) -> Self:
        """As `numpy.sum`."""
        return apply(_SUM, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Axis = None, *, keepdims: bool = False) -> Self:
        """As `numpy.mean`."""
        return apply(_MEAN, (self,), {"axis": axis, "keepdims": keepdims})

    def var(self, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> Self:
        """As `numpy.var`."""
        return apply(_VAR, (self,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def max(self, axis: Axis = None, *, keepdims: bool = False) -> Self:
        """As `numpy.max`; elements that tie share the gradient."""
        return apply(_MAX, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Axis = None, *, keepdims: bool = False) -> Self:
        """As `numpy.min`; elements that tie share the gradient."""
        return apply(_MIN, (self,), {"axis": axis, "keepdims": keepdims})

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Self:
        """As `numpy.argmax`: the place of the largest element; it carries no gradient."""
        return call(np.argmax, (self,), {"axis": axis, "keepdims": keepdims})

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Self:
        """As `numpy.argmin`: the place of the smallest element; it carries no gradient."""
        return call(np.argmin, (self,), {"axis": axis, "keepdims": keepdims})

    def dot(self, other: Any) -> Self:
        """As `numpy.dot`."""
        return call(np.dot, (self, other))

    def reshape(self, *shape: Any) -> Self:
        """As `numpy.reshape`: ``t.reshape(2, 3)`` or ``t.reshape((2, 3))``."""
        return apply(_RESHAPE, (self,), {"shape": shape[0] if len(shape) == 1 else shape})

    def transpose(self, *axes: Any) -> Self:
        """As `numpy.transpose`: ``t.transpose()``, ``t.transpose(1, 0)`` or with a tuple."""
        if len(axes) == 1 and not isinstance(axes[0], int):
            axes = axes[0]
        return apply(_TRANSPOSE, (self,), {"axes": None if not axes else tuple(axes)})

    @property
    def T(self) -> Self:  # noqa: N802
        """The axes in reverse."""
        return apply(_TRANSPOSE, (self,))

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """As `numpy.swapaxes`."""
        return call(np.swapaxes, (self, axis1, axis2))

    def squeeze(self, axis: Axis = None) -> Self:
        """As `numpy.squeeze`."""
        return call(np.squeeze, (self, axis))

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert to another dtype; only a floating-point one carries the gradient on."""
        if np.dtype(dtype).kind == "f":
            return cast(self, dtype=dtype)
        return wrap(type(self), self._array.astype(dtype))

    def exp(self) -> Self:
        """As `numpy.exp`."""
        return call(np.exp, (self,))

    def log(self) -> Self:
        """As `numpy.log`: the natural logarithm."""
        return call(np.log, (self,))

    def sqrt(self) -> Self:
        """As `numpy.sqrt`."""
        return call(np.sqrt, (self,))

    def square(self) -> Self:
        """As `numpy.square`."""
        return call(np.square, (self,))

    def tanh(self) -> Self:
        """As `numpy.tanh`."""
        return call(np.tanh, (self,))

    def abs(self) -> Self:
        """As `numpy.abs`."""
        return call(np.absolute, (self,))

    def clip(self, min: Any = None, max: Any = None) -> Self:
        """As `numpy.clip`."""
        return call(np.clip, (self, min, max))

    def relu(self) -> Self:
        """Replace what is negative by 0."""
        return relu(self)

    def sigmoid(self) -> Self:
        """Compute ``1 / (1 + exp(-t))``, without overflow."""
        return sigmoid(self)

    def softmax(self, axis: int = -1) -> Self:
        """Exponentiate and normalise, so that the elements along the axis sum to 1."""
        return softmax(self, axis=axis)

    def log_softmax(self, axis: int = -1) -> Self:
        """Compute the logarithm of `softmax`, without underflow."""
        return log_softmax(self, axis=axis)

    def logsumexp(self, axis: Axis = None, *, keepdims: bool = False) -> Self:
        """Compute ``log(sum(exp(t)))`` along the axis, without overflow."""
        return logsumexp(self, axis=axis, keepdims=keepdims)
