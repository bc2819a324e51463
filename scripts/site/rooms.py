"""The picture of the rooms: which imports which, read off the code."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import reference
from drawing import Box, layered

__all__ = ["ROOMS", "imports", "listed", "picture"]

LIST = "<!-- rooms -->"
PACKAGE = Path(__file__).parents[2] / "tinygrad_mnist"

# What a room is for, in a word or two, and the modules at the top that belong to it.
ROOMS: dict[str, tuple[str, set[str]]] = {
    "cli": ("the command line", {"__main__", "run_directory", "pictures", "blas"}),
    "recipes": ("the classic networks", {"models", "model_files"}),
    "training": ("the loop, checkpoints", set()),
    "study": ("looking inside", set()),
    "compile": ("a step, written out", set()),
    "transforms": ("grad, vjp, hessian", set()),
    "nn": ("layers and losses", set()),
    "optim": ("optimisers, schedules", set()),
    "tensor": ("what people hold", {"operators", "methods", "in_place", "notebook"}),
    "rules": ("the calculus", set()),
    "engine": ("tape and sweep", set()),
    "data": ("digits, batches", set()),
    "by_hand": ("the derivation", set()),
}
# Small tools that everyone may use, and the front door: they say nothing about the house.
TOOLS = {"__init__", "atomic", "checks", "extras", "regular"}


def picture() -> str:
    """Draw the rooms, each above those that it imports, without what follows from other arrows."""
    found = imports()
    shown = {
        room: [
            other
            for other in sorted(others)
            if not any(other in _reached(found, third) for third in others - {other})
        ]
        for room, others in found.items()
    }
    boxes = {room: Box((room, ROOMS[room][0]) if room in ROOMS else (room,)) for room in found}
    return layered(boxes, shown, "The rooms of the package, each above those that it imports")


def listed(markdown: str) -> str:
    """Put the list of the rooms into a page where it says ``<!-- rooms -->``."""
    return markdown if LIST not in markdown else markdown.replace(LIST, _table())


def _table() -> str:
    """List the rooms with what their modules say of themselves."""
    rows = [
        f"| [`{room}`](reference/{room}.md) | {reference.summary(module)} |"
        for room in imports()
        if (module := sys.modules.get(f"{PACKAGE.name}.{room}")) in reference.modules()
    ]
    return "\n".join(["| room | what it says of itself |", "| --- | --- |", *rows])


def imports() -> dict[str, set[str]]:
    """Find for each room the rooms that it imports when it is imported itself."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        room = _room(parts[0])
        if room is None:
            continue
        others = found.setdefault(room, set())
        others |= {other for name in _imported(file, parts) if (other := _room(name)) is not None}
        others.discard(room)
    return found


def _room(name: str) -> str | None:
    """Name the room of a module or package at the top; None for tools.

    Whatever is not listed is a room of its own, without a word on what it is for.
    """
    if name in TOOLS:
        return None
    return next((room for room, (_, members) in ROOMS.items() if name in members), name)


def _imported(file: Path, parts: tuple[str, ...]) -> Iterator[str]:
    """List the modules at the top of the package that a file imports, but for types' sake."""
    package = parts[:-1]
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if not isinstance(statement, ast.ImportFrom):
            continue
        path = tuple(statement.module.split(".")) if statement.module else ()
        if statement.level:
            path = package[: len(package) - statement.level + 1] + path
        elif path[0] != PACKAGE.name:
            continue
        else:
            path = path[1:]
        if path:
            yield path[0]
            continue
        for alias in statement.names:  # from the front door: which room is behind the name
            yield _behind(alias.name)


def _behind(name: str) -> str:
    """Name the module that defines what the package's front door hands out."""
    if any((PACKAGE / member).exists() for member in (name, f"{name}.py")):
        return name
    for statement in ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body:
        names = statement.names if isinstance(statement, ast.ImportFrom) else ()
        if name in {alias.name for alias in names}:
            return (statement.module or name).split(".")[0]
    raise LookupError(f"the package hands out no {name}")


def _reached(found: dict[str, set[str]], start: str) -> set[str]:
    """Find what a room imports over others."""
    reached: set[str] = set()
    stack = [start]
    while stack:
        for other in found[stack.pop()]:
            if other not in reached:
                reached.add(other)
                stack.append(other)
    return reached
