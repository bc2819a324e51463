"""Trees: lists, tuples and dicts of arrays, nested as one likes, taken apart and put together.

A tree is a list, a tuple, a named tuple or a dict of trees; everything else is a leaf. Its leaves
come in the order in which they are written, those of a dict in the order of its keys. A tree
stands for its own structure: another one of the same structure is made by putting other leaves
in the places of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

__all__ = ["leaves", "leaves_like", "paths", "rebuild"]

_BRANCHES = (list, tuple, dict)


def leaves(tree: Any) -> list[Any]:
    """List the leaves of a tree.

    Examples
    --------
    >>> leaves({"weight": 1.0, "layers": [2.0, (3.0, 4.0)]})
    [1.0, 2.0, 3.0, 4.0]
    """
    if not isinstance(tree, _BRANCHES):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree
    return [leaf for part in parts for leaf in leaves(part)]


def rebuild(tree: Any, new: Iterable[Any]) -> Any:
    """Make a tree of the same structure with other leaves.

    Examples
    --------
    >>> rebuild({"weight": 1.0, "layers": [2.0, (3.0, 4.0)]}, "abcd")
    {'weight': 'a', 'layers': ['b', ('c', 'd')]}
    """
    new = iter(new)
    if isinstance(tree, dict):
        copied = copy(tree)  # a dict of the same class
        for key, part in tree.items():
            copied[key] = rebuild(part, new)
        return copied
    if isinstance(tree, list | tuple):
        parts = [rebuild(part, new) for part in tree]
        return tree._make(parts) if hasattr(tree, "_make") else type(tree)(parts)
    return next(new)


def paths(tree: Any) -> list[str]:
    """Write for each leaf how one gets there.

    Examples
    --------
    >>> paths({"weight": 1.0, "layers": [2.0, (3.0, 4.0)]})
    ["['weight']", "['layers'][0]", "['layers'][1][0]", "['layers'][1][1]"]
    """
    if not isinstance(tree, _BRANCHES):
        return [""]
    return [step + path for step, part in _steps(tree) for path in paths(part)]


def leaves_like(tree: Any, other: Any, name: str) -> list[Any]:
    """List the leaves of another tree in the order of this one.

    The order of a dict's keys does not matter, and a list may stand for a tuple.

    Raises
    ------
    TypeError
        If the structures differ. The message calls the other tree `name`, and says where.

    Examples
    --------
    >>> leaves_like({"a": 1.0, "b": [2.0]}, {"b": ["two"], "a": "one"}, "translation")
    ['one', 'two']
    """
    if not isinstance(tree, _BRANCHES):
        if isinstance(other, _BRANCHES):
            raise TypeError(f"{name} is {_described(other)}; expected an array")
        return [other]
    if not _alike(tree, other):
        raise TypeError(f"{name} is {_described(other)}; expected {_described(tree)}")
    if isinstance(tree, dict):
        pairs = [(part, other[key]) for key, part in tree.items()]
    else:
        pairs = list(zip(tree, other, strict=True))
    return [
        leaf
        for (step, _), (part, counterpart) in zip(_steps(tree), pairs, strict=True)
        for leaf in leaves_like(part, counterpart, name + step)
    ]


def _steps(tree: Any) -> Iterator[tuple[str, Any]]:
    """Walk over the parts of a list, tuple or dict, with what one writes to get each."""
    if isinstance(tree, dict):
        return ((f"[{key!r}]", part) for key, part in tree.items())
    if hasattr(tree, "_fields"):
        return ((f".{field}", part) for field, part in zip(tree._fields, tree, strict=True))
    return ((f"[{i}]", part) for i, part in enumerate(tree))


def _alike(tree: Any, other: Any) -> bool:
    """Tell whether two branches have the same places for their parts."""
    if isinstance(tree, dict):
        return isinstance(other, dict) and tree.keys() == other.keys()
    return isinstance(other, list | tuple) and len(tree) == len(other)


def _described(tree: Any) -> str:
    """Say what a tree is at its root."""
    if isinstance(tree, dict):
        return f"a dict with the keys {list(tree)}"
    if isinstance(tree, list | tuple):
        return f"a {type(tree).__name__} of {len(tree)}"
    return f"of type {type(tree).__name__}"
