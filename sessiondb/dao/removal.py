"""Remove sessions, by age or by name. Each leaves a tombstone, so that no import brings it back; no source
file is touched. What other sessions share with one that goes stays, with them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from sessiondb import timestamps
from sessiondb.chat.text import counted
from sessiondb.dao.forks.handover import Handover
from sessiondb.dao.only_copies import only_copies
from sessiondb.dao.purge import Purge
from sessiondb.dao.session_filter import BY_FILE, RECENT, where_clause
from sessiondb.dao.values import row_limit
from sessiondb.errors import Conflict, InvalidInput, NotFound
from sessiondb.records import Removal, SessionFilter
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage import reserve
from sessiondb.storage.connection import Connection
from sessiondb.storage.copies import vacuum
from sessiondb.storage.turns import Pace

# Sessions that one transaction removes: of the first, at least, and at most.
_SESSIONS = (20, 1, 500)
# On a disk that is about full, where the log must stay small; and the pages of the log that SQLite brings into the
# file at once, then and otherwise.
_ONE_BY_ONE, _TIGHT_LOG, _LOG = (1, 1, 1), 100, 1000

_BYTES = """
  (SELECT coalesce(sum(length(CAST(concat AS BLOB))), 0) FROM (
     SELECT coalesce(content, '') || coalesce(reasoning, '') || coalesce(parts, '') AS concat
     FROM messages WHERE session_id = s.id))
  + (SELECT coalesce(sum(length(CAST(coalesce(arguments, '') || coalesce(result, '') AS BLOB))), 0)
     FROM tool_calls WHERE session_id = s.id)
"""


Purged = Literal["own", "shared", None]
"""Whether no byte of what is removed may be left: of what is a session's own, or of what others share with it too."""


def extent(purge: bool, with_copies: bool) -> Purged:
    """Return how far a removal goes. Raises InvalidInput for copies without a purge."""
    if with_copies and not purge:
        raise InvalidInput("copies are taken from other sessions by a purge alone: add --purge (purge=True)")
    return ("shared" if with_copies else "own") if purge else None


class _Order(NamedTuple):
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


