"""Write what importers yield, as a union with what is there: nothing twice, nothing lost."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from sessiondb.connection import Connection
from sessiondb.content import clean_text
from sessiondb.dao.import_session import COLUMNS, ImportSession
from sessiondb.dao.lineage import adopt
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.merging import Merge
from sessiondb.dao.row_buffer import ANSWERED_BY, ARGUMENTS, ASKED_BY, CALL, NAME, TOKENS, Row, RowBuffer
from sessiondb.importers.base import MessageRecord, NoteRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.records import Channel
from sessiondb.rows import Row as ExportRow

_SPOKEN = ("user", "assistant")
_STATES = ("question", "workstream", "summary")
_OUTPUT = TOKENS.index("output")
# Ids that no two messages in the world share: only these tell a copy of another session's line.
_WORLDWIDE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|msg_\w{16,}")


class Added(NamedTuple):
    """What a file brought: ids of the sessions that are new, changed, and as they were, and the messages added.

    `sessions` has them all, with their authority and whether their stored messages are this file's.
    """

    new: list[str]
    updated: list[str]
    unchanged: list[str]
    messages: int
    sessions: dict[str, tuple[int | None, bool]]


class ImportWriter:
    """Takes the records of one file after another, inside one transaction of the caller.

    `bulk`: the caller has taken the insert triggers away (SearchIndex.bulk), so the writer keeps the counters.
    `restore`: sessions with a tombstone come back.
    """

    def __init__(
        self, connection: Connection, lookups: Lookups, *, bulk: bool, restore: bool = False
    ) -> None:
        self._db = connection
        self._lookups = lookups
        self._bulk = bulk
        self._restore = restore
        self._rows = RowBuffer(connection)
        self._sessions: dict[str, ImportSession | None] = {}
        self._models: dict[str, int | None] = {}
        self._everywhere: dict[str, str] = {}
        self._path = ""
        self._fallback_time = ""
        self._merge = self._new_merge()

    def _new_merge(self) -> Merge:
        return Merge(self._db, self._lookups, self._rows, bulk=self._bulk, restore=self._restore)

    def begin(self, path: str, fallback_time: str) -> None:
        """Begin a file; `fallback_time` is for sessions that no time is known of: when the file was last changed."""
        self._path = path
        self._fallback_time = fallback_time
        self._sessions.clear()
        self._merge = self._new_merge()

    def add(self, record: Record | ExportRow) -> None:
        """Take a record; its session's own record must have come before. Rows of an export are merged."""
        if not isinstance(record, tuple):
            self._merge.add(record)
            return
        if isinstance(record, SessionRecord):
            self._add_session(record)
            return
        session = self._sessions.get(record.session)
        if session is None:
            return
        if session.held is not None:
            session.held.append(record)
            return
        self._take(session, record)

    def _take(
        self, session: ImportSession, record: MessageRecord | ToolResult | TokenRecord | NoteRecord
    ) -> None:
        if isinstance(record, MessageRecord):
            self._add_message(session, record)
        elif isinstance(record, ToolResult):
            self._add_result(session, record)
        elif isinstance(record, TokenRecord):
            self._add_tokens(session, record)
        else:
            self._add_note(session, record)
        if self._rows.is_full:
            self._write()

    def finish(self) -> Added:
        """End the file: write what is held back and return what it brought."""
        for session in self._sessions.values():
            if session is not None and session.held is not None:
                self._settle_rivalry(session)
        self._write()
        sessions = [session for session in self._sessions.values() if session is not None]
        self._merge.end_session()
        merged = self._merge.merged
        return Added(
            [session.id for session in sessions if session.is_new] + merged.added,
            [session.id for session in sessions if not session.is_new and session.is_changed] + merged.updated,
            [session.id for session in sessions if not session.is_new and not session.is_changed]
            + merged.unchanged,
            sum(session.added for session in sessions) + merged.messages,
            {session.id: (session.authority, session.is_owner) for session in sessions}
            | dict.fromkeys([*merged.added, *merged.updated, *merged.unchanged], (None, True)),
        )

    # Sessions

    def _add_session(self, record: SessionRecord) -> None:
        if record.id not in self._sessions:
            self._sessions[record.id] = self._open_session(record)
        session = self._sessions[record.id]
        if session is None:
            return
        session.learn(record)
        fields = session.fields
        if (record.project or record.project_name) and fields.get("project_id") is None:
            fields["project_id"] = self._lookups.project(record.project, record.project_name)
        if record.channel is not None and (record.channel.chat_id or fields.get("channel_id") is None):
            fields["channel_id"] = self._lookups.channel(Channel(*record.channel))
        if record.model is not None:
            fields["model_id"] = self._model(record.model)
        if record.parent_id is not None and record.parent_id != session.id:
            fields["parent_id"] = record.parent_id
        session.tags.update(record.tags)

    def _open_session(self, record: SessionRecord) -> ImportSession | None:
        """Return what is known of a session, None for one that was removed on purpose."""
        if self._db.row("SELECT 1 FROM deletions WHERE session_id = ?", (record.id,)):
            if not self._restore:
                return None
            self._db.execute("DELETE FROM deletions WHERE session_id = ?", (record.id,))
        row = self._db.row(f"SELECT {', '.join(COLUMNS)} FROM sessions WHERE id = ?", (record.id,))
        if row is None:
            return ImportSession(record, None, 0)
        last = self._db.value("SELECT max(seq) FROM messages WHERE session_id = ?", (record.id,))
        session = ImportSession(record, dict(zip(COLUMNS, row, strict=True)), last or 0)
        if record.authority is not None and self._rival(record.id) is not None:
            session.held = []
        return session

    def _rival(self, session_id: str) -> int | None:
        """Return the authority of another file whose messages the session has, None where there is none."""
        found = self._db.value(
            "SELECT s.authority FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id"
            " WHERE s.session_id = ? AND s.authority IS NOT NULL AND s.is_owner AND i.path <> ?",
            (session_id, self._path),
        )
        return None if found is None else int(found)

    def _settle_rivalry(self, session: ImportSession) -> None:
        """Take the messages of this file in place of the stored ones, or leave them, as authority and number say."""
        held, session.held = session.held or [], None
        count = sum(isinstance(record, MessageRecord | ToolResult) for record in held)
        stored = int(self._db.value("SELECT count(*) FROM messages WHERE session_id = ?", (session.id,)))
        ours, theirs = (session.authority or 0, count), (self._rival(session.id) or 0, stored)
        session.is_owner = ours > theirs
        if not session.is_owner:
            # A file that is not believed only fills gaps.
            session.fields |= {name: value for name, value in session.written.items() if value is not None}
            return
        for table in ("messages", "tool_calls", "token_counts"):
            self._db.execute(f"DELETE FROM {table} WHERE session_id = ?", (session.id,))
        self._db.execute("UPDATE import_sessions SET is_owner = 0 WHERE session_id = ?", (session.id,))
        session.last_seq = 0
        session.is_changed = True
        for record in held:
            assert not isinstance(record, SessionRecord)
            self._take(session, record)

    def _write_session(self, session: ImportSession) -> None:
        session.settle(self._fallback_time)
        changes = session.changes()
        if session.written and not changes and not self._bulk_counts(session):
            return
        self._keep_references_whole(session, changes)
        if not session.written:
            changes["agent"] = self._lookups.agent(session.agent)
            changes |= (
                {"message_count": session.unwritten_spoken, "tool_call_count": session.unwritten_calls}
                if self._bulk
                else {}
            )
            names = ", ".join(changes)
            self._db.execute(
                f"INSERT INTO sessions ({names}, origin) VALUES ({', '.join('?' * len(changes))},"
                " (SELECT value FROM meta WHERE key = 'database_id'))",
                list(changes.values()),
            )
        else:
            assignments = [f"{name} = ?" for name in changes]
            if self._bulk_counts(session):
                assignments.append(f"message_count = message_count + {session.unwritten_spoken}")
                assignments.append(f"tool_call_count = tool_call_count + {session.unwritten_calls}")
            self._db.execute(
                f"UPDATE sessions SET {', '.join(assignments)} WHERE id = ?", [*changes.values(), session.id]
            )
            session.is_changed = True
        session.unwritten_spoken = session.unwritten_calls = 0
        session.written = dict(session.fields)
        if session.tags:
            self._db.executemany(
                "INSERT OR IGNORE INTO session_tags (session_id, tag_id) VALUES (?, ?)",
                [(session.id, self._lookups.tag(tag)) for tag in sorted(session.tags)],
            )
            session.tags.clear()

    def _bulk_counts(self, session: ImportSession) -> bool:
        return self._bulk and bool(session.unwritten_spoken or session.unwritten_calls)

    def _keep_references_whole(self, session: ImportSession, changes: dict[str, Any]) -> None:
        """Note a parent that is not there yet (`adopt` links it), and end a session whose key another open one holds."""
        parent = changes.get("parent_id")
        if parent is not None and not self._db.row("SELECT 1 FROM sessions WHERE id = ?", (parent,)):
            del changes["parent_id"], session.fields["parent_id"]
            known = json.loads(session.fields.get("metadata") or "{}")
            changes["metadata"] = session.fields["metadata"] = json.dumps(
                {**known, "parent_id": parent}, ensure_ascii=False
            )
        key = session.fields.get("key")
        if key is not None and session.fields.get("ended_at") is None:
            other = self._db.value(
                "SELECT id FROM sessions WHERE key = ? AND ended_at IS NULL AND id <> ?", (key, session.id)
            )
            if other is not None and self._gave(other):
                # The store that called the other one current now calls this one so.
                self._db.execute(
                    "UPDATE sessions SET ended_at = last_active_at, end_reason = 'imported' WHERE id = ?",
                    (other,),
                )
            elif other is not None:
                changes["ended_at"] = session.fields["ended_at"] = session.fields["last_active_at"]
                changes["end_reason"] = session.fields["end_reason"] = "imported"

    def _gave(self, session_id: str) -> bool:
        """Say whether the file being read is one that gave a session before."""
        return session_id in self._sessions or bool(
            self._db.row(
                "SELECT 1 FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id WHERE s.session_id = ? AND i.path = ?",
                (session_id, self._path),
            )
        )

    def adopt(self) -> None:
        """Link sessions to parents that were imported after them."""
        adopt(self._db)

    # Messages and tool calls

    def _add_message(self, session: ImportSession, record: MessageRecord) -> None:
        session.saw(record.created_at)
        external_id = record.external_id
        if external_id is not None:
            known = self._known_message(session, external_id)
            if known is not None:
                self._add_again(session, known, record)
                return
            if session.may_replay and self._is_replayed(session, external_id):
                return
        content = _safe(record.content)
        model_id = self._model(record.model)
        row = self._new_message(
            session, record, content, (_safe(record.reasoning), model_id, record.finish_reason)
        )
        if external_id is not None:
            session.messages[external_id] = row
            if session.is_new:
                self._everywhere[external_id] = session.id
        if model_id is not None:
            session.fields["model_id"] = model_id
        if record.role == "user" and content and not (record.metadata and "kind" in record.metadata):
            session.entitle(content, "prompt")
        if record.role in _SPOKEN:
            session.unwritten_spoken += 1
        self._add_calls(session, row[0], record)

    def _add_again(self, session: ImportSession, row: Row, record: MessageRecord) -> None:
        """Add to a message what it does not have yet: further text, further tool calls."""
        content, reasoning = _safe(record.content), _safe(record.reasoning)
        if self._rows.is_written_message(row):
            columns = "SELECT content, reasoning, finish_reason FROM messages WHERE id = ?"
            stored = self._db.row(columns, (row[0],)) or (None, None, None)
        else:
            stored = (row[4], row[5], row[9])
        add = _joined if record.continues else _longer
        grown = (add(stored[0], content), add(stored[1], reasoning), stored[2] or record.finish_reason)
        if grown != stored:
            if self._rows.is_written_message(row):
                update = "UPDATE messages SET content = ?, reasoning = ?, finish_reason = ? WHERE id = ?"
                self._db.execute(update, (*grown, row[0]))
            else:
                row[4], row[5], row[9] = grown
            session.is_changed = True
        self._add_calls(session, row[0], record)

    def _add_calls(self, session: ImportSession, message_id: int, record: MessageRecord) -> None:
        for position, call in enumerate(record.tool_calls):
            known = self._known_call(session, call.call_id)
            if known is not None and known[ASKED_BY] is None and not self._rows.is_written_call(known):
                # The answer came first; now the asking message.
                known[ASKED_BY], known[NAME], known[ARGUMENTS] = message_id, call.name, _safe(call.arguments)
                continue
            if known is not None and (known[ASKED_BY] == message_id or known[ANSWERED_BY] is None):
                continue
            row = self._rows.call(
                session.id, message_id, None, position, call.call_id, call.name, _safe(call.arguments), None, None,
                record.created_at, None,
            )  # fmt: skip
            self._remember_call(session, row)

    def _add_result(self, session: ImportSession, record: ToolResult) -> None:
        session.saw(record.created_at)
        call = self._known_call(session, record.call_id)
        if call is not None and call[ANSWERED_BY] is not None:
            return
        external_id = record.external_id if record.call_id is None else None
        if external_id is not None and self._known_message(session, external_id) is not None:
            return
        if call is None and session.has_replayed and session.may_replay:
            # Answers have no ids of their own: a copied answer is one whose call was copied.
            return
        message = self._new_message(session, record, None, (None, None, None))
        if external_id is not None:
            session.messages[external_id] = message
        result = _safe(record.result)
        is_error = None if record.is_error is None else int(record.is_error)
        if call is None:
            call = self._rows.call(
                session.id, None, None, 0, record.call_id, record.name, None, None, None, None, None
            )  # fmt: skip
            self._remember_call(session, call)
        self._rows.answer(call, message[0], result, is_error, record.created_at)

    def _new_message(
        self,
        session: ImportSession,
        record: MessageRecord | ToolResult,
        content: str | None,
        extra: tuple[Any, Any, Any],
    ) -> Row:
        session.may_replay = False
        session.last_seq += 1
        session.added += 1
        session.is_changed = True
        reasoning, model_id, finish_reason = extra
        role = record.role if isinstance(record, MessageRecord) else "tool"
        parts = None if record.parts is None else json.dumps(record.parts, ensure_ascii=False)
        metadata = None if not record.metadata else json.dumps(record.metadata, ensure_ascii=False)
        external_id = record.external_id if role != "tool" or record.call_id is None else None
        return self._rows.message(
            session.id, session.last_seq, role, content, reasoning, parts, external_id, model_id, finish_reason,
            record.created_at, metadata,
        )  # fmt: skip

    def _remember_call(self, session: ImportSession, row: Row) -> None:
        session.unwritten_calls += 1
        call_id = row[CALL.index("call_id")]
        if call_id is not None:
            session.calls[call_id] = row

    def _known_message(self, session: ImportSession, external_id: str) -> Row | None:
        row = session.messages.get(external_id)
        if row is None and not session.is_new:
            found = self._db.value(
                "SELECT id FROM messages WHERE external_id = ? AND session_id = ?", (external_id, session.id)
            )
            if found is not None:
                row = session.messages[external_id] = [found]
        return row

    def _known_call(self, session: ImportSession, call_id: str | None) -> Row | None:
        """Return the latest call with an id that the session has."""
        if call_id is None:
            return None
        row = session.calls.get(call_id)
        if row is None and not session.is_new:
            found = self._db.row(
                f"SELECT {', '.join(CALL)} FROM tool_calls WHERE session_id = ? AND call_id = ? ORDER BY id DESC LIMIT 1",
                (session.id, call_id),
            )
            if found is not None:
                row = session.calls[call_id] = list(found)
        return row

    def _is_replayed(self, session: ImportSession, external_id: str) -> bool:
        """Say whether a message is another session's, copied to the front of one that goes on from there."""
        if not _WORLDWIDE.fullmatch(external_id):
            session.may_replay = False
            return False
        origin = self._everywhere.get(external_id) or self._db.value(
            "SELECT session_id FROM messages WHERE external_id = ? AND session_id <> ?",
            (external_id, session.id),
        )
        if origin is None:
            session.may_replay = False
            return False
        if session.fields.get("parent_id") is None:
            session.fields["parent_id"], session.fields["relation"] = (
                origin,
                session.fields.get("relation") or "fork",
            )
        session.has_replayed = True
        return True

    # Tokens and notes

    def _add_tokens(self, session: ImportSession, record: TokenRecord) -> None:
        """Take the tokens of a response; of several counts for one response the one with the greatest output."""
        known = self._known_tokens(session, record.request_key)
        if known is not None and (record.output or 0) <= (known[_OUTPUT] or 0):
            return
        message = self._known_message(session, record.message) if record.message is not None else None
        values = [
            session.id, record.request_key, message[0] if message else None, self._model(record.model), record.counted_at,
            record.input, record.cache_read, record.cache_write, record.output, record.reasoning, record.cost_microdollars,
        ]  # fmt: skip
        session.is_changed = True
        if known is None:
            session.tokens[record.request_key] = values
            self._everywhere[record.request_key] = session.id
            self._rows.tokens(values)
        else:
            known[2:] = values[2:]
            if self._rows.is_written_tokens(known):
                self._db.execute(
                    f"UPDATE token_counts SET {', '.join(f'{name} = ?' for name in TOKENS[2:])}"
                    " WHERE session_id = ? AND request_key = ?",
                    [*values[2:], *values[:2]],
                )

    def _known_tokens(self, session: ImportSession, request_key: str) -> Row | None:
        """Return the count of a response that this session has, or the one that it copied it from."""
        row = session.tokens.get(request_key)
        if row is None and (not session.is_new or session.has_replayed):
            found = self._db.row(
                f"SELECT {', '.join(TOKENS)} FROM token_counts WHERE request_key = ? AND (session_id = ? OR ?)",
                (request_key, session.id, session.has_replayed),
            )
            if found is not None:
                row = session.tokens[request_key] = list(found)
        if row is None and session.has_replayed and request_key in self._everywhere:
            row = [*[None] * _OUTPUT, 2**62]
        return row

    def _add_note(self, session: ImportSession, record: NoteRecord) -> None:
        session.saw(record.created_at)
        self._write_session(session)
        # Notes that stand for a state have no time of their own in the logs: theirs is that of the last save.
        found = self._db.value(
            "SELECT id FROM notes WHERE session_id = ? AND kind = ? AND body = ? AND (created_at = ? OR kind IN (?, ?, ?))",
            (session.id, record.kind, record.body, record.created_at, *_STATES),
        )
        if found is None:
            found = self._db.execute(
                "INSERT INTO notes (session_id, project_id, kind, body, created_at, context, resolution, author, assignee,"
                " due_at, resolved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (session.id, session.fields.get("project_id"), *record[1:10]),
            ).lastrowid
            session.is_changed = True
        elif record.resolved_at is not None or record.resolution is not None:
            changed = self._db.execute(
                "UPDATE notes SET resolved_at = coalesce(resolved_at, ?1), resolution = coalesce(resolution, ?2) WHERE id = ?3"
                " AND (resolved_at IS NOT coalesce(resolved_at, ?1) OR resolution IS NOT coalesce(resolution, ?2))",
                (record.resolved_at, record.resolution, found),
            ).rowcount
            session.is_changed = session.is_changed or changed > 0
        self._db.executemany(
            "INSERT OR IGNORE INTO note_translations (note_id, lang, body) VALUES (?, ?, ?)",
            [(found, lang, body) for lang, body in (record.translations or {}).items()],
        )

    def _write(self) -> None:
        for session in self._sessions.values():
            if session is not None:
                self._write_session(session)
        self._rows.write()

    def _model(self, name: str | None) -> int | None:
        if name is None:
            return None
        if name not in self._models:
            self._models[name] = self._lookups.model(name)
        return self._models[name]


def _safe(text: str | None) -> str | None:
    return clean_text(text) if text is not None and "\0" in text else text


def _joined(stored: str | None, new: str | None) -> str | None:
    return f"{stored}\n\n{new}" if stored and new else stored or new


def _longer(stored: str | None, new: str | None) -> str | None:
    if not stored:
        return new
    return new if new is not None and new.startswith(stored) else stored
