"""Source code on the site: quotes of it, and a page for each file that is linked.

A page says ``<!-- source: tinygrad_mnist.engine.sweep._fitted -->`` where it wants the code of a
function or a class, and ``<!-- source: tinygrad_mnist.rules.arithmetic define(np.multiply) -->``
where it wants the row of a rule. Code is never copied into a page.

A relative link from a page to a file outside `docs/` works on GitHub; here it leads to a page that
shows the file.
"""

import ast
import importlib
import inspect
import json
import posixpath
import re
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

from formulas import with_blocks

__all__ = ["linked", "page_of", "quoted", "relinked", "source_page"]

ROOT = Path(__file__).parents[2]
QUOTE = re.compile(r"^( *)<!-- source: (\S+)(?: (\w+)\((\S+)\))? -->$", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()((?:\.\./)+[^)#\s]+)")
LANGUAGES = {".py": "python", ".toml": "toml", ".md": "text", "": "make"}


def quoted(markdown: str, page: str) -> str:
    """Put the code into a page where it asks for it."""

    def quote(found: re.Match[str]) -> str:
        indent, *what = found.groups()
        return textwrap.indent(_quote(*what, page=page), indent)

    return QUOTE.sub(quote, markdown)


def relinked(markdown: str, page: str) -> str:
    """Lead the links that leave `docs/` to the pages of the files."""

    def lead(found: re.Match[str]) -> str:
        file = _outside(found[1], page)
        return found[1] if file is None else _relative(source_page(file), page)

    return LINK.sub(lead, markdown)


def linked(markdown: str, page: str) -> set[str]:
    """Find the files outside `docs/` that a page links or quotes."""
    files = {_outside(link, page) for link in LINK.findall(markdown)}
    files |= {_file(_module(name)[0]) for _, name, *_ in QUOTE.findall(markdown)}
    return {file for file in files if file is not None}


def source_page(file: str) -> str:
    """Name the page of a file."""
    return f"source/{file}.md"


def page_of(file: str) -> str:
    """Write the page of a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file: the link is broken.
    """
    text = (ROOT / file).read_text(encoding="utf-8")
    front = f"---\ntitle: {posixpath.basename(file)}\nsearch:\n  exclude: true\nhide: [toc]\n---\n"
    if file.endswith(".ipynb"):
        return f"{front}\n{_cells(json.loads(text))}"
    language = LANGUAGES[Path(file).suffix]
    return f'{front}\n# {file}\n\n~~~~~{language} linenums="1"\n{text}~~~~~\n'


def _cells(notebook: dict[str, Any]) -> str:
    """Write what a notebook says, without running it."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            parts.append(f"~~~~~python\n{source}\n~~~~~")
        else:
            source = re.sub(r"\$\$(.*?)\$\$", r"```math\n\1\n```", source, flags=re.DOTALL)
            parts.append(with_blocks(re.sub(r"\$([^$`]+)\$", r"$`\1`$", source)))
    return "\n\n".join(parts)


def _outside(link: str, page: str) -> str | None:
    """Name the file that a link leads to, by its path in the repository, if it leaves `docs/`."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return None if target.startswith("docs/") else target


def _relative(target: str, page: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def _module(name: str) -> tuple[ModuleType, str]:
    """Find the module that a dotted name begins with, and what is left of the name."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            return importlib.import_module(".".join(parts[:end])), ".".join(parts[end:])
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"{name}: no module of that name")


def _file(module: ModuleType) -> str:
    return Path(inspect.getfile(module)).relative_to(ROOT).as_posix()


def _quote(name: str, call: str, argument: str, page: str) -> str:
    """Write the code of a function, a class or a row of a table as a fenced block."""
    module, rest = _module(name)
    if call:
        lines, first = _row(module, call, argument)
    else:
        found: Any = module
        for part in rest.split("."):
            found = getattr(found, part)
        lines, first = inspect.getsourcelines(found)
    file = _file(module)
    target = _relative(source_page(file), page).removesuffix("md") + "html"
    link = f'<p class="source"><a href="{target}#__codelineno-0-{first}">{file}</a></p>'
    code = textwrap.dedent("".join(lines)).rstrip()
    return f'{link}\n\n~~~~~python linenums="{first}"\n{code}\n~~~~~'


def _row(module: ModuleType, call: str, argument: str) -> tuple[list[str], int]:
    """Find the statement of a module that calls a function with a certain first argument."""
    text = inspect.getsource(module)
    for statement in ast.parse(text).body:
        value = getattr(statement, "value", None)
        if (
            isinstance(value, ast.Call)
            and ast.unparse(value.func) == call
            and ast.unparse(value.args[0]) == argument
        ):
            lines = text.splitlines(keepends=True)[statement.lineno - 1 : statement.end_lineno]
            return lines, statement.lineno
    raise LookupError(f"{module.__name__}: there is no {call}({argument}, ...)")
