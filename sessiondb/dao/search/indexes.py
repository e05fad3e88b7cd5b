"""The search indexes as derived data: what they lack, bulk loads past the triggers, rebuilding, checking."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from sessiondb.errors import DatabaseDamaged, DatabaseError
from sessiondb.query.text import needs_segments, segment
from sessiondb.storage.connection import Connection

BATCH = 96 * 1024 * 1024
"""Bytes of text that one transaction of a catch-up indexes, about: other writers wait for one at most."""

# Bytes of terms that FTS5 collects before it writes a segment. Fewer and larger segments make a smaller file: the tool
# index of 1 GB of logs takes 225 MB with 8 MiB, 206 MB with 64 MiB, in the same time.
_LOAD_HASH = 64 * 1024 * 1024
_DEFAULT_HASH = 1024 * 1024
# As the schema sets it.
_AUTOMERGE = 16

# Rows held at a time while texts are looked through: one may be megabytes.
_ROWS = 64


class Index(NamedTuple):
    """An FTS5 index: its name, the table it is derived from, that table's integer key and indexed columns."""

    name: str
    table: str
    key: str
    columns: tuple[str, ...]
    source: str


INDEXES = (
    Index("messages_fts", "messages", "id", ("content",), "message"),
    Index("sessions_fts", "sessions", "rowid", ("title",), "session"),
    Index("notes_fts", "notes", "id", ("body", "context", "resolution"), "note"),
    Index("tool_calls_fts", "tool_calls", "id", ("name", "arguments", "result"), "tool_call"),
)
SEGMENTS = "search_segments_fts"
TOOLS = "tool_calls_fts"
_BY_NAME = {index.name: index for index in INDEXES}

# Fire for each inserted row; a bulk load does their work in one statement, or in Python.
_INSERT_TRIGGERS = (
    "messages_ai",
    "messages_segments_ai",
    "messages_count_ai",
    "messages_activity_ai",
    "sessions_ai",
    "sessions_segments_ai",
    "tool_calls_ai",
    "tool_calls_segments_ai",
    "tool_calls_count_ai",
)


