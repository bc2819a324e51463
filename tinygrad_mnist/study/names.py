"""What people call the values of a graph: by the model's names, or by their variables.

The graph itself knows no names, and holds no Tensors. So they are looked for where they are: in
the model that is given, or in the variables of the function that asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import FrameType
from typing import Any

from ..engine import Leaf, Node
from ..nn.module import Module, walk
from ..tensor import Tensor

__all__ = ["Names", "find_names"]


class Names:
    """The names of the values of a graph.

    Attributes
    ----------
    tensors
        The Tensors that were found, by name.
    modules
        The modules, by name; the model itself is ``""`` where it is the only one.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.modules: dict[str, Module] = {}
        self._names: dict[Node, str] = {}

    def of(self, node: Node) -> str | None:
        """Give the name of a value, if it has one."""
        return self._names.get(node)

    def module_of(self, node: Node) -> str | None:
        """Give the name of the module that a parameter is part of."""
        name = self._names.get(node)
        while name:
            name = name.rpartition(".")[0]
            if name in self.modules:
                return name
        return None

    def lacks(self, nodes: Iterable[Node]) -> bool:
        """Tell whether one of the nodes has no name."""
        return any(node not in self._names for node in nodes)

    def enter(self, name: str, thing: Any, wanted: Collection[Node]) -> None:
        """Take over the names of the Tensors in a thing, if they are wanted and have none yet."""
        for inner, part in walk(name, thing):
            if isinstance(part, Module):
                self.modules.setdefault(inner, part)
            elif part._node in wanted and part._node not in self._names:
                while inner in self.tensors:  # another Tensor is called the same elsewhere
                    inner += "'"
                self._names[part._node] = inner
                self.tensors[inner] = part


def find_names(model: Any, frame: FrameType, nodes: Collection[Node]) -> Names:
    """Find the names of a graph's nodes.

    Parameters
    ----------
    model
        A module, or a list or dict of modules and Tensors, whose names come first; None to look
        for modules among the variables.
    frame
        The function whose local and global variables are looked at.
    nodes
        What is to be named.
    """
    names, wanted = Names(), set(nodes)
    leaves = {node for node in wanted if isinstance(node, Leaf)}
    if model is not None and not isinstance(model, Module | Mapping | list | tuple):
        raise TypeError(f"model is of type {type(model).__name__}; expected a Module, or a dict")
    if model is not None:
        names.enter("", model, wanted)
    variables = {**frame.f_globals, **frame.f_locals}
    if model is None:
        found = _outermost(variables, leaves)
        for name, module in found.items():
            names.enter("" if len(found) == 1 else name, module, wanted)
    for name, thing in variables.items():
        if isinstance(thing, Tensor):
            names.enter(name, thing, wanted)
    for name, thing in variables.items():
        if not names.lacks(leaves):
            break
        if isinstance(thing, list | tuple | dict) and not name.startswith("_"):
            names.enter(name, thing, leaves)
    return names


def _outermost(variables: Mapping[str, Any], leaves: Collection[Node]) -> dict[str, Module]:
    """List the variables that hold a module with parameters of the graph, each module once.

    A module that is part of another one that is listed is left out.
    """
    found: dict[str, Module] = {}
    for name, thing in variables.items():
        if not isinstance(thing, Module) or any(thing is other for other in found.values()):
            continue
        if any(tensor._node in leaves for _, tensor in thing.named_state()):
            found[name] = thing
    inner = {id(part) for module in found.values() for part in list(module.modules())[1:]}
    return {name: module for name, module in found.items() if id(module) not in inner}
