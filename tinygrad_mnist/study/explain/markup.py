"""Pieces of HTML: numbers, formulas, tables, rules and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from ...extras import need

if TYPE_CHECKING:
    from .arrays import Picture

__all__ = ["Heat", "Step", "beside", "formula", "math", "number", "rule", "swatch", "table"]


def number(value: float, digits: int = 4) -> str:
    """Write a number for people, with so many significant digits and a true minus sign.

    Examples
    --------
    >>> number(-0.123456), number(2e-7), number(3.0)
    ('−0.1235', '2e−7', '3')
    """
    text = f"{float(value) or 0.0:.{digits}g}"  # not −0
    mantissa, e, power = text.partition("e")
    return (mantissa + e + (str(int(power)) if e else "")).replace("-", "−")


@cache
def math(latex: str, display: str = "inline") -> str:
    """Typeset LaTeX as MathML, which browsers draw and screen readers read aloud.

    `display` is ``"inline"``, or ``"block"`` for a line of its own.

    Raises
    ------
    ImportError
        If latex2mathml is not installed.
    """
    converter = need("latex2mathml.converter", "study", "typesetting formulas")
    found: str = converter.convert(latex, display=display)
    return found.replace("<math ", f'<math alttext="{escape(latex)}" ', 1)


def formula(latex: str) -> str:
    """Set a formula on a line of its own."""
    return f'<p class="formula">{math(latex, "block")}</p>'


def swatch(value: float, digits: int = 4) -> str:
    """Write a number, and show its colour beside it."""
    exact = repr(float(value))
    return f'{number(value, digits)}<span class="swatch" data-value="{exact}"></span>'


def table(
    name: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    kinds: Sequence[str] = (),
    row_kinds: Sequence[str] = (),
) -> str:
    """Make a table of cells that are HTML already; the first cell of each row is its heading.

    `name` is for who cannot see it; `kinds` and `row_kinds` are classes of columns and rows.
    """
    kinds = [*kinds, *[""] * (len(head) - len(kinds))]
    row_kinds = [*row_kinds, *[""] * (len(rows) - len(row_kinds))]
    top = "".join(
        f'<th scope="col"{_class(kind)}>{cell}</th>' for cell, kind in zip(head, kinds, strict=True)
    )
    lines = []
    for (first, *rest), kind in zip(rows, row_kinds, strict=True):
        cells = "".join(
            f"<td{_class(kind)}>{cell}</td>" for cell, kind in zip(rest, kinds[1:], strict=True)
        )
        lines.append(
            f'<tr{_class(kind)}><th scope="row"{_class(kinds[0])}>{first}</th>{cells}</tr>'
        )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(name)}"><table>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def beside(words: Sequence[Any], *shown: Any) -> list[Any]:
    """Put words and what they are about side by side, where there is room."""
    left, right = '<div class="side"><div class="words">', '</div><div class="shown">'
    return [left, *words, right, *shown, "</div></div>"]


def rule(target: str, facts: Sequence[tuple[str, str]]) -> str:
    """Make the card of one gradient: what it belongs to, and what there is to say of it."""
    lines = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    return f'<article class="rule"><h3>{target}</h3><dl>{lines}</dl></article>'


@dataclass(frozen=True, eq=False)
class Heat:
    """A heat map of a picture.

    Attributes
    ----------
    picture
        What it shows.
    caption
        HTML below it.
    notes
        HTML below each image of a stack.
    dead
        Images that stand back, by their places.
    cell
        The side of a cell in CSS, such as ``"12px"``, where there is one image.
    tile
        The least width of an image of a stack.
    pick
        Whether a cell can be picked, to turn this weight.
    attributes
        More attributes of the heat map's element.
    filled_in
        Whether the page's script fills it, with another picture of the same size.
    """

    picture: Picture
    caption: str = ""
    notes: Sequence[str] = ()
    dead: frozenset[int] = frozenset()
    cell: str = ""
    tile: str = "clamp(52px, 7.2vw, 88px)"
    pick: bool = False
    attributes: str = ""
    filled_in: bool = False

    def html(self, picture: Picture) -> str:
        """Write it, for its picture as that was cropped."""
        count, height, width = picture.values.shape
        images = "".join(self._image(n, height, width) for n in range(count))
        cell = self.cell or f"{max(2, min(26, 336 // max(width, 1)))}px"
        style = f"--wide: {width}; --cell: {cell}; --tile: {self.tile}"
        key = "" if self.filled_in else f' data-picture="{escape(picture.key)}"'
        how = "; Enter picks a number to turn it" if self.pick else ""
        words = self.attributes or f'aria-label="{escape(picture.words)}{how}"'
        caption = self.caption
        if picture.shown < picture.whole:
            things = "rows" if count == 1 else "images"
            caption += f": the first {picture.shown} of {picture.whole} {things}"
        caption = f"<figcaption>{caption}</figcaption>" if caption else ""
        return (
            f'<figure><div class="heat {"tiles" if count > 1 else "alone"}" tabindex="0" '
            f'role="application" aria-roledescription="heat map"{key} {words} style="{style}"'
            f"{' data-pick' if self.pick else ''}>{images}</div>{caption}</figure>"
        )

    def _image(self, n: int, height: int, width: int) -> str:
        canvas = f'<canvas width="{width}" height="{height}"></canvas>'
        if not self.notes:
            return canvas
        note = f'<span class="caption">{self.notes[n]}</span>'
        return f'<div class="tile{" dead" if n in self.dead else ""}">{canvas}{note}</div>'


@dataclass(frozen=True, eq=False)
class Step:
    """A step of the page.

    Attributes
    ----------
    key
        Its address in the page.
    lane
        ``"down"`` for values, ``"up"`` for gradients, ``"after"`` for what comes of them.
    symbol, name
        What the map writes: HTML, and a word or two.
    title
        One line of text.
    body
        HTML and heat maps in turn.
    column, span
        Where it stands in the map, and how wide, in columns.
    """

    key: str
    lane: str
    symbol: str
    name: str
    title: str
    body: Sequence[Any]
    column: int
    span: int = 1
