"""What moves and multiplies arrays, in PyTorch's words: shapes, picking, linear algebra.

Named as in NumPy; only where PyTorch's function of that name is missing, or another thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from peers.torch_numbers import cast
from torch.nn import functional

__all__ = ["LINEAR_ALGEBRA", "SHAPES"]

Array = Any
Function = Callable[..., Any]

# --- shapes -------------------------------------------------------------------------------


def _expand_dims(a: Array, axis: Any) -> Array:
    axes = [axis] if isinstance(axis, int) else axis
    ndim = a.ndim + len(axes)
    for place in sorted(i % ndim for i in axes):
        a = a.unsqueeze(place)
    return a


def _rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    axis, start = axis % a.ndim, start + a.ndim if start < 0 else start
    return a.movedim(axis, start - (axis < start))


def _concatenate(arrays: Sequence[Array], axis: int | None = 0) -> Array:
    if axis is None:
        return torch.cat([a.reshape(-1) for a in arrays])
    return torch.cat(list(arrays), axis)


def _split(sections: Function) -> Function:
    return lambda ary, indices_or_sections, axis=0: list(
        sections(ary, _plain(indices_or_sections), axis)
    )


def _split_along(sections: Function) -> Function:
    return lambda ary, indices_or_sections: list(sections(ary, _plain(indices_or_sections)))


def _plain(value: Any) -> Any:
    return tuple(value.tolist()) if isinstance(value, torch.Tensor) else value


def _pad(array: Array, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Array:
    widths = np.broadcast_to(_plain(pad_width), (array.ndim, 2)).tolist()
    if mode == "constant":
        flat = [int(n) for pair in reversed(widths) for n in pair]
        return functional.pad(array, flat, value=float(constant_values))
    names = {"edge": "replicate", "reflect": "reflect", "wrap": "circular"}
    for axis, pair in enumerate(widths):
        last = array.movedim(axis, -1)
        flat = functional.pad(last.reshape(1, -1, last.shape[-1]), pair, names[mode])
        array = flat.reshape(*last.shape[:-1], -1).movedim(-1, axis)
    return array


def _take(a: Array, indices: Any, axis: int | None = None) -> Array:
    indices = torch.as_tensor(indices)
    if axis is None:
        return a.reshape(-1)[indices]
    a = a if a.ndim else a.reshape(1)
    return a[(slice(None),) * (axis % a.ndim) + (indices,)]


def _take_along_axis(arr: Array, indices: Array, axis: int | None = -1) -> Array:
    return torch.take_along_dim(arr, indices, axis)


def _compress(condition: Array, a: Array, axis: int | None = None) -> Array:
    return _take(a, torch.as_tensor(condition).nonzero()[:, 0], axis)


def _diagonal_sum(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    return a.diagonal(offset, axis1, axis2).sum(-1)


def _roll(a: Array, shift: Any, axis: Any = None) -> Array:
    shift, axis = _plain(shift), _plain(axis)
    if isinstance(axis, tuple) and isinstance(shift, int):
        shift = (shift,) * len(axis)
    return torch.roll(a, shift, axis)


def _flip(m: Array, axis: Any = None) -> Array:
    axes = range(m.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return torch.flip(m, list(axes))


def _rows_first(a: Array, order: str) -> Array:
    if order != "C":
        raise NotImplementedError("PyTorch reads along the last axis only")
    return a


def _windows(x: Array, window_shape: Any, axis: Any = None) -> Array:
    sizes = (window_shape,) if isinstance(window_shape, int) else window_shape
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    ndim = x.ndim
    for size, place in zip(sizes, axes, strict=True):
        x = x.unfold(place % ndim, size, 1)
    return x


def _full_like(a: Array, fill_value: Any, *, shape: Any = None) -> Array:
    return torch.as_tensor(fill_value).expand(a.shape if shape is None else shape).clone()


SHAPES: Mapping[str, Function] = {
    "reshape": lambda a, shape, order="C", *, copy=None: _rows_first(a, order).reshape(shape),
    "ravel": lambda a, order="C": _rows_first(a, order).reshape(-1),
    "broadcast_to": lambda array, shape: torch.broadcast_to(
        array, (shape,) if isinstance(shape, int) else shape
    ),
    "transpose": lambda a, axes=None: a.permute(
        tuple(range(a.ndim))[::-1] if axes is None else axes
    ),
    "matrix_transpose": lambda x: x.mT,
    "rollaxis": _rollaxis,
    "expand_dims": _expand_dims,
    "squeeze": lambda a, axis=None: a.squeeze() if axis is None else a.squeeze(axis),
    "broadcast_arrays": lambda *args: torch.broadcast_tensors(*args),
    "concatenate": _concatenate,
    "append": lambda arr, values, axis=None: _concatenate((arr, torch.as_tensor(values)), axis),
    "split": _split(torch.tensor_split),
    "array_split": _split(torch.tensor_split),
    "hsplit": _split_along(torch.hsplit),
    "vsplit": _split_along(torch.vsplit),
    "dsplit": _split_along(torch.dsplit),
    "unstack": lambda x, /, *, axis=0: torch.unbind(x, axis),
    "tile": lambda A, reps: torch.tile(A, (reps,) if isinstance(reps, int) else _plain(reps)),
    "repeat": lambda a, repeats, axis=None: torch.repeat_interleave(
        a, repeats if isinstance(repeats, int) else torch.as_tensor(repeats), axis
    ),
    "pad": _pad,
    "roll": _roll,
    "flip": _flip,
    "rot90": lambda m, k=1, axes=(0, 1): torch.rot90(m, k, axes),
    "take": _take,
    "take_along_axis": _take_along_axis,
    "compress": _compress,
    "extract": lambda condition, arr: arr[torch.as_tensor(condition).bool()],
    "diag": lambda v, k=0: torch.diag(v, k),
    "diagflat": lambda v, k=0: torch.diagflat(v, k),
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: a.diagonal(offset, axis1, axis2),
    "trace": _diagonal_sum,
    "tril": lambda m, k=0: torch.tril(m, k),
    "triu": lambda m, k=0: torch.triu(m, k),
    "linalg.diagonal": lambda x, /, *, offset=0: x.diagonal(offset, -2, -1),
    "linalg.trace": lambda x, /, *, offset=0: _diagonal_sum(x, offset, -2, -1),
    "linalg.matrix_transpose": lambda x: x.mT,
    "meshgrid": lambda *xi, indexing="xy": torch.meshgrid(
        *(x.reshape(-1) for x in xi), indexing=indexing
    ),
    "lib.stride_tricks.sliding_window_view": _windows,
    "full_like": _full_like,
    "copy": lambda a, order="K": a.clone(),
    "astype": lambda x, dtype, /, *, copy=True: cast(x, dtype),
}

# --- linear algebra -----------------------------------------------------------------------


def _lower(a: Array, uplo: str = "L") -> Array:
    """Fill a symmetric matrix from the triangle that NumPy reads; PyTorch differentiates both."""
    half = torch.tril(a) if uplo.upper() == "L" else torch.triu(a)
    return half + half.mT - torch.diag_embed(torch.diagonal(a, dim1=-2, dim2=-1))


def _dot(a: Array, b: Array) -> Array:
    if not a.ndim or not b.ndim:
        return a * b
    return torch.tensordot(a, b, dims=([-1], [max(b.ndim - 2, 0)]))


def _tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    if isinstance(axes, int):
        return torch.tensordot(a, b, dims=axes)
    pairs = [[part] if isinstance(part, int) else list(part) for part in axes]
    return torch.tensordot(a, b, dims=pairs)


def _svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return torch.linalg.svd(a, full_matrices) if compute_uv else torch.linalg.svdvals(a)


def _qr(a: Array, mode: str = "reduced") -> Any:
    return torch.linalg.qr(a).R if mode == "r" else torch.linalg.qr(a, mode)


def _convolve(a: Array, v: Array, mode: str = "full") -> Array:
    long, short = sorted((a.reshape(-1), v.reshape(-1)), key=len, reverse=True)
    full = functional.conv1d(long[None], short.flip(0)[None, None], padding=len(short) - 1)[0]
    extra = {"full": 0, "same": len(short) - 1, "valid": 2 * (len(short) - 1)}[mode]
    return full[extra // 2 : len(full) - (extra - extra // 2)]


def _correlate(a: Array, v: Array, mode: str = "valid") -> Array:
    if len(a) < len(v):  # NumPy swaps them, and turns the result around
        return _convolve(v, a.flip(0), mode).flip(0)
    return _convolve(a, v.flip(0), mode)


def _pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    rtol = rcond if rtol is None else rtol
    a = _lower(a) if hermitian else a
    return torch.linalg.pinv(a, rtol=rtol, hermitian=hermitian)


def _norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    return torch.linalg.norm(x, ord, axis, keepdims)


def _vector_norm(x: Array, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    return torch.linalg.vector_norm(x, ord, axis, keepdims)


def _matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    return torch.linalg.matrix_norm(x, ord, keepdim=keepdims)


LINEAR_ALGEBRA: Mapping[str, Function] = {
    "dot": _dot,
    "vdot": lambda a, b: torch.dot(a.reshape(-1), b.reshape(-1)),
    "vecdot": lambda a, b, axis=-1: torch.linalg.vecdot(a, b, dim=axis),
    "matvec": lambda a, b: (a @ b[..., None])[..., 0],
    "vecmat": lambda a, b: (a[..., None, :] @ b)[..., 0, :],
    "outer": lambda a, b: torch.outer(a.reshape(-1), b.reshape(-1)),
    "tensordot": _tensordot,
    "einsum": lambda *operands, optimize=False: torch.einsum(*operands),
    "cross": lambda a, b, axis=-1: torch.linalg.cross(a, b, dim=axis),
    "convolve": _convolve,
    "correlate": _correlate,
    "linalg.outer": torch.outer,
    "linalg.tensordot": lambda a, b, /, *, axes=2: _tensordot(a, b, axes),
    "linalg.multi_dot": lambda arrays: torch.linalg.multi_dot(list(arrays)),
    "linalg.pinv": _pinv,
    "linalg.cholesky": lambda a, /, *, upper=False: torch.linalg.cholesky(
        _lower(a, "U" if upper else "L"), upper=upper
    ),
    "linalg.eigh": lambda a, UPLO="L": torch.linalg.eigh(_lower(a, UPLO)),
    "linalg.eigvalsh": lambda a, UPLO="L": torch.linalg.eigvalsh(_lower(a, UPLO)),
    "linalg.svd": _svd,
    "linalg.qr": _qr,
    "linalg.tensorsolve": lambda a, b, axes=None: torch.linalg.tensorsolve(a, b, axes),
    "linalg.lstsq": lambda a, b, rcond=None: tuple(torch.linalg.lstsq(a, b, rcond)),
    "linalg.norm": _norm,
    "linalg.vector_norm": _vector_norm,
    "linalg.matrix_norm": _matrix_norm,
}
