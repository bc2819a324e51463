"""What a program is divided into when it is written in C: kernels, each a few loops.

Elementwise functions that follow each other are computed in one pass over their elements: what only
the next one reads is not even stored. A reduction takes such a chain in, too. Everything else is a
kernel of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .c_expressions import NotInC, expression, is_elementwise, literal, type_of
from .c_loops import Ref, loops, nest_order
from .memory import Task
from .operations import astype
from .program import Operation, Program, Role, Value

__all__ = ["Chains", "Kernel", "Nest", "reference"]

RefOf = Callable[[Value], Ref]


@dataclass(eq=False)
class Kernel:
    """Something that is computed at once.

    Attributes
    ----------
    operations
        What of the program it does.
    task
        What it does to memory.
    emit
        Writes it in C, once it is known where everything lies.
    """

    operations: list[Operation]
    task: Task
    emit: Callable[[], list[str]]


class Chains:
    """The elementwise operations of a program: which are computed where they are read.

    Parameters
    ----------
    program
        The program.
    bases
        Of views: the value whose memory they look at.
    iterates
        Of an operation that can take a chain in: the shape over which it reads the elements of an
        input; None if it can't.
    """

    def __init__(
        self,
        program: Program,
        bases: dict[Value, Value],
        iterates: Callable[[Operation, Value], tuple[int, ...] | None],
    ) -> None:
        self._bases = bases
        self._inner: dict[Value, Operation] = {}
        readers: dict[Value, list[Operation]] = {}
        for operation in program.operations:
            for value in operation.inputs:
                readers.setdefault(value, []).append(operation)
        kept = set(program.kept)
        for operation in program.operations:
            value = operation.result
            if not is_elementwise(operation) or operation.is_view or value in kept:
                continue
            reading = readers.get(value, [])
            if len(reading) == 1 and iterates(reading[0], value) == value.shape:
                self._inner[value] = operation

    def is_inner(self, value: Value) -> bool:
        """Tell whether a value is computed where it is read."""
        return value in self._inner

    def leaves(self, value: Value) -> list[Value]:
        """List the values that have to be there for a value to be computed."""
        if value not in self._inner:
            return [value]
        return self.leaves_of(self._inner[value])

    def leaves_of(self, operation: Operation) -> list[Value]:
        """List the values that have to be there for an operation."""
        return [leaf for value in operation.inputs for leaf in self.leaves(value)]

    def operations(self, operation: Operation) -> list[Operation]:
        """List an operation and those that are computed within."""
        inside = [self._inner[v] for v in operation.inputs if v in self._inner]
        return [each for one in inside for each in self.operations(one)] + [operation]

    def base(self, value: Value) -> Value:
        """Return the value whose memory a view looks at, and any other value itself."""
        return self._bases.get(value, value)

    def write(self, operation: Operation, load: Callable[[Value], str], lines: list[str]) -> str:
        """Write an elementwise operation: lines that compute it, and the name of its result."""
        texts: list[str] = []
        dtypes: list[np.dtype[Any]] = []
        for argument in operation.arguments:
            if isinstance(argument, Value):
                texts.append(self.element(argument, load, lines))
                dtypes.append(argument.dtype)
            elif isinstance(argument, bool | int | float):
                dtype = _literal_dtype(argument, operation)
                texts.append(literal(argument, dtype))
                dtypes.append(dtype)
            elif operation.function in (np.broadcast_to, astype):
                break  # the shape, or the dtype, which the result has
            else:
                raise NotInC(f"{operation.function.__name__} of a {type(argument).__name__}")
        text = expression(operation, texts, dtypes)
        name = f"t{len(lines)}"
        lines.append(f"const {type_of(operation.result.dtype)} {name} = {text};")
        return name

    def element(self, value: Value, load: Callable[[Value], str], lines: list[str]) -> str:
        """Write the element of a value: computed here, or loaded."""
        if value in self._inner:
            return self.write(self._inner[value], load, lines)
        return load(value)


def _literal_dtype(number: Any, operation: Operation) -> np.dtype[Any]:
    """Find the dtype of a number among arrays: theirs, or its own where it is no integer.

    NumPy compares with integers that the dtype of the arrays does not hold, too.
    """
    dtypes = [value.dtype for value in operation.inputs]
    dtype = np.result_type(*dtypes, type(number)(0)) if dtypes else operation.result.dtype
    for kind in (dtype, np.dtype(np.int64)):
        if kind.kind not in "iu" or np.iinfo(kind).min <= number <= np.iinfo(kind).max:
            return kind
    raise NotInC(f"comparing with {number}")


@dataclass(eq=False)
class Nest:
    """Loops over the elements of one shape, in which several results are computed.

    Attributes
    ----------
    shape
        Over which they go.
    roots
        The operations whose results are stored.
    """

    chains: Chains
    shape: tuple[int, ...]
    roots: list[Operation] = field(default_factory=list)

    def takes(self, operation: Operation) -> bool:
        """Tell whether another operation can be computed in the same loops."""
        if operation.result.shape != self.shape:
            return False
        made = {root.result: root.result for root in self.roots}
        for leaf in self.chains.leaves_of(operation):
            base = self.chains.base(leaf)
            if base in made and leaf is not base:
                return False  # it reads other elements than were just made
            if leaf in made and leaf.shape != self.shape:
                return False
        strides = {r.result.strides for r in self.roots}
        return operation.result.strides in strides

    @property
    def operations(self) -> list[Operation]:
        """All that is computed."""
        return [each for root in self.roots for each in self.chains.operations(root)]

    def leaves(self) -> list[Value]:
        """List what is loaded: each once, but for what is computed here."""
        made = {root.result for root in self.roots}
        found = dict.fromkeys(v for root in self.roots for v in self.chains.leaves_of(root))
        return [value for value in found if value not in made]

    def task(self) -> Task:
        """Say what this does to memory."""
        leaves = self.leaves()
        reads = [self.chains.base(value) for value in leaves]
        overwrites = {}
        for root in self.roots:
            result = root.result
            overwrites[result] = [
                value
                for value in leaves
                if (value.shape, value.strides) == (result.shape, result.strides)
                and value.dtype == result.dtype
                and reads.count(value) == 1
                and self.chains.base(value) is value
            ]
        return Task(reads, [root.result for root in self.roots], overwrites)

    def emit(self, ref: RefOf) -> list[str]:
        """Write the loops: everything is loaded before anything is stored."""
        results = [ref(root.result) for root in self.roots]
        leaves = {value: ref(value).stretched(self.shape) for value in self.leaves()}
        refs = [*results, *leaves.values()]
        opened, indices, depth = loops(nest_order(refs, self.shape), refs, self.shape)
        lines: list[str] = []
        names: dict[Value, str] = {}
        for number, (value, place) in enumerate(leaves.items()):
            names[value] = f"x{number}"
            lines.append(f"const {type_of(value.dtype)} x{number} = {place.at(indices)};")
        for root in self.roots:
            names[root.result] = self.chains.write(root, names.__getitem__, lines)
        for root, place in zip(self.roots, results, strict=True):
            lines.append(f"{place.at(indices)} = {names[root.result]};")
        if not depth:
            return ["{", *lines, "}"]
        return [*opened, *lines, "}" * depth]


def reference(value: Value, pointer: str, offset: int = 0) -> Ref:
    """Say where the elements of a value lie, given the pointer to the array that it is or views."""
    size = value.dtype.itemsize
    if any(stride % size for stride in value.strides):
        raise NotInC("elements that lie at parts of elements")
    at = f"({pointer} + {offset // size})" if offset else pointer
    return Ref(at, value.shape, tuple(stride // size for stride in value.strides), value.dtype)


def is_constant_ones(value: Value) -> bool:
    """Tell whether a value is a vector of ones, by which a product is a sum."""
    array = value.array
    return (
        value.role is Role.CONSTANT
        and array is not None
        and array.ndim == 1
        and bool(np.all(array == 1))
    )
