"""One captured step, ready to be replayed."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from itertools import count
from types import FrameType
from typing import Any

import numpy as np

from ..engine import plain_error, wrap, wrote
from ..optim.blocks import constant
from ..tensor import Tensor
from .capture import capture
from .naming import name_values
from .c_expressions import NotInC
from .c_library import NoCompilerError, say
from .c_runner import CRunner, FailedError
from .numpy_source import NumpySource, write_numpy
from .operations import CompileError, ensured
from .program import Program, TensorOf, Value
from .reach import Reach
from .simplify import simplify

__all__ = ["Replay"]

_numbers = count(1)


class Replay:
    """A step that was captured for one form of its arguments.

    Parameters
    ----------
    function
        The step.
    arguments
        What it is called with, by name.
    backend
        How it is to be run.
    old
        The replay that this one takes the place of, if any.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        backend: str,
        old: Replay | None = None,
    ) -> None:
        for name, argument in arguments.items():
            if isinstance(argument, Tensor) and argument.requires_grad:
                raise CompileError(
                    f"the argument {name} needs a gradient, which would be lost; let the step reach "
                    f"it by a global variable or a closure"
                )
        self.reach = Reach(function)
        self._program, gradients = capture(function, arguments, self.reach)
        self.reach.remember_state()
        simplify(self._program)
        full_names = name_values(self._program, _parameters(self.reach, self._program), gradients)
        title = f"One step of `{getattr(function, '__name__', 'step')}`."
        self._source = write_numpy(self._program, title, full_names)
        self._step = self._runner(backend)
        self._takes = [
            isinstance(argument, np.ndarray | Tensor) for argument in arguments.values()
        ]
        self._changed = [
            state.before.array for state in self._program.states if state.after is not state.before
        ]
        self._fetches = [
            (numbers.fetch, numbers.advance, [value.dtype for value in numbers.values])
            for numbers in self._program.numbers
        ]

    def __call__(self, args: tuple[Any, ...]) -> Any:
        """Take the step."""
        arrays = [
            arg._array if isinstance(arg, Tensor) else arg
            for arg, takes in zip(args, self._takes, strict=True)
            if takes
        ]
        if self._fetches:
            arrays.append([
                constant(number, dtype)
                for fetch, _, dtypes in self._fetches
                for number, dtype in zip(fetch(), dtypes, strict=True)
            ])
        try:
            found = self._step(*arrays)
        except FailedError as failure:
            raise self._explained_failure(failure) from None
        except (TypeError, ValueError, IndexError) as error:
            raise self._explained(error) from None
        for _, advance, _ in self._fetches:
            advance()
        if self._changed:
            wrote(*self._changed)
        return _wrapped(self._program.results, found)

    def _runner(self, backend: str) -> Callable[..., Any]:
        """Build the step for a backend, or for NumPy where C can't be had."""
        if backend != "numpy":
            try:
                return CRunner(self._program)
            except NotInC as error:
                say(f"{error} can't be written in C, so this step runs in NumPy")
            except NoCompilerError as error:
                say(f"{error}; this step runs in NumPy")
        return _built(self._source)

    @property
    def source(self) -> str:
        """The step as a program in NumPy."""
        return self._source.text

    @property
    def plan(self) -> str:
        """The memory that it takes."""
        return ""

    def _explained_failure(self, failure: FailedError) -> Exception:
        """Say what was wrong where C stopped."""
        operation = self._program.operations[failure.number]
        reason = ""
        if operation.origin.explain is not None:
            reason = operation.origin.explain(failure.find)
        if not reason and operation.function is ensured:
            reason = operation.arguments[1]
        prefix = f"{operation.origin.rule}: " if operation.origin.rule else ""
        return ValueError(f"{prefix}{reason or 'an index is out of range'}")

    def _explained(self, error: Exception) -> Exception:
        """Say what was wrong as the eager step would."""
        frame, line = _place(error, self._source)
        operation = self._source.lines.get(line)
        if frame is None or operation is None:
            return error
        values = frame.f_locals

        def find(value: Value) -> Any:
            return values.get(value.name, value)

        reason = ""
        if operation.origin.explain is not None:
            reason = operation.origin.explain(find)
        if not reason:
            reason = str(error)
        prefix = f"{operation.origin.rule}: " if operation.origin.rule else ""
        return plain_error(error, f"{prefix}{reason}")


def _built(source: NumpySource) -> Any:
    """Run the source, and let it build the step."""
    filename = f"<step {next(_numbers)} compiled by tinygrad_mnist>"
    linecache.cache[filename] = (
        len(source.text),
        None,
        source.text.splitlines(keepends=True),
        filename,
    )
    source.given["__file__"] = filename
    namespace = dict(source.given)
    exec(compile(source.text, filename, "exec"), namespace)  # noqa: S102  # it is our own
    return namespace["build"](*(state.array for state in source.states))


def _place(error: Exception, source: NumpySource) -> tuple[FrameType | None, int]:
    """Find the line of the source at which an error was raised."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == source.given["__file__"]:
            return trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
    return None, 0


def _parameters(reach: Reach, program: Program) -> dict[str, Value]:
    """Name the states by the Tensors and optimisers that hold them."""
    values = {id(state.before.array): state.before for state in program.states}
    holders = {name.partition(".")[0] for name in reach.tensors}
    shorten = len(holders) == 1
    found = {}
    by_parameter = {}
    for name, tensor in reach.tensors.items():
        short = name.partition(".")[2] if shorten and "." in name else name
        by_parameter[id(tensor)] = short
        if id(tensor._array) in values:
            found[short] = values[id(tensor._array)]
    for optimiser in reach.optimisers:
        for parameter, state in zip(optimiser.parameters(), optimiser.states(), strict=True):
            for key, array in state.items():
                if id(array) in values:
                    found[f"{by_parameter.get(id(parameter), 'parameter')}:{key}"] = values[id(array)]
    return found


def _wrapped(whole: Any, found: Any) -> Any:
    """Give the results the classes that the step returns."""
    if isinstance(whole, TensorOf):
        return wrap(whole.kind, found)
    if isinstance(whole, dict):
        return {name: _wrapped(part, found[name]) for name, part in whole.items()}
    if isinstance(whole, tuple | list):
        return type(whole)(_wrapped(*pair) for pair in zip(whole, found, strict=True))
    return found
