"""Delete sessions with all that hangs on them, and count what goes: in parts, between which others write."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from sessiondb import timestamps
from sessiondb.dao.forks.handover import Handover
from sessiondb.dao.purge import Purge
from sessiondb.dao.search.guard import despite_search
from sessiondb.dao.search.taking_out import TakingOut, taking_out
from sessiondb.dao.sessions.filter import BY_FILE
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage import reserve
from sessiondb.storage.connection import Connection
from sessiondb.storage.turns import Pace

MANY = 500
"""Rows from which on they go past the triggers of search; below, those are cheaper."""

# Sessions that are removed at once: at first, at least, and at most; and on a disk that is about full, where the log
# must stay small.
_SESSIONS, _ONE_BY_ONE = (20, 1, 500), (1, 1, 1)
# Each transaction writes most pages of the tables' indexes anew. So it goes on while nobody waits, but not for more
# seconds, or bytes of text, than that.
_LONGEST, _MOST = 3.5, 96 * 1024 * 1024
# Bytes of text that are taken out of the indexes before all their rows are deleted. Each time FTS5 writes a segment, in
# which a term stands once; but whoever comes to wait meanwhile waits for the deletion of those rows too.
_AT_ONCE, _AT_ONCE_FOR_OTHERS = 4 * 1024 * 1024, 1024 * 1024
# KiB of pages: what a transaction changes, or SQLite writes it twice. And the bytes that must be free on the disk for a
# log of several transactions.
_CACHE, _ROOM = 96 * 1024, 1024 * 1024 * 1024

_THESE = "IN (SELECT value FROM json_each(?))"
_BYTES = """
  (SELECT coalesce(sum(
     coalesce(length(CAST(content AS BLOB)), 0) + coalesce(length(CAST(reasoning AS BLOB)), 0)
     + coalesce(length(CAST(parts AS BLOB)), 0)
   ), 0) FROM messages WHERE session_id = s.id)
  + (SELECT coalesce(sum(
     coalesce(length(CAST(arguments AS BLOB)), 0) + coalesce(length(CAST(result AS BLOB)), 0)
   ), 0) FROM tool_calls WHERE session_id = s.id)
"""
_TOMBSTONES = f"""
INSERT OR REPLACE INTO deletions (session_id, agent, native_id, title, reason, deleted_at)
SELECT id, agent, native_id, title, ?, ? FROM sessions WHERE id {_THESE}
"""

Purged = Literal["own", "shared", None]
"""Whether no byte of what is removed may be left: of what is a session's own, or of what others share with it too."""


class Order(NamedTuple):
    """Why sessions are removed, whether only in thought or with every trace, and what must hold for each when it is
    done.
    """

    reason: str
    dry_run: bool
    condition: str = "WHERE 1"
    parameters: tuple[Any, ...] = ()
    progress: Progress | None = None
    purge: Purged = None
    keep_only_copies: bool = False


