"""What a step can reach: the models, optimisers, Tensors and generators that its function uses.

A captured step is right as long as these stay the same objects. So what was found is also what is
looked at before each replay, by `Reach.holds`: a parameter that was replaced, a layer that was
exchanged or switched to evaluation is noticed then.
"""

from __future__ import annotations

import random
import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ..engine import Node
from ..engine.memory import fingerprint
from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor
from .holders import Attached, Attributes, Cell, Members, Slots, Training, Truth, item

__all__ = ["Container", "Generator", "Reach"]

_PLAIN = (bool, int, float, str, type(None))
_OWN = __name__.partition(".")[0]
_STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
_FETCHED = {"lr", "initial_lr", "momentum", "betas"}  # by our optimisers, in every step
_READING_RATES = {"param_groups", "get_last_lr", "lr_of"}

Container = list[Any] | dict[Any, Any] | set[Any] | deque[Any]
Generator = np.random.Generator | np.random.RandomState | random.Random


class Reach:
    """What a function can reach by its global and closure variables, and from there.

    Parameters
    ----------
    function
        The step.
    given
        Objects that it is called with, by name.

    Attributes
    ----------
    tensors
        Every Tensor, by a name such as ``"0.weight"``; each once.
    modules
        Every module by its name, outermost ones first.
    optimisers
        Every optimiser.
    generators
        Where modules hold random number generators: the module and the attribute.
    arrays
        Bare arrays that nothing can stand in for, as in tuples, by name.
    held
        Other bare arrays, and where they are held: something with items, and a key.
    loose_generators
        Generators that no module holds, of NumPy's and Python's kinds.
    containers
        Lists, dicts and the attributes of objects, each with its name.
    variables
        Other places where something is held: each is something with items, and a key.
    """

    def __init__(
        self, function: Callable[..., Any], given: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.modules: dict[str, Module] = {}
        self.optimisers: list[Optimizer] = []
        self.generators: list[tuple[Module, str]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.held: list[tuple[Any, Any, np.ndarray]] = []
        self.loose_generators: dict[str, Generator] = {}
        self.containers: list[tuple[str, Container]] = []
        self.variables: list[tuple[Any, Any]] = []
        self._seen: dict[int, Any] = {}  # the objects, so that no number is given out again
        self._classes: set[int] = set()
        self._rates: list[tuple[Any, Any, Any]] = []  # what optimisers look up in every step
        self._reads_groups = False  # whether the step reads them, too
        self._items: list[tuple[Any, Any, Any]] = []
        self._lengths: list[tuple[Any, int]] = []
        self._step = function
        self._enter("", function)
        for name, thing in given.items():
            self._enter(name, thing)
        if self._reads_groups:
            self._items += self._rates
        held = {id(array) for _, _, array in self.held}
        self.arrays = {name: array for name, array in self.arrays.items() if id(array) not in held}
        self._prints = [(name, array, fingerprint(array)) for name, array in self.arrays.items()]
        self._nodes: list[tuple[Tensor, Any, Node | None]] = [
            (tensor, tensor._array, tensor._node) for tensor in self.tensors.values()
        ]

    def holds(self) -> bool:
        """Tell whether everything is still the same objects."""
        try:
            for container, key, expected in self._items:
                now = container[key]
                if now is not expected and not _equal(now, expected):
                    return False
        except (KeyError, IndexError, ValueError, AttributeError):
            return False
        for container, length in self._lengths:
            if len(container) != length:
                return False
        for tensor, array, node in self._nodes:
            if tensor._array is not array or tensor._node is not node:
                return False
        return not self._prints or all(
            fingerprint(array) == before for _, array, before in self._prints
        )

    def watch(self, name: str, array: np.ndarray) -> None:
        """Hold only as long as what is in an array stays the same."""
        if all(array is not known for _, known, _ in self._prints):
            self._prints.append((name, array, fingerprint(array)))

    def change(self) -> str:
        """Name what is not the same any more."""
        for container, key, expected in self._items:
            now = container.get(key) if isinstance(container, dict) else item(container, key)
            if now is not expected and not _equal(now, expected):
                return f"{key!r} was {_brief(expected)} and is {_brief(now)}"
        for container, length in self._lengths:
            if len(container) != length:
                return f"something had {length} items or attributes and has {len(container)}"
        for name, tensor in self.tensors.items():
            for known, array, node in self._nodes:
                if known is tensor and (tensor._array is not array or tensor._node is not node):
                    return f"{name} holds another array, or needs a gradient where it did not"
        for name, array, before in self._prints:
            if fingerprint(array) != before:
                return f"the array {name} was written to"
        return "nothing"

    # --- the search -----------------------------------------------------------------------

    def _enter(self, name: str, thing: Any) -> None:
        if isinstance(thing, _PLAIN) or id(thing) in self._seen:
            return
        self._seen[id(thing)] = thing
        if isinstance(thing, Tensor):
            self.tensors[name] = thing
        elif isinstance(thing, np.ndarray):
            self.arrays[name] = thing
        elif isinstance(thing, Generator):
            self.loose_generators[name] = thing
        elif isinstance(thing, Module):
            self._enter_module(name, thing)
        elif isinstance(thing, Optimizer):
            self._enter_optimiser(name, thing)
        elif isinstance(thing, FunctionType):
            self._enter_function(thing)
        elif isinstance(thing, type):
            self._enter_class(name, thing)
        elif isinstance(thing, MethodType):
            self._enter(name, thing.__self__)
            self._enter(name, thing.__func__)
        elif isinstance(thing, partial):
            for part in (thing.func, thing.args, thing.keywords):
                self._enter(name, part)
        elif hasattr(thing, "__wrapped__"):
            self._enter(name, thing.__wrapped__)
        elif isinstance(thing, list | tuple | deque):
            self._lengths.append((thing, len(thing)))
            if not isinstance(thing, tuple):
                self.containers.append((name, thing))
            for i, part in enumerate(thing):
                self._look_at(f"{name}.{i}", thing, i, part)
        elif isinstance(thing, set | frozenset):
            self._lengths.append((thing, len(thing)))
            if isinstance(thing, set):
                self.containers.append((name, thing))
            for part in thing:
                self._look_at(name, Members(thing), part, part)
        elif isinstance(thing, dict):
            self._lengths.append((thing, len(thing)))
            self.containers.append((name, thing))
            for key, part in thing.items():
                self._look_at(f"{name}.{key}", thing, key, part)
        elif isinstance(thing, SimpleNamespace) or not _is_library(_module_of(type(thing))):
            self._enter_class(name, type(thing))
            attributes = getattr(thing, "__dict__", {})
            self.containers.append((name, attributes))
            self._lengths.append((attributes, len(attributes)))
            for key, part in attributes.items():
                self._look_at(f"{name}.{key}", attributes, key, part)
            slots = Slots(thing)
            for key in slots.names:
                self.variables.append((slots, key))
                self._look_at(f"{name}.{key}", slots, key, slots[key])

    def _look_at(self, name: str, container: Any, key: Any, part: Any) -> None:
        """Remember what a container holds under a key, and enter it."""
        if isinstance(part, (*_GENERATORS, np.random.SeedSequence)):
            self._enter(name, part)
            return
        if isinstance(part, np.ndarray) and not isinstance(container, tuple | Members):
            self.held.append((container, key, part))
        self._items.append((container, key, part))
        self._enter(name, part)

    def _enter_function(self, function: FunctionType) -> None:
        if function is not self._step and _is_library(_module_of(function)):
            return
        code, namespace = function.__code__, function.__globals__
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        found: list[tuple[Any, str, Any]] = [
            (Cell(cell), key, cell.cell_contents) for key, cell in cells
        ]
        found += [
            (namespace, k, namespace[k]) for k in dict.fromkeys(_names(code)) if k in namespace
        ]
        for kind in ("__defaults__", "__kwdefaults__"):
            self._look_at(function.__name__, Attributes(function), kind, getattr(function, kind))
        entered: set[int] = set()
        for _, _, part in found:  # which grows by the modules inside of modules
            if isinstance(part, ModuleType) and not _is_library(_module_of_module(part)):
                own = vars(part)
                if id(own) not in entered:
                    entered.add(id(own))
                    found += [(own, k, own[k]) for k in dict.fromkeys(_names(code)) if k in own]
        self._reads_groups |= not _READING_RATES.isdisjoint(_names(code))
        # Those come first that know the best names of what is inside of them.
        found.sort(
            key=lambda each: (
                0 if isinstance(each[2], Module) else isinstance(each[2], Optimizer) + 1
            )
        )
        for container, key, part in found:
            self.variables.append((container, key))
            self._look_at(key, container, key, part)

    def _enter_class(self, name: str, kind: type) -> None:
        """Enter the methods and attributes of a class of the user's."""
        for owner in kind.__mro__:
            if _is_library(_module_of(owner)) or id(owner) in self._classes:
                continue
            self._classes.add(id(owner))
            for key, part in vars(owner).items():
                if key.startswith("__") and not isinstance(part, FunctionType):
                    continue
                function = getattr(part, "fget", None) or getattr(part, "__func__", part)
                if function is part:
                    self.variables.append((Attributes(owner), key))
                self._look_at(f"{name}.{key}", Attributes(owner), key, function)

    def _enter_module(self, name: str, module: Module) -> None:
        self.modules[name] = module
        self.containers.append((name, vars(module)))
        self._enter_class(name, type(module))
        self._items.append((Training(module), "training", module.training))
        own = _module_of(type(module)) == _OWN
        attached = Attached(module)
        self._lengths.append((attached, len(attached)))
        for key, part in vars(module).items():
            if isinstance(part, np.random.Generator):
                self.generators.append((module, key))
            if isinstance(part, np.ndarray) and not own:
                self.held.append((vars(module), key, part))
            if key != "training":
                self._items.append((vars(module), key, part))
        for key, part in module.parts():
            if not isinstance(part, np.random.Generator):
                self._enter(f"{name}.{key}", part)
        for key, part in vars(module).items():
            if isinstance(part, list | dict):  # which `parts` may know by other names
                self._enter(f"{name}.{key}", part)

    def _enter_optimiser(self, name: str, optimiser: Optimizer) -> None:
        self.optimisers.append(optimiser)
        own = _module_of(type(optimiser)) == _OWN
        if not own:
            self._enter_class(name, type(optimiser))
            for key, part in vars(optimiser).items():
                if key not in ("param_groups", "_places"):
                    self._look_at(f"{name}.{key}", vars(optimiser), key, part)
            self.containers.append((name, vars(optimiser)))
        self._lengths.append((optimiser.param_groups, len(optimiser.param_groups)))
        for i, group in enumerate(optimiser.param_groups):
            for key, part in group.items():
                if key not in _FETCHED or not own:
                    self._items.append((group, key, part))
                    continue
                if key in ("momentum", "betas"):  # schedules change them, but not to 0 and back
                    self._items.append((Truth(group), key, bool(part)))
                self._rates.append((group, key, part))
            for j, parameter in enumerate(group["params"]):
                self._enter(f"{name}.{i}.{j}", parameter)

    def remember_state(self) -> None:
        """Look at the optimisers' own arrays as well, once they are there."""
        for optimiser in self.optimisers:
            for state in optimiser.states():
                self._items.extend(
                    (state, key, part)
                    for key, part in state.items()
                    if isinstance(part, np.ndarray)
                )


def _names(code: CodeType) -> Iterator[str]:
    """List the global names of a function, and of those inside."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@cache
def _is_library(name: str) -> bool:
    """Tell whether a module is none of the user's, but of this package, NumPy or Python."""
    if name in ("numpy", "builtins", _OWN):
        return True
    if name not in sys.stdlib_module_names or name not in sys.modules:
        return False
    file = getattr(sys.modules[name], "__file__", None)
    return file is None or file.startswith(_STANDARD_LIBRARY)


def _module_of(thing: Any) -> str:
    return str(getattr(thing, "__module__", None) or "").partition(".")[0]


def _equal(now: Any, expected: Any) -> bool:
    """Tell whether two numbers, strings, or tuples of them are the same."""
    return (
        type(now) is type(expected)
        and isinstance(expected, (*_PLAIN, tuple))
        and repr(now) == repr(expected)
    )


def _module_of_module(module: ModuleType) -> str:
    return module.__name__.partition(".")[0]


def _brief(thing: Any) -> str:
    if isinstance(thing, _PLAIN):
        return repr(thing)
    if isinstance(thing, Tensor):
        return f"a Tensor of shape {thing.shape}"
    return f"a {type(thing).__name__}" if thing is not None else "nothing"
