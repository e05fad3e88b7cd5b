"""Cursor's sessions, from the three places where it keeps them; one that stands in several is taken once.

- The editor: `<User>/globalStorage/state.vscdb`, and those of the workspaces (editor.py). It has the times, models and
  tokens, as far as Cursor writes any: since release 3 the tokens are zero.
- The transcripts of its agents: `~/.cursor/projects/<folder>/agent-transcripts/<id>.jsonl` (transcript.py), with
  neither ids nor times, and often without the answers of tools.
- The command line: `~/.cursor/chats/<folder>/<id>/store.db` (store.py).

Which of them a session's messages are taken from is in places.py; of the others only what nobody else tells.

- A prompt stands in `<user_query>`, between what the program put there (prompts.py).
- `[REDACTED]` is where reasoning was taken out of a transcript.

Not kept: what the editor shows beside the talk, diffs, lists of prompts, accounts, keys.

Sources: stores and transcripts of 2024 to 2026; github.com/kenn-io/agentsview and issues of projects that read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.importers.base import Record
from sessiondb.importers.cursor import editor, store
from sessiondb.importers.cursor.transcript import Reader, read_text
from sessiondb.importers.files.sample import SQLITE_MAGIC
from sessiondb.importers.files.source import open_bytes
from sessiondb.importers.line_reader import records_of

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "cursor"
version = 1

_KEYS = frozenset(("key", "value"))
_BLOBS = frozenset(("id", "data"))
_TEXT = b"user:\n<user_query>"


def sniff(sample: Sample) -> int:
    """Look for one of the tables of its databases, for a bare message, or for a text with a prompt."""
    if sample.is_sqlite:
        tables = sample.tables
        if tables.get("cursorDiskKV", frozenset()) >= _KEYS or _is_store(tables):
            return 2
        return 2 if tables.get("ItemTable", frozenset()) >= _KEYS and editor.holds_chats(sample.path) else 0
    if sample.head.lstrip().startswith(_TEXT):
        return 2
    return 2 if any(map(_is_message, sample.lines)) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the sessions of a file; of a transcript from `source.start` on."""
    with open_bytes(source.path) as handle:
        head = handle.read(256)
    if head.startswith(SQLITE_MAGIC):
        with source.sqlite() as connection:
            listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            is_store = "blobs" in {row[0] for row in listed}
        yield from (store if is_store else editor).read(source)
    elif head.lstrip().startswith(b"user:"):
        yield from read_text(source)
    else:
        yield from records_of(source, Reader(source))


def _is_store(tables: dict[str, frozenset[str]]) -> bool:
    return tables.get("blobs", frozenset()) >= _BLOBS and tables.get("meta", frozenset()) >= _KEYS


def _is_message(line: dict[str, Any]) -> bool:
    """Say whether a line is a message of a chat API in an object that has nothing else but its role."""
    message = line.get("message")
    return line.keys() == {"role", "message"} and isinstance(message, dict) and "content" in message
