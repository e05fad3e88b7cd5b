"""Import the SQLite sessions of OpenAI's Agents SDK, which any program that uses it may keep anywhere.

The tables are told by their columns, as their names are the program's choice: one of sessions, one of items
(what the Responses API takes and gives). The items that a model put out between two inputs are one assistant
message. Nothing tells the model. Session ids such as `conversation_123` are unique in their table only, and
the ids in the items are often all the same: a row's number is what tells it.

AdvancedSQLiteSession also counts tokens, one sum for each turn of the user, and keeps branches of a
conversation: the items of all branches are one session, in the order they were added. EncryptedSession's
items cannot be read.

Source: github.com/openai/openai-agents-python, src/agents/memory and src/agents/extensions/memory, version
0.24.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record, SessionRecord, TokenRecord, session_id
from sessiondb.importers.chat_api.call_ids import with_call_ids
from sessiondb.importers.chat_api.messages import token_record
from sessiondb.importers.openai_agents.items import Conversation
from sessiondb.importers.opencode.db import decode, tables
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "openai-agents"
version = 3
wrong_before = 2

_ITEMS = frozenset(("session_id", "message_data"))
_SESSIONS = frozenset(("session_id", "created_at", "updated_at"))
_USAGE = frozenset(("session_id", "branch_id", "user_turn_number", "input_tokens", "output_tokens"))
_STRUCTURE = frozenset(("session_id", "branch_id", "user_turn_number", "message_id"))
_TIMES = ("created_at", "updated_at")
_MAIN = "main"
_DETAILS = ("input_tokens_details", "output_tokens_details")


def sniff(sample: Sample) -> int:
    """Tell the database by a table of items."""
    return 2 if sample.is_sqlite and _with(sample.tables, _ITEMS) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the sessions of all tables of items.

    Raises ImportFailed where there is no such table, or where all that is in them is encrypted.
    """
    with source.sqlite() as connection:
        # A byte that is no UTF-8 must not cost the whole file.
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        store = _Store(source, connection)
        yield from store.records()
    if store.encrypted and not store.readable:
        raise ImportFailed(f"{source.path} is encrypted (EncryptedSession): only its own program can read it")
    if store.encrypted:
        reason = f"left out what is encrypted (EncryptedSession) in {store.encrypted} of its sessions"
        source.problem(reason, whole=True)


class _Branch(NamedTuple):
    """The rows that a branch has of its own; `last` is the last row that it shares with the one it comes from."""

    name: str | None
    rows: list[int]
    parent: str | None = None
    last: int | None = None


