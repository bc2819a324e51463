"""Recording: what is done with symbols is written down, and computed on samples meanwhile.

The samples are what the arrays held when the step was captured; they tell shapes, dtypes and which
results are views. Nothing is written to them, or to any array of the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np

from ..engine import Traced, wrap
from ..tensor import Tensor
from . import operations
from .belonging import Belonging
from .bystanders import Bystanders
from .known import Known
from .operations import CompileError, astype, ensured, getitem, setitem
from .origin import surroundings
from .program import Numbers, Operation, Program, Role, State, Value
from .reach import Reach
from .symbol import Symbol

__all__ = ["Recording"]

Array = Any
Function = Callable[..., Any]

_STATIC = {np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.isrealobj, np.iscomplexobj}
_EMPTY = {np.zeros_like, np.ones_like, np.empty_like, np.full_like}
_OF_UNKNOWN_SIZE = {
    np.nonzero,
    np.flatnonzero,
    np.argwhere,
    np.unique,
    np.bincount,
    np.compress,
    np.extract,
    np.trim_zeros,
}
_IN_PLACE = {np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


class Recording:
    """What was done with symbols; the engine and the optimisers know it as a `Recorder`.

    Parameters
    ----------
    reach
        What the step can reach.

    Attributes
    ----------
    failed
        Whether a function raised an error: from then on symbols show their samples, so that whoever
        explains the error can look at them.
    refused
        What can't be captured, if something was refused, even if the step has caught the error.
    belonging
        Where operations belong.
    bystanders
        Threads that compute something else meanwhile.
    """

    def __init__(self, reach: Reach) -> None:
        self.failed = False
        self.refused = ""
        self._moved: list[Any] = []
        self._operations: list[Operation] = []
        self._arguments: dict[str, Value] = {}
        self._numbers: list[Numbers] = []
        self._live: dict[int, tuple[Array, Symbol]] = {}
        self._lives_on: set[int] = set()
        self._bare: dict[int, str] = {}  # the names of those symbols
        self.bystanders = Bystanders(self)
        self._known = Known(self, reach)
        self._before: list[Value] = []  # the first value of each array that lives on
        self._samples: dict[Value, Array] = {}
        self.belonging = Belonging(reach.modules, self.refuse)

    # --- what a step begins with ----------------------------------------------------------

    def argument(self, name: str, given: Any) -> Any:
        """Make a symbol of an array, or of that in a Tensor; whatever else is given is fixed."""
        array = given._array if isinstance(given, Tensor) else given
        if not isinstance(array, np.ndarray):
            return given
        if type(array) not in (np.ndarray, np.memmap):
            raise CompileError(
                f"the argument {name} is a {type(array).__name__}; expected a plain array"
            )
        symbol = Symbol(
            self, self._value(np.ascontiguousarray(array).reshape(array.shape), Role.ARGUMENT, name)
        )
        self._arguments[name] = symbol.value
        return wrap(type(given), symbol) if isinstance(given, Tensor) else symbol

    def live(self, array: Array) -> Symbol:
        """Return the symbol of an array that lives on from step to step."""
        symbol = self._read(array)
        self._lives_on |= {id(array), id(symbol)}
        return symbol

    def standing_in(self, array: Array, name: str) -> Symbol:
        """Return the symbol of a bare array of a name, which nobody may write to."""
        symbol = self._read(array)
        self._bare.setdefault(id(symbol), name)
        self._known.are_in(symbol.value, name, array)
        return symbol

    def check_writable(self, symbol: Symbol) -> None:
        """Refuse to write to what is not the step's own."""
        if symbol.value.role is Role.ARGUMENT:
            self.refuse("an argument of the step is written to; write to a copy of it")
        if id(symbol) in self._bare and id(symbol) not in self._lives_on:
            self._refuse_bare_array(f" {self._bare[id(symbol)]}")

    def _refuse_bare_array(self, name: str = "") -> NoReturn:
        self.refuse(
            f"the bare array{name} is written to, which would not happen again in the next step; "
            f"hold it in a Tensor that the step reaches"
        )

    def _read(self, array: Array) -> Symbol:
        """Return the symbol of an array that may be another in the next step."""
        if isinstance(array, Symbol):
            return array
        if id(array) not in self._live:
            array_itself = np.asarray(array)
            value = self._value(array_itself, Role.STATE, array=array_itself)
            symbol = Symbol(self, value)
            self._live[id(array)] = array, symbol
            self.bystanders.arrays[id(symbol)] = array_itself
            self._before.append(value)
        return self._live[id(array)][1]

    def numbers(
        self,
        fetch: Callable[[], Sequence[float]],
        advance: Callable[[], None],
        dtype: np.dtype[Any],
    ) -> list[Symbol]:
        """Return symbols of numbers that are worked out anew for every step."""
        samples = [np.array(number, dtype) for number in fetch()]
        values = [self._value(sample, Role.NUMBER) for sample in samples]
        self._numbers.append(Numbers(fetch, advance, values))
        return [Symbol(self, value) for value in values]

    def moves(self, optimiser: Any) -> None:
        """Note that an optimiser takes its step."""
        if optimiser in self._moved:
            self.refuse(
                "an optimiser steps twice inside of one compiled step; compile one at a time"
            )
        self._moved.append(optimiser)

    def ensure(self, condition: Any, message: str) -> None:
        """Note that a condition must hold."""
        self.note(ensured, (condition, message), {})

    # --- what it does ---------------------------------------------------------------------

    def note(self, function: Function, args: Any, keywords: Any) -> Any:
        """Note that a function is called, and return symbols of its results."""
        if any(isinstance(arg, Traced) for arg in args):
            return NotImplemented
        if function is np.copyto:
            return self.copy_to(args[0], args[1], keywords.get("where", True))
        if function in _OF_UNKNOWN_SIZE or (function is np.where and len(args) == 1):
            args, keywords = self._known.with_size(function, (args, keywords))
            return function(*args, **keywords)
        if function is np.repeat:
            args = (args[0], *self._known.with_size(function, args[1:]))
        if function in (getitem, setitem):
            args = (args[0], self._known.index(args[1]), *args[2:])
        writes = function is np.nan_to_num and not keywords.get("copy", True)
        if writes or function in _IN_PLACE or getattr(function, "__name__", "") == "at":
            self.refuse(f"{function.__name__} writes in place, which can't be captured")
        arguments, named = self._lifted(args), self._lifted(keywords)
        if function in _STATIC or self.failed:
            return function(*self._sampled(arguments), **self._sampled(named))
        if function in _EMPTY:
            made = np.asarray(function(*self._sampled(arguments), **self._sampled(named)))
            made.flags.writeable = False
            return Symbol(self, self._value(made, Role.CONSTANT, array=made))
        operation = self._computed(function, arguments, named)
        if operation.is_view:
            base = args[0] if isinstance(args[0], Symbol) else self._read(args[0])
            return Symbol(self, operation.result, base, partial(self._looked_at, operation))
        symbols = tuple(Symbol(self, value) for value in operation.results)
        return symbols if operation.is_tuple else symbols[0]

    def copy_to(self, target: Any, source: Any, where: Any = True) -> None:
        """Write to an array, as NumPy's functions do with `out` and `where`."""
        symbol = target if isinstance(target, Symbol) else self._written(target)
        if not isinstance(source, Symbol):
            source = Symbol(self, self._constant(np.asarray(source)))
        if source.dtype != symbol.dtype:
            source = self.note(astype, (source, symbol.dtype), {})
        if where is not True:
            source = self.note(np.where, (where, source, symbol), {})
        if source.shape != symbol.shape:
            stretched = self.note(np.broadcast_to, (source, symbol.shape), {})
            source = self.note(np.copy, (stretched,), {})
        symbol.write(source.value)

    def _written(self, array: Array) -> Symbol:
        """Find the symbol of an array that is written to; only what lives on may be."""
        if id(array) not in self._lives_on:
            self._refuse_bare_array()
        return self.live(array)

    def seen_from(self, seen: Value, base: Value, new: Value) -> Value:
        """Compute what an array becomes when a view of it is written to."""
        operation = next(o for o in reversed(self._operations) if seen in o.results)
        if operation.function is np.transpose:
            order = tuple(np.argsort(operation.arguments[1]).tolist())
            return self._value_of(np.transpose, (new, order))
        if operation.function is np.reshape:
            return self._value_of(np.reshape, (new, base.shape))
        if operation.function is not getitem:
            self.refuse(f"a view made by {operation.function.__name__} can't be written to")
        return self._value_of(setitem, (base, operation.arguments[1], new))

    def draw(self, generator: np.random.Generator, shape: Any, dtype: Any) -> Symbol:
        """Note that random numbers are drawn, from 0 up to less than 1."""
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        copy = np.random.Generator(np.random.PCG64(0))
        sample = copy.random(sizes, dtype)
        value = self._value(sample, Role.COMPUTED)
        arguments = generator, sizes, np.dtype(dtype)
        self._operations.append(
            Operation(operations.random, arguments, {}, (value,), self.belonging.origin())
        )
        return Symbol(self, value)

    def where(self) -> str:
        """Say where in the user's program we are."""
        line = surroundings().line
        return f"; {line}" if line else ""

    def refuse(self, message: str) -> NoReturn:
        """Raise an error that says what can't be captured, and where it was called."""
        self.refused = f"{message}{self.where()}"
        raise CompileError(self.refused)

    def _value_of(self, function: Function, arguments: tuple[Any, ...]) -> Value:
        return self._computed(function, arguments, {}).result

    def _looked_at(self, view: Operation, base: Value) -> Value:
        return self._value_of(view.function, (base, *view.arguments[1:]))

    def _computed(self, function: Function, arguments: Any, keywords: Any) -> Operation:
        """Compute a sample of the result, and write the operation down."""
        sampled, named = self._sampled(arguments), self._sampled(keywords)
        try:
            found = function(*sampled, **named)
        except Exception:
            self.failed = True
            raise
        parts = found if isinstance(found, tuple | list) else (found,)
        if not all(isinstance(part, np.ndarray | np.generic | int | float) for part in parts):
            self.refuse(f"{function.__name__} returns a {type(found).__name__}, not an array")
        arrays = [np.asarray(part) for part in parts]
        first = sampled[0] if sampled else None
        is_view = (
            len(arrays) == 1
            and isinstance(first, np.ndarray)
            and np.may_share_memory(first, arrays[0])
        )
        results = tuple(
            self._value(array, Role.COMPUTED, strides=None if is_view else _dense(array))
            for array in arrays
        )
        operation = Operation(
            function,
            arguments,
            keywords,
            results,
            self.belonging.origin(),
            is_view,
            isinstance(found, tuple | list),
        )
        self._operations.append(operation)
        self.belonging.note_maker(results[0])
        self._known.follow(operation)
        return operation

    def looked_at(self, symbol: Symbol, what: str) -> Array:
        """Show what is in an array to those who may know: whoever explains an error, bystanders."""
        if self.bystanders.are_here():
            return self.bystanders.array_of(symbol)
        if (known := self._known.array_of(symbol)) is not None:
            return known
        if not self.failed:
            self.refuse(
                f"{what} asks for the value of an array inside a compiled step, where it is "
                f"another each time; return it from the step and look at it there"
            )
        return self.sample(symbol)

    def sample(self, symbol: Symbol) -> Array:
        """Return what an array held when the step was captured."""
        return self._samples[symbol.value]

    # --- values ---------------------------------------------------------------------------

    def _value(
        self, sample: Array, role: Role, name: str = "", *, array: Any = None, strides: Any = None
    ) -> Value:
        value = Value(sample.shape, sample.dtype, strides or sample.strides, role, array, name)
        self._samples[value] = sample
        return value

    def _constant(self, array: Array) -> Value:
        value = self._value(array, Role.CONSTANT, array=array)
        self._known.are_fixed(value)
        return value

    def _lifted(self, part: Any) -> Any:
        """Take the values of symbols and of arrays; whatever else there is stays."""
        if isinstance(part, Symbol):
            return part.value
        if isinstance(part, np.ndarray):
            fixed = not part.flags.writeable and part.base is None and id(part) not in self._live
            return self._constant(part) if fixed else self._read(part).value
        if isinstance(part, np.generic) and part.dtype.kind in "fiub":
            return self._constant(np.asarray(part))
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            return part
        if isinstance(part, tuple | list):
            return type(part)(map(self._lifted, part))
        if isinstance(part, dict):
            return {name: self._lifted(each) for name, each in part.items()}
        if isinstance(part, slice):
            return slice(*map(self._lifted, (part.start, part.stop, part.step)))
        return part

    def _sampled(self, part: Any) -> Any:
        """Put samples in the place of values."""
        if isinstance(part, Value):
            return self._samples[part]
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            return part
        if isinstance(part, tuple | list):
            return type(part)(map(self._sampled, part))
        if isinstance(part, dict):
            return {name: self._sampled(each) for name, each in part.items()}
        return part

    # --- what comes of it -----------------------------------------------------------------

    def value_of(self, array: Any) -> Value:
        """Find the value that an array has now."""
        value: Value = self._lifted(array)
        return value

    def program(self, results: Any) -> Program:
        """Write the program, given what the step returns."""
        symbols = [symbol for _, symbol in self._live.values()]
        states = [
            State(*pair) for pair in zip(self._before, [s.value for s in symbols], strict=True)
        ]
        return Program(self._arguments, states, self._numbers, self._operations, results)

    def forget_samples(self) -> None:
        """Let go of what arrays held, which may be much; operations still know who noted them."""
        self._samples.clear()


def _dense(array: Array) -> tuple[int, ...]:
    """Return the strides of an array that has its axes in the same order, and no gaps."""
    strides: tuple[int, ...] = np.empty_like(array).strides
    return strides
