"""Write what a terminal shows of commands on made-up sessions: as text for the tests, as pictures for docs/.

tests/cli/screen/screens/ has each screen in some sizes and manners, ESC written as ␛; docs/pictures/ has some as SVG.
Run it, as a part of `scripts/docs`, after a change to what commands print, and look with `git diff` at what that has
changed. Needs a pseudo-terminal: Linux or macOS.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from sessiondb.chat.text import width

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "cli" / "screen" / "screens"
PICTURES = ROOT / "docs" / "pictures"
DRAWN = "100x30/colour"
"""The screens of which there are pictures."""
SIZES = ((80, 24), (100, 30), (140, 40))
MANNERS: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "colour": ({}, ()),
    "dumb": ({"TERM": "dumb"}, ()),
    "plain": ({}, ("--plain",)),
}
"""The variables and the options of each."""
COMMANDS = {
    "list": "list",
    "search": "search why does the recipe parser lose amounts",
    "show": "show 5b0d7c1e",
    "show-markdown": "show boat",
    "usage": "usage",
    "prune": "prune --days 30 --dry-run",
}
HOMES = {"claude-code": ".claude", "codex": ".codex", "hermes": ".hermes"}
"""The sample logs of agents whose sessions have the same ids wherever they lie, and where each would keep them."""

# In pixels: a character's cell, and the margin around all of them.
CELL, LINE, MARGIN, BAR = 8.4, 19, 18, 30
LOOKS = {
    "1": "font-weight: bold; fill: #ffffff", "2": "fill: #8b949e", "3": "font-style: italic", "31": "fill: #ff7b72",
    "32": "fill: #7ee787", "33": "fill: #e3b341", "34": "fill: #79c0ff", "35": "fill: #d2a8ff", "36": "fill: #76e3ea",
}  # fmt: skip
COLOURS = re.compile(r"␛\[[\d;]*m")
_STYLE = re.compile(r"\x1b\[([\d;]*)m")

_DRIVER = """
import json, sys
from sessiondb.cli.group import cli
for command in json.loads(sys.argv[1]):
    cli(command, prog_name="sessiondb", standalone_mode=False)
    print(end="\\0", flush=True)
"""


class Machine(NamedTuple):
    """A made-up home folder with a database of sample sessions, whose logs are gone since."""

    home: Path

    def run(
        self, commands: Sequence[Sequence[str]], size: tuple[int, int], variables: Mapping[str, str]
    ) -> list[str]:
        """Return what each command writes to a terminal of a size. Raises where one fails."""
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(self.home), "TZ": "UTC",
            "TERM": "xterm-256color", "LANG": "C.UTF-8", "SESSIONDB_PATH": str(self.home / "sessions.db"), **variables,
        }  # fmt: skip
        said = on_a_terminal(
            [sys.executable, "-c", _DRIVER, json.dumps(commands)], environment, self.home, size
        )
        return said.split("\0")[:-1]


def machine(folder: Path) -> Machine:
    """Make such a home in a folder: the sample logs of tests/data, and a session with all that can be drawn."""
    made = Machine(folder)
    for sample, place in HOMES.items():
        shutil.copytree(ROOT / "tests" / "data" / sample, folder / place)
    made.run([["import", *(str(folder / place) for place in HOMES.values())]], SIZES[0], {})
    for place in HOMES.values():
        shutil.rmtree(folder / place)
    add_boat(folder / "sessions.db")
    return made


def on_a_terminal(
    arguments: list[str], environment: Mapping[str, str], folder: Path, size: tuple[int, int]
) -> str:
    """Return what a process writes to a terminal of a size, which is its stdout and stderr. Raises where it fails."""
    mine, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    with subprocess.Popen(
        arguments,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        said = b"".join(_read(mine)).decode().replace("\r\n", "\n")
    os.close(mine)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments, said)
    return said


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux says so when nobody is left to write
            return
        if not chunk:
            return
        yield chunk


BOAT = """\
## The boat, 船

1. Check the **hull**
2. Order *paint*:

| part | 部品 | القطعة | price |
| --- | --- | --- | ---: |
| hull | 船体 | الهيكل | 1,200 |
| sail ⛵ | 帆 | شراع | 340 |

```python
def litres(area: float, coats: int = 2) -> float:
    return area * coats / 12  # square metres a litre
```