class Deletion:
    """What an order removes: ids, how many messages and bytes of text, and what others share with it, which stays."""

    def __init__(self, connection: Connection, session_ids: Sequence[str], order: Order) -> None:
        self._db = connection
        self._order = order
        self._handover = Handover(connection, session_ids)
        # As they lie in the file: each page is changed by few transactions, and the indexes of search are written in
        # ascending order.
        self._ids = [
            row[0]
            for row in connection.rows(
                f"SELECT id FROM sessions WHERE id {_THESE} ORDER BY rowid", (json.dumps(list(session_ids)),)
            )
        ]
        self._done, self._at_once = 0, _AT_ONCE
        self.removed = list[str]()
        self.messages = self.bytes = self.handed_over = self.undated = 0

    def run(self, *, is_tight: bool = False) -> None:
        """Remove the sessions, or only count; `is_tight`: on a disk that is about full."""
        pace = Pace(*(_ONE_BY_ONE if is_tight else _SESSIONS))
        if self._order.dry_run:
            while self._done < len(self._ids):
                self._count(self._next(pace.size))
            return
        is_large = not (is_tight or self._db.in_transaction) and self._rows() >= MANY
        with _large(self._db) if is_large else contextlib.nullcontext():
            while self._done < len(self._ids):
                # In parts, so that live appends get their turn: a prune of years takes minutes.
                pace.wait()
                remove = self._remove_some if is_large else self._remove_few
                pace.note(despite_search(self._db, self._repeatable(partial(remove, pace))))

    def _repeatable(self, remove: Callable[[], int]) -> Callable[[], int]:
        """Return what removes some sessions once, though it is done again where a damaged index undoes it."""
        done, removed = self._done, len(self.removed)
        counts = (self.messages, self.bytes, self.handed_over, self.undated)

        def again() -> int:
            self._done = done
            del self.removed[removed:]
            self.messages, self.bytes, self.handed_over, self.undated = counts
            return remove()

        return again

    def _remove_some(self, pace: Pace) -> int:
        """Remove as many sessions as one transaction may; return how many the last part had."""
        begun, before = time.monotonic(), self.bytes
        with taking_out(self._db) as out:
            taken, kept = list[str](), before
            while True:
                pace.begin()
                part = self._next(pace.size)
                these = self._count(part)
                if not self._order.purge and self._handover.heirs(these):
                    # What it moves must not be out by half.
                    self._delete(taken, out)
                    taken = []
                    self._handover.run(these)
                _keep_notes(self._db, these, self._order.reason)
                out.take(these)
                taken += these
                is_enough = time.monotonic() > begun + _LONGEST or self.bytes > before + _MOST
                is_wanted = self._db.is_wanted
                # Who has waited once will come again.
                self._at_once = _AT_ONCE_FOR_OTHERS if is_wanted else self._at_once
                is_last = is_enough or is_wanted or self._done == len(self._ids)
                if is_last or self.bytes > kept + self._at_once:
                    self._delete(taken, out)
                    taken, kept = [], self.bytes
                self._tell()
                if is_last:
                    return len(part)
                pace.note(len(part))

    def _remove_few(self, pace: Pace) -> int:
        """Remove a part; return how many sessions it had."""
        pace.begin()
        part = self._next(pace.size)
        these = self._count(part)
        if not self._order.purge:
            self._handover.run(these)
        _keep_notes(self._db, these, self._order.reason)
        self._delete(these)
        self._tell()
        return len(part)

    def _delete(self, these: list[str], out: TakingOut | None = None) -> None:
        """Delete the rows of sessions that have handed over what they share, and are out of the indexes or few."""
        self._db.execute(_TOMBSTONES, (self._order.reason, timestamps.now(), json.dumps(these)))
        with out.deleting() if out else contextlib.nullcontext():
            _delete_rows(self._db, these)
        if self._order.purge:
            Purge(self._db).forget(these)

    def _tell(self) -> None:
        (self._order.progress or no_progress)("remove", self._done, len(self._ids))

    def _next(self, number: int) -> list[str]:
        part = self._ids[self._done : self._done + number]
        self._done += len(part)
        return part

    def _count(self, part: list[str]) -> list[str]:
        """Return those of some sessions that the order is for, having counted what is in them.

        To be asked again under the lock: a session may have been reopened or gone on meanwhile.
        """
        rows = self._db.rows(
            f"SELECT s.id, (SELECT count(*) FROM messages WHERE session_id = s.id), {_BYTES}, {BY_FILE}"
            f" FROM sessions AS s {self._order.condition} AND s.id {_THESE}",
            [*self._order.parameters, json.dumps(part)],
        )
        these = [row[0] for row in rows]
        shared, shared_bytes = (0, 0) if self._order.purge else self._handover.size(these)
        self.removed += these
        self.handed_over += shared
        self.messages += sum(row[1] for row in rows) - shared
        self.bytes += sum(row[2] for row in rows) - shared_bytes
        self.undated += sum(row[3] for row in rows)
        return these

    def _rows(self) -> int:
        sql = f"SELECT total(message_count + tool_call_count) FROM sessions WHERE id {_THESE}"
        return int(self._db.value(sql, (json.dumps(self._ids),)))


@contextlib.contextmanager
def _large(connection: Connection) -> Iterator[None]:
    """Let the block change many pages in each transaction."""
    with connection.bulk_load(_CACHE):
        # A page that several transactions change is in the log for each; it gets into the file once for those that
        # the log may hold (LogLimit).
        if reserve.has_room(connection.path, _ROOM):
            connection.maintain("PRAGMA wal_autocheckpoint = 0")
        try:
            yield
        finally:
            connection.maintain(f"PRAGMA wal_autocheckpoint = {reserve.LOG}")


def delete_sessions(
    connection: Connection, session_ids: Sequence[str], reason: str, handover: Handover
) -> None:
    """Delete sessions with all that hangs on them, inside a transaction of the caller, who keeps their tombstones.

    By `handover` sessions that stay take what they share with these.
    """
    handover.run(session_ids)
    _keep_notes(connection, session_ids, reason)
    _delete_rows(connection, session_ids)


def _keep_notes(connection: Connection, session_ids: Sequence[str], reason: str) -> None:
    """Let notes stay that a prune leaves: those that belong to a project."""
    ids = (json.dumps(list(session_ids)),)
    where = f"WHERE project_id IS NOT NULL AND session_id {_THESE}"
    # Asked first: an UPDATE, even of no row, would let FTS5 write what is taken out so far.
    if reason == "prune" and connection.row(f"SELECT 1 FROM notes {where} LIMIT 1", ids) is not None:
        connection.execute(f"UPDATE notes SET session_id = NULL {where}", ids)


def _delete_rows(connection: Connection, session_ids: Sequence[str]) -> None:
    ids = (json.dumps(list(session_ids)),)
    # Counts and tool calls first: their messages need not look for them then.
    connection.execute(f"DELETE FROM token_counts WHERE session_id {_THESE}", ids)
    connection.execute(f"DELETE FROM tool_calls WHERE session_id {_THESE}", ids)
    connection.execute(f"DELETE FROM sessions WHERE id {_THESE}", ids)
