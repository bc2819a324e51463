"""The methods of a Tensor that compute something: most are NumPy's functions of the Tensor.

Their names are those that NumPy's arrays or PyTorch's tensors have for them; their arguments are
NumPy's. Where the two mean different things by a name, as with `sort`, `split` and `median`,
there is no method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from .engine import wrap
from .operators import Operators
from .rules import call, cast, log_softmax, logsumexp, relu, sigmoid, softmax

__all__ = ["Methods"]


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of a function that NumPy calls us for."""

    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        return call(function, (self, *args), keywords)

    module = function.__module__ or "numpy"
    method.__name__ = function.__name__
    method.__qualname__ = f"Tensor.{function.__name__}"
    method.__doc__ = f"As `{module}.{function.__name__}`."
    return method


class Methods(Operators):
    """The methods of `tinygrad_mnist.Tensor` that compute something."""

    __slots__ = ()

    # --- elementwise ----------------------------------------------------------------------

    abs = absolute = _method(np.absolute)
    negative = _method(np.negative)
    positive = _method(np.positive)
    sign = _method(np.sign)
    reciprocal = _method(np.reciprocal)
    square = _method(np.square)
    sqrt = _method(np.sqrt)
    exp = _method(np.exp)
    exp2 = _method(np.exp2)
    expm1 = _method(np.expm1)
    log = _method(np.log)
    log2 = _method(np.log2)
    log10 = _method(np.log10)
    log1p = _method(np.log1p)
    sin = _method(np.sin)
    cos = _method(np.cos)
    tan = _method(np.tan)
    arcsin = asin = _method(np.arcsin)
    arccos = acos = _method(np.arccos)
    arctan = atan = _method(np.arctan)
    arctan2 = atan2 = _method(np.arctan2)
    sinh = _method(np.sinh)
    cosh = _method(np.cosh)
    tanh = _method(np.tanh)
    arcsinh = asinh = _method(np.arcsinh)
    arccosh = acosh = _method(np.arccosh)
    arctanh = atanh = _method(np.arctanh)
    sinc = _method(np.sinc)
    deg2rad = _method(np.deg2rad)
    rad2deg = _method(np.rad2deg)
    add = _method(np.add)
    subtract = _method(np.subtract)
    multiply = _method(np.multiply)
    divide = true_divide = _method(np.divide)
    floor_divide = _method(np.floor_divide)
    power = pow = _method(np.power)
    remainder = _method(np.remainder)
    fmod = _method(np.fmod)
    float_power = _method(np.float_power)
    hypot = _method(np.hypot)
    copysign = _method(np.copysign)
    maximum = _method(np.maximum)
    minimum = _method(np.minimum)
    fmax = _method(np.fmax)
    fmin = _method(np.fmin)
    logaddexp = _method(np.logaddexp)
    logaddexp2 = _method(np.logaddexp2)
    heaviside = _method(np.heaviside)
    clip = _method(np.clip)
    nan_to_num = _method(np.nan_to_num)
    conj = conjugate = _method(np.conjugate)
    ldexp = _method(np.ldexp)
    round = _method(np.round)
    floor = _method(np.floor)
    ceil = _method(np.ceil)
    trunc = _method(np.trunc)
    fix = _method(np.fix)
    signbit = _method(np.signbit)
    isnan = _method(np.isnan)
    isinf = _method(np.isinf)
    isfinite = _method(np.isfinite)
    isclose = _method(np.isclose)
    allclose = _method(np.allclose)
    logical_and = _method(np.logical_and)
    logical_or = _method(np.logical_or)
    logical_xor = _method(np.logical_xor)
    logical_not = _method(np.logical_not)

    # --- along axes -----------------------------------------------------------------------

    sum = _method(np.sum)
    mean = _method(np.mean)
    var = _method(np.var)
    max = _method(np.max)
    min = _method(np.min)
    amax = _method(np.amax)
    amin = _method(np.amin)
    prod = _method(np.prod)
    std = _method(np.std)
    any = _method(np.any)
    all = _method(np.all)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argsort = _method(np.argsort)
    argpartition = _method(np.argpartition)
    count_nonzero = _method(np.count_nonzero)
    cumsum = _method(np.cumsum)
    cumprod = _method(np.cumprod)
    diff = _method(np.diff)
    nansum = _method(np.nansum)
    nanmean = _method(np.nanmean)
    quantile = _method(np.quantile)
    nanquantile = _method(np.nanquantile)
    cov = _method(np.cov)
    corrcoef = _method(np.corrcoef)

    # --- shapes and picking ---------------------------------------------------------------

    def reshape(self, *shape: Any, **keywords: Any) -> Self:
        """As `numpy.reshape`: ``t.reshape(2, 3)`` or ``t.reshape((2, 3))``."""
        return call(np.reshape, (self, shape[0] if len(shape) == 1 else shape), keywords)

    def transpose(self, *axes: Any) -> Self:
        """As `numpy.transpose`: ``t.transpose()``, ``t.transpose(1, 0)`` or with a tuple."""
        if len(axes) == 1 and not isinstance(axes[0], int):
            axes = axes[0]
        return call(np.transpose, (self, tuple(axes) if axes else None))

    permute = transpose

    @property
    def T(self) -> Self:  # noqa: N802
        """The axes in reverse."""
        return call(np.transpose, (self,))

    @property
    def mT(self) -> Self:  # noqa: N802
        """The last two axes swapped: every matrix of a stack transposed."""
        return call(np.matrix_transpose, (self,))

    ravel = flatten = _method(np.ravel)
    swapaxes = _method(np.swapaxes)
    moveaxis = _method(np.moveaxis)
    squeeze = _method(np.squeeze)
    unsqueeze = _method(np.expand_dims)
    broadcast_to = _method(np.broadcast_to)
    repeat = _method(np.repeat)
    tile = _method(np.tile)
    roll = _method(np.roll)
    flip = _method(np.flip)
    fliplr = _method(np.fliplr)
    flipud = _method(np.flipud)
    rot90 = _method(np.rot90)
    take = _method(np.take)
    choose = _method(np.choose)
    diagonal = _method(np.diagonal)
    diag = _method(np.diag)
    diagflat = _method(np.diagflat)
    hsplit = _method(np.hsplit)
    vsplit = _method(np.vsplit)
    dsplit = _method(np.dsplit)
    trace = _method(np.trace)
    tril = _method(np.tril)
    triu = _method(np.triu)
    nonzero = _method(np.nonzero)
    searchsorted = _method(np.searchsorted)
    copy = _method(np.copy)

    def compress(self, condition: Any, axis: int | None = None) -> Self:
        """As `numpy.compress`, of this Tensor."""
        return call(np.compress, (condition, self), {"axis": axis})

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert to another dtype; only a floating-point one carries the gradient on."""
        kind = np.dtype(dtype).kind
        if kind == "f":
            return cast(self, dtype=dtype)
        if kind not in "iub":
            raise TypeError(f"astype: a Tensor holds real numbers, not {np.dtype(dtype)}")
        return wrap(type(self), self._array.astype(dtype))

    # --- linear algebra -------------------------------------------------------------------

    dot = _method(np.dot)
    vdot = _method(np.vdot)
    inner = _method(np.inner)
    outer = _method(np.outer)
    matmul = _method(np.matmul)
    kron = _method(np.kron)
    cross = _method(np.cross)
    det = _method(np.linalg.det)
    slogdet = _method(np.linalg.slogdet)
    cholesky = _method(np.linalg.cholesky)
    qr = _method(np.linalg.qr)
    matrix_power = _method(np.linalg.matrix_power)
    norm = _method(np.linalg.norm)

    # --- activations ----------------------------------------------------------------------

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

    def logsumexp(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> Self:
        """Compute ``log(sum(exp(t)))`` along the axis, without overflow."""
        return logsumexp(self, axis=axis, keepdims=keepdims)
