"""PyTorch as a peer: its functions often have NumPy's names, and sometimes NumPy's arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from peers.foreign import Peer, because
from peers.torch_arrays import LINEAR_ALGEBRA, SHAPES
from peers.torch_numbers import ELEMENTWISE, ORDER, OWN, REDUCTIONS

__all__ = ["PEER"]

Array = Any

torch.set_default_dtype(torch.float64)


class Torch(Peer):
    """PyTorch in float64."""

    functions: Mapping[str, Callable[..., Any]] = {
        f"np.{name}": function
        for names in (ELEMENTWISE, LINEAR_ALGEBRA, ORDER, REDUCTIONS, SHAPES)
        for name, function in names.items()
    } | dict(OWN)
    absent: Mapping[str, str] = because(
        {
            "PyTorch has no such function": """
                np.block np.delete np.geomspace np.insert np.interp np.nancumprod np.nancumsum
                np.nanmax np.nanmin np.nanprod np.nanstd np.nanvar np.partition
                np.real_if_close np.resize np.spacing np.trim_zeros np.unwrap""",
            "PyTorch does not differentiate it": """
                np.floor_divide np.heaviside np.imag np.linspace np.logspace""",
        }
    )
    partly: Mapping[str, str] = because(
        {
            "there is no `where`, `initial` or `mean`": """
                np.amax np.amin np.max np.mean np.min np.nanmean np.nansum np.prod np.std np.sum
                np.var""",
            "not of nothing": "np.median np.nanmedian",
            "not all of NumPy's methods": """
                np.nanpercentile np.nanquantile np.percentile np.quantile""",
            "lists are no arrays": "np.average np.cov np.diff np.gradient",
            "there is no `mode`": "np.choose np.take",
            "not of a vector": "np.tril np.triu",
            "along one axis only": "softmax log_softmax",
            "there is no `order`": "np.ravel np.reshape",
            "there are no steps that go backwards": "getitem",
            "a number has no axis to repeat along": "np.repeat",
            "there is no `hermitian`": "np.linalg.svd",
            "`dx` is a number": "np.trapezoid",
            "both vectors lie along the same axis, of as many": "np.cross",
            "there is no `sparse`": "np.meshgrid",
            "there is no mode `symmetric`": "np.pad",
        }
    )
    differently: Mapping[str, str] = because(
        {
            "its second derivative at 0 is nan, where it is 0": "np.power",
            "its second derivative of a singular matrix is nan": "np.linalg.det",
            "its derivatives lose their digits near 0": "np.sinc",
            "its gradient is 0 where the exponent is a negative integer": "np.ldexp",
        }
    )

    def array(self, value: np.ndarray) -> Array:
        return torch.tensor(value.copy())  # PyTorch has no strides that go backwards

    def as_numpy(self, value: Array) -> np.ndarray:
        return value.detach().numpy()

    def namesake(self, name: str) -> Callable[..., Any] | None:
        path = name.removeprefix("np.")
        home = torch.linalg if path.startswith("linalg.") else torch
        found = getattr(home, path.removeprefix("linalg."), None) if path != name else None
        if found and isinstance(getattr(np, path, None), np.ufunc):
            return lambda *values: found(*map(torch.as_tensor, values))  # numbers, too
        return found

    def native_grad(
        self, function: Callable[..., Any], places: Sequence[int]
    ) -> Callable[..., Any]:
        def differentiated(*values: Array) -> tuple[Array, ...]:
            inputs = [a if a.requires_grad else a.detach().requires_grad_() for a in values]
            y = function(*inputs)
            wanted = [inputs[i] for i in places]
            if not y.requires_grad:
                return tuple(torch.zeros_like(a) for a in wanted)
            return torch.autograd.grad(y, wanted, create_graph=True, materialize_grads=True)

        return differentiated


PEER = Torch()
