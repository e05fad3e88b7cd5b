"""Turn messages of LangChain into records, in whichever way they were written as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import text_or_none, whole
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    TokenRecord,
    ToolResult,
    is_globally_unique,
)
from sessiondb.importers.chat_api.messages import message_records
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.source import Source

_ROLES = {
    "human": "user",
    "user": "user",
    "ai": "assistant",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
    "tool": "tool",
    "function": "function",
}
_CALLS = ("tool_use", "tool_call", "function_call")


def message_of(value: Any) -> dict[str, Any] | None:
    """Return a message with its fields and its `type`, None for what is none.

    It may be the fields alone, `{type, data}`, a call of its constructor (`lc`), a chat API's, or a role and a text.
    """
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value):
        value = {"type": value[0], "content": value[1]}
    found = object_of(value)
    if isinstance(found.get("kwargs"), dict) and "lc" in found:
        path = found.get("id")
        found = object_of(
            named_by_class(found["kwargs"], path[-1] if isinstance(path, list) and path else None)
        )
    elif isinstance(found.get("data"), dict) and "content" not in found:
        found = {"type": found.get("type"), **found["data"]}
    kind = _kind(found)
    return {**found, "type": kind} if kind and ("content" in found or "tool_calls" in found) else None


def named_by_class(fields: Any, name: Any) -> Any:
    """Return the fields of an object, of a message with its type by the name of its class: AIMessage is `ai`."""
    if not isinstance(fields, dict) or "type" in fields or not isinstance(name, str):
        return fields
    return {**fields, "type": name}


def _kind(message: dict[str, Any]) -> str | None:
    """Return what kind of message it is: a key of the roles."""
    named = message.get("type")
    kind = named.removesuffix("Chunk").removesuffix("Message").lower() if isinstance(named, str) else None
    if kind in (None, "chat"):
        said = message.get("role")
        kind = said if isinstance(said, str) else None
    return kind if kind in _ROLES else None


def records_of(
    source: Source, session: str, message: dict[str, Any], key: str, at: str | None
) -> Iterator[Record]:
    """Yield the records of a message, the key being its id."""
    try:
        yield from list(_records(session, message, key, at))
    except RecursionError:
        source.problem(f"message {key} is nested too deeply", whole=True)


def _records(session: str, message: dict[str, Any], key: str, at: str | None) -> Iterator[Record]:
    known = object_of(message.get("response_metadata"))
    model = text_or_none(known.get("model_name")) or text_or_none(known.get("model"))
    for number, record in enumerate(
        message_records(session, _as_chat(message, known), Fingerprints({}), "", at)
    ):
        id = (
            key
            if isinstance(record, MessageRecord) or message["type"] in ("tool", "function")
            else f"{key}#{number}"
        )
        if isinstance(record, ToolResult):
            yield record._replace(external_id=id)
        else:
            is_system = record.role == "system"
            metadata = {**(record.metadata or {}), "kind": "instructions"} if is_system else record.metadata
            yield record._replace(external_id=id, model=model, metadata=metadata)
    counted = _tokens(session, key, object_of(message.get("usage_metadata")))
    if counted is not None:
        yield counted._replace(model=model, message=key, counted_at=at)


def _as_chat(message: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return a message as the chat APIs have it; calls stand in `tool_calls`, and often in the content again."""
    role = _ROLES[message["type"]]
    found: dict[str, Any] = {"role": role, "content": message.get("content")}
    if role in ("tool", "function"):
        found |= {key: message.get(key) for key in ("tool_call_id", "name")}
        if isinstance(message.get("status"), str):
            found["is_error"] = message["status"] == "error"
        return found
    further = object_of(message.get("additional_kwargs"))
    calls = [*objects_of(message.get("tool_calls")), *objects_of(message.get("invalid_tool_calls"))]
    if calls:
        found["tool_calls"] = [_call(call) for call in calls]
        if isinstance(found["content"], list):
            found["content"] = [one for one in found["content"] if object_of(one).get("type") not in _CALLS]
    elif role == "assistant":
        found |= {key: further[key] for key in ("tool_calls", "function_call") if further.get(key)}
    reasoning = further.get("reasoning_content")
    if isinstance(reasoning, str):
        found["reasoning_content"] = reasoning
    found["finish_reason"] = known.get("finish_reason") or known.get("stop_reason")
    if role == "user" and isinstance(message.get("name"), str) and message["name"]:
        found["name"] = message["name"]
    return found


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """Return a call as OpenAI's API has it; some are that already."""
    if isinstance(call.get("function"), dict):
        return call
    return {"id": call.get("id"), "function": {"name": call.get("name"), "arguments": call.get("args")}}


def _tokens(session: str, key: str, usage: dict[str, Any]) -> TokenRecord | None:
    asked, said = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    if not asked and not said:
        return None
    given = object_of(usage.get("input_token_details"))
    read, written = _count(given.get("cache_read")), _count(given.get("cache_creation"))
    return TokenRecord(
        session,
        key if is_globally_unique(key) else f"{session}:{key}",
        input=max(0, (asked or 0) - (read or 0) - (written or 0)),
        cache_read=read,
        cache_write=written,
        output=said,
        reasoning=_count(object_of(usage.get("output_token_details")).get("reasoning")),
    )


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is not None and count >= 0 else None