class _Store:
    """A database of sessions; `readable` and `encrypted` count those read and those that cannot be."""

    def __init__(self, source: Source, connection: sqlite3.Connection) -> None:
        self._source = source
        self._connection = connection
        self._tables = tables(connection)
        self.readable = self.encrypted = 0

    def records(self) -> Iterator[Record]:
        names = _with(self._tables, _ITEMS)
        if not names:
            raise ImportFailed(
                f"{self._source.path} has no table of items: none with session_id and message_data"
            )
        for table in names:
            query = f"SELECT session_id FROM {_quoted(table)} GROUP BY session_id ORDER BY min(rowid)"
            for (key,) in self._connection.execute(query).fetchall():
                yield from self._session(table, key)

    def _session(self, table: str, key: Any) -> Iterator[Record]:
        scope = f"{self._source.path.resolve()}#{table}"
        times = self._times(table, key)
        started_at, last_active_at = (normalise(times.get(column), timezone.utc) for column in _TIMES)
        replies: dict[int, str] = {}
        for branch in self._branches(table, key):
            native_id = _native_id(key, branch.name)
            conversation = Conversation(session_id(name, native_id, scope))
            records = [*self._items(table, branch.rows, conversation), *conversation.close()]
            replies |= conversation.replies
            self.encrypted += conversation.is_encrypted
            if not records:
                continue
            self.readable += 1
            session = SessionRecord(
                conversation.session, name, native_id, started_at=started_at, last_active_at=last_active_at
            )
            if branch.parent is not None:
                parent_id = session_id(name, _native_id(key, branch.parent), scope)
                session = _forked(session, branch, parent_id, replies)
            yield session
            yield from with_call_ids(records)
            yield from self._tokens(key, branch, session_id(name, str(key), scope), conversation)

    def _branches(self, table: str, key: Any) -> list[_Branch]:
        """Return the branches of a session, the main one first, each with the rows that are its own.

        A branch begins with the rows of another one up to the turn that it was made from.
        """
        query = f"SELECT rowid FROM {_quoted(table)} WHERE session_id = ? ORDER BY rowid"
        rows = [row[0] for row in self._connection.execute(query, (key,))]
        if not self._tables.get("message_structure", frozenset()) >= _STRUCTURE:
            return [_Branch(None, rows)]
        columns = self._tables["message_structure"]
        order = "sequence_number, rowid" if "sequence_number" in columns else "rowid"
        query = f"SELECT branch_id, message_id FROM message_structure WHERE session_id = ? ORDER BY {order}"
        known: dict[str, list[int]] = {_MAIN: []}
        for branch, row in self._connection.execute(query, (key,)):
            if isinstance(row, int):
                known.setdefault(str(branch), []).append(row)
        placed = {row for members in known.values() for row in members}
        known[_MAIN] = sorted({*known[_MAIN], *(row for row in rows if row not in placed)})
        found = [_Branch(_MAIN, known.pop(_MAIN))]
        whole = {_MAIN: found[0].rows}
        for branch, members in known.items():
            shared = {other: _common(members, theirs) for other, theirs in whole.items()}
            parent = max(shared, key=lambda other: shared[other])
            last = members[shared[parent] - 1] if shared[parent] else None
            whole[branch] = members
            found.append(_Branch(branch, members[shared[parent] :], parent, last))
        return found

    def _items(self, table: str, rows: list[int], conversation: Conversation) -> Iterator[Record]:
        created_at = "created_at" if "created_at" in self._tables[table] else "NULL"
        columns = f"rowid, message_data, {created_at}"
        query = f"SELECT {columns} FROM {_quoted(table)} WHERE rowid = ?"
        found = (item for row in rows for item in self._connection.execute(query, (row,)))
        for row, data, moment in found:
            item = decode(data)
            if isinstance(item, dict):
                yield from conversation.add(row, item, normalise(moment, timezone.utc))
            else:
                self._source.problem(f"row {row} of {table} is not a JSON object", whole=True)

    def _times(self, table: str, key: Any) -> dict[str, Any]:
        """Return when a session was begun and last changed, by the table its items refer to, or any."""
        query = 'SELECT "table" FROM pragma_foreign_key_list(?) WHERE "from" = \'session_id\''
        referred = [row[0] for row in self._connection.execute(query, (table,))]
        known = _with(self._tables, _SESSIONS)
        for sessions in (*(found for found in referred if found in known), *known):
            query = f"SELECT created_at, updated_at FROM {_quoted(sessions)} WHERE session_id = ?"
            for row in self._connection.execute(query, (key,)):
                return dict(row)
        return {}

    def _tokens(
        self, key: Any, branch: _Branch, main: str, conversation: Conversation
    ) -> Iterator[TokenRecord]:
        """Yield the sums of each turn of the user; the reply they are noted with is the turn's last."""
        if not self._tables.get("turn_usage", frozenset()) >= _USAGE:
            return
        query = "SELECT * FROM turn_usage WHERE session_id = ? ORDER BY branch_id, user_turn_number"
        for row in self._connection.execute(query, (key,)):
            usage = dict(row)
            turn = (key, usage["branch_id"], usage["user_turn_number"])
            if branch.name not in (None, str(turn[1])):
                continue
            for column in _DETAILS:
                usage[column] = decode(usage.get(column))
            details = usage["input_tokens_details"]
            usage["input_tokens_details"] = details = details if isinstance(details, dict) else {}
            usage["cache_creation_input_tokens"] = details.get("cache_write_tokens")
            request_key = ":".join((main, *map(str, turn[1:])))
            record = token_record(conversation.session, request_key, usage)
            if record is not None:
                message = self._reply(turn, conversation)
                yield record._replace(
                    message=message, counted_at=normalise(usage.get("created_at"), timezone.utc)
                )

    def _reply(self, turn: tuple[Any, ...], conversation: Conversation) -> str | None:
        if not self._tables.get("message_structure", frozenset()) >= _STRUCTURE:
            return None
        query = (
            "SELECT message_id FROM message_structure"
            " WHERE session_id = ? AND branch_id = ? AND user_turn_number = ? ORDER BY message_id DESC"
        )
        rows = (row[0] for row in self._connection.execute(query, turn))
        return next((conversation.replies[row] for row in rows if row in conversation.replies), None)


def _native_id(key: Any, branch: str | None) -> str:
    return str(key) if branch in (None, _MAIN) else f"{key}#{branch}"


def _forked(
    session: SessionRecord, branch: _Branch, parent_id: str, replies: Mapping[int, str]
) -> SessionRecord:
    """Return a branch's session with what it comes from, and with the last message that it shares with that one."""
    known: dict[str, Any] = {"branch": branch.name}
    if branch.last is not None:
        known |= {"forked_from": parent_id, "forked_at": replies.get(branch.last, str(branch.last))}
    return session._replace(parent_id=parent_id, relation="fork", metadata=known)


def _common(ours: list[int], theirs: list[int]) -> int:
    """Return how many rows two branches begin with alike."""
    pairs = zip(ours, theirs, strict=False)
    return next(
        (count for count, (one, other) in enumerate(pairs) if one != other), min(len(ours), len(theirs))
    )


def _with(known: Mapping[str, frozenset[str]], columns: frozenset[str]) -> list[str]:
    return sorted(table for table, found in known.items() if found >= columns)


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'
