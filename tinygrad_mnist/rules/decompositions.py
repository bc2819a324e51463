r"""Factors of a matrix: `numpy.linalg` cholesky, qr, eigh and svd.

- Of a symmetric matrix, NumPy reads one triangle: cholesky the lower one, or with `upper` the
  upper one, eigh the one that `UPLO` names, and svd the lower one with `hermitian`. What is not
  read has no gradient. An element that is read gets the gradients of the two that it stands for.
- A vector that belongs to an eigenvalue or a singular value that occurs twice, up to rounding, is
  arbitrary, and its gradient is nan. The values themselves have a gradient then, but no second
  derivative: it goes through the vectors, and is nan.
- A singular value 0 is at a kink, like :math:`|x|` at 0: it has the gradient :math:`u v^{\mathsf
  T}` of the vectors that NumPy happens to choose. Vectors of a matrix that is not square, one
  of whose singular values is 0, have the gradient nan.
- The columns that a complete qr or svd adds to fill a square are arbitrary, and are refused.
"""

from typing import Any

import numpy as np

from ..engine import Rule
from .matrices import column, row, rows_and_columns, to_triangle, transposed, under
from .table import define, derive

Array = Any

# --- cholesky -----------------------------------------------------------------------------


def _cholesky_slope(g: Array, y: Array, a: Array, *, upper: bool = False) -> Array:
    if upper:
        g, y = transposed(g), transposed(y)
    inverse = np.linalg.inv(y)
    inner = under(a.shape, g.dtype) * (transposed(y) @ g)
    return to_triangle(transposed(inverse) @ inner @ inverse, upper)


define(
    np.linalg.cholesky,
    vjps=(_cholesky_slope,),
    formula=(
        r"\bar a = \operatorname{sym}(y^{-\mathsf T}"
        r" \operatorname{tril}(y^{\mathsf T} \bar y)\, y^{-1})",
    ),
)

# --- qr -----------------------------------------------------------------------------------
# One array holds both factors, the second one transposed: they have as many columns.


def _packed_qr(a: Array) -> Array:
    q, r = np.linalg.qr(a)
    return np.concatenate([q, transposed(r)], axis=-2)


def _qr_slope(g: Array, y: Array, a: Array) -> Array:
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    q, square = y[..., :rows, :], y[..., rows : rows + k, :]
    gq, gsquare, grest = g[..., :rows, :], g[..., rows : rows + k, :], g[..., rows + k :, :]
    if columns > rows:  # the last columns are only turned
        gq = gq + a[..., rows:] @ grest
    mirrored = under((k, k), g.dtype) * (transposed(square) @ gsquare - transposed(gq) @ q)
    try:
        inverse = np.linalg.inv(square)
    except ValueError:
        raise ValueError(
            f"qr: {a.shape}: there is no gradient where columns depend on each other"
        ) from None
    slope = (gq + q @ (mirrored + transposed(mirrored))) @ inverse
    if columns == k:
        return slope
    return np.concatenate([slope, q @ transposed(grest)], axis=-1)


_qr_rule = define(
    _packed_qr,
    vjps=(_qr_slope,),
    formula=(
        r"\bar a = (\bar q + q \operatorname{sym}(r \bar r^{\mathsf T}"
        r" - \bar q^{\mathsf T} q))\, r^{-\mathsf T}",
    ),
    name="qr",
)
_QRResult: Any = type(np.linalg.qr(np.eye(1)))


def _qr(a: Array, mode: str = "reduced") -> Any:
    rows, columns = rows_and_columns(a, "qr")
    if mode not in ("reduced", "complete", "r"):
        raise TypeError(
            f"qr: not supported for Tensors: mode={mode!r}; give 'reduced', 'complete' or 'r'"
        )
    if mode == "complete" and rows > columns:
        raise _arbitrary("qr", "mode='complete'", a, "mode='reduced'")
    y = _qr_rule(a)
    q, r = y[..., :rows, :], transposed(y[..., rows:, :])
    return r if mode == "r" else _QRResult(q, r)


def _arbitrary(name: str, what: str, a: Array, instead: str) -> TypeError:
    return TypeError(
        f"{name}: not supported for Tensors: {what} of a matrix of shape {a.shape}, since the "
        f"vectors that it adds are arbitrary; give {instead}"
    )


