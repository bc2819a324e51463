"""Where something may be held, each with items as a dict has: variables, attributes, members."""

from __future__ import annotations

from types import MemberDescriptorType
from typing import Any

from ..nn import Module

__all__ = ["Attached", "Attributes", "Cell", "Members", "Slots", "Training", "Truth", "item"]


def item(container: Any, key: Any) -> Any:
    """Return what a container holds under a key; None if that is nothing."""
    try:
        return container[key]
    except (KeyError, IndexError, ValueError, AttributeError):
        return None


class Cell:
    """A closure's variable, as a container."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def __getitem__(self, key: str) -> Any:
        return self._cell.cell_contents

    def __setitem__(self, key: str, part: Any) -> None:
        self._cell.cell_contents = part


class Attributes:
    """The attributes of a class or function, as a container."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def __setitem__(self, key: str, part: Any) -> None:
        setattr(self._owner, key, part)

    def __getitem__(self, key: str) -> Any:
        part = vars(self._owner)[key] if isinstance(self._owner, type) else None
        if part is None:
            return getattr(self._owner, key)
        return getattr(part, "fget", None) or getattr(part, "__func__", part)


class Slots:
    """The attributes of an object that its classes name in ``__slots__``, as a container."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        kinds = [kind for kind in type(owner).__mro__ if "__slots__" in vars(kind)]
        parts = ((key, part) for kind in kinds for key, part in vars(kind).items())
        self.names = [key for key, part in parts if isinstance(part, MemberDescriptorType)]

    def __getitem__(self, key: str) -> Any:
        return getattr(self._owner, key, None)

    def __setitem__(self, key: str, part: Any) -> None:
        setattr(self._owner, key, part)


class Truth:
    """Whether what a container holds is not 0, as a container."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getitem__(self, key: str) -> bool:
        return bool(self._container[key])


class Training:
    """A module's mode, which may be its own or its class's, as a container."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def __getitem__(self, key: str) -> Any:
        return self._module.training


class Members:
    """The members of a set, as a container: each is its own key."""

    def __init__(self, members: Any) -> None:
        self._members = members

    def __getitem__(self, key: Any) -> Any:
        if key not in self._members:
            raise KeyError(key)
        return key


class Attached:
    """As many as a module has attributes of its own, but for its mode."""

    def __init__(self, module: Module) -> None:
        self._attributes = vars(module)

    def __len__(self) -> int:
        return len(self._attributes) - ("training" in self._attributes)
