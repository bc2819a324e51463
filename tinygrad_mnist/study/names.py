"""What people call the values of a graph: by the model's names, or by their variables.

The graph itself knows no names, and holds no Tensors. So they are looked for where they are: in
the model that is given, or in the variables of the function that asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import FrameType
from typing import Any

from ..engine import Leaf, Node
from ..nn import Module
from ..nn.module import walk
from ..tensor import Tensor

__all__ = ["Names", "UnknownName", "find_names", "models_in", "outwards", "variables_of"]

Variables = Mapping[str, Any]


class UnknownName(KeyError):  # noqa: N818  # as KeyError is called
    """Nothing has this name; the message offers those that are spelt like it."""

    def __init__(self, name: object, what: str, known: Iterable[str]) -> None:
        known = list(known)
        near = get_close_matches(str(name), known, cutoff=0.4) or known[:8]
        offer = f"did you mean {', '.join(map(repr, near))}?" if near else "there are none"
        super().__init__(f"{what} {name!r}; {offer}")

    def __str__(self) -> str:
        return str(self.args[0])


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

    def owner(self, leaf: Node) -> str | None:
        """Give the name of the module that a parameter is part of."""
        around = outwards(self._names.get(leaf, ""))
        return next((name for name in around if name in self.modules), None)

    def name_all(self, nodes: Iterable[Node]) -> bool:
        """Tell whether each of these nodes has a name."""
        return all(node in self._names for node in nodes)

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


def outwards(name: str) -> Iterator[str]:
    """List the names that a part's name begins with, the longest first, ``""`` last."""
    while name:
        name = name.rpartition(".")[0]
        yield name


def variables_of(frame: FrameType) -> Variables:
    """List a function's local and global variables, and in a method those of its object.

    Those come last that begin with an underscore: notebooks keep results under such names.
    """
    own = getattr(frame.f_locals.get("self"), "__dict__", {})
    variables = {**frame.f_globals, **own, **frame.f_locals}
    return dict(sorted(variables.items(), key=_is_private))


def _is_private(variable: tuple[str, Any]) -> bool:
    return variable[0].startswith("_")


def find_names(model: Any, variables: Variables, nodes: Collection[Node]) -> Names:
    """Find the names of a graph's nodes.

    Parameters
    ----------
    model
        A module, or a list or dict of modules and Tensors, whose names come first; None to look
        for modules among the variables.
    variables
        The caller's.
    nodes
        What is to be named.

    Raises
    ------
    TypeError
        If the model is something else.
    ValueError
        If it has Tensors that need a gradient, but none of them is to be named.
    """
    names, wanted = Names(), set(nodes)
    leaves = {node for node in wanted if isinstance(node, Leaf)}
    if model is not None:
        names.enter("", _checked(model), wanted)
        parts = (part for _, part in walk("", model))
        if not names.tensors and any(getattr(part, "requires_grad", False) for part in parts):
            raise ValueError(
                "model: the graph has none of its parameters; it is another model than the one "
                "that was computed with, or its parameters were exchanged since"
            )
    else:
        found = {k: m for k, m in models_in(variables).items() if _has_some_of(leaves, m)}
        for name, module in found.items():
            names.enter("" if len(found) == 1 else name, module, wanted)
    for name, thing in variables.items():
        if isinstance(thing, Tensor):
            names.enter(name, thing, wanted)
    for name, thing in variables.items():  # which may be long
        if names.name_all(leaves):
            break
        if isinstance(thing, list | tuple | dict) and not name.startswith("_"):
            names.enter(name, thing, leaves)
    return names


def models_in(variables: Variables) -> dict[str, Module]:
    """List the variables that hold a module, but those whose module is part of another one."""
    found: dict[int, tuple[str, Module]] = {}
    for name, thing in variables.items():
        if isinstance(thing, Module):
            found.setdefault(id(thing), (name, thing))
    for _, module in list(found.values()):
        for part in module.modules():
            if part is not module:
                found.pop(id(part), None)
    return dict(found.values())


def _has_some_of(leaves: Collection[Node], module: Module) -> bool:
    return any(tensor._node in leaves for _, tensor in module.named_state())


def _checked(model: Any) -> Any:
    if not isinstance(model, Module | Mapping | list | tuple):
        raise TypeError(
            f"model: expected a Module, or a list or dict of Modules and Tensors, not "
            f"{type(model).__name__}"
        )
    return model
