"""Write the sessions of an import: found or begun, settled when their file has been read, written many at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sessiondb.dao.union.batch import ImportBatch
from sessiondb.dao.union.session import COLUMNS, ImportSession
from sessiondb.importers.base import SessionRecord
from sessiondb.records import Channel

_STORED = ", ".join(f"s.{column}" for column in COLUMNS)
# All that is to be known of a session in one question: most are asked for only to learn that they are new.
_FIND = (
    "SELECT EXISTS (SELECT 1 FROM deletions WHERE session_id = :id),"
    f" (SELECT max(seq) FROM messages WHERE session_id = :id), {_STORED}"
    " FROM (SELECT :id AS id) AS wanted LEFT JOIN sessions AS s ON s.id = wanted.id"
)
_NEW = (*COLUMNS, "message_count", "tool_call_count")
_INSERT = (
    f"INSERT INTO sessions ({', '.join(_NEW)}, origin) VALUES ({', '.join('?' * len(_NEW))},"
    " (SELECT value FROM meta WHERE key = 'database_id'))"
)


class ImportSessions:
    """The sessions' own rows, in an import's batch. Those that were settled wait for `write`."""

    def __init__(self, batch: ImportBatch) -> None:
        self._batch = batch
        self._db = batch.db
        self._settled: dict[str, ImportSession] = {}

    def find(self, record: SessionRecord) -> ImportSession | None:
        """Return what is known of a session, None for one that was removed on purpose."""
        row = self._db.row(_FIND, {"id": record.id})
        assert row is not None
        is_deleted, last_seq, *stored = row
        if is_deleted:
            if not self._batch.restore:
                return None
            self._db.execute("DELETE FROM deletions WHERE session_id = ?", (record.id,))
        if stored[0] is None:
            return ImportSession(record, None, 0)
        return ImportSession(record, dict(zip(COLUMNS, stored, strict=True)), last_seq or 0)

    def learn(self, session: ImportSession, record: SessionRecord) -> None:
        """Take over what a record says of its session."""
        session.learn(record)
        fields = session.fields
        if (record.project or record.project_name) and fields.get("project_id") is None:
            fields["project_id"] = self._batch.project(record.project, record.project_name)
        if record.channel is not None and (record.channel.chat_id or fields.get("channel_id") is None):
            fields["channel_id"] = self._batch.lookups.channel(Channel(*record.channel))
        if record.model is not None:
            fields["model_id"] = self._batch.model(record.model)
        if record.parent_id is not None and record.parent_id != session.id:
            if session.is_new or record.relation != "subagent" or fields.get("parent_id") is None:
                fields["parent_id"] = record.parent_id
            elif fields["parent_id"] != record.parent_id:
                # A fork's log may name itself as the parent of sub-agents that it has copied.
                session.other_parent = record.parent_id
        session.tags.update(record.tags)

    def settle(self, sessions: Iterable[ImportSession]) -> None:
        """Decide what the rows of a file's sessions are to be, as far as is known now."""
        for session in sessions:
            session.settle(self._batch.fallback_time)
            if session.fields.get("parent_id") != session.written.get("parent_id"):
                self._hold_parent(session)
            is_open = session.fields.get("ended_at") is None and session.fields.get("key") is not None
            if is_open:
                # Another session that holds the key is looked for in the database.
                self.write()
                self._take_key(session)
            session.is_changed = session.is_changed or bool(session.changes())
            self._settled[session.id] = session
            if is_open:
                self.write()

    def write(self) -> None:
        """Write the sessions that were settled since the last time."""
        if not self._settled:
            return
        settled, self._settled = self._settled, {}
        sessions = settled.values()
        self._db.executemany(_INSERT, [self._row(session) for session in sessions if not session.written])
        for session in sessions:
            if session.written:
                self._update(session)
        self._db.executemany(
            "INSERT OR IGNORE INTO session_tags (session_id, tag_id) VALUES (?, ?)",
            [
                (session.id, self._batch.lookups.tag(tag))
                for session in sessions
                for tag in sorted(session.tags)
            ],
        )
        for session in sessions:
            session.unwritten_spoken = session.unwritten_calls = 0
            session.written = dict(session.fields)
            session.tags.clear()

    def _row(self, session: ImportSession) -> list[Any]:
        self._batch.agent(session.agent)
        fields = session.fields | {"agent": session.agent}
        counts = (session.unwritten_spoken, session.unwritten_calls) if self._batch.bulk else (0, 0)
        return [*map(fields.get, COLUMNS), *counts]

    def _update(self, session: ImportSession) -> None:
        changes = session.changes()
        assignments = [f"{name} = ?" for name in changes]
        if self._batch.bulk and (session.unwritten_spoken or session.unwritten_calls):
            assignments.append(f"message_count = message_count + {session.unwritten_spoken}")
            assignments.append(f"tool_call_count = tool_call_count + {session.unwritten_calls}")
        if assignments:
            sql = f"UPDATE sessions SET {', '.join(assignments)} WHERE id = ?"
            self._db.execute(sql, [*changes.values(), session.id])

    def _hold_parent(self, session: ImportSession) -> None:
        """Note a parent that is not there yet: `adopt` links it when it comes."""
        fields = session.fields
        parent = fields["parent_id"]
        if parent is None or parent in self._settled:
            return
        if self._db.row("SELECT 1 FROM sessions WHERE id = ?", (parent,)) is None:
            known = json.loads(fields.get("metadata") or "{}")
            if known.get("parent_id") != parent:
                fields["metadata"] = json.dumps({**known, "parent_id": parent}, ensure_ascii=False)
            fields["parent_id"] = session.written.get("parent_id")

    def _take_key(self, session: ImportSession) -> None:
        """Let one open session hold a key: of two from one store the latter, else the one that has it."""
        batch, fields = self._batch, session.fields
        other = self._db.value(
            "SELECT id FROM sessions WHERE key = ? AND ended_at IS NULL AND id <> ?",
            (fields["key"], session.id),
        )
        if other is None:
            return
        sibling = batch.sessions.get(other)
        if sibling is None and not batch.ledger.has_given(batch.path, other):
            fields["ended_at"], fields["end_reason"] = fields["last_active_at"], "imported"
            return
        if sibling is not None:
            sibling.give_up_key()
        self._db.execute(
            "UPDATE sessions SET ended_at = last_active_at, end_reason = 'imported' WHERE id = ?", (other,)
        )
