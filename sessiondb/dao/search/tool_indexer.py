"""Index the tool calls of a first load in a process of its own, while the writer goes on with other rows.

    the writer       adds rows of tool_calls, and hands their texts on            one pipe, one way
    the process      indexes them in a file of its own, beside the database       this module, run by the same Python
    the writer       copies the blocks of that index into its own, empty one      when all rows are written

An FTS5 index is blocks in ordinary tables: taken together they are the index, whichever table of texts it is of. What
the process did not get is indexed after that: calls that had no answer yet, and what was changed or removed since. If
the process ends early, or anything else is not as it should be, nothing of it is taken, and all calls are indexed as in
any other load.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from sessiondb.dao.search.indexes import LOAD_HASH, TOOLS, SearchIndex
from sessiondb.dao.search.shadow_tables import reread
from sessiondb.errors import DatabaseError
from sessiondb.query.text import needs_segments
from sessiondb.storage.connection import Connection
from sessiondb.storage.statements import bindable

WORTHWHILE_BYTES = 64 * 1024 * 1024
"""From so many bytes of files on, the process pays: to start and to end it takes some tenths of a second."""

Texts = tuple[int, str | None, str | None, str | None]
"""The id of a tool call, its name, arguments and result."""

# Parts of about 8 MiB that wait to be sent.
_WAITING = 3

_TABLES = (("data", "id, block"), ("idx", "segid, term, pgno"), ("docsize", "id, sz"))

# What the index holds of calls that were changed or removed after they were handed on: as they were at the first time.
_WATCH = """
CREATE TEMP TABLE indexed_calls (id INTEGER PRIMARY KEY, name, arguments, result);
CREATE TEMP TRIGGER call_changed AFTER UPDATE OF name, arguments, result ON main.tool_calls
BEGIN INSERT OR IGNORE INTO indexed_calls VALUES (old.id, old.name, old.arguments, old.result); END;
CREATE TEMP TRIGGER call_removed AFTER DELETE ON main.tool_calls
BEGIN INSERT OR IGNORE INTO indexed_calls VALUES (old.id, old.name, old.arguments, old.result); END;
"""
_UNWATCH = """
DROP TRIGGER temp.call_changed;
DROP TRIGGER temp.call_removed;
DROP TABLE temp.indexed_calls;
"""
_FORGET = f"""
INSERT INTO {TOOLS} ({TOOLS}, rowid, name, arguments, result)
SELECT 'delete', c.id, c.name, c.arguments, c.result FROM temp.indexed_calls AS c
WHERE c.id IN (SELECT id FROM {TOOLS}_docsize) ORDER BY c.id
"""


def is_worthwhile(connection: Connection, bytes: int) -> bool:
    """Say whether a process pays for so many bytes of files: in a database that nobody else knows, without calls."""
    is_alone = connection.pace().is_alone and bytes >= WORTHWHILE_BYTES
    return is_alone and connection.row("SELECT 1 FROM tool_calls LIMIT 1") is None


class ToolIndexer:
    """The process, seen from the writer. A context manager: at its end the process ends, and its file is gone.

    Only for a database that nobody else knows, and that has no tool calls yet.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._path = connection.path.with_name(f"{connection.path.name}.tools")
        self._parts: queue.Queue[list[Texts] | None] = queue.Queue(_WAITING)
        self._last = 0
        self._is_lost = False
        sql = connection.value("SELECT sql FROM sqlite_master WHERE name = ?", (TOOLS,))
        # From the first row on: what is handed over cannot be called back, only taken out of the index in the end.
        self._db.script(_WATCH)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._path), str(sql)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def __enter__(self) -> ToolIndexer:
        return self

    def __exit__(self, *error: object) -> None:
        self.abandon()
        if self._sender.is_alive():
            self._parts.put(None)
        self._sender.join()
        self._process.wait()
        with contextlib.suppress(DatabaseError):
            self._db.script(_UNWATCH)
        for suffix in ("", "-journal"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def take(self, rows: list[Texts]) -> None:
        """Hand on rows that were written, in the order of their ids: each once, or nothing comes of it."""
        if not rows or self._is_lost:
            return
        if rows[0][0] <= self._last:
            # A transaction was undone, and its ids are given out again.
            self.abandon()
            return
        self._last = rows[-1][0]
        self._parts.put(rows)

    def abandon(self) -> None:
        """End the process: what it has done is of no use."""
        self._is_lost = True
        self._process.kill()

    def adopt(self, index: SearchIndex) -> bool:
        """Take the index over when all calls are written; say whether that is done: otherwise all is as before."""
        self._parts.put(None)
        self._sender.join()
        if self._process.wait() != 0 or self._is_lost:
            return False
        try:
            with self._db.transaction(), contextlib.closing(sqlite3.connect(self._path)) as made:
                self._copy(made)
                index.complete_from(TOOLS, [id for (id,) in made.execute("SELECT id FROM segmented")])
        except (DatabaseError, sqlite3.Error):
            # Such as an SQLite that lets nobody write these tables.
            with self._db.transaction():
                reread(self._db)
            return False
        return True

    def _copy(self, made: sqlite3.Connection) -> None:
        if self._db.row(f"SELECT 1 FROM {TOOLS}_docsize") is not None:
            # So little was written at a time that the triggers have indexed it.
            raise DatabaseError(f"{TOOLS} is not empty")
        # Blocks name each other by numbers within their own tables, so they are taken all or not at all: in one
        # transaction, into tables that hold nothing else.
        for table, columns in _TABLES:
            marks = ", ".join("?" * len(columns.split(", ")))
            self._db.execute(f"DELETE FROM {TOOLS}_{table}")
            self._db.executemany(
                f"INSERT INTO {TOOLS}_{table} ({columns}) VALUES ({marks})",
                made.execute(f"SELECT {columns} FROM {TOOLS}_{table}"),
            )
        # FTS5 has the list of its segments in memory.
        reread(self._db)
        self._db.execute(_FORGET)

    def _send(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as pipe:
            while True:
                part = self._parts.get()
                if not self._is_lost:
                    try:
                        pickle.dump(part, pipe, pickle.HIGHEST_PROTOCOL)
                        pipe.flush()
                    except OSError:
                        # It has ended early. Who hands on must not wait for room.
                        self._is_lost = True
                if part is None:
                    return


def _parts(pipe: IO[bytes]) -> Iterator[Sequence[Any]]:
    while (part := pickle.load(pipe)) is not None:
        yield part


def main() -> None:
    """Index the rows that come on stdin in a new file; its path, and the SQL of the index, are the arguments."""
    # Ctrl-C is for the writer, which ends this process when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    path, sql = sys.argv[1:]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as made:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16384"):
            made.execute(f"PRAGMA {setting}")
        made.execute("BEGIN")
        made.execute(sql.replace('content="tool_calls"', "content=''"))
        made.execute("CREATE TABLE segmented (id INTEGER PRIMARY KEY)")
        made.executemany(
            f"INSERT INTO {TOOLS} ({TOOLS}, rank) VALUES (?, ?)", [("hashsize", LOAD_HASH), ("automerge", 0)]
        )
        for rows in _parts(sys.stdin.buffer):
            made.executemany(
                f"INSERT INTO {TOOLS} (rowid, name, arguments, result) VALUES (?, ?, ?, ?)",
                map(bindable, rows),
            )
            made.executemany(
                "INSERT INTO segmented VALUES (?)", [row[:1] for row in rows if _is_segmented(*row[1:])]
            )
        made.execute("COMMIT")


def _is_segmented(*texts: str | None) -> bool:
    return any(text is not None and not text.isascii() and needs_segments(text) for text in texts)


if __name__ == "__main__":
    main()