derive(np.linalg.qr, _qr, r"y = (q, r), \quad q\, r = a")

# --- eigh ---------------------------------------------------------------------------------
# Eigenvalues and eigenvectors are two rows of the table: only so is it known, to any order,
# that a result depends on the values alone, which may then be equal. Both take what was already
# `found` of a matrix: one array, with the values in the first row and the vectors in the others.


def _packed_eigh(a: Array, UPLO: Any) -> Array:
    w, v = np.linalg.eigh(a, UPLO)
    return np.concatenate([row(w), v], axis=-2)


def _packed_hermitian(a: Array, UPLO: str) -> Array:
    """Order eigenvalues and eigenvectors as singular values are ordered."""
    u, s, vh = np.linalg.svd(a, hermitian=True)
    signs = np.sign(np.sum(u * transposed(vh), axis=-2))
    return np.concatenate([row(s * signs), u], axis=-2)


_find_eigh = Rule("eigh", _packed_eigh, (None,), ("",))
_find_hermitian = Rule("svd", _packed_hermitian, (None,), ("",))


def _rounding(values: Array) -> Array:
    """Tell up to which difference the eigenvalues or singular values of a matrix are equal."""
    eps = float(values.shape[-1] * np.finfo(values.dtype).eps)
    return eps * np.sqrt(np.sum(values * values, axis=-1, keepdims=True))


def _over_gaps(values: Array) -> Array:
    """Divide 1 by the differences between values, and give 0 for each with itself.

    Two that are equal give nan: their vectors may be turned in the plane that they span.
    """
    same = np.eye(values.shape[-1], dtype=values.dtype)
    gaps = row(values) - column(values)
    equal = np.absolute(gaps) <= row(_rounding(values))
    return (1 - same) / np.where(same, 1, np.where(equal, np.nan, gaps))


def _value_slope(g: Array, y: Array, a: Array, found: Array, *, UPLO: str = "L") -> Array:
    found = _find_eigh(a, UPLO=UPLO) if found is None else found
    v = _eigenvectors(a, found, UPLO=UPLO)
    return to_triangle((v * row(g)) @ transposed(v), UPLO in "Uu")


def _vector_slope(g: Array, y: Array, a: Array, found: Array, *, UPLO: str = "L") -> Array:
    found = _find_eigh(a, UPLO=UPLO) if found is None else found
    w = _eigenvalues(a, found, UPLO=UPLO)
    turned = _over_gaps(w) * (transposed(y) @ g)
    return to_triangle(y @ turned @ transposed(y), UPLO in "Uu")


_eigenvalues = define(
    lambda a, found, UPLO="L": np.linalg.eigvalsh(a, UPLO) if found is None else found[..., 0, :],
    vjps=(_value_slope, None),
    formula=(r"\bar a = v \operatorname{diag}(\bar y)\, v^{\mathsf T}", ""),
    name="eigenvalues",
)
_eigenvectors = define(
    lambda a, found, UPLO="L": np.linalg.eigh(a, UPLO)[1] if found is None else found[..., 1:, :],
    vjps=(_vector_slope, None),
    formula=(
        r"\bar a = y\,(f \circ y^{\mathsf T} \bar y)\, y^{\mathsf T},"
        r" \quad f_{ij} = [i \ne j] / (w_j - w_i)",
        "",
    ),
    name="eigenvectors",
)
_EighResult: Any = type(np.linalg.eigh(np.eye(1)))


def _eigh(a: Array, UPLO: str = "L") -> Any:
    found = _find_eigh(a, UPLO=UPLO)
    return _EighResult(_eigenvalues(a, found, UPLO=UPLO), _eigenvectors(a, found, UPLO=UPLO))


derive(
    np.linalg.eigh,
    _eigh,
    r"y = (w, v), \quad v \operatorname{diag}(w)\, v^{\mathsf T} = a",
)
derive(
    np.linalg.eigvalsh,
    lambda a, UPLO="L": _eigenvalues(a, None, UPLO=UPLO),
    r"y = w, \quad v \operatorname{diag}(w)\, v^{\mathsf T} = a",
)

# --- svd ----------------------------------------------------------------------------------
# Three rows, for the same reason: what was found of a matrix is one array, with the singular
# values in the first row, then the left vectors, then the right ones, in columns.


