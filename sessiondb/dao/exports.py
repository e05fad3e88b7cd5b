"""Read sessions and all that hangs on them as rows under natural keys (see sessiondb.records.export_rows)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from sessiondb.dao.messages import FIRST
from sessiondb.dao.note_changes import name_of
from sessiondb.dao.sessions.filter import RECENT, where_clause
from sessiondb.records import SessionFilter
from sessiondb.records.export_rows import (
    CallRow,
    ChannelRow,
    DeletionRow,
    MessageRow,
    NoteChangeRow,
    NoteRow,
    Row,
    SessionRow,
    TokensRow,
    raw_json,
)
from sessiondb.records.sessions import BILLING_DETAILS
from sessiondb.storage.connection import Connection
from sessiondb.storage.connection import Row as Values
from sessiondb.storage.values import sound, sound_json

SESSIONS, MESSAGES = 200, 200
"""Rows read at a time: what is in memory at once."""

# A parent that is not in the database is noted in the metadata, as text.
_AWAITS = f"(s.parent_id IS NULL AND json_type({sound('s.metadata')}, '$.parent_id') = 'text')"
_SESSION = f"""
SELECT s.id, s.agent, s.started_at, s.last_active_at, s.native_id, s.key, p.path, p.name,
  c.platform, c.chat_type, c.chat_id, c.chat_name, c.user_id, c.user_name, c.thread_id,
  iif({_AWAITS}, json_extract(s.metadata, '$.parent_id'), s.parent_id),
  s.relation, s.title, s.title_source, m.name, s.ended_at, s.end_reason, s.consolidated, s.pinned, s.origin,
  (
    SELECT json_group_array(g.name) FROM session_tags AS t JOIN tags AS g ON g.id = t.tag_id
    WHERE t.session_id = s.id
  ),
  iif(s.metadata IS NULL OR json_valid(s.metadata),
    nullif(iif({_AWAITS}, json_remove(s.metadata, '$.parent_id'), json(s.metadata)), '{{}}'), s.metadata)
FROM sessions AS s
LEFT JOIN projects AS p ON p.id = s.project_id
LEFT JOIN channels AS c ON c.id = s.channel_id
LEFT JOIN models AS m ON m.id = s.model_id
WHERE s.id IN (SELECT value FROM json_each(?))
"""

_MESSAGES = """
SELECT m.id, m.seq, m.role, m.content, m.reasoning, m.parts, m.external_id, o.name, m.finish_reason,
  m.created_at, m.metadata
FROM messages AS m LEFT JOIN models AS o ON o.id = m.model_id
WHERE m.session_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?
"""

# The answer stands with the message that gives it; with the call only where that is gone.
_IS_ALONE = "t.result_message_id IS NULL"
_CALLS = f"""
SELECT t.message_id, t.call_id, NULL, NULL, t.name, t.arguments, t.position, t.called_at,
  iif({_IS_ALONE}, t.result, NULL), iif({_IS_ALONE}, t.is_error, NULL), iif({_IS_ALONE}, t.returned_at, NULL)
FROM tool_calls AS t WHERE t.message_id IN (SELECT value FROM json_each(?))
ORDER BY t.message_id, t.position, t.id
"""

_ANSWERS = """
SELECT t.result_message_id, t.call_id, a.seq,
  (
    SELECT count(*) FROM tool_calls AS o
    WHERE o.message_id = t.message_id AND (o.position, o.id) < (t.position, t.id)
  ),
  iif(a.id IS NULL, t.name, NULL), iif(a.id IS NULL, t.arguments, NULL), iif(a.id IS NULL, t.position, 0),
  iif(a.id IS NULL, t.called_at, NULL), t.result, t.is_error, t.returned_at
FROM tool_calls AS t LEFT JOIN messages AS a ON a.id = t.message_id
WHERE t.result_message_id IN (SELECT value FROM json_each(?))
ORDER BY t.result_message_id, a.seq, t.position, t.id
"""

# The unary plus keeps to the index on session_id: there are no other calls of the session to look through.
_STRAY = """
SELECT t.session_id, t.call_id, NULL, NULL, t.name, t.arguments, t.position, t.called_at, t.result,
  t.is_error, t.returned_at
FROM tool_calls AS t WHERE t.session_id = ? AND +t.message_id IS NULL AND +t.result_message_id IS NULL
ORDER BY t.position, t.id
"""

_TOKENS = f"""
SELECT t.request_key, m.seq, o.name, t.counted_at, t.input, t.cache_read, t.cache_write, t.output,
  t.reasoning, t.cost_microdollars, {", ".join(f"t.{name}" for name in BILLING_DETAILS)}
FROM token_counts AS t
LEFT JOIN messages AS m ON m.id = t.message_id
LEFT JOIN models AS o ON o.id = t.model_id
WHERE t.session_id = ? ORDER BY m.seq, t.counted_at, t.request_key, t.id
"""

_SERVER_TOOLS = 10 + BILLING_DETAILS.index("server_tools")

_NOTES = """
SELECT n.kind, n.body, n.created_at, n.session_id, p.path, p.name, n.context, n.resolution, n.author,
  n.assignee, n.due_at, n.resolved_at,
  (SELECT json_group_object(t.lang, t.body) FROM note_translations AS t WHERE t.note_id = n.id),
  (SELECT json_group_array(json_array(c.at, c.status, c.author)) FROM note_changes AS c WHERE c.note_id = n.id),
  n.awaits, o.kind, o.body, o.created_at
