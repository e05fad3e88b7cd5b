"""Draw docs/terminal.svg: a terminal in which real commands have been run on the sample logs of tests/data.

Run it, as a part of `scripts/docs`, after a change to what commands print. The only thing left out of their output is
how long the import took, so that the same program draws the same picture. Needs a pseudo-terminal: Linux or macOS.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from sessiondb.chat.text import width

ROOT = Path(__file__).parents[1]
PICTURE = "docs/terminal.svg"
# Agents whose sessions have the same ids wherever the checkout lies.
COMMANDS = (
    "sessiondb import tests/data/claude-code tests/data/codex",
    "sessiondb list -n 6",
    "sessiondb search why does the recipe parser lose amounts -n 1",
    "sessiondb show 5b0d7c1e --around 13 -C 1",
)
COLUMNS = 100

# In pixels: a character's cell, and the margin around all of them.
CELL, LINE, MARGIN, BAR = 8.4, 19, 18, 30
_STYLE = re.compile(r"\x1b\[(\d*)m")
_SECONDS = re.compile(r" in \d+\.\d+ s$", re.MULTILINE)


class Cell(NamedTuple):
    """A character on the terminal."""

    character: str
    is_bold: bool
    is_wide: bool


def session(commands: tuple[str, ...] = COMMANDS) -> Iterator[str]:
    """Run commands on a new database, and yield the lines that a terminal shows, styles and all."""
    with tempfile.TemporaryDirectory() as folder:
        for number, command in enumerate(commands):
            if number:
                yield ""
            yield f"$ \x1b[1m{command}\x1b[0m"
            yield from _SECONDS.sub("", run(command, Path(folder) / "sessions.db")).strip("\n").splitlines()


def run(command: str, database: Path) -> str:
    """Return what a command prints on a terminal, then what it says on stderr. Raises where it fails."""
    import pty

    mine, terminal = pty.openpty()
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")},
        **{
            "SESSIONDB_PATH": str(database),
            "COLUMNS": str(COLUMNS),
            "TERM": "xterm",
            "TZ": "UTC",
            "LANG": "C.UTF-8",
        },
    }
    arguments = [sys.executable, "-m", *shlex.split(command)]
    with subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(terminal)
        printed = b"".join(_read(mine))
        said = process.stderr.read() if process.stderr else b""
    os.close(mine)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments, printed, said)
    return printed.decode().replace("\r\n", "\n") + said.decode()


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux says so when nobody is left to write
            return
        if not chunk:
            return
        yield chunk


def drawn(lines: list[str]) -> str:
    """Return lines of a terminal as an SVG picture."""
    shown = [part for line in lines for part in folded(line)]
    wide, high = round(COLUMNS * CELL + 2 * MARGIN), BAR + len(shown) * LINE + MARGIN
    rows = [row for number, cells in enumerate(shown) for row in _row(cells, BAR + (number + 1) * LINE - 5)]
    title = "sessiondb in a terminal: import, list, search and show"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {wide} {high}"'
            f' width="{wide}" height="{high}">',
            f"<title>{title}</title>",
            "<style>",
            "text { font: 14px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d0d7de;"
            " white-space: pre }",
            ".b { font-weight: bold; fill: #ffffff }",
            "</style>",
            f'<rect width="{wide}" height="{high}" rx="8" fill="#161b22"/>',
            *(f'<circle cx="{MARGIN + 18 * n}" cy="16" r="5" fill="#484f58"/>' for n in range(3)),
            *rows,
            "</svg>\n",
        )
    )


def folded(line: str) -> list[list[Cell]]:
    """Return a line as a terminal shows it: on as many lines as it takes."""
    shown: list[list[Cell]] = [[]]
    column, is_bold = 0, False
    # Of the parts, every second is the number of a style: 1 bold, 0 or none plain.
    for number, part in enumerate(_STYLE.split(line)):
        if number % 2:
            is_bold = part == "1"
            continue
        for character in part:
            cells = width(character)
            if column + cells > COLUMNS:
                shown.append([])
                column = 0
            shown[-1].append(Cell(character, is_bold, cells == 2))
            column += cells
    return shown


def _row(cells: list[Cell], y: int) -> Iterator[str]:
    """Yield a text element for each stretch of one style. Fonts differ most on wide characters: they stand apart."""
    column = 0
    for (is_bold, _), stretch in groupby(cells, lambda cell: (cell.is_bold, cell.is_wide)):
        text = "".join(cell.character for cell in stretch)
        if text.strip():
            yield _text(text, column, width(text), y, 'class="b" ' if is_bold else "")
        column += width(text)


def _text(text: str, column: int, cells: int, y: int, style: str) -> str:
    """Return a text element whose length holds the columns true, whatever font there is."""
    place = f'x="{MARGIN + column * CELL:.1f}" y="{y}" textLength="{cells * CELL:.1f}"'
    return f'<text {style}{place} xml:space="preserve">{escape(text)}</text>'


if __name__ == "__main__":
    (ROOT / PICTURE).write_text(drawn(list(session())), encoding="utf-8")
