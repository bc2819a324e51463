"""Which layer of the model an operation belongs to.

The graph does not say: noting it would cost time in every forward pass. It follows from what the
graph does say. An operation that takes a parameter belongs to the module that has the parameter.
What lies between two of them and takes none belongs to the innermost module around both; and in a
`Sequential`, where it is known what comes after what, to one of the layers in between. Where that
can't be told, it stays with the module around.

What lies between two calls of a module is not the module's. How often one was called, the graph
does not say either; but a module that was called twice has used each of its parameters twice in the
same way. Where that is so, the operation belongs to the next module around that was called once, or
to none. This supposes that a module does use its parameters in each call, and that nobody else
does, other than in the modules around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple, TypeGuard

from .. import engine, nn
from ..engine import Node, Rule
from ..nn import Module, Sequential
from .names import Names, outwards
from .tape import Tape

__all__ = ["layers_of"]

_ENGINE = engine.__name__
_OPERATORS = {
    *("add", "subtract", "multiply", "divide", "remainder", "power", "matmul"),
    *("negative", "positive", "absolute", "getitem"),
}

Layers = dict[Node, str]  # the names of the modules; a node that belongs to none is left out
Modules = Mapping[str, Module]


def layers_of(tape: Tape, names: Names) -> Layers:
    """Find the layers of operations and parameters.

    What comes before the first parameter belongs to no layer, and neither does what comes after
    the last one, but for layers at the end of a `Sequential` that call an operation of this name.

    Parameters
    ----------
    tape
        The graph.
    names
        What its values are called.
    """
    modules = names.modules
    if not modules:
        return {}
    layers: Layers = {}
    for node in tape.nodes:
        inputs = [node] if node.rule is None else [parent for _, parent in tape.inputs[node]]
        parameters = [p for p in inputs if p.rule is None]
        owners = {owner for p in parameters if (owner := names.owner(p)) is not None}
        if owners and (layer := _around(owners, modules)) is not None:
            layers[node] = layer
    chains = _Chains(modules, set(layers.values()), _calls_at_most(tape, names))
    for choose in (chains.by_name, chains.by_place):
        below, above = _nearest(tape, layers)
        rest = [node for node in tape.nodes if node not in layers and below[node]]
        alike = Counter((node.name, frozenset(above[node])) for node in rest)
        for node in rest:
            nearest = {a for _, p in tape.inputs[node] for a in _own(p, layers, below)}
            key = node.name, frozenset(above[node])
            layer = (
                choose(_Gap(node.name, nearest, above[node], alike[key])) if alike[key] else None
            )
            if layer is not None:
                layers[node] = layer
                alike[key] -= 1
            else:
                alike[key] = 0  # it can't be told of those after it, either
    return layers


def _around(layers: Iterable[str], modules: Modules) -> str | None:
    """Name the innermost module that contains all of some layers."""
    first, *others = layers
    while first not in modules or not all(_within(layer, first) for layer in others):
        if not first:
            return None
        first = first.rpartition(".")[0]
    return first


def _calls_at_most(tape: Tape, names: Names) -> dict[str, int]:
    """Count how often each module may have been called: as often as all its parameters were used.

    Only uses by the same operation count together: a penalty on the weights is no call.
    """
    uses = Counter(
        (parent, node.name, place)
        for node in tape.nodes
        for place, parent in tape.inputs[node]
        if parent.rule is None
    )
    most: dict[Node, int] = {}
    for (leaf, _, _), count in uses.items():
        most[leaf] = max(count, most.get(leaf, 0))
    calls: dict[str, int] = {}
    for leaf, count in most.items():
        if (owner := names.owner(leaf)) is not None:
            for name in (owner, *outwards(owner)):
                calls[name] = min(count, calls.get(name, count))
    return calls


def _within(layer: str, module: str) -> bool:
    """Tell whether a layer is a module, or part of it."""
    return not module or layer == module or layer.startswith(f"{module}.")


def _own(node: Node, layers: Layers, nearest: Mapping[Node, set[str]]) -> set[str]:
    return {layers[node]} if node in layers else nearest[node]


def _nearest(tape: Tape, layers: Layers) -> tuple[dict[Node, set[str]], dict[Node, set[str]]]:
    """List the layers that come next to each node, on all ways down and on all ways up."""
    below: dict[Node, set[str]] = {}
    above: dict[Node, set[str]] = {node: set() for node in tape.nodes}
    for node in tape.nodes:
        below[node] = {a for _, parent in tape.inputs[node] for a in _own(parent, layers, below)}
    for node in reversed(tape.nodes):
        for _, parent in tape.inputs[node]:
            above[parent] |= _own(node, layers, above)
    return below, above


# --- one layer after another --------------------------------------------------------------------


class _Gap(NamedTuple):
    """Where an operation without parameters lies.

    Attributes
    ----------
    operation
        Its name.
    below, above
        The layers next to it.
    alike
        How many operations of the same name lie there that have no layer yet.
    """

    operation: str
    below: set[str]
    above: set[str]
    alike: int


class _Chains:
    """The layers of each `Sequential`, in the order in which they are called.

    Those of a `Sequential` inside of another one are counted among the outer one's.

    Parameters
    ----------
    modules
        All modules.
    taking
        The names of those that have parameters in the graph.
    calls_at_most
        How often those were called, at most.
    """

    def __init__(
        self, modules: Modules, taking: set[str], calls_at_most: Mapping[str, int]
    ) -> None:
        self.modules, self.calls_at_most = modules, calls_at_most
        self.taking = {name for layer in taking for name in (layer, *outwards(layer))}
        self._parts: dict[str, set[Any]] = {}
        for name, module in modules.items():
            for outer in (name, *outwards(name)):
                self._parts.setdefault(outer, set()).add(type(module))
        self._calls: dict[str, set[str]] = {}
        # Where each layer is: None for those that are in several places.
        self.place_of: dict[str, tuple[list[str], int] | None] = {}
        names = {id(module): name for name, module in reversed([*modules.items()])}
        chains = [module for module in modules.values() if _is_chain(module)]
        inner = {id(layer) for chain in chains for layer in chain}
        for whole in {id(chain): chain for chain in chains if id(chain) not in inner}.values():
            layers = [names[id(layer)] for layer in _in_turn(whole)]
            for place, name in enumerate(layers):
                self.place_of[name] = None if name in self.place_of else (layers, place)

    def by_name(self, gap: _Gap) -> str | None:
        """Choose the layer of a stretch that calls an operation, if it can be no other.

        It is the only one that does; or the first of several, where each has one such operation
        and is called once.
        A layer without parameters at the lower end has had its call.
        """
        stretch = self.stretch(gap)
        if len(stretch) < 2 or (not gap.above and gap.operation in _OPERATORS):
            return None
        if stretch[0] not in self.taking:
            stretch = stretch[1:]
        calling = [name for name in stretch if gap.operation in self.calls(name)]
        if len(calling) > 1:
            once = all(self.calls_at_most.get(name, 2) == 1 for name in gap.above)
            if not once or len(calling) != gap.alike or not all(map(self.is_known, calling)):
                return None
        if not gap.above and len(calling) != gap.alike:  # others follow that are no layer's
            return None
        return calling[0] if calling else None

    def by_place(self, gap: _Gap) -> str | None:
        """Choose the only layer between two, if these are known and it is not theirs.

        Where the layer calls it as well as they, as `Flatten` does beside `Linear`, there must be
        just one such operation. Else choose the module around.
        """
        if not gap.above:
            return None
        stretch = self.stretch(gap)
        if len(stretch) == 3:
            lower, layer, upper = stretch
            known = self.is_known(lower) and self.is_known(upper)
            theirs = gap.operation in self.calls(lower) | self.calls(upper)
            if known and (not theirs or (gap.alike == 1 and gap.operation in self.calls(layer))):
                return layer
        around = _around(gap.below | gap.above, self.modules)
        while around is not None and self.calls_at_most.get(around, 2) > 1:
            around = next((name for name in outwards(around) if name in self.modules), None)
        return around

    def stretch(self, gap: _Gap) -> list[str]:
        """List the layers of a `Sequential` from the last one below to the first one above.

        Both are included. If nothing is above, it is all that follow; if these are not layers of
        one `Sequential`, or if it or they were called several times, it is none.
        """
        start, end = 0, -1
        chain: list[str] | None = None
        for side in (gap.below, gap.above):
            for layer in side:
                around = (self.place_of[n] for n in (layer, *outwards(layer)) if n in self.place_of)
                found = next(around, None)
                if found is None or (chain is not None and found[0] is not chain):
                    return []
                chain, place = found
                if side is gap.below:
                    start = max(start, place)
                else:
                    end = place if end < 0 else min(end, place)
        return (chain or [])[start : end + 1 if gap.above else None]

    def is_known(self, name: str) -> bool:
        """Tell whether a layer is one of this package, whose code names all that it calls."""
        return _is_known(type(self.modules[name]))

    def calls(self, name: str) -> set[str]:
        """List the names of what is called when a module is."""
        if name not in self._calls:
            self._calls[name] = set().union(*map(_called, self._parts[name]))
        return self._calls[name]


def _is_chain(module: Module) -> TypeGuard[Sequential]:
    return isinstance(module, Sequential) and type(module).forward is Sequential.forward


def _in_turn(chain: Sequential) -> Iterator[Module]:
    """List the layers of a `Sequential`, and in place of those inside of it theirs."""
    for layer in chain:
        if _is_chain(layer):
            yield from _in_turn(layer)
        else:
            yield layer


def _is_known(kind: type[Module]) -> bool:
    """Tell whether a class is one of this package."""
    return kind.__module__.startswith(nn.__name__)


@cache
def _called(kind: Any) -> frozenset[str]:
    """List the names in the code of a class's `forward`, and in that of functions that it calls.

    The engine's own functions are not entered: they call what every operation needs. Of a class
    that is not known, it is supposed that it has every operator, which are not called by name.
    """
    functions, seen = [kind.forward], set()
    names = set() if _is_known(kind) else set(_OPERATORS)
    while functions:
        function = functions.pop()
        seen.add(function)
        for name in function.__code__.co_names:
            found = function.__globals__.get(name, getattr(kind, name, None))
            names.add(found.name if isinstance(found, Rule) else name.strip("_"))
            if isinstance(found, FunctionType) and not found.__module__.startswith(_ENGINE):
                functions += [] if found in seen else [found]
    return frozenset(names)
