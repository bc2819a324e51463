r"""Formulas for the site: LaTeX becomes MathML, which browsers show without any script.

They are written as GitHub reads them, ``$`\bar a = \bar y`$`` within a line and a fenced block
``math`` on lines of their own; docstrings have ``:math:`\bar a```.
"""

import re
from typing import Any
from xml.etree import ElementTree

import latex2mathml.converter
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor

__all__ = ["Formulas", "mathml", "with_blocks"]

BLOCK = re.compile(r"^```math\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
# Browsers know no mathvariant but "normal".
STYLES = {"sans-serif": "font-family: sans-serif", "bold": "font-weight: bold"}


def mathml(latex: str, display: str = "inline") -> str:
    """Return a formula as MathML.

    Raises
    ------
    ValueError
        If a command is not known, and would appear on the page as it is.
    """
    latex = re.sub(r"\\mathop{\\mathrm{([^{}]*)}}", r"\\operatorname{\1}", latex)
    latex = re.sub(r"(begin|end){aligned}", r"\1{align*}", latex)
    found = latex2mathml.converter.convert(latex, display=display)
    unknown = re.findall(r">(\\\w+)", found)
    if unknown:
        raise ValueError(f"{latex}: MathML for {', '.join(unknown)} is not known")
    tree = ElementTree.fromstring(found)  # noqa: S314  # it is our own
    for element in tree.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
        style = STYLES.get(element.get("mathvariant", ""))
        if style:
            element.set("mathvariant", "normal")
            element.set("style", style)
        if element.tag == "mover" and element[1].text == "¯":
            element[1].set("stretchy", "false")
    tree.set("display", display)
    return ElementTree.tostring(tree, encoding="unicode")


def with_blocks(markdown: str) -> str:
    """Replace the fenced blocks ``math`` of a page."""

    def replaced(found: re.Match[str]) -> str:
        formula = mathml(" ".join(found[1].split()), "block")
        return f'<div class="formula" tabindex="0">{formula}</div>'

    return BLOCK.sub(replaced, markdown)


class Formulas(Extension):
    """Formulas within a line, in both ways of writing them, and the ``::`` of docstrings."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # Markdown calls it so
        """Register what this extension adds."""
        before_code = 195
        md.inlinePatterns.register(_Inline(r"\$`([^`]+)`\$", md), "formula", before_code)
        md.inlinePatterns.register(_Inline(r":math:`([^`]+)`", md), "formula_role", before_code)
        md.preprocessors.register(_Colons(md), "colons", 1)


class _Inline(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> Any:  # type: ignore[override]  # noqa: N802
        """Keep the formula's MathML, so that nothing looks for Markdown in it."""
        return self.md.htmlStash.store(mathml(m.group(1))), m.start(0), m.end(0)


class _Colons(Preprocessor):
    """A paragraph that ends in ``::`` announces a block, and shows one colon."""

    def run(self, lines: list[str]) -> list[str]:
        """Write one colon for two."""
        return [re.sub(r"(?<=\w)::$", ":", line) for line in lines]
