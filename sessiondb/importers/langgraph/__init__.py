"""Conversations that programs built on LangGraph and LangChain keep in SQLite.

LangGraph's `SqliteSaver`: a row of `checkpoints` is the state of a thread after a step, whole, as msgpack or JSON
(checkpoints.py); `channel_values` has the messages under the name that the program gave them, mostly `messages`.

- A message is taken where it is first seen, so it has the time of that checkpoint, and with what the newest one says
  of it. What a later step has removed or summed up stays, and so does a branch that was gone back from.
- `checkpoint_ns` names a graph within the graph. What it says beside the thread's messages is a session of its own,
  as a sub-agent's.
- State that was pickled or encrypted is named and not read: unpickling runs whatever the file says.

LangChain's `SQLChatMessageHistory`: a row of `message_store` is a message as JSON, without a time, unless the program
has added a column for it.

Input tokens of both have in them what came from the cache.

Sources: langgraph 1.2.24 with langgraph-checkpoint-sqlite 3.1.2 run (November 2026); their serde/jsonplus.py, and
chat_message_histories/sql.py of langchain-community.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import Record, SessionRecord, is_globally_unique, session_id
from sessiondb.importers.files.source import Source
from sessiondb.importers.langgraph.checkpoints import Messages
from sessiondb.importers.langgraph.messages import message_of, records_of
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "langgraph"
version = 1

_HISTORY_AGENT = "langchain"
_CHECKPOINTS = frozenset(("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint"))
_HISTORY = frozenset(("id", "session_id", "message"))
_TIMES = ("created_at", "timestamp", "create_time")


def sniff(sample: Sample) -> int:
    """Look for the tables of checkpoints, or of a history."""
    return 2 if sample.is_sqlite and (_has_checkpoints(sample.tables) or _has_history(sample.tables)) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the threads, then the histories."""
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        tables = {name: _columns(connection, name) for name in ("checkpoints", "message_store")}
        if _has_checkpoints(tables):
            yield from _threads(source, connection, tables["checkpoints"])
        if _has_history(tables):
            yield from _histories(source, connection, tables["message_store"])


def _has_checkpoints(tables: dict[str, frozenset[str]]) -> bool:
    return tables.get("checkpoints", frozenset()) >= _CHECKPOINTS


def _has_history(tables: dict[str, frozenset[str]]) -> bool:
    return tables.get("message_store", frozenset()) >= _HISTORY


def _columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,)))


def _threads(source: Source, connection: sqlite3.Connection, columns: frozenset[str]) -> Iterator[Record]:
    """Yield each thread, then what the graphs within it said that it does not have."""
    scope = str(source.path.absolute())
    kind = "type" if "type" in columns else "NULL"
    rows = (
        f"SELECT {kind}, checkpoint, checkpoint_id FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ?"
    )
    spaces = (
        "SELECT checkpoint_ns FROM checkpoints WHERE thread_id = ?"
        " GROUP BY checkpoint_ns ORDER BY checkpoint_ns <> '', min(checkpoint_id)"
    )
    threads = "SELECT thread_id FROM checkpoints GROUP BY thread_id ORDER BY min(checkpoint_id)"
    for (thread,) in connection.execute(threads).fetchall():
        native_id = text_or_none(thread) or "unknown"
        main = session_id(name, native_id, scope)
        known: set[str] = set()
        for (space,) in connection.execute(spaces, (thread,)).fetchall():
            found = Messages(source, native_id)
            for row in connection.execute(f"{rows} ORDER BY checkpoint_id", (thread, space)):
                found.take(*row)
            if not found.ids - known:
                continue
            session = SessionRecord(main, name, native_id, started_at=found.first, last_active_at=found.last)
            if space:
                inner = f"{native_id}|{space}"
                id = session_id(name, inner, scope)
                session = session._replace(id=id, native_id=inner, parent_id=main, relation="subagent")
            yield session
            yield from found.records(session.id, known)
            known |= found.ids


def _histories(source: Source, connection: sqlite3.Connection, columns: frozenset[str]) -> Iterator[Record]:
    """Yield each history of LangChain, in the order of their first messages."""
    scope = str(source.path.absolute())
    time = next((name for name in _TIMES if name in columns), "NULL")
    rows = f"SELECT id, message, {time} FROM message_store WHERE session_id = ? ORDER BY id"
    sessions = "SELECT session_id FROM message_store GROUP BY session_id ORDER BY min(id)"
    for (session,) in connection.execute(sessions).fetchall():
        native_id = text_or_none(session) or "unknown"
        id = session_id(_HISTORY_AGENT, native_id, scope)
        yield SessionRecord(id, _HISTORY_AGENT, native_id)
        for number, text, at in connection.execute(rows, (session,)):
            message = message_of(_decoded(text))
            if message is None:
                source.problem(f"row {number} of message_store is no message", whole=True)
                continue
            own = text_or_none(message.get("id"))
            key = own if own and is_globally_unique(own) else f"row{number}"
            yield from records_of(source, id, message, key, normalise(at, source.tz))


def _decoded(text: Any) -> Any:
    """Return a message, of which some versions have written JSON within JSON."""
    value = decode(text)
    return decode(value) if isinstance(value, str) else value
