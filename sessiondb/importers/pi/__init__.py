"""The sessions of Pi, and of the agents made with it: OpenClaw, OhMyPi, Prime and QClaw.

`~/.pi/agent/sessions/--<folder>--/<time>_<id>.jsonl`: a header, then entries, which form a tree by `id` and `parentId`.
Entries of all branches are the session, in the order they were written; where one does not go on from the entry
before it, its message says from which (`metadata.goes_on_from`). Ids of entries are unique in their file only.

- A forked session begins with the entries of its parent, ids and times included: a message is known by those, in
  whatever session it stands. The header names the parent's file.
- Input leaves out what came from the cache, output includes reasoning, `cost` is in dollars.
- OpenClaw keeps `~/.openclaw/agents/<agent>/sessions/<id>.jsonl`, and which conversation a session belongs to in
  `sessions.json` beside it; since 2026.8.1 the same entries are rows of `openclaw-agent.sqlite`. Files with
  `.checkpoint.` in their name are copies, `.reset.` marks a session that another one took the place of.
- Messages from chats come to OpenClaw with who wrote them and when, in blocks of JSON, before what was typed.

Not kept: labels, what extensions store for themselves, changes of the thinking level, signatures.

Sources: Pi's docs/session.md; Pi 0.73.1 run against a stub of a model (November 2026), logs of OpenClaw to 2026.8.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record
from sessiondb.importers.files.json_lines import json_objects, object_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.sample import SQLITE_MAGIC
from sessiondb.importers.files.source import open_bytes
from sessiondb.importers.opencode.db import decode
from sessiondb.importers.pi.entries import Session
from sessiondb.importers.pi.owner import Index, agent_of

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "pi"
version = 1

_EVENTS = frozenset(("session_id", "seq", "event_json"))


def sniff(sample: Sample) -> int:
    """Look for a header, for the table that has taken the files' place, or for the index beside them."""
    if sample.is_sqlite:
        return 2 if sample.tables.get("transcript_events", frozenset()) >= _EVENTS else 0
    if any(_is_header(line) for line in sample.lines):
        return 2
    return 2 if sample.path.name == "sessions.json" and _is_index(sample.document) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield one session, or all of a database; the index alone gives none.

    Raises ImportFailed for a copy of a session.
    """
    with open_bytes(source.path) as handle:
        is_sqlite = handle.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    path = plain_path(source.path)
    if is_sqlite:
        yield from _read_database(source)
    elif path.name == "sessions.json":
        source.document()  # which tells how much of the file was read
    elif ".checkpoint." in path.name:
        raise ImportFailed(f"{source.path} is a checkpoint of a session, not one of its own")
    else:
        yield from _read_lines(source)


def _is_header(line: dict[str, Any]) -> bool:
    return line.get("type") == "session" and isinstance(line.get("version"), int) and "timestamp" in line


def _is_index(document: Any) -> bool:
    """Say whether a document is OpenClaw's index: conversations of agents, each with its session."""
    entries = object_of(document)
    return bool(entries) and all(
        key.startswith("agent:") and "sessionId" in object_of(entry) for key, entry in entries.items()
    )


def _read_lines(source: Source) -> Iterator[Record]:
    path = source.path.absolute()
    session = Session(source, source.state, agent_of(path), str(path.parent), Index(path.parent))
    session.native_of_file = _native_of_file(path)
    for entry in json_objects(source):
        yield from session.take(entry)
    yield from session.finish()


def _native_of_file(path: Path) -> str:
    stem = plain_path(path).name.split(".jsonl")[0]
    return stem.rpartition("_")[2] or stem


def _read_database(source: Source) -> Iterator[Record]:
    """Yield the sessions of a database, whose rows are the lines of before."""
    path = source.path.absolute()
    # The index lies where it did: .../agents/<agent>/sessions beside .../agents/<agent>/agent.
    folder = path.parent.parent / "sessions"
    agent = agent_of(path, "openclaw")
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        ids = [row[0] for row in connection.execute("SELECT DISTINCT session_id FROM transcript_events")]
        for native_id in sorted(ids, key=str):
            session = Session(source, {}, agent, str(folder), Index(folder))
            session.native_of_file = text_or_none(native_id) or "unknown"
            rows = "SELECT seq, event_json FROM transcript_events WHERE session_id = ? ORDER BY seq"
            for number, text in connection.execute(rows, (native_id,)):
                entry = decode(text)
                if isinstance(entry, dict):
                    yield from session.take(entry)
                else:
                    source.problem(f"event {number} of {native_id} is not a JSON object", whole=True)
            yield from session.finish()
