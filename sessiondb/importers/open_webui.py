"""The chats of Open WebUI: its database `webui.db`, and the chats that it exports as JSON.

A chat is one JSON value (the column `chat` of the table `chat`): `history.messages` is a tree by id, whose branch from
`history.currentId` up to the root is what is shown, and what is imported; how many messages the others hold stands in
the session's metadata. What a model thought and called stands in its text, in elements `<details type="reasoning">`
and `<details type="tool_calls">`, the latter with arguments and result in its attributes.

Only these columns of that table are read: accounts, keys and settings are in others.

Not kept: the contents of attached files, sources, settings.

Source: backend/open_webui/models/chats.py and utils/middleware.py of github.com/open-webui/open-webui, 2026.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.chat.content import json_text, text_and_parts, text_or_none, whole, without_payloads
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
    is_globally_unique,
    session_id,
)
from sessiondb.importers.chat_api.messages import token_record
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.json_stream import elements
from sessiondb.importers.files.sample import SQLITE_MAGIC
from sessiondb.importers.files.source import Source, open_bytes
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "open-webui"
version = 1

_COLUMNS = ("id", "user_id", "title", "chat", "created_at", "updated_at", "archived", "pinned", "meta")
_NEEDED = frozenset(_COLUMNS[:4])
_PLACEHOLDER = "New Chat"
_DETAILS = re.compile(r'<details type="(reasoning|tool_calls)"([^>]*)>(.*?)</details>\n?', re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_SUMMARY = re.compile(r"\s*<summary>.*?</summary>\s*", re.DOTALL)
_QUOTED = re.compile(r"^> ?", re.MULTILINE)


def sniff(sample: Sample) -> int:
    """Look for the table of chats, or for a chat in an export."""
    if sample.is_sqlite:
        return 2 if sample.tables.get("chat", frozenset()) >= _NEEDED else 0
    first = sample.first or (sample.lines[0] if sample.lines else sample.document)
    return 2 if isinstance(first, dict) and _history(_chat(first)) is not None else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the chats that have messages. Raises ImportFailed where an export has no chat."""
    with open_bytes(source.path) as handle:
        is_sqlite = handle.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    source.start = source.line = 0
    is_empty = not is_sqlite
    for number, row in enumerate(_rows(source) if is_sqlite else _exported(source), 1):
        if _history(_chat(row)) is None:
            source.problem(f"chat {text_or_none(row.get('id')) or number} has no history", whole=True)
            continue
        is_empty = False
        try:
            yield from list(_records(source, row))
        except RecursionError:
            source.problem(f"chat {number} is nested too deeply", whole=True)
    if is_empty:
        raise ImportFailed(f"{source.path} has no Open WebUI chat: none has a history of messages")


