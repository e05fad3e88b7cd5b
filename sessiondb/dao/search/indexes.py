"""The search indexes as derived data: what they lack, bulk loads past the triggers, merging their segments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

from sessiondb.dao.search import facets, shadow_tables
from sessiondb.dao.search.facets import FacetBlocks
from sessiondb.query.text import needs_segments, segment
from sessiondb.storage.connection import Connection
from sessiondb.storage.turns import Pace

# Bytes of terms that FTS5 collects before it writes a segment. Fewer and larger segments make a smaller file: the tool
# index of 1 GB of logs takes 225 MB with 8 MiB, 206 MB with 64 MiB, in the same time.
LOAD_HASH = 64 * 1024 * 1024
_DEFAULT_HASH = 1024 * 1024
# As the schema sets it.
_AUTOMERGE = 16

# Rows and bytes that any write indexes by the way.
_FEW, _LITTLE = 64, 256 * 1024

# Pages that are merged at a time: at first, at least, and at most.
_MERGED = (1000, 100, 20_000)

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
SEGMENTS = Index("search_segments_fts", "search_segments", "id", ("content",), "")
"""The index of the texts that are prepared from all the others' rows."""

ALL = (*INDEXES, SEGMENTS)
TALK, TOOLS = "messages_fts", "tool_calls_fts"
BLOCKS = facets.TABLES[0]
"""Is put aside like an index, and filled again like one."""

BY_NAME = {index.name: index for index in ALL}

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
    "search_blocks_messages_ai",
    "search_blocks_tool_calls_ai",
)


