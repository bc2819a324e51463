"""What a step does besides computing: noticed when it is captured, undone, and refused.

It would happen in Python, and so only once. What is noticed is what the step can reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy, deepcopy
from typing import Any

import numpy as np

from .reach import Reach, item

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
            name: (rng, deepcopy(rng.bit_generator.state))
            for name, rng in reach.loose_generators.items()
        }
        self._legacy = np.random.get_state()  # noqa: NPY002  # to notice that somebody draws
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
        drawn = []
        for name, (rng, before) in self._generators.items():
            if repr(rng.bit_generator.state) != repr(before):
                rng.bit_generator.state = before
                drawn.append(name)
        if repr(np.random.get_state()) != repr(self._legacy):  # noqa: NPY002
            np.random.set_state(self._legacy)  # noqa: NPY002
            drawn.append("numpy.random")
        for name in drawn:
            yield (
                f"the step draws from the generator {name}, which would happen once only; draw "
                f"outside of it, or make it an attribute of a module"
            )

    def _changed(self) -> Iterator[str]:
        for name, held, before in self._containers:
            if list(map(id, _flat(held))) != list(map(id, _flat(before))):
                if isinstance(held, dict):
                    held.clear()
                    held.update(before)
                else:
                    held[:] = before
                yield _once_only(name)

    def _assigned(self) -> Iterator[str]:
        for held, key, before in self._variables:
            if item(held, key) is not before:
                held[key] = before
                yield _once_only(str(key))


def _flat(held: list[Any] | dict[Any, Any]) -> list[Any]:
    return [*held, *held.values()] if isinstance(held, dict) else held


def _once_only(name: str) -> str:
    return (
        f"the step changes {name}, which would happen once only; return what is to be kept, or "
        f"hold it in a Tensor"
    )
