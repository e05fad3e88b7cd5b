"""Remove sessions, by age or by name. Each leaves a tombstone, so that no import brings it back; no source
file is touched. What other sessions share with one that goes stays, with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sessiondb.chat.text import counted
from sessiondb.dao.deletion import Deletion, Order, Purged
from sessiondb.dao.forks.handover import Handover
from sessiondb.dao.only_copies import only_copies
from sessiondb.dao.purge import Purge
from sessiondb.dao.search.indexes import SearchIndex
from sessiondb.dao.search.repair import may_be_damage
from sessiondb.dao.sessions.filter import BY_FILE, RECENT, where_clause
from sessiondb.errors import Conflict, DatabaseError, InvalidInput, NotFound
from sessiondb.records import Removal, SessionFilter
from sessiondb.records.progress import Progress
from sessiondb.storage import reserve
from sessiondb.storage.connection import Connection
from sessiondb.storage.copies import vacuum
from sessiondb.storage.values import row_limit, texts

# Merging the indexes writes them anew: worth it where this much was removed, as a share of what is left in the file.
_SHARE = 0.5


def extent(purge: bool, with_copies: bool) -> Purged:
    """Return how far a removal goes. Raises InvalidInput for copies without a purge."""
    if with_copies and not purge:
        raise InvalidInput("only a purge removes copies from other sessions: add --purge (purge=True)")
    return ("shared" if with_copies else "own") if purge else None


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
        chosen = self._db.column(
            f"SELECT s.id FROM sessions AS s {candidates} ORDER BY s.last_active_at, s.id", values
        )
        return self._remove(
            chosen,
            Order(
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
        for session_id in dict.fromkeys(texts(session_ids, "session_ids")):
            if self._db.row("SELECT 1 FROM sessions WHERE id = ?", (session_id,)) is not None:
                found.append(session_id)
            elif purge and Purge(self._db).is_removed(session_id):
                gone.append(session_id)
            else:
                raise NotFound(f"there is no session {session_id} to remove")
        if gone and not dry_run:
            with self._db.transaction():
                Purge(self._db).forget(gone)
        order = Order("rm", dry_run, progress=progress, purge=purge, keep_only_copies=keep_only_copies)
        return self._remove(found, order, {"open": 0, "pinned": 0})

    def vacuum(self, on_log_left: Callable[[], None] | None = None) -> int:
        """Give the space of what was removed back to the disk, and return how many bytes that was.

        `on_log_left` is called where readers keep the write-ahead log from being emptied.
        """
        size = self._size()
        if not vacuum(self._db) and on_log_left is not None:
            on_log_left()
        return size - self._size()

    def _remove(self, session_ids: list[str], order: Order, kept: dict[str, int]) -> Removal:
        if order.dry_run or self._db.in_transaction or not reserve.release(self._db.path):
            return self._run(session_ids, order, kept)
        self._db.maintain(f"PRAGMA wal_autocheckpoint = {reserve.TIGHT_LOG}")
        try:
            return self._run(session_ids, order, kept, is_tight=True)
        finally:
            self._db.maintain(f"PRAGMA wal_autocheckpoint = {reserve.LOG}")
            reserve.keep(self._db.path)

    def _run(
        self, session_ids: list[str], order: Order, kept: dict[str, int], *, is_tight: bool = False
    ) -> Removal:
        copies = only_copies(self._db, session_ids)
        if order.keep_only_copies:
            session_ids = [id for id in session_ids if id not in copies.gone | copies.unreachable]
            kept = kept | {"only_copies": len(copies.gone)}
            if copies.unreachable:
                kept["unreachable"] = len(copies.unreachable)
        elsewhere = Purge(self._db).elsewhere(session_ids) if order.purge else []
        if order.purge == "own" and (heirs := Handover(self._db, session_ids).heirs(session_ids)):
            raise Conflict(
                f"{counted(len(heirs), 'session')} that would stay share messages with those to be purged"
                f" ({', '.join(heirs[:5])}{', ...' if len(heirs) > 5 else ''}): purge them too, or remove the shared"
                " messages from them with --with-copies (with_copies=True)"
            )
        deletion = Deletion(self._db, session_ids, order)
        deletion.run(is_tight=is_tight)
        if not order.dry_run:
            self._tidy(deletion.bytes, order.purge, is_tight=is_tight)
        gone = set(deletion.removed)
        removed = [id for id in session_ids if id in gone]
        return Removal(
            removed,
            deletion.messages,
            deletion.bytes,
            order.dry_run,
            kept,
            deletion.handed_over,
            deletion.undated,
            elsewhere,
            sum(id in copies.gone for id in removed),
        )

    def _tidy(self, removed: int, purge: Purged, *, is_tight: bool) -> None:
        """Make the indexes smaller where much was removed, or leave nothing of it in the file at all."""
        if purge:
            Purge(self._db).erase()
        elif not (is_tight or self._db.in_transaction) and removed >= _SHARE * self._used():
            self._merge_indexes()

    def _merge_indexes(self) -> None:
        """Take out of the indexes what was removed: it stays in them, beside the news that it is gone.

        A damaged one stays as it is: search and `doctor` tell of it.
        """
        try:
            SearchIndex(self._db).optimize()
        except DatabaseError as error:
            if not may_be_damage(error):
                raise

    def _count(self, clause: str, parameters: list[object]) -> int:
        return int(self._db.value(f"SELECT count(*) FROM sessions AS s {clause}", parameters))

    def _used(self) -> int:
        free = int(
            self._db.value("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
        )
        return self._size() - free

    def _size(self) -> int:
        return int(self._db.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