class SearchIndex:
    """The FTS5 indexes and the table `search_state`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def pending(self, name: str) -> int:
        """Return how many rows an index does not hold yet."""
        index = BY_NAME[name]
        first = self._pending_from(name)
        if first is None:
            return 0
        return int(self._db.value(f"SELECT count(*) FROM {index.table} WHERE {index.key} >= ?", (first,)))

    def is_behind(self, name: str) -> bool:
        """Say whether an index waits for a catch-up, be it that there is nothing left to catch up with."""
        return self._pending_from(name) is not None

    def set_pending(self, name: str, first: int | None) -> None:
        """Note that an index lacks the rows from a key on; 0 has it built anew, None says that it holds all."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO search_state (index_name, pending_from) VALUES (?, ?)"
                " ON CONFLICT (index_name) DO UPDATE SET pending_from = excluded.pending_from",
                (name, first),
            )

    @contextlib.contextmanager
    def bulk(self) -> Iterator[None]:
        """Inside a transaction, write rows past the triggers; talk is searchable at the end, tools wait for `catch_up`.

        The block must keep the counters of `sessions` true by itself.
        """
        # The path of a bulk load, in one transaction:
        #     1  both indexes are pending from the next id on: a kill later on leaves nothing that is not found again
        #     2  the triggers that index and count row by row are dropped; those of UPDATE and DELETE stay
        #     3  the caller writes its rows, and the counters of `sessions`
        #     4  talk is indexed in one statement; tool calls, which are most of the text, wait for `catch_up`
        #     5  the triggers are made again, word for word
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
        # DROP and CREATE TRIGGER belong to the transaction: if the load fails, they were never away.
        for name, _ in triggers:
            self._db.execute(f"DROP TRIGGER {name}")
        yield
        for index in INDEXES:
            first = self._pending_from(index.name)
            # A stale index waits to be rebuilt from its beginning.
            if first and index.name != TOOLS:
                with self.loading(index):
                    self._index_from(index, first, None)
                self.set_pending(index.name, None)
        for _, sql in triggers:
            self._db.execute(sql)

    def catch_up(self) -> Iterator[int]:
        """Index what is pending, one transaction a batch, and yield after each how many rows were done.

        An index that was marked stale is rebuilt.
        """
        pace = self._db.pace()
        was_behind = False
        for index in ALL:
            if not self.is_behind(index.name):
                continue
            was_behind = True
            while True:
                pace.wait()
                with self._db.transaction():
                    pace.begin()
                    done, size = self._catch_up_batch(index, pace.size)
                if done is None:
                    break
                pace.note(size)
                yield done
        FacetBlocks(self._db).fill()
        # An index is put aside when it is marked stale, so that it is behind.
        if was_behind:
            self.remove_set_aside()

    def _catch_up_batch(self, index: Index, max_size: int) -> tuple[int | None, int]:
        """Index the next rows, about `max_size` bytes of text; return how many (None for none) and their bytes.

        What is pending is asked anew in each transaction: another process may be at it too.
        """
        first = self._pending_from(index.name)
        if first is None:
            return None, 0
        # Stale: begun anew from the first row, as nobody knows what the index holds.
        if first == 0:
            self._clear(index)
        with self.loading(index):
            last, size = self._batch_end(index, first, max_size)
            if last is None:
                self.set_pending(index.name, None)
                return None, 0
            self._index_from(index, first, last)
        # How far it is stands in the transaction that indexed: a process that is cut off loses one batch at most.
        self.set_pending(index.name, last + 1)
        return last + 1 - first, size

    @contextlib.contextmanager
    def loading(self, index: Index) -> Iterator[None]:
        """Give an index more memory for the block, and let it merge no segments: later writes do so little by little.

        The options are kept in the file: they must be set back in the same transaction.
        """
        self._configure(index.name, "hashsize", LOAD_HASH)
        self._configure(index.name, "automerge", 0)
        yield
        self._configure(index.name, "hashsize", _DEFAULT_HASH)
        self._configure(index.name, "automerge", _AUTOMERGE)

    def remove_set_aside(self) -> bool:
        """Remove what is left of indexes that were put aside; say whether that left pages for VACUUM to free."""
        return shadow_tables.remove_set_aside(self._db)

    def complete(self) -> None:
        """Within a transaction, index what is pending where that is little, as an error may have left it."""
        for index in ALL:
            first = self._pending_from(index.name)
            if first is None:
                continue
            sizes = self._db.rows(
                f"SELECT {_size_of(index)} FROM {index.table} WHERE {index.key} >= ? LIMIT {_FEW + 1}",
                (first,),
            )
            if len(sizes) <= _FEW and sum(row[0] for row in sizes) <= _LITTLE:
                while self._catch_up_batch(index, _LITTLE)[0] is not None:
                    pass

    def merge_segments(self, name: str) -> None:
        """Merge an index into one segment, the smallest and fastest form, in steps between which others write.

        After a large load later appends would merge its segments by the way, and some of them wait for that.
        """
        pace = Pace(*_MERGED)
        # A negative number of pages sets all segments to be merged; positive ones go on with that.
        for sign in chain([-1], repeat(1)):
            pages = pace.size
            pace.wait()
            with self._db.transaction():
                pace.begin()
                before = self._db.sqlite.total_changes
                self._db.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('merge', ?)", (sign * pages,))
                # The statement itself counts as one change.
                is_done = self._db.sqlite.total_changes - before < 2
            if is_done:
                return
            pace.note(pages)

    def optimize(self) -> None:
        """Merge the segments of all indexes, at the cost of writing each anew."""
        with contextlib.nullcontext() if self._db.in_transaction else self._db.bulk_load():
            for name in BY_NAME:
                self.merge_segments(name)

    def _batch_end(self, index: Index, first: int, max_size: int) -> tuple[int | None, int]:
        """Return the key of the last row of the batch that begins at `first` (None for no row) and its bytes."""
        last = None
        total = 0
        for key, weight in self._db.stream(
            f"SELECT {index.key}, {_size_of(index)} FROM {index.table} WHERE {index.key} >= ? ORDER BY {index.key}",
            (first,),
        ):
            last = int(key)
            total += weight
            if total >= max_size:
                break
        return last, total

    def _index_from(self, index: Index, first: int, last: int | None) -> None:
        columns = ", ".join(index.columns)
        span = (first, 2**63 - 1 if last is None else last)
        self._db.execute(
            f"INSERT INTO {index.name} (rowid, {columns}) SELECT {index.key}, {columns} FROM {index.table}"
            f" WHERE {index.key} BETWEEN ? AND ?",
            span,
        )
        if index is not SEGMENTS:
            # The triggers do this in SQL, for any tool's sake; Python is many times faster at it.
            self._add_segments(self._segments(index, f"{index.key} BETWEEN ? AND ?", span))

    def _add_segments(self, found: Iterator[tuple[str, int, str]]) -> None:
        """Add prepared texts, and index them in one statement: each row that a trigger indexes costs a flush."""
        if (one := next(found, None)) is None:
            return
        waits = self._pending_from(SEGMENTS.name) is not None
        first = 1 + int(self._db.value("SELECT max(id) FROM search_segments") or 0)
        if not waits:
            self.set_pending(SEGMENTS.name, first)
        self._db.executemany(
            "INSERT INTO search_segments (source, row_id, content) VALUES (?, ?, ?)", chain([one], found)
        )
        if not waits:
            # They are few: merged as they come, not left to later writes like those of a load.
            self._index_from(SEGMENTS, first, None)
            self.set_pending(SEGMENTS.name, None)

    def _segments(self, index: Index, where: str, values: Sequence[Any]) -> Iterator[tuple[str, int, str]]:
        columns = ", ".join(index.columns)
        rows = f"SELECT {index.key}, {columns} FROM {index.table} WHERE {where} ORDER BY {index.key}"
        for key, *texts in self._db.stream(rows, values, size=_ROWS):
            if any(text is not None and not text.isascii() and needs_segments(text) for text in texts):
                yield index.source, key, segment(" ".join(text or "" for text in texts))

    def _clear(self, index: Index) -> None:
        shadow_tables.renew(self._db, index.name)
        self._db.execute("DELETE FROM search_segments WHERE source = ? AND part = ''", (index.source,))

    def _configure(self, name: str, option: str, value: int) -> None:
        self._db.execute(f"INSERT INTO {name} ({name}, rank) VALUES (?, ?)", (option, value))

    def _pending_from(self, name: str) -> int | None:
        found = self._db.row("SELECT pending_from FROM search_state WHERE index_name = ?", (name,))
        if found is None:
            # Its row was removed: nobody knows what the index holds.
            return 0
        return None if found[0] is None else int(found[0])


def _size_of(index: Index) -> str:
    return " + ".join(f"coalesce(length(CAST({column} AS BLOB)), 0)" for column in index.columns)