FROM notes AS n LEFT JOIN projects AS p ON p.id = n.project_id LEFT JOIN notes AS o ON o.id = n.supersedes
WHERE n.session_id IS ? ORDER BY n.created_at, n.kind, n.body, n.id
"""


def _tokens(values: Values) -> TokensRow:
    row = TokensRow(*values)
    row.server_tools = raw_json(
        sound_json(values[_SERVER_TOOLS], f"token_counts.server_tools of response {values[0]}")
    )
    return row


class Exports:
    """Sessions as rows that mean the same in every database.

    `clean` is what becomes of texts afterwards: a note that another one names is named by its text as it will be.
    """

    def __init__(self, connection: Connection, clean: Callable[[str], str] = str) -> None:
        self._db = connection
        self._clean = clean

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all reads of the block see the database as it is at its first one, while others write."""
        return self._db.snapshot()

    def session_ids(self, where: SessionFilter) -> list[str]:
        """Return the ids of sessions in the order of an export: by their start."""
        clause, parameters = where_clause(where)
        return self._db.column(
            f"SELECT s.id FROM sessions AS s {clause} ORDER BY s.started_at, s.id", parameters
        )

    def newest_first(self, session_ids: Sequence[str]) -> list[str]:
        """Return the ids of sessions by their last activity, the newest first.

        As in a list, those that are empty, or that nothing dates but their file, come last.
        """
        return self._db.column(
            "SELECT s.id FROM sessions AS s WHERE s.id IN (SELECT value FROM json_each(?))"
            f" ORDER BY {RECENT} DESC, s.last_active_at DESC, s.id",
            (json.dumps(session_ids),),
        )

    def session_count(self) -> int:
        """Return how many sessions there are."""
        return int(self._db.value("SELECT count(*) FROM sessions"))

    def everything(self) -> Iterator[Row]:
        """Yield all that the database holds, but the ledger of imported files."""
        rows = self._db.stream(
            "SELECT session_id, deleted_at, reason, agent, native_id, title FROM deletions"
            " ORDER BY deleted_at, session_id"
        )
        for row in rows:
            yield DeletionRow(*row)
        yield from self.some(self.session_ids(SessionFilter()))
        yield from self.notes(None)

    def some(self, session_ids: Sequence[str]) -> Iterator[Row]:
        """Yield sessions, each with all that hangs on it."""
        for start in range(0, len(session_ids), SESSIONS):
            batch = session_ids[start : start + SESSIONS]
            rows = {row[0]: row for row in self._db.rows(_SESSION, (json.dumps(batch),))}
            for id in batch:
                if id in rows:
                    yield self._session(rows[id])
                    for _, message in self.messages(id):
                        yield message
                    for tokens in self._db.stream(_TOKENS, (id,)):
                        yield _tokens(tokens)
                    yield from self.notes(id)

    def session(self, session_id: str) -> SessionRow | None:
        """Return the row of a session, None where there is none."""
        row = self._db.row(_SESSION, (json.dumps([session_id]),))
        return None if row is None else self._session(row)

    def messages(self, session_id: str) -> Iterator[tuple[int, MessageRow]]:
        """Yield the messages of a session in order, each with the id it has in this database."""
        seq = FIRST
        while rows := self._db.rows(_MESSAGES, (session_id, seq, MESSAGES)):
            ids = json.dumps([row[0] for row in rows])
            calls, answers = self._calls(_CALLS, ids), self._calls(_ANSWERS, ids)
            for id, *values, metadata in rows:
                what = f"of message {values[0]} of session {session_id}"
                values[4] = raw_json(sound_json(values[4], f"messages.parts {what}"))
                values += [
                    raw_json(sound_json(metadata, f"messages.metadata {what}")),
                    calls.get(id, []),
                    answers.get(id, []),
                ]
                yield id, MessageRow(*values)
            seq = rows[-1][1]

    def notes(self, session_id: str | None) -> Iterator[NoteRow]:
        """Yield the notes of a session, or for None those that belong to none."""
        for row in self._db.stream(_NOTES, (session_id,)):
            translations, history, awaits, kind, body, created_at = row[12:]
            note = NoteRow(*row[:12])
            note.translations = dict(sorted(json.loads(translations).items()))
            changes = sorted(json.loads(history), key=lambda change: change[:2])
            note.history = [NoteChangeRow(*change) for change in changes]
            note.supersedes = awaits if body is None else name_of(kind, self._clean(body), created_at)
            yield note

    def _session(self, row: Values) -> SessionRow:
        pinned, origin, tags, metadata = row[23:]
        channel = ChannelRow(*row[8:15]) if row[8] is not None else None
        stray = self._calls(_STRAY, row[0]).get(row[0], [])
        last = [
            bool(pinned),
            origin,
            sorted(json.loads(tags)),
            raw_json(sound_json(metadata, f"sessions.metadata of {row[0]}")),
            stray,
        ]
        return SessionRow(*[*row[:8], channel, *row[15:23], *last])

    def _calls(self, sql: str, of: str) -> dict[int | str, list[CallRow]]:
        """Return calls by the message (or session) they belong to."""
        found: dict[int | str, list[CallRow]] = {}
        for owner, call_id, asked, index, *values in self._db.rows(sql, (of,)):
            values[5] = None if values[5] is None else bool(values[5])
            to = None if asked is None else (asked, index)
            found.setdefault(owner, []).append(CallRow(call_id, to, *values))
        return found
