"""What slides windows over images, in C: the functions of `nn` that are written, and by which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..nn import convolution as nn_convolution
from ..nn import pooling as nn_pooling
from .c_convolution import convolution, input_gradient, weight_gradient
from .c_expressions import type_of
from .c_frames import Pointer, Scratch
from .c_pooling import largest, mean, of_winners, shares, to_winners
from .program import Operation

__all__ = ["KERNELS"]

Emit = Callable[[Operation, Pointer, Scratch], list[str]]


def _with_own_names(emit: Emit) -> Emit:
    """Let a kernel have names for its values that are not those of indices in its loops."""

    def written(operation: Operation, pointer: Pointer, scratch: Scratch) -> list[str]:
        values = dict.fromkeys((*operation.inputs, *operation.results))
        names = {value: f"tg_value_{number}" for number, value in enumerate(values)}
        pointers = [
            f"{'' if value in operation.results else 'const '}{type_of(value.dtype)} *{name} = "
            f"{pointer(value)};"
            for value, name in names.items()
        ]
        return ["{", *pointers, *emit(operation, names.__getitem__, scratch), "}"]

    return written


KERNELS: dict[Callable[..., Any], Emit] = {
    function: _with_own_names(emit)
    for function, emit in {
        nn_convolution._forward: convolution,
        nn_convolution._input_gradient: input_gradient,
        nn_convolution._weight_gradient: weight_gradient,
        nn_pooling._largest: largest,
        nn_pooling._to_winners: to_winners,
        nn_pooling._of_winners: of_winners,
        nn_pooling._mean: mean,
        nn_pooling._shares: shares,
    }.items()
}
