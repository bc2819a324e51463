"""JAX as a peer: `jax.numpy` has NumPy's names and arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from peers.foreign import Peer, Refused, because

__all__ = ["PEER"]

Array = Any

jax.config.update("jax_enable_x64", True)


def _cross_entropy(logits: Array, labels: Array) -> Array:
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
    return -picked.mean()


def _softplus(a: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    return jnp.where(beta * a > threshold, a, jnp.logaddexp(beta * a, 0) / beta)


def _clip(
    a: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Array:
    return jnp.clip(a, a_min if min is None else min, a_max if max is None else max)


def _of_list(quantiles: Callable[..., Array]) -> Callable[..., Array]:
    """Let the quantiles be a list; JAX takes arrays only."""
    return lambda a, q, *rest, **keywords: quantiles(a, jnp.asarray(q), *rest, **keywords)


def _lower(a: Array, uplo: str = "L") -> Array:
    """Fill a symmetric matrix from the triangle that NumPy reads; JAX differentiates both."""
    half = jnp.tril(a) if uplo.upper() == "L" else jnp.triu(a)
    return half + half.mT - half * jnp.eye(a.shape[-1])


class Jax(Peer):
    """JAX in float64."""

    functions: Mapping[str, Callable[..., Any]] = {
        "sigmoid": jax.nn.sigmoid,
        "relu": jax.nn.relu,
        "leaky_relu": jax.nn.leaky_relu,
        "elu": jax.nn.elu,
        "softplus": _softplus,
        "silu": jax.nn.silu,
        "gelu": lambda a, approximate="none": jax.nn.gelu(a, approximate == "tanh"),
        "erf": jax.scipy.special.erf,
        "erfc": jax.scipy.special.erfc,
        "logsumexp": jax.nn.logsumexp,
        "softmax": jax.nn.softmax,
        "log_softmax": jax.nn.log_softmax,
        "astype": lambda a, dtype: a.astype(dtype),
        "getitem": lambda a, index: a[index],
        "scatter": lambda g, shape, index: jnp.zeros(shape).at[index].add(g),
        "affine": lambda x, weight, bias: x @ weight + bias,
        "softmax_cross_entropy": _cross_entropy,
        "np.clip": _clip,
        "np.compress": lambda condition, a, axis=None: jnp.compress(np.array(condition), a, axis),
        "np.quantile": _of_list(jnp.quantile),
        "np.percentile": _of_list(jnp.percentile),
        "np.nanquantile": _of_list(jnp.nanquantile),
        "np.nanpercentile": _of_list(jnp.nanpercentile),
        "np.linalg.cholesky": lambda a, /, *, upper=False: jnp.linalg.cholesky(
            _lower(a, "U" if upper else "L"), upper=upper
        ),
        "np.linalg.pinv": lambda a, rcond=None, hermitian=False, *, rtol=None: jnp.linalg.pinv(
            _lower(a) if hermitian else a, rcond if rtol is None else rtol, hermitian
        ),
        "np.linalg.svd": lambda a, full_matrices=True, compute_uv=True, hermitian=False: (
            jnp.linalg.svd(_lower(a) if hermitian else a, full_matrices, compute_uv, hermitian)
        ),
        "np.linalg.eigh": lambda a, UPLO="L": jnp.linalg.eigh(_lower(a, UPLO)),
        "np.linalg.eigvalsh": lambda a, UPLO="L": jnp.linalg.eigvalsh(_lower(a, UPLO)),
    }
    absent: Mapping[str, str] = because(
        {
            "JAX has no such function": """
                np.fix np.lib.stride_tricks.sliding_window_view np.real_if_close""",
            "its derivative at 0 is nan": "np.angle",
            "it leaves each part in another order": "np.partition",
            "JAX does not differentiate it": "np.nextafter np.spacing",
            "lists are no arrays": "np.trim_zeros",
        }
    )
    partly: Mapping[str, str] = because(
        {
            "lists are no arrays": """
                np.average np.cov np.delete np.diff np.ediff1d np.float_power np.insert np.interp
                np.median np.nanmedian np.nanpercentile np.nanquantile np.percentile np.quantile
                np.repeat np.take np.trapezoid""",
            "there is no `copy`": "np.meshgrid",
            "the base is a number": "np.logspace",
            "a width is a pair": "np.pad",
            "`optimize` is no path": "np.einsum",
            "not of a number": "np.convolve",
            "not of a vector": "np.tril np.triu",
            "not of an empty matrix": "np.linalg.det",
            "there is no `order`, or not every one": "np.copy np.ravel np.reshape",
            "there is no `kind`": "np.sort",
            "there is no `correction`": "np.nanstd np.nanvar",
            "there is no `edge_order`": "np.gradient",
            "no more sections than elements": "np.array_split",
        }
    )
    differently: Mapping[str, str] = because(
        {
            "its derivatives at the base 0 are nan, where they are not": "np.power",
            "its derivatives lose their digits near 0": "np.sinc",
            "its derivative is nan where `initial` wins": "np.amax np.amin np.max np.min",
        }
    )

    def array(self, value: np.ndarray) -> Array:
        return jnp.asarray(value) if value.dtype.kind == "f" else value

    def as_numpy(self, value: Array) -> np.ndarray:
        return np.asarray(value)

    def namesake(self, name: str) -> Callable[..., Any] | None:
        path = name.removeprefix("np.")
        home = jnp.linalg if path.startswith("linalg.") else jnp
        return getattr(home, path.removeprefix("linalg."), None) if path != name else None

    def native_grad(
        self, function: Callable[..., Any], places: Sequence[int]
    ) -> Callable[..., Any]:
        return jax.grad(function, tuple(places))

    def run(self, function: Callable[..., Any], values: Sequence[Any]) -> Any:
        """Compile the whole, which is much quicker than an operation at a time, where possible."""

        def native(*arrays: Array) -> Any:
            return self.bare(function(*self.wrapped(arrays)))

        try:
            return self.wrapped(jax.jit(native)(*self.bare(values)))
        except Refused:  # perhaps only while values are unknown, as they are in compiling
            return function(*values)


PEER = Jax()