def _packed_svd(a: Array) -> Array:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([row(s), u, transposed(vh)], axis=-2)


_find_svd = Rule("svd", _packed_svd, (None,), ("",))


def _singular_slope(g: Array, y: Array, a: Array, found: Array) -> Array:
    found = _find_svd(a) if found is None else found
    return (_left_vectors(a, found) * row(g)) @ _right_vectors(a, found)


def _left_slope(g: Array, y: Array, a: Array, found: Array) -> Array:
    found = _find_svd(a) if found is None else found
    return _turned(g, y, _singular_values(a, found), _right_vectors(a, found))


def _right_slope(g: Array, y: Array, a: Array, found: Array) -> Array:
    found = _find_svd(a) if found is None else found
    u = transposed(_left_vectors(a, found))
    return transposed(_turned(transposed(g), transposed(y), _singular_values(a, found), u))


def _turned(g: Array, u: Array, s: Array, vh: Array) -> Array:
    """Compute the gradient of a matrix from that of its left vectors."""
    inner = transposed(u) @ g
    sums = row(s) + column(s) + np.eye(s.shape[-1], dtype=s.dtype)  # what 0 / 0 is, is known
    slope = u @ (_over_gaps(s) / sums * (inner - transposed(inner)) * row(s))
    if u.shape[-2] > u.shape[-1]:  # the vectors may turn out of the space that they span, too
        slope = slope + (g - u @ inner) / row(np.where(s <= _rounding(s), np.nan, s))
    return slope @ vh


_singular_values = define(
    lambda a, found: np.linalg.svd(a, compute_uv=False) if found is None else found[..., 0, :],
    vjps=(_singular_slope, None),
    formula=(r"\bar a = u \operatorname{diag}(\bar y)\, v^{\mathsf T}", ""),
    name="singular_values",
)
_F = r"\quad f_{ij} = [i \ne j] / (s_j^2 - s_i^2)"
_left_vectors = define(
    lambda a, found: (_packed_svd(a) if found is None else found)[..., 1 : a.shape[-2] + 1, :],
    vjps=(_left_slope, None),
    formula=(
        r"\bar a = (y\,(f \circ (y^{\mathsf T} \bar y - \bar y^{\mathsf T} y))\, s"
        r" + (1 - y y^{\mathsf T})\, \bar y\, s^{-1})\, v^{\mathsf T}," + _F,
        "",
    ),
    name="left_vectors",
)
_right_vectors = define(
    lambda a, found: transposed(
        (_packed_svd(a) if found is None else found)[..., a.shape[-2] + 1 :, :]
    ),
    vjps=(_right_slope, None),
    formula=(
        r"\bar a = u\,(s\,(f \circ (v^{\mathsf T} \bar v - \bar v^{\mathsf T} v))\, v^{\mathsf T}"
        r" + s^{-1} \bar v^{\mathsf T} (1 - v v^{\mathsf T})), \quad y = v^{\mathsf T}," + _F,
        "",
    ),
    name="right_vectors",
)
_SVDResult: Any = type(np.linalg.svd(np.eye(1)))


def _svd(
    a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    rows, columns = rows_and_columns(a, "svd")
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    if not compute_uv:
        return _singular_values(a, None)
    if full_matrices and rows != columns:
        raise _arbitrary("svd", "full_matrices=True", a, "full_matrices=False")
    found = _find_svd(a)
    return _SVDResult(_left_vectors(a, found), _singular_values(a, found), _right_vectors(a, found))


def _hermitian_svd(a: Array, compute_uv: bool) -> Any:
    found = _find_hermitian(a, UPLO="L")
    w = _eigenvalues(a, found, UPLO="L")
    s = np.absolute(w)
    if not compute_uv:
        return s
    u = _eigenvectors(a, found, UPLO="L")
    one = a.dtype.type(1)
    return _SVDResult(u, s, transposed(u * row(np.where(np.signbit(w), -one, one))))


derive(
    np.linalg.svd,
    _svd,
    r"y = (u, s, v^{\mathsf T}), \quad u \operatorname{diag}(s)\, v^{\mathsf T} = a",
)
derive(
    np.linalg.svdvals,
    lambda x, /: _singular_values(x, None),
    r"y = s, \quad u \operatorname{diag}(s)\, v^{\mathsf T} = x",
)
