"""List every function that Tensors have, with its derivative: ``docs/functions.md``.

Run ``make docs``, or ``python scripts/list_functions.py``. The list is made from the table of rules
and from nothing else, and a test holds the two against each other.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist import Tensor, rules
from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.engine import Rule
from tinygrad_mnist.nn import functional
from tinygrad_mnist.rules import CONSTANT, DERIVED, RULES, PerInput
from tinygrad_mnist.rules.table import IN_PLACE

TARGET = Path(__file__).parents[1] / "docs" / "functions.md"

Function = Callable[..., Any]

INTRODUCTION = r"""# Functions

What a Tensor can be given to, and how it is differentiated. Made from the table of rules by
`make docs`: change the rows, not this page.

$`y`$ is the result of a function, and $`\bar y`$ the gradient of whatever was computed from it, by
$`y`$. Likewise $`\bar a`$ is the gradient by the input $`a`$: the rule says how it follows from
$`\bar y`$. A bracket $`[a > b]`$ is 1 where the condition holds, and 0 elsewhere. A formula that
begins with $`y =`$ says how a function is written in terms of others, whose derivatives it
inherits. Inputs are broadcast where NumPy broadcasts them. An argument that is not named here is
refused, with a sentence that says so. A name in *italics* is not called by people, but by other
rows.
"""

ROW = "| {} | {} | {} |"


class Entry(NamedTuple):
    """One line of the list."""

    family: str
    function: str
    arguments: str
    formulas: tuple[str, ...]


def main() -> None:
    """Write the list."""
    TARGET.parent.mkdir(exist_ok=True)
    with atomic_write(TARGET) as file:
        file.write(page().encode())
    print(f"{TARGET}: {len(RULES.keys() | DERIVED.keys() | CONSTANT)} functions")


def page() -> str:
    """Return the list, in Markdown as GitHub reads it."""
    found = sorted(entries(), key=lambda entry: by_name(entry.function))
    families = sorted({entry.family for entry in found}, key=title)
    headings = [*map(title, families), "Writing in place", "Without a gradient"]
    contents = [f"- [{heading}](#{anchor(heading)})" for heading in headings]
    sections = [section(family, found) for family in families]
    return "\n".join([INTRODUCTION, *contents, "", *sections, in_place(), without_gradient()])


def entries() -> Iterator[Entry]:
    """Go through the rows; a function that has a rule and is derived, too, is one entry."""
    for function in [*RULES, *(derived for derived in DERIVED if derived not in RULES)]:
        formulas: list[str] = []
        if function in DERIVED:
            row = DERIVED[function]
            family, arguments = row.implementation.__module__, signature(row.implementation)
            formulas.append(row.formula)
        if function in RULES:
            vjp = some_vjp(RULES[function])
            formulas += filter(None, RULES[function].formula)
            if function not in DERIVED:
                family, arguments = vjp.__module__, signature(vjp, leading=2)
        yield Entry(family, how_called(function), arguments, tuple(formulas))


def section(family: str, found: Sequence[Entry]) -> str:
    """Write a family: the conventions, as its module states them, and a table of its functions."""
    module = sys.modules[family]
    source = f"{family.replace('.', '/')}.py"
    lines = [
        f"## {title(family)}\n",
        conventions(module),
        f"\nSource: [{source}](../{source})\n",
        ROW.format("function", "arguments", "derivative"),
        ROW.format("---", "---", "---"),
    ]
    for entry in found:
        if entry.family == family:
            arguments = f"`{entry.arguments}`".replace("|", r"\|")
            derivative = "<br>".join(map(in_markdown, entry.formulas))
            lines.append(ROW.format(entry.function, arguments, derivative))
    return "\n".join([*lines, ""])


def conventions(module: ModuleType) -> str:
    """Write a module's docstring in Markdown."""
    text = inspect.cleandoc(module.__doc__ or "")
    formulas = re.sub(r":math:`([^`]*)`", lambda found: in_markdown(found[1]), text)
    return formulas.replace("``", "`")


def in_place() -> str:
    """Write down the functions that Tensors refuse, and what to write instead."""
    lines = [f"- {how_called(f)}: write `{instead}`" for f, instead in IN_PLACE.items()]
    return "\n".join(["## Writing in place\n", "These are refused.\n", *sorted(lines), ""])


def without_gradient() -> str:
    """Write down the functions whose results carry no gradient."""
    names = ", ".join(sorted(map(how_called, CONSTANT), key=by_name))
    return (
        "## Without a gradient\n\n"
        "These take Tensors, too. What they return carries no gradient: it would be zero wherever\n"
        "it exists, or there is nothing to differentiate.\n\n"
        f"{textwrap.fill(f'{names}.', 99)}\n"
    )


def by_name(function: str) -> str:
    """Return what to sort functions by: how they are called, without the marks of Markdown."""
    return re.sub("[`*]", "", function).lower()


def title(family: str) -> str:
    """Make a heading of a module's name."""
    package, name = family.split(".")[-2:]
    return name.replace("_", " ").capitalize() if package == "rules" else f"{package}.{name}"


def anchor(heading: str) -> str:
    """Make what GitHub makes of a heading, to link to it."""
    return heading.lower().replace(" ", "-").replace(".", "")


def how_called(function: Function) -> str:
    """Write how people call a function, with NumPy's other names for it."""
    module = function.__module__ or "numpy"
    if module.startswith("numpy"):
        home = np.linalg if module == "numpy.linalg" else np
        prefix = f"np{module.removeprefix('numpy')}."
        others = sorted(
            name
            for name, value in vars(home).items()
            if value is function and name != function.__name__
        )
        return ", ".join(f"`{prefix}{name}`" for name in (function.__name__, *others))
    rule = RULES[function]
    if rule.name in functional.__all__ and not hasattr(Tensor, rule.name):
        return f"`nn.functional.{rule.name}`"
    if not any(getattr(rules, name) is rule for name in rules.__all__):
        return f"*{rule.name}*"
    return "`t[index]`" if rule.name == "getitem" else f"`t.{rule.name}`"


def some_vjp(rule: Rule) -> Function:
    """Pick a vjp of a rule: all have the same arguments."""
    vjps = [rule.vjps[0]] if isinstance(rule.vjps, PerInput) else rule.vjps
    return next(vjp for vjp in vjps if vjp is not None)


def signature(function: Function, leading: int = 0) -> str:
    """Write the arguments of a function, but for the leading ones and for what a rule kept."""
    found = inspect.signature(function)
    arguments = [p for p in list(found.parameters.values())[leading:] if p.name != "kept"]
    plain = [p.replace(annotation=p.empty) for p in arguments]
    written = str(found.replace(parameters=plain, return_annotation=found.empty))[1:-1]
    return re.sub("=<[^>]*>", "=...", written)  # a default that stands for no value


def in_markdown(formula: str) -> str:
    """Write a formula so that GitHub shows it within a table: without bars and `operatorname`."""
    formula = formula.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    formula = re.sub(r"\\operatorname\*?{([^{}]*)}", r"\\mathop{\\mathrm{\1}}", formula)
    return f"$`{formula}`$"


if __name__ == "__main__":
    main()
