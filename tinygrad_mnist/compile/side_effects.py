"""What a step does besides computing: noticed when it is captured, undone, and refused.

It would happen in Python, and so only once. What is noticed is what the step can reach.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from copy import copy, deepcopy
from typing import Any

import numpy as np

from .holders import item
from .reach import Container, Generator, Reach

__all__ = ["SideEffects"]


class SideEffects:
    """How everything is before a step runs on symbols.

    Parameters
    ----------
    reach
        What the step can reach.
    """

    def __init__(self, reach: Reach) -> None:
        self._arrays = {name: (array, array.copy()) for name, array in reach.arrays.items()}
        self._generators = {
            name: (rng, deepcopy(_state(rng))) for name, rng in _with_global_ones(reach).items()
        }
        self._containers = [(name, held, copy(held)) for name, held in reach.containers]
        self._variables = [(held, key, item(held, key)) for held, key in reach.variables]

    def undo(self) -> list[str]:
        """Put everything back as it was, and say what had changed."""
        return [*self._written(), *self._drawn(), *self._changed(), *self._assigned()]

    def _written(self) -> Iterator[str]:
        for name, (array, before) in self._arrays.items():
            if array.tobytes() != before.tobytes():
                array[...] = before
                yield (
                    f"the step writes to the bare array {name}, which would happen once only; "
                    f"hold it in a Tensor"
                )

    def _drawn(self) -> Iterator[str]:
        for name, (rng, before) in self._generators.items():
            if repr(_state(rng)) != repr(before):
                _set_state(rng, before)
                yield (
                    f"the step draws from the generator {name}, which would happen once only; draw "
                    f"outside of it, or make it an attribute of a module"
                )

    def _changed(self) -> Iterator[str]:
        for name, held, before in self._containers:
            if list(map(id, _flat(held))) != list(map(id, _flat(before))):
                _refill(held, before)
                yield _once_only(name)

    def _assigned(self) -> Iterator[str]:
        for held, key, before in self._variables:
            if item(held, key) is not before:
                held[key] = before
                yield _once_only(str(key))


def _with_global_ones(reach: Reach) -> dict[str, Generator]:
    everybodys = np.random.mtrand._rand
    return {**reach.loose_generators, "numpy.random": everybodys, "random": random._inst}


def _state(rng: Generator) -> Any:
    if isinstance(rng, np.random.Generator):
        return rng.bit_generator.state
    return rng.get_state() if isinstance(rng, np.random.RandomState) else rng.getstate()


def _set_state(rng: Generator, state: Any) -> None:
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = state
    elif isinstance(rng, np.random.RandomState):
        rng.set_state(state)
    else:
        rng.setstate(state)


def _flat(held: Container) -> Iterable[Any]:
    return [*held, *held.values()] if isinstance(held, dict) else held


def _refill(held: Container, before: Any) -> None:
    held.clear()
    if isinstance(held, dict | set):
        held.update(before)
    else:
        held.extend(before)


def _once_only(name: str) -> str:
    return (
        f"the step changes {name}, which would happen once only; return what is to be kept, or "
        f"hold it in a Tensor"
    )
