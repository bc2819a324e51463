"""Kernels that add up: reductions along axes, products with vectors, sums of products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .c_expressions import NotInC, type_of
from .c_kernels import Chains, RefOf, is_constant_ones
from .c_loops import Ref, loops, nest_order, reduction
from .memory import Task
from .program import Operation, Value

__all__ = ["Sum", "as_sum"]


@dataclass(eq=False)
class Sum:
    """A reduction of elements, each of which is a product of one or two inputs.

    Attributes
    ----------
    operation
        What it computes.
    ufunc
        What joins two elements.
    factors
        The inputs, and for each the axis of the loops that each of its own axes is.
    shape
        Over which the loops go.
    axes
        Those that are reduced.
    divisor
        What the sum is divided by; 1 for most.
    counts
        Whether elements that are not 0 count as 1.
    """

    operation: Operation
    ufunc: np.ufunc
    factors: list[tuple[Value, tuple[int, ...]]]
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    divisor: int = 1
    counts: bool = False

    def iterates(self, value: Value) -> tuple[int, ...] | None:
        """Return the shape over which an input is read, if it can be computed on the way."""
        places = [axes for factor, axes in self.factors if factor is value]
        everywhere = tuple(range(len(self.shape)))
        return self.shape if places == [everywhere] else None

    def task(self, chains: Chains) -> Task:
        """Say what this does to memory."""
        leaves = [leaf for factor, _ in self.factors for leaf in chains.leaves(factor)]
        return Task([chains.base(leaf) for leaf in leaves], [self.operation.result])

    def operations(self, chains: Chains) -> list[Operation]:
        """All that is computed."""
        return chains.operations(self.operation)

    def emit(self, chains: Chains, ref: RefOf) -> list[str]:
        """Write the loops."""
        places: dict[Value, Ref] = {}
        for factor, axes in self.factors:
            for leaf in chains.leaves(factor):
                own = ref(leaf)
                whole = own.stretched(self.shape) if chains.is_inner(factor) else None
                places[leaf] = whole or _spread(own, axes, self.shape)
        out = ref(self.operation.result)
        target = _spread_result(out, self.axes, len(self.shape))

        def element(indices: list[str]) -> tuple[list[str], str]:
            lines: list[str] = []

            def load(value: Value) -> str:
                name = f"t{len(lines)}"
                text = places[value].at(indices)
                lines.append(f"const {type_of(value.dtype)} {name} = {text};")
                return name

            texts = [chains.element(factor, load, lines) for factor, _ in self.factors]
            kind = type_of(out.dtype)
            if self.counts or self.ufunc in (np.logical_or, np.logical_and):
                return lines, f"({kind})({texts[0]} != 0)"
            return lines, " * ".join(f"({kind}){text}" for text in texts)

        lines = reduction(self.ufunc, element, [*places.values()], self.shape, self.axes, target)
        if self.divisor != 1:
            lines += _divided(target, self.divisor)
        return ["{", *lines, "}"]


def as_sum(operation: Operation) -> Sum | None:
    """Read an operation as a reduction, if it is one."""
    function = operation.function
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc) and function.__name__ == "reduce":
        return _of_reduce(operation, owner)
    if function is np.mean:
        found = _of_reduce(operation, np.add)
        found.divisor = int(np.prod([found.shape[axis] for axis in found.axes]))
        return found
    if function is np.count_nonzero and not operation.keywords:
        value = operation.arguments[0]
        axes = tuple(range(len(value.shape)))
        return Sum(operation, np.add, [(value, axes)], value.shape, axes, counts=True)
    if function in (np.dot, np.matmul) and not operation.keywords:
        return _of_dot(operation)
    if function is np.einsum:
        return _of_einsum(operation)
    return None


_UFUNCS = (np.add, np.multiply, np.maximum, np.minimum, np.logical_or, np.logical_and)


def _of_reduce(operation: Operation, ufunc: np.ufunc) -> Sum:
    value = operation.arguments[0]
    known = {"axis", "keepdims"}
    if ufunc in (np.add, np.multiply):
        known.add("dtype")  # that of the result, in which everything is added up
    if operation.keywords.keys() - known or ufunc not in _UFUNCS:
        raise NotInC(f"numpy.{ufunc.__name__}.reduce with {', '.join(operation.keywords)}")
    axes = tuple(range(len(value.shape)))
    reduced = operation.keywords["axis"]
    return Sum(operation, ufunc, [(value, axes)], value.shape, reduced if reduced else ())


def _of_dot(operation: Operation) -> Sum | None:
    a, b = operation.arguments
    if len(a.shape) == 1 and len(b.shape) in (1, 2):
        places = [(a, (0,)), (b, tuple(range(len(b.shape))))]
        shape, axes = b.shape, (0,)
    elif len(a.shape) == 2 and len(b.shape) == 1:
        places, shape, axes = [(a, (0, 1)), (b, (1,))], a.shape, (1,)
    else:
        return None
    factors = [pair for pair in places if not is_constant_ones(pair[0])] or places
    return Sum(operation, np.add, factors, shape, axes)


def _of_einsum(operation: Operation) -> Sum:
    arguments = operation.arguments
    if isinstance(arguments[0], str):
        inputs, arrow, result = arguments[0].replace(" ", "").partition("->")
        if not arrow or "." in inputs:
            raise NotInC("numpy.einsum without all axes written out")
        terms: list[Any] = list(zip(arguments[1:], inputs.split(","), strict=True))
    else:
        if len(arguments) % 2 == 0 or any(... in term for term in arguments[1::2]):
            raise NotInC("numpy.einsum without all axes written out")
        terms = list(zip(arguments[0:-1:2], arguments[1:-1:2], strict=True))
        result = arguments[-1]
    if len(terms) > 2 or operation.keywords:
        raise NotInC("numpy.einsum of more than two arrays")
    names = [*dict.fromkeys(name for _, term in terms for name in term)]
    lengths = dict.fromkeys(names, 1)
    for value, term in terms:
        for name, length in zip(term, value.shape, strict=True):
            lengths[name] = length if lengths[name] == 1 else lengths[name]
    if list(result) != [name for name in names if name in result]:
        raise NotInC("numpy.einsum with its axes in another order")
    factors = [(value, tuple(names.index(name) for name in term)) for value, term in terms]
    axes = tuple(i for i, name in enumerate(names) if name not in result)
    return Sum(operation, np.add, factors, tuple(lengths[name] for name in names), axes)


def _spread(ref: Ref, axes: tuple[int, ...], shape: tuple[int, ...]) -> Ref:
    """Give a factor the axes of the loops."""
    strides = [0] * len(shape)
    for axis, stride, length in zip(axes, ref.strides, ref.shape, strict=True):
        strides[axis] += stride if length == shape[axis] else 0
    return Ref(ref.pointer, shape, tuple(strides), ref.dtype)


def _spread_result(ref: Ref, axes: tuple[int, ...], ndim: int) -> Ref:
    """Give the result back the axes that are reduced, of length 1."""
    if len(ref.shape) == ndim:
        return ref
    kept = iter(range(len(ref.shape)))
    order = [None if axis in axes else next(kept) for axis in range(ndim)]
    shape = tuple(1 if i is None else ref.shape[i] for i in order)
    strides = tuple(0 if i is None else ref.strides[i] for i in order)
    return Ref(ref.pointer, shape, strides, ref.dtype)


def _divided(ref: Ref, divisor: int) -> list[str]:
    opened, indices, depth = loops(nest_order([ref], ref.shape), [ref], ref.shape)
    return [*opened, f"{ref.at(indices)} /= {divisor};", "}" * depth]
