"""What an import and a merge share: sessions on their way in, their own rows, and when all rows are written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from sessiondb.dao.forks.parents import leave_copies
from sessiondb.dao.forks.transfer import drop_twins
from sessiondb.dao.ledger import Ledger
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.union.calls import Calls
from sessiondb.dao.union.content import Content
from sessiondb.dao.union.incoming import COLUMNS, Incoming
from sessiondb.dao.union.ownership import Ownership, may_have_gone_on, went_on
from sessiondb.dao.union.row_buffer import RowBuffer
from sessiondb.dao.union.stand_ins import displace, is_talk
from sessiondb.dao.union.written import Written
from sessiondb.importers.base import INHERITING, is_globally_unique
from sessiondb.storage.connection import Connection

_KNOWN = (
    "SELECT EXISTS (SELECT 1 FROM messages), EXISTS (SELECT 1 FROM native_files),"
    " (SELECT value FROM meta WHERE key = 'database_id')"
)
# All that is to be known of a session in one question: most are asked for only to learn that they are new.
_FIND = (
    "SELECT (SELECT deleted_at FROM deletions WHERE session_id = :id),"
    f" (SELECT max(seq) FROM messages WHERE session_id = :id), {', '.join(f's.{column}' for column in COLUMNS)}"
    " FROM (SELECT :id AS id) AS wanted LEFT JOIN sessions AS s ON s.id = wanted.id"
)
_SHARED = """
SELECT 1 FROM json_each(:ids)
WHERE EXISTS (SELECT 1 FROM messages WHERE external_id = value AND session_id <> :session) LIMIT 1
"""
# By the ids (hence CROSS): what has come may be few lines of a long session.
_COPIES = """
SELECT value FROM json_each(:ids) CROSS JOIN messages AS own ON own.external_id = value AND own.session_id = :session
WHERE EXISTS (SELECT 1 FROM messages WHERE external_id = value AND session_id <> :session AND id < own.id)
ORDER BY own.seq
"""
_NEW = (*COLUMNS, "message_count", "tool_call_count")
_INSERT = f"INSERT INTO sessions ({', '.join(_NEW)}) VALUES ({', '.join('?' * len(_NEW))})"


class SessionRows:
    """The rows of `sessions`, in a union. Those that are resolved wait for `write`."""

    def __init__(self, union: Union) -> None:
        self._union = union
        self._db = union.db
        self._resolved: dict[str, Incoming] = {}

    def find(self, session_id: str) -> tuple[str | None, int, dict[str, Any]]:
        """Return when a session was removed, its last seq, and its columns: None, 0 and nothing where unknown."""
        row = self._db.row(_FIND, {"id": session_id})
        assert row is not None
        deleted_at, last_seq, *stored = row
        written = {} if stored[0] is None else dict(zip(COLUMNS, stored, strict=True))
        return deleted_at, last_seq or 0, written

    def bring_back(self, session_id: str) -> None:
        """Remove the tombstone of a session."""
        self._db.execute("DELETE FROM deletions WHERE session_id = ?", (session_id,))

    def resolve(self, sessions: Iterable[Incoming]) -> None:
        """Decide what the rows of sessions are to be, as far as is known now."""
        for session in sessions:
            session.policy.resolve(session)
            fields, written = session.row.fields, session.row.written
            if fields.get("parent_id") != written.get("parent_id"):
                self._await_parent(session)
            is_open = fields.get("ended_at") is None and fields.get("key") is not None
            # Two sessions with one key may come in one batch: each must be stored before the next asks who holds
            # the key.
            if is_open:
                # Another session that holds the key is looked for in the database.
                self.write()
                other = self._db.value(
                    "SELECT id FROM sessions WHERE key = ? AND ended_at IS NULL AND id <> ?",
                    (fields["key"], session.id),
                )
                if other is not None:
                    session.policy.resolve_key(session, other)
            session.is_changed = session.is_changed or session.row.has_news
            self._resolved[session.id] = session
            if is_open:
                self.write()

    def write(self) -> None:
        """Write the sessions that were resolved since the last time."""
        if not self._resolved:
            return
        resolved, self._resolved = self._resolved, {}
        sessions = resolved.values()
        self._db.executemany(_INSERT, [self._row(session) for session in sessions if not session.row.written])
        for session in sessions:
            if session.row.written:
                self._update(session)
        self._db.executemany(
            "INSERT OR IGNORE INTO session_tags (session_id, tag_id) VALUES (?, ?)",
            [
                (session.id, self._union.lookups.tag(tag))
                for session in sessions
                for tag in sorted(session.row.tags)
            ],
        )
        for session in sessions:
            session.row.mark_written()

    def _row(self, session: Incoming) -> list[Any]:
        row = session.row
        self._union.agent(row.fields["agent"])
        # In a bulk load the triggers that count are away; else a count here would be added to theirs.
        counts = (row.spoken, row.calls) if self._union.bulk else (0, 0)
        return [*map(row.fields.get, COLUMNS), *counts]

    def _update(self, session: Incoming) -> None:
        row = session.row
        changes = row.changes()
        assignments = [f"{name} = ?" for name in changes]
        if self._union.bulk and (row.spoken or row.calls):
            assignments.append(f"message_count = message_count + {row.spoken}")
            assignments.append(f"tool_call_count = tool_call_count + {row.calls}")
        if assignments:
            sql = f"UPDATE sessions SET {', '.join(assignments)} WHERE id = ?"
            self._db.execute(sql, [*changes.values(), session.id])

    def _await_parent(self, session: Incoming) -> None:
        """Note a parent that is not there yet in the metadata: `link_parents` links it when it has come."""
        fields = session.row.fields
        parent = fields["parent_id"]
        if parent is None or parent in self._resolved:
            return
        if self._db.row("SELECT 1 FROM sessions WHERE id = ?", (parent,)) is None:
            separators = (",", ":") if session.policy.takes_rows_as_they_are else (", ", ": ")
            session.row.add_metadata({"parent_id": parent}, *separators)
            fields["parent_id"] = session.row.written.get("parent_id")


@dataclass(eq=False)
class Union:
    """Sessions on their way in, in one transaction, of one file or database after another.

    Rows are held back until they are many, those of finished files too: `flush` at the end. `open` are the sessions
    of which more may come.
    `bulk`: the insert triggers are away (SearchIndex.bulk), so the counters are kept by hand. Rows then need no
    trigger's work each, and the talk is indexed in one statement at the end: 2 to 3 times faster for many rows,
    slower for few. `restore`: sessions with a tombstone come back.
    `is_first`: no messages were there before.
    `written`: the logs that were written from here, for agents to go on with; None where there are none.
    """

    db: Connection
    lookups: Lookups
    ledger: Ledger
    bulk: bool = field(kw_only=True)
    restore: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        known = self.db.row(_KNOWN)
        assert known is not None
        self.is_first, has_written, self.database_id = not known[0], known[1], known[2]
        self.written = Written(self.db) if has_written else None
        # Asked once for each name: a union that is undone takes the ids that it has given out with it.
        lookups = self.lookups
        self.agent, self.model, self.project = (
            cache(lookups.agent),
            cache(lookups.model),
            cache(lookups.project),
        )
        self.rows = RowBuffer(self.db)
        self.sessions = SessionRows(self)
        self.content = Content(self.db, self.rows, self.model)
        # Whether any notes came, which may await others.
        self.has_notes = False
        self.open: dict[str, Incoming] = {}
        # Sessions of which no more comes, but of which rows are held back.
        self._unflushed: set[str] = set()

    @cached_property
    def calls(self) -> Calls:
        """Return what takes tool calls: of few lines, most have none."""
        return Calls(self.db, self.rows)

    def write(self) -> None:
        """Write all that came before, in the middle of a file."""
        self.sessions.resolve(self.open.values())
        self.flush()

    def flush(self) -> None:
        """Write all that is held back."""
        self.sessions.write()
        self.rows.write()
        self.ledger.flush()
        self._unflushed.clear()

    def hold(self, session: Incoming, record: Any) -> None:
        """Keep a record until what its session waits for is known: see Awaited."""
        session.held.append(record)
        if session.waits_for == "a word" and is_talk(record):
            # The prompts are taken out of what is stored: nothing of the session may wait in memory.
            self.flush()
            displace(self.db, session)
            session.policy.has_displaced(session)
            self.release(session)

    def release(self, session: Incoming) -> None:
        """Take what has waited; what comes waits no more."""
        self.open[session.id] = session
        held, session.held, session.waits_for = session.held, [], None
        for record in held:
            session.policy.take(session, record)

    def find(self, session_id: str) -> tuple[str | None, int, dict[str, Any]]:
        """Return what is stored of a session: see SessionRows.find."""
        if session_id in self._unflushed:
            self.flush()
        return self.sessions.find(session_id)

    def finish(self, sessions: list[Incoming], children: dict[str, list[str]] | None = None) -> set[str]:
        """End sessions, and give what they share with others to the originals; return the others that changed.

        `children`: sub-agents that a session's log names, and that had another parent before, by its id.
        """
        for session in sessions:
            self.content.add_keyless_tokens(session)
        self.sessions.resolve(sessions)
        self._unflushed.update(session.id for session in sessions)
        unsettled = {session.id for session in sessions if session.renames}
        changed = set[str]()
        shared = [found for session in sessions if (found := self._shared(session))]
        # All must be in the database by now: originals are told by comparing what is stored.
        if shared:
            self.flush()
        for ownership in shared:
            unsettled.discard(ownership.session.id)
            changed |= ownership.settle(unsettled, (children or {}).get(ownership.session.id, ()))
        for session in sessions:
            # Answers that came to its calls may have been in its forks' logs first.
            if session.answered and not session.is_new:
                self.flush()
                changed |= drop_twins(self.db, session.id)
            is_inheriting = session.row.fields.get("agent") in INHERITING
            if is_inheriting and (session.has_inherited or session.is_exact or not session.is_new):
                self.flush()
                left = leave_copies(self.db, session.id)
                # Earlier imports may have brought some of them, before their originals were there.
                new = sum(line.after > session.start_seq for line in left)
                session.added = max(0, session.added - new)
        for session in sessions:
            session.is_changed = session.is_changed or session.added > 0 or session.id in changed
        return changed - {session.id for session in sessions}

    def _shared(self, session: Incoming) -> Ownership | None:
        """Return what a session shares with others, None where it is nothing."""
        copies = self._copies(session) if session.added else []
        has_gone_on = session.added > 0 < session.start_seq and may_have_gone_on(self.db, session.id)
        if has_gone_on:
            self.flush()
            has_gone_on = went_on(self.db, session.id, session.start_seq)
        if not (copies or session.has_renamed or has_gone_on):
            return None
        return Ownership(self.db, self.rows, session, copies, has_gone_on=has_gone_on)

    def _copies(self, session: Incoming) -> list[str]:
        """Return the ids of the messages that a session has brought although another one had them before."""
        first = next(iter(session.messages), None)
        if first is None or not is_globally_unique(first):
            return []
        own = [id for id, message in session.messages.items() if message.is_new and is_globally_unique(id)]
        names = {"ids": json.dumps(own), "session": session.id}
        # Only then are its rows written: most sessions share nothing.
        if not session.has_common and (self.is_first or self.db.row(_SHARED, names) is None):
            return []
        self.flush()
        return self.db.column(_COPIES, names)
