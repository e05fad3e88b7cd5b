"""Rows as tables: in our own form, as wide as the terminal, or in a style of tabulate."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Literal, NamedTuple

import click

from sessiondb.chat.text import cut, one_line, short_number, width
from sessiondb.cli.colours import Painter, is_drawing, is_plain, painted, painter

Row = Mapping[str, Any]
GAP = "  "
WIDTH = 80
"""Columns of a terminal that does not say how wide it is."""
HEIGHT = 24
"""Lines of one that does not say how many it has."""


class Output(NamedTuple):
    """How to print rows. `form`: table, json, nl, csv, tsv or a style of tabulate. `limit` None: all."""

    form: str = "table"
    headers: bool = True
    is_wide: bool = False
    limit: int | None = None
    offset: int = 0
    is_limit_given: bool = False


class Column(NamedTuple):
    """A column of a table: the key of its value in a row, its heading, and what the value is.

    Where the terminal is too narrow for the table, it may be cut down to a width of `least`; 0: never. On a
    terminal the heading is `short`, where there is one. Before any is cut down to less than it `wants` (three times
    its least, where that is not said), columns are left out: those of the highest `rank` first, those of rank 0 never.
    Those of higher ranks are cut down first. A "figure" is text at the right, an "outline" may be indented. `look` is a
    kind of cli/colours.py.
    """

    key: str
    heading: str
    kind: Literal["text", "number", "short", "time", "cost", "figure", "agent", "outline"] = "text"
    least: int = 0
    short: str = ""
    rank: int = 0
    wants: int = 0
    look: str = ""


class Listing(NamedTuple):
    """What is printed of a kind of row: the fields of JSON and CSV, and the columns of tables."""

    fields: tuple[str, ...]
    columns: tuple[Column, ...]


def table(output: Output, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table; on a terminal it is as wide as that, and times are relative."""
    is_short = (is_drawing() or _has_columns()) and not output.is_wide
    if is_short:
        columns = _kept(columns, rows, output.headers)
    cells = [[_cell(column, row.get(column.key), is_short=is_short) for column in columns] for row in rows]
    headings = [_heading(column, is_short) if output.headers else "" for column in columns]
    widths = [max(map(width, texts)) for texts in zip(headings, *cells, strict=True)]
    if is_short:
        widths = _fitted(widths, columns, terminal_width() - len(GAP) * (len(columns) - 1))
    if output.headers:
        yield strong(_line(headings, widths, columns))
    paint = painter()
    for texts in cells:
        yield _line(texts, widths, columns, paint)


def _has_columns() -> bool:
    """Say whether $COLUMNS gives a width, which then holds in a pipe too."""
    return not is_plain() and os.environ.get("COLUMNS", "").strip("0").isdigit()


def _kept(columns: Sequence[Column], rows: Sequence[Row], headers: bool) -> Sequence[Column]:
    """Return the columns for which the terminal has room, without the least important ones."""
    wanted = []
    for column in columns:
        texts = [_cell(column, row.get(column.key), is_short=True) for row in rows]
        size = max(map(width, [*texts, _heading(column, True) if headers else ""]))
        wanted.append(min(size, column.wants or 3 * column.least) if column.least else size)
    while sum(wanted) + len(GAP) * (len(columns) - 1) > terminal_width():
        worst = max(range(len(columns)), key=lambda place: (columns[place].rank, place))
        if not columns[worst].rank:
            break
        columns = [*columns[:worst], *columns[worst + 1 :]]
        del wanted[worst]
    return columns


def tabulated(output: Output, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[str]:
    """Yield a table in a style of tabulate, as one text."""
    import tabulate

    if output.form not in tabulate.tabulate_formats:
        raise click.BadParameter(
            f"there is no {output.form!r}: give one of {', '.join(tabulate.tabulate_formats)}.",
            param_hint="--fmt",
        )
    headings = [column.heading for column in columns] if output.headers else []
    cells = [[_cell(column, row.get(column.key), is_short=False) for column in columns] for row in rows]
    aligned = ["right" if _is_right(column) else "left" for column in columns]
    yield tabulate.tabulate(
        cells, headings, tablefmt=output.form, disable_numparse=True, colalign=aligned if cells else None
    )


def terminal_width(stream: IO[str] | None = None) -> int:
    """Return how many columns the terminal of stdout or another stream has: $COLUMNS, or what it says itself."""
    with contextlib.suppress(ValueError, OSError):
        named = int(os.environ.get("COLUMNS") or 0)
        # Some terminals say 0: they do not know.
        return named or os.get_terminal_size((stream or sys.stdout).fileno()).columns or WIDTH
    return WIDTH


def terminal_height() -> int:
    """Return how many lines the terminal of stdout has: $LINES, or what it says itself."""
    with contextlib.suppress(ValueError, OSError):
        return int(os.environ.get("LINES") or 0) or os.get_terminal_size(sys.stdout.fileno()).lines or HEIGHT
    return HEIGHT


def strong(text: str) -> str:
    """Return the text bold where there are colours, as it is elsewhere."""
    return painted(text, "strong")


def _line(
    texts: Sequence[str], widths: Sequence[int], columns: Sequence[Column], paint: Painter | None = None
) -> str:
    """Return the cells of a row side by side, each in its look; the last is not filled up."""
    line, gap = "", ""
    for text, size, column in zip(texts, widths, columns, strict=True):
        kept = cut(text, size)
        space = " " * (size - width(kept))
        # The space around a text is not painted, so that the line ends where its last text does.
        painted_text = paint(kept, column.look) if paint and column.look else kept
        line += gap + (space if _is_right(column) else "") + painted_text
        gap = GAP if _is_right(column) else space + GAP
    return line.rstrip()


def _fitted(widths: list[int], columns: Sequence[Column], available: int) -> list[int]:
    """Return the widths made less until the table fits: columns to three times their least, then to it."""
    fitted = list(widths)
    # Where ranks are equal, the first is cut first.
    order = sorted(range(len(columns)), key=lambda place: -columns[place].rank)
    for factor in (3, 1):
        for index in order:
            column = columns[index]
            excess = sum(fitted) - available
            if column.least and excess > 0:
                fitted[index] = max(min(fitted[index], column.least * factor), fitted[index] - excess)
    return fitted


def _heading(column: Column, is_short: bool) -> str:
    return column.short or column.heading if is_short else column.heading


def _is_right(column: Column) -> bool:
    return column.kind in ("number", "short", "cost", "figure")


def _cell(column: Column, value: Any, *, is_short: bool) -> str:
    if value is None:
        return ""
    if column.kind == "time":
        from sessiondb import timestamps

        return timestamps.relative_text(value) if is_short else timestamps.local_text(value)
    if column.kind == "agent" and is_short:
        from sessiondb.records.agents import short_name

        return short_name(one_line(str(value)))
    if column.kind == "short":
        return short_number(value)
    if column.kind == "cost":
        return f"${value / 1_000_000:,.2f}"
    text = str(value)
    indent = " " * (len(text) - len(text.lstrip(" "))) if column.kind == "outline" else ""
    return indent + one_line(text)
