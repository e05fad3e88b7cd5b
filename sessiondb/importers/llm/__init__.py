"""Import the logs.db of the command llm: conversations of its first tables, and threads of those since
version 0.32.

A conversation that was begun with an old version and continued with a new one is in both, under one id: its
responses, then the turns after them. Ids are ULIDs, which sort by time.

Each response or turn is what was new in one call of a model: the system prompt where it changed, the answers
of tools, the prompt (none in the follow-ups of a chain of tools), and the reply. The text of fragments is
part of the prompt that they were given with; attachments are parts of it, by hash, type and size. A fork is a
session that goes on from its parent: the messages that they share stay with the parent.

Source: github.com/simonw/llm, migrations.py and logs.py of versions 0.27 and 0.36.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record, SessionRecord, session_id
from sessiondb.importers.chat_api.call_ids import with_call_ids
from sessiondb.importers.llm.responses import Responses
from sessiondb.importers.llm.tables import Tables
from sessiondb.importers.llm.turns import Turns
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "llm"
version = 2

_RESPONSES = frozenset(("id", "prompt", "response", "conversation_id", "datetime_utc"))
_TURNS = frozenset(("id", "thread_id", "parent_message_hash", "tip_message_hash"))


def sniff(sample: Sample) -> int:
    """Tell the database by the tables of either generation."""
    return 2 if sample.is_sqlite and _fits(sample.tables) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the conversations, the oldest first. Raises ImportFailed where the database is none of llm's."""
    with source.sqlite() as connection:
        tables = Tables(connection, source)
        if not _fits(tables.columns):
            raise ImportFailed(f"{source.path} is not a log of llm: it has neither responses nor turns")
        responses, turns = Responses(tables), Turns(tables)
        names = tables.by_id("conversations")
        threads = tables.by_id("threads")
        for conversation_id in sorted({*responses.ids, *turns.ids, *threads}):
            thread = threads.get(conversation_id, {})
            session = _session(source, conversation_id, names.get(conversation_id, {}), thread)
            records = [
                *responses.records(session.id, conversation_id),
                *turns.records(session.id, conversation_id, thread, conversation_id in responses.ids),
            ]
            if not records:
                continue
            if not any(getattr(record, "created_at", None) for record in records):
                session = session._replace(started_at=normalise(thread.get("datetime_utc"), tables.tz))
            yield session
            yield from with_call_ids(records)


def _fits(columns: dict[str, frozenset[str]]) -> bool:
    return columns.get("responses", frozenset()) >= _RESPONSES or columns.get("turns", frozenset()) >= _TURNS


def _session(
    source: Source, conversation_id: str, conversation: dict[str, Any], thread: dict[str, Any]
) -> SessionRecord:
    scope = str(source.path.resolve().parent)
    parent = text_or_none(thread.get("forked_from"))
    return SessionRecord(
        session_id(name, conversation_id, scope),
        name,
        conversation_id,
        parent_id=session_id(name, parent, scope) if parent else None,
        relation="fork" if parent else None,
        title=text_or_none(conversation.get("name")) or text_or_none(thread.get("name")),
    )
