"""Conversations as LibreChat exports them in JSON: one a file.

`{conversationId, title, endpoint, options, messages[]}`. An export may be a tree, of messages within the `children` of
what they answer, or a list; with `branches` it has all branches, in either way, and all are the session, in the order
of the file. An answer has its parts in `content`: text, thoughts (`think`), and calls with their `output`; older ones
have `text` alone. `tokenCount` of an answer is what it took to write; what was asked is counted by its text alone,
and so is no count of what was sent.

Not kept: counts of prompts, settings but for the model, feedback.

Source: client/src/hooks/Conversations/useExportConversation.ts and packages/data-provider of github.com/danny-avila/
LibreChat, 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.chat.content import json_text, text_and_parts, text_or_none, whole, without_payloads
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "librechat"
version = 1

_PLACEHOLDER = "New Chat"
_MARKS = frozenset(("isCreatedByUser", "sender", "messageId", "parentMessageId"))


def sniff(sample: Sample) -> int:
    """Look for an export with its messages."""
    document = sample.lines[0] if sample.lines else sample.document
    return 2 if isinstance(document, dict) and _is_export(document) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield one conversation. Raises ImportFailed where there is none."""
    source.start = source.line = 0
    document = source.document()
    if not isinstance(document, dict) or not _is_export(document):
        raise ImportFailed(f"{source.path} has no LibreChat conversation: it has no messages")
    session = _session(source, document)
    yield session
    named = Fingerprints({})
    for message in _in_order(document["messages"]):
        try:
            yield from list(_records(source, session, message, named))
        except RecursionError:
            source.problem(f"message {message.get('messageId')} is nested too deeply", whole=True)


def _is_export(document: dict[str, Any]) -> bool:
    if "conversationId" not in document or not isinstance(document.get("messages"), list):
        return False
    messages = objects_of(document["messages"])
    return bool(messages[0].keys() & _MARKS) if messages else "title" in document or "endpoint" in document


def _in_order(messages: Any) -> Iterator[dict[str, Any]]:
    """Yield the messages of a list or tree, each before what answers it."""
    waiting = objects_of(messages)[::-1]
    while waiting:
        message = waiting.pop()
        yield message
        waiting += objects_of(message.get("children"))[::-1]


def _session(source: Source, document: dict[str, Any]) -> SessionRecord:
    native_id = text_or_none(document.get("conversationId")) or source.path.stem
    title = text_or_none(document.get("title"))
    return SessionRecord(
        session_id(name, native_id, str(source.path.absolute().parent)),
        name,
        native_id,
        title=None if title == _PLACEHOLDER else title,
        model=text_or_none(object_of(document.get("options")).get("model")),
        metadata={"endpoint": document["endpoint"]} if text_or_none(document.get("endpoint")) else None,
    )


class _Said(NamedTuple):
    """What a message says: its text, thoughts, calls, and what answered those."""

    text: str | None
    reasoning: str | None
    calls: tuple[ToolCallRecord, ...]
    answers: list[tuple[str | None, str | None, str]]
    parts: list[Any] | None


def _records(
    source: Source, session: SessionRecord, message: dict[str, Any], named: Fingerprints
) -> Iterator[Record]:
    at = normalise(message.get("createdAt"), source.tz)
    said = _said(message)
    own = text_or_none(message.get("messageId"))
    id = own or named(message.get("createdAt"), message.get("isCreatedByUser"), said.text)
    if message.get("isCreatedByUser") is True or text_or_none(message.get("sender")) == "User":
        if said.text or said.parts:
            yield MessageRecord(session.id, "user", said.text, id, at, parts=said.parts)
        return
    model = text_or_none(message.get("model")) or session.model
    if said.text or said.reasoning or said.calls or said.parts:
        yield MessageRecord(
            session.id,
            "assistant",
            said.text,
            id,
            at,
            said.reasoning,
            said.parts,
            model,
            text_or_none(message.get("finish_reason")),
            {"error": True} if message.get("error") is True else None,
            said.calls,
        )
    for number, (call_id, tool, output) in enumerate(said.answers):
        yield ToolResult(session.id, call_id, output, None, at, tool, f"{id}#result{number}")
    count = whole(message.get("tokenCount"))
    if count and count > 0:
        yield TokenRecord(
            session.id, f"{session.id}:{id}", output=count, model=model, message=id, counted_at=at
        )


def _said(message: dict[str, Any]) -> _Said:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCallRecord] = []
    answers: list[tuple[str | None, str | None, str]] = []
    parts: list[Any] = []
    for part in objects_of(message.get("content")):
        kind = part.get("type")
        call = part.get("tool_call")
        if isinstance(call, dict):
            call_id, tool = text_or_none(call.get("id")), text_or_none(call.get("name"))
            calls.append(ToolCallRecord(call_id, tool, json_text(without_payloads(call.get("args")))))
            if output := text_or_none(call.get("output")):
                answers.append((call_id, tool, output))
        elif kind == "think":
            thoughts.append(_value(part.get("think")))
        elif kind in ("text", "error"):
            texts.append(_value(part.get(kind)))
        else:
            parts.append(without_payloads(part))
    written, others = text_and_parts(message.get("text"))
    text = "\n\n".join(filter(None, texts)) or written or None
    return _Said(
        text,
        "\n\n".join(filter(None, thoughts)) or None,
        tuple(calls),
        answers,
        [*parts, *(others or ())] or None,
    )


def _value(value: Any) -> str:
    """Return a text, which some versions write as an object with its `value`."""
    return text_or_none(value) or text_or_none(object_of(value).get("value")) or ""
