"""Which layer of the model an operation belongs to.

The graph does not say, since noting it would cost time in every forward pass. It follows from what
the graph does say: an operation that takes a parameter belongs to the module that has the
parameter, and what lies between two layers belongs to the modules between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..engine import Node
from ..nn import Module, Sequential
from .names import Names
from .tape import inputs

__all__ = ["layers_of", "within"]


def layers_of(nodes: Sequence[Node], names: Names) -> dict[Node, str]:
    """Find the layers of operations and parameters, as names of modules.

    An operation without parameters belongs to the innermost module that has everything around it:
    the parameters' modules before it and those after it. In a `Sequential` it belongs to the one
    layer between those, or of several to the next one that calls a function of its name. What
    comes before the first parameter or after the last one belongs to no module but the trailing
    layers of a `Sequential`.

    Parameters
    ----------
    nodes
        Oldest first.
    names
        Theirs.
    """
    if not names.modules:
        return {}
    layers: dict[Node, str] = {}
    below: dict[Node, set[str]] = {}  # the nearest layers with parameters, towards the leaves
    for node in nodes:
        own = [parent for _, parent in inputs(node)]
        modules = {names.module_of(parent) for parent in own if parent.rule is None} - {None}
        if node.rule is None:
            module = names.module_of(node)
            if module is not None:
                layers[node] = module
        elif modules:
            layers[node] = _common(sorted(filter(None.__ne__, modules)))  # type: ignore[arg-type]
        below[node] = (
            {layers[node]}
            if node in layers
            else {layer for parent in own for layer in below[parent]}
        )
    above: dict[Node, set[str]] = {node: set() for node in nodes}
    for node in reversed(nodes):
        seen = {layers[node]} if node in layers else above[node]
        for _, parent in inputs(node):
            above[parent] |= seen
    order = {name: i for i, name in enumerate(names.modules)}
    for node in nodes:
        if node not in layers and below[node]:
            before = {layers[p] for _, p in inputs(node) if p in layers and p.rule is not None}
            layer = _between(node, before | below[node], above[node], names.modules, order)
            if layer is not None:
                layers[node] = layer
    return layers


def within(layer: str, module: str) -> bool:
    """Tell whether a layer is a module, or part of it."""
    return not module or layer == module or layer.startswith(f"{module}.")


def _common(modules: Sequence[str]) -> str:
    """Name the innermost module that contains all of some modules."""
    parts = [module.split(".") for module in modules]
    shared = 0
    while all(len(p) > shared and p[shared] == parts[0][shared] for p in parts):
        shared += 1
    return ".".join(parts[0][:shared])


def _between(
    node: Node,
    below: set[str],
    above: set[str],
    modules: Mapping[str, Module],
    order: Mapping[str, int],
) -> str | None:
    """Find the layer of an operation that takes no parameters itself."""
    last = max(order[layer] for layer in below)
    first = min((order[layer] for layer in above), default=len(order))
    around = _common(sorted(below | above))
    if isinstance(modules.get(around), Sequential) or len(below | above) == 1:
        between = [
            name
            for name, place in order.items()
            if last <= place < first
            and not any(part is not modules[name] for part in modules[name].modules())
            and not any(True for _ in modules[name].named_parameters())
        ]
        calling = [name for name in between if _calls(modules[name], node.name)]
        if calling:
            return calling[0]
        if above and len([name for name in between if order[name] > last]) == 1:
            return between[-1]
    return around if above else None


def _calls(module: Module, operation: str) -> bool:
    """Tell whether a module's forward calls a function of an operation's name."""
    called = {name.strip("_") for name in type(module).forward.__code__.co_names}
    rule = getattr(module, "rule", None)
    return operation in called | {type(module).__name__.lower(), getattr(rule, "name", None)}
