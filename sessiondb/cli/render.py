"""The only printer: data to stdout in the form that was asked for, talk to stderr."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import click

from sessiondb.chat.text import shown, visible, visible_json, width
from sessiondb.cli.colours import has_colours, is_plain
from sessiondb.cli.tables import Listing, Output, Row, table, tabulated, terminal_width

if TYPE_CHECKING:
    import io

_COLOUR = r"(\x1b\[[0-9;]*m)"


def show_rows(output: Output, listing: Listing, rows: Sequence[Row], *, total: int | None = None) -> None:
    """Print rows in the form asked for; say on stderr how many of `total` come after them."""
    if output.form == "table":
        if rows:
            _print(table(output, listing.columns, rows))
        else:
            print_notice("no matches")
    elif output.form in ROWS:
        found = fields_in(listing, rows, with_further=output.form in _MORE)
        _print(_FORMS[output.form](found, output, listing.fields))
    else:
        _print(tabulated(output, listing.columns, rows))
    if total is not None:
        print_more(total - output.offset - len(rows))


def fields_in(
    listing: Listing, rows: Iterable[Row], *, with_further: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield of rows what JSON and CSV give; `with_further`: and the fields that only some rows have."""
    for row in rows:
        further = row.get("further", {}) if with_further else {}
        yield {field: row[field] for field in listing.fields} | further


def show_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(visible_json(_dumps(value, indent=2)))


def show_text(lines: Iterable[str], *, paged: bool = False, first: int = 1) -> None:
    """Print lines of text, perhaps in colours; with `paged` through a pager where stdout is a terminal.

    Nothing but colours reaches the terminal, whatever a line was made of: other control characters are shown.

    The pager begins with the line of number `first`; pagers other than less begin at the top.
    """
    if paged and sys.stdout.isatty():
        # As git does: a text that fits the terminal is just printed, and stays there.
        options = os.environ.get("LESS", "-FRX")
        os.environ["LESS"] = options if first == 1 else f"{options} +{first}"
        click.echo_via_pager(
            (f"{_harmless(line)}\n" for line in lines), color=None if has_colours() else False
        )
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


def print_notice(text: str, *, whole: bool = False) -> None:
    """Print a line about the result to stderr. A terminal gets it without broken words, or `whole`: what a path has in
    it begins no line.
    """
    for line in [shown(text)] if whole else in_lines(shown(text)):
        click.echo(line, err=True)


def in_lines(text: str) -> list[str]:
    """Return a notice as the lines that the terminal of stderr has room for; where it is none, as one."""
    if not is_watched():
        return [text]
    room, start, lines = terminal_width(sys.stderr), " " * (len(text) - len(text.lstrip())), [""]
    # A command in backquotes stays whole, for whoever copies it.
    for word in re.findall(r"(?:`[^`]*`|\S)+", text):
        line = f"{lines[-1]} {word}" if lines[-1] else start + word
        if lines[-1] and width(line) > room:
            lines.append(f"{start}  {word}")
        else:
            lines[-1] = line
    return lines


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


def draws(output: Output) -> bool:
    """Say whether bars and other pictures go with a table: on a terminal that can show them."""
    return (
        output.form == "table" and sys.stdout.isatty() and not is_plain() and os.environ.get("TERM") != "dumb"
    )


class Progress:
    """Progress bars on stderr, one for each phase that has a label; none where stderr is no terminal.

    How many files a search has found so far is a number, as nobody knows how many there are.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels
        self._stack = contextlib.ExitStack()
        self._phase: str | None = None
        self._bar: Any = None
        self._is_shown = is_watched()
        # Most searches are over by then.
        self._next_count = time.monotonic() + 1

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done in a phase."""
        if not self._is_shown or not total or phase not in self._labels:
            return
        if phase == "find":
            self._count(phase, done)
            return
        if phase != self._phase:
            self._stack.close()
            self._phase = phase
            bar = click.progressbar(length=total, label=self._labels[phase], file=sys.stderr)
            self._bar = self._stack.enter_context(bar)
        self._bar.update(done - self._bar.pos)

    def _count(self, phase: str, found: int) -> None:
        now = time.monotonic()
        if now < self._next_count:
            return
        self._next_count = now + 0.2
        if phase != self._phase:
            self._phase = phase
            self._stack.callback(click.echo, f"\r{' ' * 40}\r", err=True, nl=False)
        click.echo(f"\r{self._labels[phase]} {found:,} files", err=True, nl=False)


def _print(lines: Iterable[str]) -> None:
    colours = has_colours()
    for line in lines:
        # Click takes out what a pipe is not to get, which may be told to have colours.
        click.echo(_harmless(line), color=colours)


def _harmless(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(text if index % 2 else visible(text) for index, text in enumerate(re.split(_COLOUR, line)))


def _dumps(value: Any, *, indent: int | None = None) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)


# These take a row at a time: that of a session takes some kilobytes, and there may be tens of thousands.
def _json_array(rows: Iterable[Row], output: Output, fields: Sequence[str]) -> Iterator[str]:
    line = "["
    for number, row in enumerate(rows):
        if number:
            yield f"{line},"
        line = f"{' ' if number else '['}{visible_json(_dumps(row))}"
    yield f"{line}]"


def _json_lines(rows: Iterable[Row], output: Output, fields: Sequence[str]) -> Iterator[str]:
    for row in rows:
        yield visible_json(_dumps(row))


def _csv(rows: Iterable[Row], output: Output, fields: Sequence[str]) -> Iterator[str]:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t" if output.form == "tsv" else ",", lineterminator="\n")
    if output.headers:
        writer.writerow(fields)
        yield from _taken(buffer)
    for row in rows:
        writer.writerow([_plain(row[field]) for field in fields])
        yield from _taken(buffer)


def _taken(buffer: io.StringIO) -> list[str]:
    """Return the lines that were written to a buffer, and empty it."""
    lines = buffer.getvalue().split("\n")[:-1]
    buffer.seek(0)
    buffer.truncate()
    return lines


ROWS = ("json", "nl", "csv", "tsv")
"""Forms for other programs: a row for each thing, whatever a table folds."""
_MORE = ("json", "nl")
"""Those whose rows may have further fields, which a table of columns cannot."""
_FORMS = {"json": _json_array, "nl": _json_lines, "csv": _csv, "tsv": _csv}


def _plain(value: Any) -> Any:
    if isinstance(value, list | dict):
        return visible(_dumps(value))
    return visible(value) if isinstance(value, str) else value
