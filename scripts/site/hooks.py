"""What the site has besides its Markdown: formulas, quotes of the source, figures, the reference.

MkDocs calls these functions by their names while it builds; each neighbour does one of the four.
"""

from pathlib import Path
from typing import Any

import figures
import reference
import rooms
import sources
from formulas import Formulas, with_blocks
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

BENCHMARKS = "benchmarks.md"


def on_config(config: MkDocsConfig) -> None:
    """Add formulas to Markdown, and to the navigation what is there only when it is built."""
    config.markdown_extensions.append(Formulas())  # type: ignore[arg-type]
    nav: dict[str, list[Any]] = {name: part for entry in config.nav for name, part in entry.items()}
    nav["Reference"] += [
        {"All functions, with their rules": "functions.md"},
        *(
            {module.__name__: f"reference/{reference.short(module)}.md"}
            for module in reference.modules()
        ),
    ]
    if (Path(config.docs_dir) / BENCHMARKS).exists():
        nav["Results"].append({"Beside the peers": BENCHMARKS})


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are written now: the reference, and the files that pages link to."""
    for path, content in reference.pages().items():
        files.append(File.generated(config, path, content=content))
    linked: set[str] = set()
    for file in files.documentation_pages():
        linked |= sources.linked(file.content_string, file.src_uri)
    for path in sorted(linked):
        page = sources.page_of(path)
        files.append(File.generated(config, sources.source_page(path), content=page))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in what a page asks for."""
    path = page.file.src_uri
    if path.startswith("source/"):
        return markdown
    markdown = sources.relinked(sources.quoted(markdown, path), path)
    markdown = figures.drawn(with_blocks(markdown))
    return rooms.listed(markdown)
