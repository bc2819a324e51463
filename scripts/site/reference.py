"""The pages of the reference: a page for each public module, with all its public names.

What is public is what `__all__` says, of the package, of its rooms, and of the modules that those
hand out. A name that several modules hand out is described once, on the first page.
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

import tinygrad_mnist
from tinygrad_mnist.engine import Rule
from tinygrad_mnist.methods import Methods

__all__ = ["modules", "page", "pages", "public_names"]

PACKAGE = tinygrad_mnist.__name__
# The order for readers; what is not named here follows by the alphabet.
FIRST = [
    "",
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "optim",
    "optim.lr_scheduler",
    "data",
    "training",
    "study",
    "compile",
    "rules",
    "engine",
    "by_hand",
    "models",
    "model_files",
    "recipes",
]
LONGEST = 60  # constant that is written out, in characters
PROGRAMS = {"__main__", "cli"}  # what they offer is the command line
FRONT = """# Reference

Every public name, from its docstring. Shapes are those of NumPy; samples are rows, but for
[`by_hand`](by_hand.md), where they are columns, as on paper. The derivatives of all functions, with
their formulas, are in [a table of their own](../functions.md).

| page | what is there |
| --- | --- |
"""


def pages() -> dict[str, str]:
    """Write all pages: their Markdown by their path in `docs/`."""
    found = {f"reference/{short(module)}.md": page(module) for module in modules()}
    rows = [
        f"| [`{module.__name__}`]({short(module)}.md) | {summary(module)} |" for module in modules()
    ]
    return {"reference/index.md": FRONT + "\n".join(rows) + "\n", **found}


def modules() -> list[ModuleType]:
    """List the public modules: the package, its rooms, and the modules that those hand out."""
    found = [tinygrad_mnist]
    for info in pkgutil.iter_modules(tinygrad_mnist.__path__, f"{PACKAGE}."):
        if info.name.rpartition(".")[2] not in PROGRAMS:
            found.append(importlib.import_module(info.name))
    for module in found:  # it grows meanwhile
        found += [
            value
            for name in getattr(module, "__all__", ())
            if inspect.ismodule(value := getattr(module, name))
            and value not in found
            and not _is_inner(value)
        ]
    order = {name: place for place, name in enumerate(FIRST)}
    return sorted(found, key=lambda m: (order.get(_inside(m), len(FIRST)), m.__name__))


def _is_inner(module: ModuleType) -> bool:
    """Tell whether a module holds rows of the table, which has a page of its own."""
    return module.__name__.startswith(f"{PACKAGE}.rules.")


def _inside(module: ModuleType) -> str:
    return module.__name__.removeprefix(PACKAGE).removeprefix(".")


def short(module: ModuleType) -> str:
    """Name the file of a module's page."""
    return _inside(module) or PACKAGE


def public_names(module: ModuleType) -> list[str]:
    """List what a module hands out, but for modules, which have pages of their own."""
    if hasattr(module, "__all__"):
        names = list(module.__all__)
    else:
        names = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        ]
    return [name for name in names if not inspect.ismodule(getattr(module, name))]


def summary(value: Any) -> str:
    """Return the first sentence of a docstring."""
    if isinstance(value, Rule):
        return f"A function with a [rule](../functions.md): {_formulas(value)}"
    if isinstance(value, np.ufunc):
        return f"As `numpy.{value.__name__}`."
    if not (_has_docstring(value) or inspect.ismodule(value)):
        plain = isinstance(value, int | str | tuple) and len(repr(value)) <= LONGEST
        shown = f": `{value!r}`" if plain else f", of type `{type(value).__name__}`"
        return f"A constant{shown}."
    first = (inspect.getdoc(value) or "").split("\n\n")[0]
    return " ".join(first.replace("``", "`").replace("|", r"\|").split())


def _has_docstring(value: Any) -> bool:
    """Tell whether there is more to say of something than its line in the table."""
    return inspect.isclass(value) or inspect.isroutine(value)


def _formulas(rule: Rule) -> str:
    return ", ".join(
        f"$`{formula.replace('|', chr(92) + 'vert ')}`$" for formula in rule.formula if formula
    )


def page(module: ModuleType) -> str:
    """Write the page of a module."""
    names = public_names(module)
    lines = [f"# {module.__name__}\n", *_directive(module.__name__, members=False), ""]
    if names:
        lines += ["| name | what it is |", "| --- | --- |"]
        lines += [f"| {_link(module, name)} | {summary(getattr(module, name))} |" for name in names]
        lines.append("")
    for name in names:
        if home(module, name) is module and _has_docstring(getattr(module, name)):
            lines += _directive(_path(module, name))
            if getattr(module, name) is tinygrad_mnist.Tensor:
                lines += methods()
    return "\n".join(lines) + "\n"


def methods() -> Iterator[str]:
    """List the methods of a Tensor that are NumPy's functions of it."""
    yield "\n### Methods that are NumPy's functions\n"
    yield "They take NumPy's arguments, and are differentiated [by the rules](../functions.md).\n"
    found = [
        f"`{name}`"
        for name, value in vars(Methods).items()
        if (getattr(value, "__doc__", None) or "").startswith("As `numpy.")
    ]
    yield ", ".join(found) + ".\n"


def home(module: ModuleType, name: str) -> ModuleType:
    """Find the first module that hands out the same thing under the same name."""
    value = getattr(module, name)
    for other in modules():
        if name in public_names(other) and getattr(other, name) is value:
            return other
    raise LookupError(name)


def _link(module: ModuleType, name: str) -> str:
    if not _has_docstring(getattr(module, name)):
        return f"`{name}`"
    where = home(module, name)
    target = "" if where is module else f"{short(where)}.md"
    return f"[`{name}`]({target}#{_path(where, name)})"


def _path(module: ModuleType, name: str) -> str:
    """Write where something is found, other than by a name that a module has, too: `compile`."""
    path = f"{module.__name__}.{name}"
    if path in sys.modules:
        value = getattr(module, name)
        return f"{value.__module__}.{value.__qualname__}"
    return path


def _directive(path: str, *, members: bool = True) -> Iterator[str]:
    yield f"::: {path}"
    if not members:
        yield "    options:"
        yield "      members: false"
        yield "      show_root_heading: false"
        yield "      show_root_toc_entry: false"
