"""Tables in plain text, and in Markdown."""

from collections.abc import Collection, Iterable, Sequence

__all__ = ["markdown", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> str:
    """Write a table: the head, a line, and the rows, with columns as wide as they must be.

    Parameters
    ----------
    head, rows
        What stands in the cells.
    right
        The columns whose cells end in line, by their places.

    Examples
    --------
    >>> print(table(("name", "size"), [("a", "5"), ("long name", "10")], right=[1]))
    name       size
    ---------  ----
    a             5
    long name    10
    """
    cells = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    lines = (
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Write a table in Markdown.

    Examples
    --------
    >>> print(markdown(("name", "size"), [("a|b", "5")]))
    | name | size |
    | --- | --- |
    | a\|b | 5 |
    """
    lines = (head, ["---"] * len(head), *rows)
    cells = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