class SearchIndex:
    """The FTS5 indexes and the table `search_state`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def pending(self, name: str) -> int:
        """Return how many rows an index does not hold yet."""
        index = _BY_NAME[name]
        first = self._pending_from(name)
        if first is None:
            return 0
        return int(self._db.value(f"SELECT count(*) FROM {index.table} WHERE {index.key} >= ?", (first,)))

    @contextlib.contextmanager
    def bulk(self) -> Iterator[None]:
        """Inside a transaction, write rows past the triggers; talk is searchable at the end, tools wait for `catch_up`.

        The block must keep the counters of `sessions` true by itself.
        """
        marks = ", ".join("?" * len(_INSERT_TRIGGERS))
        triggers = self._db.rows(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name IN ({marks})",
            _INSERT_TRIGGERS,
        )
        for index in INDEXES:
            self._db.execute(
                "UPDATE search_state SET pending_from ="
                f" coalesce(pending_from, (SELECT coalesce(max({index.key}), 0) + 1 FROM {index.table}))"
                " WHERE index_name = ?",
                (index.name,),
            )
        for name, _ in triggers:
            self._db.execute(f"DROP TRIGGER {name}")
        yield
        for index in INDEXES:
            first = self._pending_from(index.name)
            # A stale index waits to be rebuilt from its beginning.
            if first and index.name != TOOLS:
                with self._loading(index):
                    self._index_from(index, first, None)
                self._set_pending(index.name, None)
        for _, sql in triggers:
            self._db.execute(sql)

    def catch_up(self) -> Iterator[int]:
        """Index what is pending, one transaction a batch, and yield after each how many rows were done.

        An index that was marked stale is rebuilt.
        """
        for index in INDEXES:
            while True:
                with self._db.transaction():
                    done = self._catch_up_batch(index)
                if done is None:
                    break
                yield done

    def _catch_up_batch(self, index: Index) -> int | None:
        """Index the next pending rows and return how many; None where none are pending.

        What is pending is asked anew in each transaction: another process may be at it too.
        """
        first = self._pending_from(index.name)
        if first is None:
            return None
        with self._loading(index):
            if first == 0:
                self._clear(index)
            last = self._batch_end(index, first)
            if last is None:
                self._set_pending(index.name, None)
                return None
            self._index_from(index, first, last)
        self._set_pending(index.name, last + 1)
        return last + 1 - first

    @contextlib.contextmanager
    def _loading(self, index: Index) -> Iterator[None]:
        """Give an index more memory for the block, and let it merge no segments: later writes do so little by little.

        The options are kept in the file: they must be set back in the same transaction.
        """
        self._configure(index.name, "hashsize", _LOAD_HASH)
        self._configure(index.name, "automerge", 0)
        yield
        self._configure(index.name, "hashsize", _DEFAULT_HASH)
        self._configure(index.name, "automerge", _AUTOMERGE)

    def mark_stale(self, name: str) -> None:
        """Let an index be passed over until it is rebuilt, so that writes go on although it is damaged."""
        self._set_pending(name, 0)

    def optimize(self) -> None:
        """Merge each index into one segment: the smallest and fastest form, at the cost of writing it
        anew.
        """
        for name in (*_BY_NAME, SEGMENTS):
            with self._db.transaction():
                self._db.execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")

    def damaged(self) -> list[str]:
        """Return the names of the indexes that do not agree with their tables; those with pending rows are
        not compared.
        """
        found = []
        for name in (*_BY_NAME, SEGMENTS):
            if name in _BY_NAME and self._pending_from(name) is not None:
                continue
            try:
                with self._db.transaction():
                    self._db.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")
            except (DatabaseDamaged, DatabaseError):
                found.append(name)
        return found

    def rebuild(self, name: str) -> None:
        """Build an index anew from its table."""
        with self._db.transaction():
            if name == SEGMENTS:
                self._db.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")
                return
            self._set_pending(name, 0)
        for _ in self.catch_up():
            pass

    def _batch_end(self, index: Index, first: int) -> int | None:
        """Return the key of the last row of the batch that begins at `first`, None where there is no row."""
        size = " + ".join(f"coalesce(length(CAST({column} AS BLOB)), 0)" for column in index.columns)
        last = None
        total = 0
        for key, weight in self._db.stream(
            f"SELECT {index.key}, {size} FROM {index.table} WHERE {index.key} >= ? ORDER BY {index.key}",
            (first,),
        ):
            last = int(key)
            total += weight
            if total >= BATCH:
                break
        return last

    def _index_from(self, index: Index, first: int, last: int | None) -> None:
        columns = ", ".join(index.columns)
        span = (first, 2**63 - 1 if last is None else last)
        self._db.execute(
            f"INSERT INTO {index.name} (rowid, {columns}) SELECT {index.key}, {columns} FROM {index.table}"
            f" WHERE {index.key} BETWEEN ? AND ?",
            span,
        )
        # The triggers do this in SQL, for any tool's sake; Python is many times faster at it.
        self._db.executemany(
            "INSERT INTO search_segments (source, row_id, content) VALUES (?, ?, ?)",
            self._segments(index, columns, span),
        )

    def _segments(self, index: Index, columns: str, span: tuple[int, int]) -> Iterator[tuple[str, int, str]]:
        rows = f"SELECT {index.key}, {columns} FROM {index.table} WHERE {index.key} BETWEEN ? AND ?"
        for key, *texts in self._db.stream(rows, span, size=_ROWS):
            if any(text is not None and not text.isascii() and needs_segments(text) for text in texts):
                yield index.source, key, segment(" ".join(text or "" for text in texts))

    def _clear(self, index: Index) -> None:
        self._db.execute(f"INSERT INTO {index.name} ({index.name}) VALUES ('delete-all')")
        self._db.execute("DELETE FROM search_segments WHERE source = ? AND part = ''", (index.source,))

    def _configure(self, name: str, option: str, value: int) -> None:
        self._db.execute(f"INSERT INTO {name} ({name}, rank) VALUES (?, ?)", (option, value))

    def _pending_from(self, name: str) -> int | None:
        found = self._db.value("SELECT pending_from FROM search_state WHERE index_name = ?", (name,))
        return None if found is None else int(found)

    def _set_pending(self, name: str, first: int | None) -> None:
        with self._db.transaction():
            self._db.execute("UPDATE search_state SET pending_from = ? WHERE index_name = ?", (first, name))