def _rows(source: Source) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table, the oldest first, the chat decoded."""
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        known = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info('chat')")}
        columns = [column for column in _COLUMNS if column in known]
        order = "created_at, id" if "created_at" in known else "id"
        query = f"SELECT {', '.join(columns)} FROM chat WHERE rowid = ?"
        # A chat may take megabytes: the order is read first, then one at a time.
        for (key,) in connection.execute(f"SELECT rowid FROM chat ORDER BY {order}").fetchall():
            row = connection.execute(query, (key,)).fetchone()
            if row is not None:
                yield {**dict(row), "chat": decode(row["chat"]), "meta": decode(dict(row).get("meta"))}


def _exported(source: Source) -> Iterator[dict[str, Any]]:
    with open_bytes(source.path) as handle:
        for value in elements(handle, lambda reason: source.problem(reason, whole=True)):
            yield object_of(value)
    source.end = source.path.stat().st_size


def _chat(row: dict[str, Any]) -> dict[str, Any]:
    """Return the chat of a row; some exports are that alone."""
    return object_of(row.get("chat")) or row


def _history(chat: dict[str, Any]) -> dict[str, Any] | None:
    history = object_of(chat.get("history"))
    return history if isinstance(history.get("messages"), dict) and "currentId" in history else None


def _records(source: Source, row: dict[str, Any]) -> Iterator[Record]:
    chat = _chat(row)
    history = _history(chat) or {}
    nodes = {id: node for id, node in object_of(history.get("messages")).items() if isinstance(node, dict)}
    # Answers asked for again, and edited prompts, make a tree: what is shown is the branch to the current one.
    branch = _branch(nodes, history.get("currentId"))
    if not branch:
        return
    session = _session(source, row, chat, len(nodes) - len(branch))
    yield session
    for id in branch:
        yield from _message(source, session.id, id, nodes[id])


def _session(source: Source, row: dict[str, Any], chat: dict[str, Any], others: int) -> SessionRecord:
    native_id = text_or_none(row.get("id")) or text_or_none(chat.get("id")) or source.path.stem
    title = text_or_none(row.get("title")) or text_or_none(chat.get("title"))
    models = chat.get("models")
    tags = object_of(row.get("meta")).get("tags")
    details = {
        "user": text_or_none(row.get("user_id")),
        "is_archived": True if row.get("archived") in (True, 1) else None,
        "messages_on_other_branches": others,
    }
    return SessionRecord(
        session_id(name, native_id, str(source.path.absolute().parent)),
        name,
        native_id,
        title=None if title == _PLACEHOLDER else title,
        model=text_or_none(models[0]) if isinstance(models, list) and models else None,
        started_at=normalise(row.get("created_at", chat.get("timestamp")), source.tz),
        last_active_at=normalise(row.get("updated_at"), source.tz),
        tags=tuple(tag for tag in tags if isinstance(tag, str) and tag) if isinstance(tags, list) else (),
        is_pinned=True if row.get("pinned") in (True, 1) else None,
        metadata={key: value for key, value in details.items() if value} or None,
    )


def _branch(nodes: dict[str, dict[str, Any]], current: Any) -> list[str]:
    """Return the ids from the root down to the current message, to the last one where none is named."""
    id = current if isinstance(current, str) and current in nodes else next(reversed(nodes), None)
    branch: dict[str, None] = {}
    while isinstance(id, str) and id in nodes and id not in branch:
        branch[id] = None
        id = nodes[id].get("parentId")
    return list(branch)[::-1]


def _message(source: Source, session: str, id: str, node: dict[str, Any]) -> Iterator[Record]:
    at = normalise(node.get("timestamp"), source.tz)
    text, parts = text_and_parts(node.get("content"))
    parts = [*(parts or ()), *map(_file, objects_of(node.get("files")))] or None
    role = node.get("role")
    if role != "assistant":
        if text or parts:
            is_user = role == "user"
            metadata = None if is_user else {"kind": "instructions"}
            yield MessageRecord(
                session, "user" if is_user else "system", text or None, id, at, parts=parts, metadata=metadata
            )
        return
    # Thoughts and tool calls stand as HTML in the text of an answer.
    said = _taken_apart(text or "", id)
    model = text_or_none(node.get("model"))
    error = object_of(node.get("error")).get("content")
    if said.text or said.reasoning or said.calls or parts or error:
        yield MessageRecord(
            session,
            "assistant",
            said.text,
            id,
            at,
            said.reasoning,
            parts,
            model,
            metadata={"error": without_payloads(error)} if error else None,
            tool_calls=said.calls,
        )
    for number, (call, result) in enumerate(zip(said.calls, said.results, strict=True)):
        if result is not None:
            yield ToolResult(session, call.call_id, result, None, at, call.name, f"{id}#result{number}")
    counted = _tokens(session, id, object_of(node.get("usage")))
    if counted is not None:
        yield counted._replace(model=model, message=id, counted_at=at)


class _Said(NamedTuple):
    """What an answer says: its text, thoughts, and its calls with what answered each."""

    text: str | None
    reasoning: str | None
    calls: tuple[ToolCallRecord, ...]
    results: list[str | None]


def _taken_apart(text: str, id: str) -> _Said:
    """Return an answer without the elements in its text."""
    thoughts: list[str] = []
    calls: list[ToolCallRecord] = []
    results: list[str | None] = []
    for kind, attributes, inner in _DETAILS.findall(text):
        if kind == "reasoning":
            thoughts.append(_QUOTED.sub("", html.unescape(_SUMMARY.sub("", inner))).strip())
            continue
        known = {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(attributes)}
        call_id = known.get("id") or f"{id}#call{len(calls)}"
        asked, told = (_decoded(known.get(key)) for key in ("arguments", "result"))
        calls.append(ToolCallRecord(call_id, known.get("name") or None, json_text(asked)))
        results.append(json_text(told) or None)
    rest = _DETAILS.sub("", text).strip()
    return _Said(rest or None, "\n\n".join(filter(None, thoughts)) or None, tuple(calls), results)


def _decoded(value: str | None) -> Any:
    """Return an attribute's value: JSON, of a text that may be JSON itself; as it stands where it is none."""
    found = decode(value)
    return value if found is None else without_payloads(found)


def _file(file: dict[str, Any]) -> dict[str, Any]:
    """Return what was attached, without its contents."""
    found = {key: text_or_none(file.get(key)) for key in ("type", "name", "id")}
    url = file.get("url")
    place = without_payloads(url) if isinstance(url, str) else None
    return {key: value for key, value in {**found, "url": place}.items() if value} or {"type": "file"}


def _tokens(session: str, id: str, usage: dict[str, Any]) -> TokenRecord | None:
    """Return the tokens of an answer, as OpenAI's API counts them, or Ollama's."""
    key = id if is_globally_unique(id) else f"{session}:{id}"
    counted = token_record(session, key, usage)
    # Ollama has names of its own for the same two numbers.
    if counted is None:
        asked, said = whole(usage.get("prompt_eval_count")), whole(usage.get("eval_count"))
        if (asked or 0) > 0 or (said or 0) > 0:
            counted = TokenRecord(session, key, input=max(0, asked or 0), output=max(0, said or 0))
    return counted
