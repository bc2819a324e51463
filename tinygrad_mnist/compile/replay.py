"""One captured step, ready to be replayed."""

from __future__ import annotations

import linecache
import weakref
from collections.abc import Callable, Mapping
from itertools import count
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import plain_error, wrap, wrote
from ..optim.blocks import constant
from ..optim.lr_scheduler import LRScheduler
from ..tensor import Tensor
from .c_expressions import NotInC
from .c_library import NoCompilerError
from .c_runner import CRunner, FailedError
from .capture import capture
from .naming import name_values
from .numpy_source import NumpySource, write_numpy
from .operations import CompileError, ensured
from .plan import describe
from .program import Operation, Program, TensorOf, Value, values_in, with_each
from .reach import Reach
from .saying import say
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
    """

    def __init__(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], backend: str
    ) -> None:
        for name, argument in arguments.items():
            if isinstance(argument, Tensor) and argument.requires_grad:
                raise CompileError(
                    f"the argument {name} needs a gradient, which would be lost; let the step "
                    f"reach it by a global variable or a closure"
                )
        objects = {
            name: argument
            for name, argument in arguments.items()
            if not isinstance(argument, np.ndarray | Tensor)
        }
        self.reach = Reach(function, objects)
        self._program, gradients, self._leaves = capture(function, arguments, self.reach)
        self.reach.remember_state()
        self._captured = len(self._program.operations)
        self._same = simplify(self._program)
        full_names = name_values(self._program, _parameters(self.reach, self._program), gradients)
        title = f"One step of `{getattr(function, '__name__', 'step')}`."
        self._source = write_numpy(self._program, title, full_names)
        self._step = self._runner(backend)
        self._takes = [isinstance(argument, np.ndarray | Tensor) for argument in arguments.values()]
        self._changed = [
            state.before.array for state in self._program.states if state.after is not state.before
        ]

    def __call__(self, args: tuple[Any, ...]) -> Any:
        """Take the step."""
        arrays = [
            arg._array if isinstance(arg, Tensor) else arg
            for arg, takes in zip(args, self._takes, strict=True)
            if takes
        ]
        numbers = [number for each in self._program.numbers for number in each.fetch()]
        try:
            found = self._step(arrays, numbers)
        except FailedError as failure:
            self._note_taken(failure.number)
            raise self._explained_failure(failure) from None
        except (TypeError, ValueError, IndexError) as error:
            frame, operation = _place(error, self._source)
            if frame is None or operation is None:
                raise
            self._note_taken(self._program.operations.index(operation))
            raise self._explained(error, frame, operation) from None
        for each in self._program.numbers:
            each.advance()
        self._note_written()
        return _wrapped(self._program.results, found)

    def _note_taken(self, count: int) -> None:
        """Note how far a step came that was not finished: by how many operations."""
        read = {value for o in self._program.operations[:count] for value in o.inputs}
        for each in self._program.numbers:
            if not read.isdisjoint(each.values):
                each.advance()
        self._note_written()

    def _note_written(self) -> None:
        if self._changed:
            wrote(*self._changed)
        for leaf in self._leaves:
            leaf.grad = None

    def can_epoch(self, images: NDArray[Any], labels: NDArray[Any]) -> bool:
        """Tell whether many steps can be taken at once on such a data set."""
        return isinstance(self._step, CRunner) and self._step.can_epoch(images, labels)

    def epoch(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        order: NDArray[np.int64],
        schedule: LRScheduler | None,
    ) -> Any:
        """Take a step for each whole batch, if `can_epoch`; return columns of their results."""
        assert isinstance(self._step, CRunner)  # noqa: S101  # `can_epoch` was asked
        steps = len(order) // next(iter(self._program.arguments.values())).shape[0]
        go_back = [optimiser.bookmark() for optimiser in self.reach.optimisers]
        before = None if schedule is None else schedule.state_dict()
        numbers, trouble = self._numbers_of(steps, schedule)
        results, done, failure = self._step.epoch(
            images, labels, order[: len(numbers) * len(order) // steps], np.array(numbers)
        )
        self._note_written()
        if failure is not None:  # only the steps that were taken count
            for put_back in go_back:
                put_back()
            if schedule is not None and before is not None:
                schedule.load_state_dict(before)
            self._numbers_of(done, schedule)
            self._note_taken(failure.number)
            raise self._explained_failure(failure)
        if trouble is not None:
            raise trouble
        columns = iter(results.T)
        return with_each(self._program.results, lambda _: next(columns))

    def _numbers_of(
        self, steps: int, schedule: LRScheduler | None
    ) -> tuple[list[list[float]], Exception | None]:
        """Work out the numbers of each step in turn, as far as that is possible."""
        found = []
        try:
            for _ in range(steps):
                found.append([number for each in self._program.numbers for number in each.fetch()])
                for each in self._program.numbers:
                    each.advance()
                if schedule is not None:
                    schedule.step()
        except Exception as error:  # noqa: BLE001  # raised when the steps before it were taken
            return found, error
        return found, None

    @property
    def results(self) -> list[Value]:
        """What the step returns, but for what is fixed."""
        return list(values_in(self._program.results))

    def _runner(self, backend: str) -> Callable[..., Any]:
        """Build the step for a backend, or for NumPy where C can't be had."""
        if backend != "numpy":
            try:
                return CRunner(self._program)
            except NotInC as error:
                say(f"{error} can't be written in C, so this step runs in NumPy")
            except NoCompilerError as error:
                say(f"{error}; this step runs in NumPy")
        return _built(self._source, self._program)

    @property
    def source(self) -> str:
        """The step as a program in NumPy."""
        return self._source.text

    @property
    def plan(self) -> str:
        """The memory that it takes, and what is computed together."""
        compiled = self._step.source if isinstance(self._step, CRunner) else None
        return describe(self._program, self._captured, self._source, compiled)

    @property
    def backend(self) -> str:
        """How it runs: ``"numpy"`` or ``"c"``."""
        return "c" if isinstance(self._step, CRunner) else "numpy"

    def _explained_failure(self, failure: FailedError) -> Exception:
        """Say what was wrong where C stopped."""
        operation = self._program.operations[failure.number]
        reason = ""
        if operation.origin.explain is not None:
            reason = operation.origin.explain(lambda v: failure.find(self._same.get(v, v)))
        if not reason and operation.function is ensured:
            reason = operation.arguments[1]
        prefix = f"{operation.origin.rule}: " if operation.origin.rule else ""
        return ValueError(f"{prefix}{reason or 'an index is out of range'}")

    def _explained(self, error: Exception, frame: FrameType, operation: Operation) -> Exception:
        """Say what was wrong as the eager step would."""
        values = frame.f_locals

        def find(value: Value) -> Any:
            value = self._same.get(value, value)
            found = values.get(value.name)
            return (
                np.broadcast_to(np.zeros((), value.dtype), value.shape) if found is None else found
            )

        reason = ""
        if operation.origin.explain is not None:
            reason = operation.origin.explain(find)
        if reason and isinstance(error, IndexError):
            error = ValueError()  # a rule that explains itself does not leave it to NumPy
        reason = reason or str(error)
        prefix = f"{operation.origin.rule}: " if operation.origin.rule else ""
        return plain_error(error, f"{prefix}{reason}")


def _built(source: NumpySource, program: Program) -> Callable[..., Any]:
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
    weakref.finalize(source, linecache.cache.pop, filename, None)
    step = namespace["build"](*(state.array for state in source.states))
    dtypes = [value.dtype for numbers in program.numbers for value in numbers.values]
    if not dtypes:
        return lambda arrays, numbers: step(*arrays)
    return lambda arrays, numbers: step(*arrays, list(map(constant, numbers, dtypes)))


def _place(error: Exception, source: NumpySource) -> tuple[FrameType | None, Operation | None]:
    """Find the operation of the source at which an error was raised, and where it ran."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == source.given["__file__"]:
            return trace.tb_frame, source.lines.get(trace.tb_lineno)
        trace = trace.tb_next
    return None, None


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
                    found[f"{by_parameter.get(id(parameter), 'parameter')}:{key}"] = values[
                        id(array)
                    ]
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
