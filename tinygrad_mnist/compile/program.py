"""A program: one step, written down as operations on values, each of which is computed once.

`capture` writes it, `simplify` shortens it, `memory` finds its values a place, and `numpy_source`
and `c_source` write it out as code. The operations are NumPy's own functions in their plainest form
(`operations` lists how the many ways of calling them come down to few), and the rules' functions
that are computed in one piece, such as a convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

__all__ = [
    "Numbers",
    "Operation",
    "Origin",
    "Program",
    "Role",
    "State",
    "TensorOf",
    "Value",
    "values_in",
    "with_each",
]

Array = Any


class Role(Enum):
    """Where a value comes from."""

    ARGUMENT = "an argument of the step"
    STATE = "an array that lives on, such as a parameter: what it holds when the step begins"
    CONSTANT = "an array that nobody writes to"
    NUMBER = "a number that is worked out anew for every step, such as a learning rate"
    COMPUTED = "the result of an operation"


@dataclass(eq=False)
class Value:
    """An array that a step meets.

    Attributes
    ----------
    shape, dtype
        As of arrays.
    strides
        How its elements lie in memory, in bytes; those of an argument may be others.
    role
        Where it comes from.
    array
        The array itself, of a state or a constant; else None.
    name
        What the sources call it; empty until it is named.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    strides: tuple[int, ...]
    role: Role
    array: Array | None = None
    name: str = ""

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """How much memory its elements take."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"<{self.name or self.role.name.lower()} {self.dtype} {self.shape}>"


@dataclass(frozen=True)
class Origin:
    """What an operation belongs to.

    Attributes
    ----------
    layer
        The module in whose `forward` it was called, by its name in the model; empty outside.
    described
        That module as it prints itself, in one line.
    rule
        The name of the rule that it is part of, if any.
    gradient_of
        Of an operation of the backward sweep: the value whose gradient it helps to compute.
    explain
        Says of the inputs of the rule, if it raised an error, what was wrong with them; it is given
        what finds the array of a value.
    line
        Where in the user's program it was called.
    """

    layer: str = ""
    described: str = ""
    rule: str = ""
    gradient_of: Value | None = None
    explain: Callable[[Callable[[Value], Array]], str] | None = None
    line: str = ""


@dataclass(eq=False)
class Operation:
    """A function of values, whose results are new values.

    Attributes
    ----------
    function
        NumPy's, or one of `operations`, or a rule's.
    arguments, keywords
        What it is called with: values, numbers, and tuples, lists and slices of them.
    results
        What it returns: one value, or those in a tuple.
    origin
        What it belongs to.
    is_view
        Whether the result looks at the memory of the first argument.
    is_tuple
        Whether the function returns a tuple.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    results: tuple[Value, ...]
    origin: Origin = Origin()
    is_view: bool = False
    is_tuple: bool = False

    @property
    def inputs(self) -> list[Value]:
        """The values that it reads."""
        return [*values_in(self.arguments), *values_in(self.keywords)]

    @property
    def result(self) -> Value:
        """Its only result, or the first."""
        return self.results[0]

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return f"{', '.join(map(repr, self.results))} = {name}({self.arguments}, {self.keywords})"


@dataclass(eq=False)
class State:
    """An array that lives on, and what a step makes of it.

    Attributes
    ----------
    before, after
        Its value when the step begins and when it ends; the same if it is only read.
    """

    before: Value
    after: Value


@dataclass(eq=False)
class Numbers:
    """Numbers that are worked out anew for every step, together.

    Attributes
    ----------
    fetch
        Works them out.
    advance
        Is called after that, when a step is taken.
    values
        Theirs, of shape ().
    """

    fetch: Callable[[], Sequence[float]]
    advance: Callable[[], None]
    values: list[Value]


@dataclass(eq=False)
class TensorOf:
    """Where a step returns a Tensor: its class, and its value."""

    kind: type[Any]
    value: Value


@dataclass(eq=False)
class Program:
    """One step.

    Attributes
    ----------
    arguments
        The values of its arguments, by name.
    states
        The arrays that live on.
    numbers
        What is worked out anew for every step.
    operations
        What it does, in order.
    results
        What it returns: values, and whatever holds them.
    """

    arguments: dict[str, Value]
    states: list[State]
    numbers: list[Numbers]
    operations: list[Operation]
    results: Any

    @property
    def kept(self) -> list[Value]:
        """The values that are wanted in the end."""
        changed = [state.after for state in self.states if state.after is not state.before]
        return [*changed, *values_in(self.results)]


def values_in(whole: Any) -> Iterator[Value]:
    """Find the values in tuples, lists, dicts and slices of them."""
    if isinstance(whole, Value):
        yield whole
    elif isinstance(whole, TensorOf):
        yield whole.value
    elif isinstance(whole, tuple | list):
        for part in whole:
            yield from values_in(part)
    elif isinstance(whole, Mapping):
        yield from values_in(list(whole.values()))
    elif isinstance(whole, slice):
        yield from values_in([whole.start, whole.stop, whole.step])


def with_each(whole: Any, make: Callable[[Value], Any]) -> Any:
    """Build what a step returns with something made of each value in its place."""
    if isinstance(whole, TensorOf):
        return make(whole.value)
    if isinstance(whole, Value):
        return make(whole)
    if isinstance(whole, dict):
        return {name: with_each(part, make) for name, part in whole.items()}
    if isinstance(whole, tuple | list):
        return type(whole)(with_each(part, make) for part in whole)
    return whole
