"""Read the store of the command-line agent, `~/.cursor/chats/<folder>/<id>/store.db`.

`meta` has one row, hex of JSON, about the session. `blobs` are named by their digest: messages as JSON, and a root in
Protocol Buffers, whose field 1 names the messages in their order, and field 9 the folder. (A message of Protocol
Buffers is a row of fields, each a tag, and a number or a length with so many bytes.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import arguments_text, json_text, text_and_parts, text_or_none, without_payloads
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.cursor.bubbles import known_model
from sessiondb.importers.cursor.places import AGENT, STORE
from sessiondb.importers.cursor.prompts import take_apart, without_redacted
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.small import read_object
from sessiondb.importers.files.source import Source
from sessiondb.importers.files.uris import place_of
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

# What the program calls a session before it has a title.
_NO_TITLES = ("New Agent", "New Chat", "Untitled")
# All that is read of the row about the session, which has a key to its blobs as well.
_KEPT = ("agentId", "name", "createdAt", "mode", "lastUsedModel", "latestRootBlobId")
_DIGEST = 32
_MESSAGES, _FOLDER = 1, 9
_APART = ("reasoning", "redacted-reasoning", "tool-call", "tool-result")


def read(source: Source) -> Iterator[Record]:
    """Yield the session, if anything was said in it."""
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        meta = _meta(connection)
        if not meta:
            source.problem("it says nothing of its session", whole=True)
            return
        root = _blob(connection, text_or_none(meta.get("latestRootBlobId")) or "")
        fields = list(_fields(root))
        session = _session(source, meta, fields)
        found: list[Record] = []
        seen: dict[str, int] = {}
        for number, value in fields:
            if number == _MESSAGES and len(value) == _DIGEST:
                digest = value.hex()
                # A blob is named by its digest, so that "go on", said twice, is one blob, which the root names twice.
                seen[digest] = seen.get(digest, 0) + 1
                id = digest[:24] if seen[digest] == 1 else f"{digest[:24]}#{seen[digest]}"
                message = decode(_blob(connection, digest))
                if isinstance(message, dict):
                    found += _message(source, session.id, message, id)
                else:
                    source.problem(f"message {digest[:12]} is missing, or is no JSON", whole=True)
        if found:
            yield session
            yield from found


def _meta(connection: sqlite3.Connection) -> dict[str, Any]:
    rows = {row[0]: row[1] for row in connection.execute("SELECT key, value FROM meta")}
    value = rows.get("0")
    if isinstance(value, str | bytes):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        try:
            # JSON as hex: today's form. Without hex: what others write.
            value = decode(bytes.fromhex(text))
        except ValueError:
            value = decode(text)
    meta = object_of(value) or rows
    return {key: meta[key] for key in _KEPT if key in meta}


def _blob(connection: sqlite3.Connection, digest: str) -> bytes:
    row = connection.execute("SELECT data FROM blobs WHERE id = ?", (digest,)).fetchone()
    data = row[0] if row else b""
    return data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data or b"")


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a message of Protocol Buffers that have a length, up to where it is none any more."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        if tag is None:
            return
        kind = tag & 7
        if kind == 0:
            value, at = _number(data, at)
            if value is None:
                return
        # Fixed numbers of eight and of four bytes.
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            size, at = _number(data, at)
            if size is None or at + size > len(data):
                return
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            return


def _number(data: bytes, at: int) -> tuple[int | None, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            return None, at
        # Seven bits a byte, the lowest first; the eighth says whether another byte follows.
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    return None, at


def _session(source: Source, meta: dict[str, Any], fields: list[tuple[int, bytes]]) -> SessionRecord:
    path = source.path.absolute()
    beside = read_object(path.with_name("meta.json"))
    native_id = text_or_none(meta.get("agentId")) or path.parent.name
    folders = [value.decode("utf-8", "replace") for number, value in fields if number == _FOLDER]
    project = text_or_none(beside.get("cwd")) or next(
        (one for one in folders if "/" in one or "\\" in one), None
    )
    title = text_or_none(meta.get("name")) or text_or_none(beside.get("title"))
    times = (meta.get("createdAt") or beside.get("createdAtMs"), beside.get("updatedAtMs"))
    created, last = (normalise(one, source.tz) for one in times)
    mode = text_or_none(meta.get("mode"))
    return SessionRecord(
        session_id(AGENT, native_id, str(path.parent.parent)),
        AGENT,
        native_id,
        project=place_of(project).path,
        title=None if title in _NO_TITLES else title,
        model=known_model(meta.get("lastUsedModel")),
        started_at=created,
        last_active_at=last,
        authority=STORE,
        metadata={"mode": mode} if mode and mode != "default" else None,
    )


def _message(source: Source, session: str, message: dict[str, Any], id: str) -> Iterator[Record]:
    role, content = message.get("role"), message.get("content")
    blocks = objects_of(content) if isinstance(content, list) else [{"type": "text", "text": content}]
    text, parts = text_and_parts([block for block in blocks if block.get("type") not in _APART])
    if role == "system":
        if text:
            yield MessageRecord(session, "system", text, id, metadata={"kind": "instructions"})
    elif role == "user":
        turn = take_apart(text or "", source.tz)
        at = turn.sent_at
        if turn.injected:
            external_id = f"{id}#context" if turn.typed or parts else id
            yield MessageRecord(
                session, "system", turn.injected, external_id, at, metadata={"kind": turn.kind}
            )
        if turn.typed or parts:
            yield MessageRecord(session, "user", turn.typed or None, id, at, parts=parts)
    elif role == "assistant":
        thoughts = [text_or_none(block.get("text")) for block in blocks if block.get("type") == "reasoning"]
        calls = [
            ToolCallRecord(
                text_or_none(block.get("toolCallId")) or f"{id}#{number}",
                text_or_none(block.get("toolName")),
                arguments_text(without_payloads(block.get("args", block.get("input")))),
            )
            for number, block in enumerate(block for block in blocks if block.get("type") == "tool-call")
        ]
        reasoning = "\n\n".join(filter(None, thoughts)) or None
        yield MessageRecord(
            session,
            "assistant",
            without_redacted(text),
            id,
            reasoning=reasoning,
            parts=parts,
            tool_calls=tuple(calls),
        )
    elif role != "tool":
        source.problem(f"message {id} has no role that is known", whole=True)
    for number, block in enumerate(block for block in blocks if block.get("type") == "tool-result"):
        yield _answer(session, block, f"{id}#answer{number}")


def _answer(session: str, block: dict[str, Any], id: str) -> ToolResult:
    told = block.get("result", block.get("output"))
    if isinstance(told, list):
        text, parts = text_and_parts(told)
    else:
        text, parts = json_text(without_payloads(told)), None
    failed = block.get("isError")
    return ToolResult(
        session,
        text_or_none(block.get("toolCallId")),
        text,
        failed if isinstance(failed, bool) else None,
        None,
        text_or_none(block.get("toolName")),
        id,
        parts,
    )
