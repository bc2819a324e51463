"""Transforms: functions that turn a function into its derivative, and check it.

The names and the ways to call them are JAX's. Arguments, results and gradients are arrays, or
lists, tuples and dicts of arrays, nested as one likes. Arrays in are arrays out. Tensors in are
Tensors out, and what comes out can be differentiated again if one of them requires a gradient:
so can what a transform computes inside another transform. The `grad` of no Tensor is touched.

`trees` takes nested arguments apart, `tracing` calls the function on Tensors of its own and
sweeps; `gradients`, `products` and `jacobians` are made of those, and `checks` holds them against
central differences.
"""

from .checks import check_grads
from .gradients import grad, value_and_grad
from .jacobians import hessian, jacobian
from .products import hvp, jvp, vjp

__all__ = [
    "check_grads",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
]
