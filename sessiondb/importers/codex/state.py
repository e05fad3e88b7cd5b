"""Read what Codex's `state_<n>.sqlite` says of sessions that their own files do not: names, pins, who began whom.

`threads` has a row for each rollout; its title is the first prompt, its `name` what a person called it. Rows whose
file is gone say nothing that could be read. The other databases beside it (logs, goals, memories, queues, and a
projection of the rollouts) hold no sessions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import Record, SessionRecord, session_id
from sessiondb.importers.codex.items import AGENT
from sessiondb.importers.files.packed import SUFFIXES
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

_THREADS = frozenset(("id", "rollout_path", "title"))
_EDGES = frozenset(("parent_thread_id", "child_thread_id"))


def fits(tables: Mapping[str, frozenset[str]]) -> bool:
    """Say whether a database with these tables and columns is Codex's."""
    return tables.get("threads", frozenset()) >= _THREADS


def read(source: Source) -> Iterator[Record]:
    """Yield what is known of each session whose file is there."""
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        parents = _parents(connection)
        for row in connection.execute("SELECT * FROM threads"):
            thread = dict(row)
            native_id, rollout = text_or_none(thread["id"]), text_or_none(thread["rollout_path"])
            if native_id is None or rollout is None or not _is_there(source.path, rollout):
                continue
            parent = parents.get(native_id)
            yield SessionRecord(
                session_id(AGENT, native_id),
                AGENT,
                native_id,
                parent_id=session_id(AGENT, parent) if parent else None,
                relation="subagent" if parent else None,
                title=text_or_none(thread.get("name")),
                started_at=normalise(thread.get("created_at_ms") or thread.get("created_at"), source.tz),
                metadata={"archived": True} if thread.get("archived") else None,
                is_pinned=True if thread.get("is_pinned") else None,
            )


def _parents(connection: sqlite3.Connection) -> dict[str, str]:
    """Return which thread was begun by which."""
    columns = {
        row[0] for row in connection.execute("SELECT name FROM pragma_table_info('thread_spawn_edges')")
    }
    if not columns >= _EDGES:
        return {}
    return {
        str(child): str(parent)
        for child, parent in connection.execute(
            "SELECT child_thread_id, parent_thread_id FROM thread_spawn_edges"
        )
    }


def _is_there(database: Path, rollout: str) -> bool:
    """Say whether a session's file is where the database says, or at the same place below the database's folder."""
    path = Path(rollout)
    below = [
        database.parent.joinpath(*path.parts[at:])
        for at in range(len(path.parts))
        if path.parts[at].endswith("sessions")
    ]
    return any(
        one.with_name(one.name + suffix).exists() for one in (path, *below) for suffix in ("", *SUFFIXES)
    )


def rollout_path(database: Path, native_id: str) -> Path | None:
    """Return where Codex's database says that the file of a session lies, None where it does not know it.

    Raises ImportFailed where the database cannot be read.
    """
    with Source(database).sqlite() as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'threads'")
        if tables.fetchone() is None:
            return None
        row = connection.execute("SELECT rollout_path FROM threads WHERE id = ?", (native_id,)).fetchone()
    return Path(row[0]) if row and text_or_none(row[0]) else None