class Removals:
    """Prune and rm, over `sessions` and all that hangs on them."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def prune(  # noqa: PLR0913
        self,
        before: str,
        where: SessionFilter,
        *,
        include_open: bool = False,
        include_undated: bool = False,
        keep: int = 0,
        keep_only_copies: bool = False,
        dry_run: bool = False,
        purge: Purged = None,
        progress: Progress | None = None,
    ) -> Removal:
        """Remove the sessions whose last activity is older than `before`, a stored time, and that fit `where`.

        Pinned sessions stay, open ones too unless `include_open`, and the `keep` newest of those that fit.
        So do those that nothing dates but their file, for nobody knows how old they are: with `include_undated`
        they are as old as it. With `keep_only_copies` imported sessions stay whose logs are gone, or cannot be reached
        (see only_copies.py). Notes that belong to a project outlive their session, but for a `purge`. With `dry_run`
        nothing is removed.
        """
        clause, parameters = where_clause(where)
        aged = f"{clause} {'AND' if clause else 'WHERE'} s.last_active_at < ?"
        keep = row_limit(keep, "keep")
        old = aged if include_undated else f"{aged} AND NOT {BY_FILE}"
        # What is counted as kept would have been removed by its age: a young session is not "kept".
        kept = {
            "open": self._count(f"{old} AND s.ended_at IS NULL AND NOT s.pinned", [*parameters, before]),
            "pinned": self._count(f"{old} AND s.pinned", [*parameters, before]),
        }
        if include_open:
            kept["open"] = 0
        undated = self._count(f"{aged} AND NOT s.pinned AND {BY_FILE}", [*parameters, before])
        if undated and not include_undated:
            kept["undated"] = undated
        candidates = f"{old} AND NOT s.pinned{'' if include_open else ' AND s.ended_at IS NOT NULL'}"
        values = [*parameters, before]
        if keep:
            newest = (
                f"SELECT s.id FROM sessions AS s {clause} ORDER BY {RECENT} DESC, s.last_active_at DESC, s.id"
            )
            newest += " LIMIT ?"
            candidates += f" AND s.id NOT IN ({newest})"
            values += [*parameters, keep]
        rows = self._db.rows(
            f"SELECT s.id FROM sessions AS s {candidates} ORDER BY s.last_active_at, s.id", values
        )
        return self._remove(
            [row[0] for row in rows],
            _Order(
                "rm" if purge else "prune",
                dry_run,
                candidates,
                tuple(values),
                progress,
                purge,
                keep_only_copies,
            ),
            kept,
        )

    def remove(
        self,
        session_ids: Sequence[str],
        *,
        keep_only_copies: bool = False,
        dry_run: bool = False,
        purge: Purged = None,
        progress: Progress | None = None,
    ) -> Removal:
        """Remove sessions by id, notes and all. Raises NotFound before anything is removed.

        A `purge` takes those that were removed before: it erases what is left of them.
        """
        found, gone = [], []
        for session_id in dict.fromkeys(session_ids):
            if self._db.row("SELECT 1 FROM sessions WHERE id = ?", (session_id,)) is not None:
                found.append(session_id)
            elif purge and Purge(self._db).is_removed(session_id):
                gone.append(session_id)
            else:
                raise NotFound(f"there is no session {session_id} to remove")
        if gone and not dry_run:
            with self._db.transaction():
                Purge(self._db).forget(gone)
        order = _Order("rm", dry_run, progress=progress, purge=purge, keep_only_copies=keep_only_copies)
        return self._remove(found, order, {"open": 0, "pinned": 0})

    def vacuum(self, on_log_left: Callable[[], None] | None = None) -> int:
        """Give the space of what was removed back to the disk, and return how many bytes that was.

        `on_log_left` is called where readers keep the write-ahead log from being emptied.
        """
        size = self._size()
        if not vacuum(self._db) and on_log_left is not None:
            on_log_left()
        return size - self._size()

    def _remove(self, session_ids: list[str], order: _Order, kept: dict[str, int]) -> Removal:
        if order.dry_run or self._db.in_transaction or not reserve.release(self._db.path):
            return self._remove_in_parts(session_ids, order, kept, _SESSIONS)
        self._db.maintain(f"PRAGMA wal_autocheckpoint = {_TIGHT_LOG}")
        try:
            return self._remove_in_parts(session_ids, order, kept, _ONE_BY_ONE)
        finally:
            self._db.maintain(f"PRAGMA wal_autocheckpoint = {_LOG}")
            reserve.keep(self._db.path)

    def _remove_in_parts(
        self, session_ids: list[str], order: _Order, kept: dict[str, int], sizes: tuple[int, int, int]
    ) -> Removal:
        report = order.progress or no_progress
        copies = only_copies(self._db, session_ids)
        if order.keep_only_copies:
            session_ids = [id for id in session_ids if id not in copies.gone | copies.unreachable]
            kept = kept | {"only_copies": len(copies.gone)}
            if copies.unreachable:
                kept["unreachable"] = len(copies.unreachable)
        removed: list[str] = []
        messages = size = handed_over = undated = done = 0
        handover = Handover(self._db, session_ids)
        purge = Purge(self._db)
        elsewhere = purge.elsewhere(session_ids) if order.purge else []
        if order.purge == "own" and (heirs := handover.heirs(session_ids)):
            raise Conflict(
                f"{counted(len(heirs), 'session')} that stay share messages with what is to be purged"
                f" ({', '.join(heirs[:5])}{', ...' if len(heirs) > 5 else ''}): purge those too, or take the shared"
                " messages from them with --with-copies (with_copies=True)"
            )
        # In parts, so that live appends get their turn: a prune of years takes minutes.
        pace = Pace(*sizes)
        while done < len(session_ids):
            number = min(pace.size, len(session_ids) - done)
            batch = json.dumps(session_ids[done : done + number])
            if not order.dry_run:
                pace.wait()
            with self._db.transaction() if not order.dry_run else contextlib.nullcontext():
                pace.begin()
                # Asked again under the lock: a session may have been reopened or gone on meanwhile.
                rows = self._db.rows(
                    f"SELECT s.id, (SELECT count(*) FROM messages WHERE session_id = s.id), {_BYTES}, {BY_FILE}"
                    f" FROM sessions AS s {order.condition} AND s.id IN (SELECT value FROM json_each(?))",
                    [*order.parameters, batch],
                )
                batch_ids = [row[0] for row in rows]
                shared = (0, 0) if order.purge else handover.size(batch_ids)
                if not order.dry_run:
                    self._bury(batch_ids, order.reason)
                    delete_sessions(self._db, batch_ids, order.reason, None if order.purge else handover)
                    if order.purge:
                        purge.forget(batch_ids)
            removed += batch_ids
            handed_over += shared[0]
            messages += sum(row[1] for row in rows) - shared[0]
            size += sum(row[2] for row in rows) - shared[1]
            undated += sum(row[3] for row in rows)
            pace.note(number)
            done += number
            report("remove", done, len(session_ids))
        if order.purge and not order.dry_run:
            purge.erase()
        lost = sum(id in copies.gone for id in removed)
        return Removal(removed, messages, size, order.dry_run, kept, handed_over, undated, elsewhere, lost)

    def _bury(self, session_ids: list[str], reason: str) -> None:
        """Leave a tombstone of each session."""
        ids = json.dumps(session_ids)
        these = "IN (SELECT value FROM json_each(?))"
        self._db.execute(
            "INSERT OR REPLACE INTO deletions (session_id, agent, native_id, title, reason, deleted_at)"
            f" SELECT id, agent, native_id, title, ?, ? FROM sessions WHERE id {these}",
            (reason, timestamps.now(), ids),
        )

    def _count(self, clause: str, parameters: list[object]) -> int:
        return int(self._db.value(f"SELECT count(*) FROM sessions AS s {clause}", parameters))

    def _size(self) -> int:
        return int(self._db.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))


def delete_sessions(
    connection: Connection, session_ids: Sequence[str], reason: str, handover: Handover | None
) -> None:
    """Delete sessions with all that hangs on them, inside a transaction of the caller, who keeps their tombstones.

    By `handover` sessions that stay take what they share with these; with none it is gone from them too. A prune
    leaves the notes that belong to a project.
    """
    if handover is not None:
        handover.run(session_ids)
    ids = (json.dumps(list(session_ids)),)
    these = "IN (SELECT value FROM json_each(?))"
    if reason == "prune":
        connection.execute(
            f"UPDATE notes SET session_id = NULL WHERE project_id IS NOT NULL AND session_id {these}", ids
        )
    # Tool calls first: their messages need not look for them then.
    connection.execute(f"DELETE FROM tool_calls WHERE session_id {these}", ids)
    connection.execute(f"DELETE FROM sessions WHERE id {these}", ids)
