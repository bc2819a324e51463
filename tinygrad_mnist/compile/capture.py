"""Capturing: a step is run once on symbols, and what is done with them is the program.

While it runs, a symbol stands in for each array that the step can reach, in Tensors or not; the
optimisers' own arrays and numbers are symbols, too, and generators note what is drawn. Nothing is
changed for good: when the step has run, every Tensor has its array back, with what was in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from threading import RLock
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..engine import Leaf, recorder, watch_of
from ..tensor import Tensor
from .calling import called_with
from .holders import item
from .operations import CompileError
from .program import Program, TensorOf, Value
from .reach import Reach
from .recording import Recording
from .side_effects import SideEffects
from .symbol import Symbol

__all__ = ["Captured", "capture", "capturing"]


# One at a time: the symbols of one must not be taken for the arrays of another.
capturing = RLock()


class Captured(NamedTuple):
    """What came of capturing.

    Attributes
    ----------
    program
        What the step does.
    gradients
        The gradient of each value of which one was computed.
    leaves
        Those whose gradients it has set, of which nothing is left after the step.
    """

    program: Program
    gradients: dict[Value, Value]
    leaves: list[Leaf]


def capture(function: Callable[..., Any], arguments: Mapping[str, Any], reach: Reach) -> Captured:
    """Run a step on symbols, and write down what it does.

    Parameters
    ----------
    function
        The step.
    arguments
        What it is called with, by name: arrays and Tensors, and whatever is not an array.
    reach
        What it can reach.

    Raises
    ------
    CompileError
        If it does something that can't be done again without Python.
    """
    recording = Recording(reach)
    symbols = {name: recording.argument(name, value) for name, value in arguments.items()}
    # What overflows is told when the step is replayed.
    with np.errstate(all="ignore"), _symbols_standing_in(reach, recording) as leaves:
        results = _results(recording, called_with(function, symbols))
        if recording.refused:
            raise CompileError(recording.refused)
        if recording.failed:
            recording.refuse("the step goes on after an error of one of its functions")
    program = recording.program(results)
    recording.forget_samples()
    return Captured(program, recording.belonging.gradients, leaves)


def _results(recording: Recording, whole: Any) -> Any:
    """Take the values of what the step returns."""
    if isinstance(whole, Tensor):
        return TensorOf(type(whole), recording.value_of(whole._array))
    if isinstance(whole, Symbol | np.ndarray):
        return recording.value_of(whole)
    if type(whole) is dict:
        return {name: _results(recording, part) for name, part in whole.items()}
    if type(whole) in (tuple, list):
        return type(whole)(_results(recording, part) for part in whole)
    if whole is not None and not isinstance(whole, bool | int | float | str | np.generic):
        recording.refuse(
            f"the step returns a {type(whole).__name__}; expected arrays, and tuples, lists and "
            f"dicts of them"
        )
    return whole


@contextmanager
def _symbols_standing_in(reach: Reach, recording: Recording) -> Iterator[list[Leaf]]:
    """Let symbols stand in for arrays within this block; then list whose gradients were set."""
    set_ones: list[Leaf] = []
    tensors = list(reach.tensors.values())
    arrays = [tensor._array for tensor in tensors]
    _check_apart(reach.tensors)
    old = {t._node: t._node.grad for t in tensors if isinstance(t._node, Leaf)}
    side_effects = SideEffects(reach)
    generators = [(vars(module), key) for module, key in reach.generators]
    before = [attributes[key] for attributes, key in generators]
    token = recorder.set(recording)
    finished = False
    try:
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor._array = symbol = recording.live(array)
            if isinstance(tensor._node, Leaf):
                if (watch := watch_of(tensor._node)) is not None and watch.hooks:
                    raise CompileError("a parameter has a hook, which would run once only")
                tensor._node.grad = _OldGradient(recording)
                recording.belonging.leaves[tensor._node] = symbol
        for container, key, array in reach.held:
            container[key] = recording.standing_in(array, str(key))
        for (attributes, key), generator in zip(generators, before, strict=True):
            attributes[key] = _Generator(recording, generator)
        yield set_ones
        finished = True
    finally:
        recorder.reset(token)
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor._array = array
        for container, key, array in reach.held:
            if item(container, key) is recording.standing_in(
                array, str(key)
            ):  # else see `side_effects`
                container[key] = array
        for (attributes, key), generator in zip(generators, before, strict=True):
            attributes[key] = generator
        undone = side_effects.undo()
        for leaf, gradient in old.items():
            untouched = isinstance(leaf.grad, _OldGradient)
            leaf.grad = gradient if untouched or not finished else None
            if not untouched:
                set_ones.append(leaf)
    if undone:
        raise CompileError(undone[0])


def _check_apart(tensors: Mapping[str, Tensor]) -> None:
    """Refuse Tensors that look at parts of each other."""
    for (name, one), (other_name, other) in combinations(tensors.items(), 2):
        if one._array is not other._array and np.may_share_memory(one._array, other._array):
            raise CompileError(f"{name} and {other_name} share memory; copy one of them")


class _OldGradient:
    """What `grad` holds when a step begins: a step that adds to it would need it each time."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def _refuse(self, *_: Any) -> NoReturn:
        self._recording.refuse(
            "gradients are added to those of the step before; call zero_grad() inside of the step, "
            "before backward()"
        )

    __add__ = __radd__ = __array__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        self._refuse()


class _Generator(np.random.Generator):
    """Notes what a module draws from its generator, which stays as it is."""

    def __init__(self, recording: Recording, generator: np.random.Generator) -> None:
        super().__init__(np.random.PCG64(0))
        self._recording, self._generator = recording, generator

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Draw numbers evenly from 0 up to less than 1."""
        if out is not None:
            self._recording.refuse("random(out=...) can't be captured")
        return self._recording.draw(self._generator, () if size is None else size, dtype)

    def __getattribute__(self, name: str) -> Any:
        if name != "random" and not name.startswith("_"):
            self._recording.refuse("of a generator's methods, only random() can be captured")
        return super().__getattribute__(name)
