"""Import the sessions of OpenCode: its database, the JSON files before that, exports, and its ancestor in Go.

A session has the same ids in the database, in the tree of files and in an export, so it is imported once.
In the tree it is one session file with the message and part files beside it; those are no sources themselves.

Source of the formats: OpenCode's schema (session/session.sql.ts, session/message-v2.ts) and storage
(storage/storage.ts), the Go program's migrations (internal/db/migrations), and real files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import Record
from sessiondb.importers.files.sample import SQLITE_MAGIC, Sample
from sessiondb.importers.files.source import Source, open_bytes
from sessiondb.importers.opencode import db as opencode_db
from sessiondb.importers.opencode import go as opencode_go
from sessiondb.importers.opencode import tree as opencode_tree
from sessiondb.importers.opencode.messages import Conversation
from sessiondb.importers.opencode.tree import is_part

__all__ = ["is_part", "name", "read", "sniff", "version"]

name = "opencode"
version = 4


def sniff(sample: Sample) -> int:
    """Say whether the sample holds OpenCode sessions: 0 or 2."""
    if sample.is_sqlite:
        return 2 if opencode_db.fits(sample.tables) or opencode_go.fits(sample.tables) else 0
    document = sample.document
    if not isinstance(document, dict):
        return 0
    return 2 if _is_export(document) or opencode_tree.is_session(sample.path, document) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the records of all sessions of a source. Raises ImportFailed where it holds none."""
    with open_bytes(source.path) as handle:
        is_sqlite = handle.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    if is_sqlite:
        yield from _read_database(source)
        return
    document = source.document()
    if isinstance(document, dict) and _is_export(document):
        yield from _read_export(source, document)
    elif isinstance(document, dict) and opencode_tree.is_session(source.path, document):
        yield from opencode_tree.read(source, document)
    else:
        raise ImportFailed(
            f"{source.path} is not an OpenCode session: it is neither a session file nor an export"
        )


def _read_database(source: Source) -> Iterator[Record]:
    with source.sqlite() as connection:
        # A byte that is no UTF-8 must not cost the whole file.
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        tables = opencode_db.tables(connection)
        if opencode_db.fits(tables):
            yield from opencode_db.read(source, connection)
        elif opencode_go.fits(tables):
            yield from opencode_go.read(source, connection)
        else:
            raise ImportFailed(
                f"{source.path} is not an OpenCode database: it lacks the table session, message or part"
            )


def _is_export(document: dict[str, Any]) -> bool:
    info, messages = document.get("info"), document.get("messages")
    if not isinstance(info, dict) or not text_or_none(info.get("id")) or not isinstance(messages, list):
        return False
    return all(map(_has_info, messages[:1]))


def _has_info(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("info"), dict)


def _read_export(source: Source, document: dict[str, Any]) -> Iterator[Record]:
    scope = str(source.path.absolute().parent)
    first: dict[str, Any] = next((one["info"] for one in document["messages"] if _has_info(one)), {})
    conversation = Conversation(document["info"], first, scope, source)
    yield conversation.session
    for number, message in enumerate(document["messages"]):
        if _has_info(message):
            info = message["info"]
            message_id = text_or_none(info.get("id")) or f"#{number}"
            yield from conversation.message(message_id, info, message.get("parts"))
        else:
            source.problem(f"message {number + 1} is no message of OpenCode", whole=True)
    yield from conversation.end()
