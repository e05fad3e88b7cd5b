"""Goose's sessions: `~/.local/share/goose/sessions/sessions.db`, before 1.10 a file `<date>_<n>.jsonl` for each.

A session's id is a date and a number, unique in its folder only. The database took over what the files had: of a
session that is in both, the database is believed.

- A message is an array of blocks. Answers of tools come as messages of the user; `userVisible: false` marks what was
  written for the model alone, such as the summary of a talk that grew too long.
- The input of `usage_ledger` has what came from the cache. Before that table there are only sums for each session;
  `total_tokens` is no sum, but what the last call took.
- The first line of a file is about the session, and is rewritten as it goes on.

Not kept: questions whether a tool may run, redacted reasoning, what extensions store.

Sources: github.com/kenn-io/agentsview and github.com/vshulcz/deja-vu, which read it (2026).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.importers.base import Record
from sessiondb.importers.files.sample import SQLITE_MAGIC
from sessiondb.importers.files.source import open_bytes
from sessiondb.importers.goose import database, log
from sessiondb.importers.line_reader import joined, records_of

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "goose"
version = 1

_HEADER = frozenset(("message_count", "total_tokens", "extension_data"))
_MESSAGE = frozenset(("role", "created", "content"))


def sniff(sample: Sample) -> int:
    """Look for the tables of the database, for the line about a session, or for a message with its second."""
    if sample.is_sqlite:
        return 2 if database.fits(sample.tables) else 0
    return 2 if any(_is_header(line) or _is_message(line) for line in sample.lines) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the sessions of a database, or the one of a file from `source.start` on."""
    with open_bytes(source.path) as handle:
        is_sqlite = handle.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    yield from database.read(source) if is_sqlite else joined(records_of(source, log.Reader(source)))


def _is_header(line: dict[str, Any]) -> bool:
    return "working_dir" in line and bool(line.keys() & _HEADER)


def _is_message(line: dict[str, Any]) -> bool:
    created = line.get("created")
    is_second = isinstance(created, int) and not isinstance(created, bool)
    return line.keys() >= _MESSAGE and is_second and isinstance(line["content"], list)
