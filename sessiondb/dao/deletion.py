"""Delete sessions with all that hangs on them, and count what goes: in parts, between which others write."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sessiondb import timestamps
from sessiondb.dao.forks.handover import Handover
from sessiondb.dao.purge import Purge
from sessiondb.dao.search.taking_out import taken_out
from sessiondb.dao.session_filter import BY_FILE
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage.connection import Connection
from sessiondb.storage.turns import Pace

MANY = 500
"""Rows from which on they go past the triggers of search; below, those are cheaper."""

# Sessions that are removed at once: at first, at least, and at most; and on a disk that is about full, where the log
# must stay small.
_SESSIONS, _ONE_BY_ONE = (20, 1, 500), (1, 1, 1)
# Each transaction writes most pages of the tables' indexes anew. So it goes on while nobody waits, but not for more
# seconds, or bytes of text, than that.
_LONGEST, _MOST = 4.0, 64 * 1024 * 1024

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
        self._done = 0
        self.removed = set[str]()
        self.messages = self.bytes = self.handed_over = self.undated = 0

    def run(self, *, is_tight: bool = False) -> None:
        """Remove the sessions, or only count; `is_tight`: on a disk that is about full."""
        pace = Pace(*(_ONE_BY_ONE if is_tight else _SESSIONS))
        if self._order.dry_run:
            while self._done < len(self._ids):
                self._count(self._next(pace.size))
            return
        is_large = not (is_tight or self._db.in_transaction) and self._rows() >= MANY
        with self._db.bulk_load() if is_large else contextlib.nullcontext():
            while self._done < len(self._ids):
                # In parts, so that live appends get their turn: a prune of years takes minutes.
                pace.wait()
                with self._db.transaction():
                    size = self._remove_some(pace, is_large=is_large)
                pace.note(size)

    def _remove_some(self, pace: Pace, *, is_large: bool) -> int:
        """Remove as many sessions as one transaction may; return how many the last part had."""
        begun, before = time.monotonic(), self.bytes
        while True:
            pace.begin()
            part = self._next(pace.size)
            self._remove(part, is_large=is_large)
            (self._order.progress or no_progress)("remove", self._done, len(self._ids))
            is_enough = time.monotonic() > begun + _LONGEST or self.bytes > before + _MOST
            if not is_large or is_enough or self._done == len(self._ids) or self._db.is_wanted:
                return len(part)
            pace.note(len(part))

    def _remove(self, part: list[str], *, is_large: bool) -> None:
        reason, purge = self._order.reason, self._order.purge
        # Asked again under the lock: a session may have been reopened or gone on meanwhile.
        these = self._count(part)
        self._db.execute(_TOMBSTONES, (reason, timestamps.now(), json.dumps(these)))
        delete_sessions(self._db, these, reason, None if purge else self._handover, are_many=is_large)
        if purge:
            Purge(self._db).forget(these)

    def _next(self, number: int) -> list[str]:
        part = self._ids[self._done : self._done + number]
        self._done += len(part)
        return part

    def _count(self, part: list[str]) -> list[str]:
        """Return those of some sessions that the order is for, having counted what is in them."""
        rows = self._db.rows(
            f"SELECT s.id, (SELECT count(*) FROM messages WHERE session_id = s.id), {_BYTES}, {BY_FILE}"
            f" FROM sessions AS s {self._order.condition} AND s.id {_THESE}",
            [*self._order.parameters, json.dumps(part)],
        )
        these = [row[0] for row in rows]
        shared, shared_bytes = (0, 0) if self._order.purge else self._handover.size(these)
        self.removed.update(these)
        self.handed_over += shared
        self.messages += sum(row[1] for row in rows) - shared
        self.bytes += sum(row[2] for row in rows) - shared_bytes
        self.undated += sum(row[3] for row in rows)
        return these

    def _rows(self) -> int:
        sql = f"SELECT total(message_count + tool_call_count) FROM sessions WHERE id {_THESE}"
        return int(self._db.value(sql, (json.dumps(self._ids),)))


def delete_sessions(
    connection: Connection,
    session_ids: Sequence[str],
    reason: str,
    handover: Handover | None,
    *,
    are_many: bool = False,
) -> None:
    """Delete sessions with all that hangs on them, inside a transaction of the caller, who keeps their tombstones.

    By `handover` sessions that stay take what they share with these; with none it is gone from them too. A prune
    leaves the notes that belong to a project. `are_many`: their rows are.
    """
    if handover is not None:
        handover.run(session_ids)
    ids = (json.dumps(list(session_ids)),)
    if reason == "prune":
        connection.execute(
            f"UPDATE notes SET session_id = NULL WHERE project_id IS NOT NULL AND session_id {_THESE}", ids
        )
    with taken_out(connection, session_ids) if are_many else contextlib.nullcontext():
        # Counts and tool calls first: their messages need not look for them then.
        connection.execute(f"DELETE FROM token_counts WHERE session_id {_THESE}", ids)
        connection.execute(f"DELETE FROM tool_calls WHERE session_id {_THESE}", ids)
        connection.execute(f"DELETE FROM sessions WHERE id {_THESE}", ids)