> Ask Noor first. [The chart](https://charts.example/44) says `NNE`.
"""


def add_boat(database: Path) -> None:
    """Add a session with Markdown, scripts of every width, changes, a failure, a sub-agent, notes and tags."""
    from sessiondb import SessionDB

    def at(minute: int) -> str:
        return f"2026-05-02T10:{minute:02}:00Z"

    with SessionDB(database) as db:
        project = "/home/mira/src/boat"
        db.sessions.start("claude-code", id="boat", project=project, title="Paint for the boat 船 and its sail ⛵",
                          model="claude-opus-4-6", tags=["summer", "boat"], started_at=at(0))  # fmt: skip
        db.messages.append(
            "boat", "user", "What does the boat need before summer? قارب صغير 👩‍👧", created_at=at(0)
        )
        calls = [
            {"id": "t", "name": "TodoWrite", "arguments": {"todos": [
                {"content": "Look at the hull", "status": "completed"},
                {"content": "Order paint", "status": "in_progress"},
            ]}},
            {"id": "w", "name": "WebSearch", "arguments": {"query": "antifouling paint litre square metre"}},
            {"id": "e", "name": "Edit", "arguments": {
                "file_path": f"{project}/paint.py", "old_string": "COATS = 1\n",
                "new_string": "COATS = 2\nLITRE = 12\n",
            }},
            {"id": "a", "name": "Task", "arguments": {"description": "Read the chart", "prompt": "Read chart 44."}},
            {"id": "b", "name": "Bash", "arguments": {"command": "make quote"}},
        ]  # fmt: skip
        db.messages.append("boat", "assistant", "I will look.", tool_calls=calls, created_at=at(1),
                           reasoning="Hull first.\nThen paint.\nThen the chart.")  # fmt: skip
        pages = "\n".join(f"{number}. a page about paint" for number in range(1, 31))
        for id, answer, failed in (
            ("t", "ok", False), ("w", pages, False), ("e", "changed", False), ("a", "Rocks to the north.", False),
            ("b", "make: *** No rule to make target 'quote'", True),
        ):  # fmt: skip
            db.messages.append("boat", "tool", answer, tool_call_id=id, is_error=failed, created_at=at(3))
        db.sessions.start("claude-code", id="boat-chart", parent="boat", relation="subagent", title="Read chart 44.",
                          started_at=at(2))  # fmt: skip
        db.messages.append("boat-chart", "user", "Read chart 44.", created_at=at(2))
        db.messages.append("boat-chart", "assistant", "Rocks to the north.", created_at=at(2))
        said = db.messages.append("boat", "assistant", BOAT, created_at=at(4), model="claude-opus-4-6")
        db.tokens.add("boat", request_key="r", model="claude-opus-4-6", message_id=said.id, counted_at=at(4),
                      input=4000, cache_read=21_000, output=900)  # fmt: skip
        db.notes.add(
            "decision", "Two coats, because the last one lasted a year.", session_id="boat", created_at=at(5)
        )
        db.sessions.set_pinned("boat", True)
        db.sessions.end(["boat", "boat-chart"], "done", at=at(6))


def screens(made: Machine, size: tuple[int, int], manner: str) -> dict[str, str]:
    """Return the text of each screen by the path of its file."""
    variables, options = MANNERS[manner]
    found = made.run([[*shlex.split(each), *options] for each in COMMANDS.values()], size, variables)
    folder = f"{size[0]}x{size[1]}/{manner}"
    return {
        f"{folder}/{name}.txt": text.replace("\x1b", "␛") for name, text in zip(COMMANDS, found, strict=True)
    }


def pictures() -> dict[str, str]:
    """Return the pictures by their files, drawn from the screens that are written down."""
    drawn = {}
    for name, command in COMMANDS.items():
        text = (FOLDER / DRAWN / f"{name}.txt").read_text(encoding="utf-8").replace("␛", "\x1b")
        columns = int(DRAWN.partition("x")[0])
        lines = [f"$ \x1b[1msessiondb {command}\x1b[0m", *text.rstrip("\n").split("\n")]
        drawn[f"{name}.svg"] = svg(lines, f"sessiondb {command}", columns)
    return drawn


def svg(lines: Sequence[str], title: str, columns: int) -> str:
    """Return lines of a terminal as a picture."""
    shown = [part for line in lines for part in cells(line, columns)]
    wide, high = round(columns * CELL + 2 * MARGIN), BAR + len(shown) * LINE + MARGIN
    rows = [row for number, line in enumerate(shown) for row in _row(line, BAR + (number + 1) * LINE - 5)]
    looks = (f".c{code} {{ {look} }}" for code, look in LOOKS.items())
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {wide} {high}"'
            f' width="{wide}" height="{high}">',
            f"<title>{escape(title)}</title>",
            "<style>",
            "text { font: 14px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d0d7de;"
            " white-space: pre }",
            *looks,
            "</style>",
            f'<rect width="{wide}" height="{high}" rx="8" fill="#161b22"/>',
            *(f'<circle cx="{MARGIN + 18 * number}" cy="16" r="5" fill="#484f58"/>' for number in range(3)),
            *rows,
            "</svg>\n",
        )
    )


class Cell(NamedTuple):
    """A character on the terminal, and the codes of its style."""

    character: str
    codes: tuple[str, ...]
    is_wide: bool


def cells(line: str, columns: int) -> list[list[Cell]]:
    """Return a line as a terminal shows it: on as many lines as it takes."""
    shown: list[list[Cell]] = [[]]
    column, codes = 0, set[str]()
    # Every second part is a style: 0 or nothing ends what the others begin.
    for number, part in enumerate(_STYLE.split(line)):
        if number % 2:
            for code in part.split(";"):
                codes = codes | {code} if code.strip("0") else set()
            continue
        for character in part:
            taken = width(character)
            if column + taken > columns:
                shown.append([])
                column = 0
            shown[-1].append(Cell(character, tuple(sorted(codes)), taken == 2))
            column += taken
    return shown


def _row(line: list[Cell], y: int) -> Iterator[str]:
    """Yield a text element for each stretch of one style. Fonts differ most on wide characters: they stand apart."""
    column = 0
    for (codes, _), stretch in groupby(line, lambda cell: (cell.codes, cell.is_wide)):
        text = "".join(cell.character for cell in stretch)
        if text.strip():
            look = f'class="{" ".join(f"c{code}" for code in codes)}" ' if codes else ""
            # A length in pixels holds the columns true, whatever font there is.
            place = f'x="{MARGIN + column * CELL:.1f}" y="{y}" textLength="{width(text) * CELL:.1f}"'
            yield f'<text {look}{place} xml:space="preserve">{escape(text)}</text>'
        column += width(text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = machine(Path(folder))
        written = {FOLDER / file: text for size in SIZES for manner in MANNERS
                   for file, text in screens(made, size, manner).items()}  # fmt: skip
    for file, text in written.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (PICTURES / name).write_text(text, encoding="utf-8")
