"""Where the operations of a step belong: to which layer, rule and gradient, and whose line."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from ..engine import Leaf, Node
from ..engine.memory import clock
from ..nn import Module
from .origin import surroundings
from .program import Origin, Value
from .symbol import Symbol

__all__ = ["Belonging"]


class Belonging:
    """Knows of each value by which rule it was computed, or which one it is the gradient of.

    Parameters
    ----------
    modules
        The modules that the step reaches, by name.
    refuse
        Raises an error that says what can't be captured.

    Attributes
    ----------
    leaves
        The symbols of the Tensors that gradients land in.
    gradients
        The gradient of each value of which one was computed.
    """

    def __init__(self, modules: Mapping[str, Module], refuse: Callable[[str], NoReturn]) -> None:
        self._layers = {id(module): name for name, module in modules.items()}
        self._refuse = refuse
        self._began = next(clock)
        self._made: list[tuple[int, Value]] = []  # when the result of which rule was computed
        self.leaves: dict[Leaf, Symbol] = {}
        self.gradients: dict[Value, Value] = {}

    def note_maker(self, value: Value) -> None:
        """Note which rule has computed a value, or whose gradient it is."""
        around = surroundings()
        if around.target is None and around.rule is not None:
            self._made.append((next(clock), value))
        elif around.target is not None:
            source = self._value_at(around.target)
            if source is not None and source.shape == value.shape:
                self.gradients[source] = value

    def _value_at(self, node: Node) -> Value | None:
        """Find the value that a node stands for."""
        if isinstance(node, Leaf):
            if node in self.leaves:
                return self.leaves[node].value
            if node.time > self._began:  # a Tensor of the step's own
                return None
            self._refuse(
                "a gradient is computed for a Tensor that the step does not reach by a global "
                "variable, a closure, a model or an optimiser; make it one of these"
            )
        place = bisect_left(self._made, node.time, key=lambda made: made[0]) - 1
        value = self._made[place][1] if place >= 0 else None
        return value if value is not None and value.shape == node.shape else None

    def origin(self) -> Origin:
        """Say where what is noted now comes from."""
        around = surroundings()
        target = None if around.target is None else self._value_at(around.target)
        rule, module = around.rule, around.module
        explain = None
        if rule is not None and rule.explain is not None and around.target is None:
            explain = partial(self._explained, rule.explain, around.values, around.keywords)
        described = "" if module is None else repr(module).partition("  #")[0].partition("\n")[0]
        return Origin(
            layer=self._layers.get(id(module), ""),
            described=described,
            rule="" if rule is None else rule.name,
            gradient_of=target,
            explain=explain,
            line=around.line,
        )

    @staticmethod
    def _explained(explain: Callable[..., str], values: Any, keywords: Any, find: Any) -> str:
        """Say what was wrong with arrays, given how to find the array of a value."""

        def found(part: Any) -> Any:
            return find(part.value) if isinstance(part, Symbol) else part

        return explain(
            *map(found, values), **{name: found(part) for name, part in keywords.items()}
        )
