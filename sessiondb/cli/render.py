"""The only printer: data to stdout in the form that was asked for, talk to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, Literal, NamedTuple

import click

from sessiondb.chat.text import cut, one_line, short_number, shown, visible, visible_json, width
from sessiondb.cli.colours import Painter, has_colours, is_drawing, is_plain, painted, painter

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


def show_rows(output: Output, listing: Listing, rows: Sequence[Row], *, total: int | None = None) -> None:
    """Print rows in the form asked for; say on stderr how many of `total` come after them."""
    if output.form == "table":
        if rows:
            _print(table(output, listing.columns, rows))
        else:
            print_notice("no matches")
    elif output.form in ROWS:
        found = fields_in(listing, rows)
        if output.form in _MORE:
            found = [fields | row.get("further", {}) for fields, row in zip(found, rows, strict=True)]
        _print(_FORMS[output.form](found, output, listing.fields))
    else:
        _print(_tabulated(output, listing.columns, rows))
    if total is not None:
        print_more(total - output.offset - len(rows))


def fields_in(listing: Listing, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return of rows what JSON and CSV give."""
    return [{field: row[field] for field in listing.fields} for row in rows]


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


def show_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(visible_json(_dumps(value, indent=2)))


def show_text(lines: Iterable[str], *, paged: bool = False, first: int = 1) -> None:
    """Print lines that are safe for a terminal already; with `paged` through a pager where stdout is one.

    The pager begins with the line of number `first`; pagers other than less begin at the top.
    """
    if paged and sys.stdout.isatty():
        # As git does: a text that fits the terminal is just printed, and stays there.
        options = os.environ.get("LESS", "-FRX")
        os.environ["LESS"] = options if first == 1 else f"{options} +{first}"
        click.echo_via_pager((f"{line}\n" for line in lines), color=None if has_colours() else False)
    else:
        _print(lines)


class _Escaping:
    """A binary stream of UTF-8 lines to a terminal, with control characters escaped as JSON does."""

    def write(self, line: bytes) -> None:
        click.echo(visible_json(line.decode()), nl=False)

    def writelines(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self.write(line)


def stdout_bytes() -> IO[bytes] | _Escaping:
    """Return stdout for encoded lines: as they are, but on a terminal with control characters escaped."""
    return _Escaping() if sys.stdout.isatty() else sys.stdout.buffer


def print_result(text: str) -> None:
    """Print a line that is the command's result."""
    click.echo(shown(text))


def print_notice(text: str) -> None:
    """Print a line about the result to stderr."""
    click.echo(shown(text), err=True)


def print_more(count: int) -> None:
    """Say on stderr how many rows the limit has left out."""
    if count > 0:
        print_notice(f"{count:,} more; use -n/--limit to see them (0 means all)")


def ask(question: str) -> bool:
    """Ask on the terminal; no is the default."""
    return click.confirm(shown(question), err=True)


def can_ask() -> bool:
    """Say whether there is a person at a terminal to answer."""
    return sys.stdin.isatty() and is_watched()


def from_home(path: str) -> str:
    """Return a path with ~ for the home folder."""
    home = os.path.expanduser("~").rstrip("/")
    return f"~{path[len(home) :]}" if home and path.startswith(f"{home}/") else path


def is_watched() -> bool:
    """Say whether stderr is a terminal."""
    return sys.stderr.isatty()


def strong(text: str) -> str:
    """Return the text bold where there are colours, as it is elsewhere."""
    return painted(text, "strong")


def draws(output: Output) -> bool:
    """Say whether bars and other pictures go with a table: on a terminal that can show them."""
    return (
        output.form == "table" and sys.stdout.isatty() and not is_plain() and os.environ.get("TERM") != "dumb"
    )


class Progress:
    """Progress bars on stderr, one for each phase; none where stderr is no terminal."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels
        self._stack = contextlib.ExitStack()
        self._phase: str | None = None
        self._bar: Any = None
        self._is_shown = is_watched()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done in a phase."""
        if not self._is_shown or not total:
            return
        if phase != self._phase:
            self._stack.close()
            self._phase = phase
            bar = click.progressbar(length=total, label=self._labels[phase], file=sys.stderr)
            self._bar = self._stack.enter_context(bar)
        self._bar.update(done - self._bar.pos)


def terminal_width() -> int:
    """Return how many columns the terminal of stdout has: $COLUMNS, or what it says itself."""
    with contextlib.suppress(ValueError, OSError):
        named = int(os.environ.get("COLUMNS") or 0)
        # Some terminals say 0: they do not know.
        return named or os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    return WIDTH


def terminal_height() -> int:
    """Return how many lines the terminal of stdout has: $LINES, or what it says itself."""
    with contextlib.suppress(ValueError, OSError):
        return int(os.environ.get("LINES") or 0) or os.get_terminal_size(sys.stdout.fileno()).lines or HEIGHT
    return HEIGHT


def _print(lines: Iterable[str]) -> None:
    colours = has_colours()
    for line in lines:
        # Click takes out what a pipe is not to get, which may be told to have colours.
        click.echo(line, color=colours)


def _dumps(value: Any, *, indent: int | None = None) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)


def _json_array(rows: Sequence[Row], output: Output, fields: Sequence[str]) -> Iterator[str]:
    if not rows:
        yield "[]"
    for number, row in enumerate(rows):
        yield f"{' ' if number else '['}{visible_json(_dumps(row))}{',' if number < len(rows) - 1 else ']'}"


def _json_lines(rows: Sequence[Row], output: Output, fields: Sequence[str]) -> Iterator[str]:
    for row in rows:
        yield visible_json(_dumps(row))


def _csv(rows: Sequence[Row], output: Output, fields: Sequence[str]) -> Iterator[str]:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t" if output.form == "tsv" else ",", lineterminator="\n")
    if output.headers:
        writer.writerow(fields)
    for row in rows:
        writer.writerow([_plain(row[field]) for field in fields])
    yield from buffer.getvalue().split("\n")[:-1]


ROWS = ("json", "nl", "csv", "tsv")
"""Forms for other programs: a row for each thing, whatever a table folds."""
_MORE = ("json", "nl")
"""Those whose rows may have further fields, which a table of columns cannot."""
_FORMS = {"json": _json_array, "nl": _json_lines, "csv": _csv, "tsv": _csv}


def _plain(value: Any) -> Any:
    if isinstance(value, list | dict):
        return visible(_dumps(value))
    return visible(value) if isinstance(value, str) else value


def _tabulated(output: Output, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[str]:
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
