"""The lines of today's Codex logs, decoded no further than they are read."""

from __future__ import annotations

from typing import Any

import msgspec

from sessiondb.chat.content import json_text, text_or_none, whole, without_payloads
from sessiondb.importers.base import ToolResult
from sessiondb.importers.codex.items import said
from sessiondb.importers.codex.lineage import Header

# What SQLite cannot hold, as JSON writes it.
NUL = b"\\u0000"


class Payload(Header):
    """What a line holds; the fields of headers and items, of turns, and of the events that are read."""

    turn_id: Any = None
    model: Any = None
    message: Any = None
    text: Any = None
    kind: Any = None
    images: Any = None
    local_images: Any = None
    info: Any = None
    internal_chat_message_metadata_passthrough: Any = None
    thread_settings: Any = None
    item: Any = None
    thread_name: Any = None
    service_tier: Any = None
    aggregated_output: Any = None
    stdout: Any = None
    stderr: Any = None
    exit_code: Any = None
    success: Any = None
    results: Any = None
    content_items: Any = None
    response_id: Any = None
    thread_id: Any = None
    usage: Any = None
    thread_token_usage: Any = None


class Line(msgspec.Struct):
    """One line; `offset` and `number` are where it begins in the file."""

    type: Any = None
    timestamp: Any = None
    payload: Payload | None = None
    offset: int = 0
    number: int = 0

    @property
    def is_header(self) -> bool:
        """Say whether the line is a session's header: its own, or one copied from its parent."""
        return self.payload is not None and self.type == "session_meta"


def fields_of(struct: type[msgspec.Struct], value: dict[str, Any]) -> dict[str, Any]:
    """Return what a struct takes of a decoded object, which may hold anything else."""
    return {field: value[field] for field in struct.__struct_fields__ if field in value and field != "unread"}


def event_result(event: Payload, session: str, created_at: str | None) -> ToolResult | None:
    """Return the answer of a tool as an event tells it, None where it tells of none.

    Events that end a call give its answer once more than the output item; that is missing only where a turn
    broke off, and for tools that the provider runs itself.
    """
    known_by = text_or_none(event.call_id)
    if known_by is None:
        return None
    value, failed = _answer(event)
    if value is None and failed is None:
        return None
    if isinstance(value, dict):
        value = json_text(without_payloads(value))
    text, parts = said(value)
    return ToolResult(session, known_by, text, failed, created_at, parts=parts)


def _answer(event: Payload) -> tuple[Any, bool | None]:
    """Return what a tool answered and whether it failed."""
    code, succeeded = whole(event.exit_code), event.success
    failed = code != 0 if code is not None else None
    if isinstance(succeeded, bool):
        failed = not succeeded
    # What both streams printed, in the order in which it came; builds before gave the two apart.
    printed = event.aggregated_output
    if not isinstance(printed, str):
        printed = "".join(text for text in (event.stdout, event.stderr) if isinstance(text, str)) or None
    if printed is not None:
        return printed, failed
    if isinstance(event.result, dict):
        return _protocol_answer(event.result, failed)
    if isinstance(event.content_items, list):
        return [_as_text(item) for item in event.content_items], failed
    return json_text(without_payloads(event.results)), failed


def _protocol_answer(result: dict[str, Any], failed: bool | None) -> tuple[Any, bool | None]:
    """Return the answer of an MCP tool: `{"Ok": {"content": [...]}}` or `{"Err": text}`."""
    if "Err" in result:
        return json_text(result["Err"]), True
    answer = result.get("Ok")
    if not isinstance(answer, dict):
        return json_text(answer), failed
    said_so = answer.get("isError")
    return answer.get("content"), said_so if isinstance(said_so, bool) else failed


def _as_text(item: Any) -> Any:
    """Return a content item of a tool that the client runs, under the name that items elsewhere have."""
    if isinstance(item, dict) and item.get("type") == "inputText":
        return {**item, "type": "input_text"}
    return item
