"""Turn messages as the chat APIs of OpenAI and Anthropic shape them into records, and usage into tokens.

Sources: platform.openai.com/docs/api-reference/chat and docs.anthropic.com/en/api/messages. In
`reasoning_content`, `reasoning_details` and `thinking_blocks` DeepSeek, OpenRouter and LiteLLM hand on what a
model thought.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sessiondb.chat.content import (
    arguments_text,
    json_text,
    text_and_parts,
    text_or_none,
    whole,
    without_payloads,
)
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Role,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.chat_api.billing import billing_details

_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
_REASONING = ("reasoning_content", "reasoning", "thinking_blocks", "reasoning_details")
_TAKEN = frozenset(("role", "content", "tool_calls", "function_call", "model", "finish_reason", *_REASONING))
_TAKEN_FROM_ANSWERS = frozenset(
    ("role", "type", "content", "tool_call_id", "tool_use_id", "name", "is_error", "cache_control")
)
_THOUGHTS = frozenset(("thinking", "redacted_thinking", "reasoning"))

USAGE_KEYS = frozenset(
    (
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "prompt_tokens",
        "completion_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "prompt_tokens_details",
        "input_tokens_details",
        "completion_tokens_details",
        "output_tokens_details",
    )
)


class _Content(NamedTuple):
    text: str | None
    parts: list[Any] | None
    thoughts: list[Any]
    calls: list[ToolCallRecord]
    answers: list[dict[str, Any]]


def message_records(
    session: str,
    message: dict[str, Any],
    fingerprints: Fingerprints,
    moment: object = "",
    created_at: str | None = None,
) -> Iterator[MessageRecord | ToolResult]:
    """Yield the records of one message: what its author says, and each tool answer in it.

    Roles are system, user, assistant, tool and function; a message of any other (developer) becomes a system
    message with its role in the metadata, where all fields go that no record has a place for. `moment` is the
    message's time as its source writes it, `created_at` the same normalised.
    """
    role = message.get("role")
    if role in ("tool", "function"):
        yield _tool_message(session, message, fingerprints, moment, created_at)
        return
    content = _split(message.get("content"))
    calls = (*content.calls, *_calls(message))
    reasoning = _reasoning(message, content.thoughts)
    answers = [_tool_message(session, answer, fingerprints, moment, created_at) for answer in content.answers]
    if answers and not (content.text or content.parts or calls or reasoning):
        yield from answers
        return
    # A user's message begins with the answers to the calls before it; an assistant's may hold answers of the
    # provider's own tools, to calls of its own.
    if role != "assistant":
        yield from answers
    metadata = _further(message, _TAKEN)
    if role not in ("system", "user", "assistant"):
        metadata["role"] = role
    said = (role, content.text, json_text(content.parts), json_text([list(call) for call in calls]))
    yield MessageRecord(
        session,
        _ROLES.get(role, "system") if isinstance(role, str) else "system",
        content.text or None,
        external_id=fingerprints(moment, *said),
        created_at=created_at,
        reasoning=reasoning,
        parts=content.parts,
        model=text_or_none(message.get("model")),
        finish_reason=text_or_none(message.get("finish_reason")),
        metadata=metadata or None,
        tool_calls=calls,
    )
    if role == "assistant":
        yield from answers


def token_record(session: str, request_key: str, usage: Any) -> TokenRecord | None:
    """Return the disjoint token counts of a usage object of either API, None where it has no counts.

    `prompt_tokens`, and `input_tokens` where its details are given, include what was read from or written to
    the cache; `input_tokens` alone does not.
    """
    if not isinstance(usage, dict):
        return None
    details = _object(usage.get("prompt_tokens_details")) or _object(usage.get("input_tokens_details"))
    output_details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    asked = _count(usage.get("prompt_tokens"), usage.get("input_tokens"))
    cache_read = _count(usage.get("cache_read_input_tokens"), details.get("cached_tokens"))
    cache_write = _count(usage.get("cache_creation_input_tokens"), details.get("cache_write_tokens"))
    output = _count(usage.get("completion_tokens"), usage.get("output_tokens"))
    reasoning = _count(_object(output_details).get("reasoning_tokens"))
    if asked is not None and ("prompt_tokens" in usage or "input_tokens_details" in usage):
        asked = max(0, asked - (cache_read or 0) - (cache_write or 0))
    counts = (asked, cache_read, cache_write, output, reasoning)
    if counts == (None,) * len(counts):
        return None
    return TokenRecord(session, request_key, *counts, **billing_details(usage))


def _split(content: Any) -> _Content:
    thoughts: list[Any] = []
    calls: list[ToolCallRecord] = []
    answers: list[dict[str, Any]] = []
    rest: list[Any] = []
    if not isinstance(content, list):
        return _Content(*text_and_parts(content), thoughts, calls, answers)
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            rest.append(block)
        elif kind in _THOUGHTS:
            thoughts.append(block)
        elif kind.endswith("tool_use"):  # server_tool_use and mcp_tool_use too, and their results
            calls.append(_call(block))
        elif kind.endswith("tool_result"):
            answers.append({**block, "tool_call_id": block.get("tool_use_id")})
        else:
            rest.append(block)
    return _Content(*text_and_parts(rest), thoughts, calls, answers)


def _calls(message: dict[str, Any]) -> Iterator[ToolCallRecord]:
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        yield from map(_call, calls)
    if isinstance(message.get("function_call"), dict):
        yield _call(message["function_call"])


def _call(call: Any) -> ToolCallRecord:
    if not isinstance(call, dict):
        return ToolCallRecord(None, None, json_text(without_payloads(call)))
    detail = next((call[kind] for kind in ("function", "custom") if isinstance(call.get(kind), dict)), call)
    asked = next((detail[key] for key in ("arguments", "input") if detail.get(key) is not None), None)
    name = text_or_none(detail.get("name"))
    return ToolCallRecord(text_or_none(call.get("id")), name, arguments_text(without_payloads(asked)))


def _reasoning(message: dict[str, Any], blocks: list[Any]) -> str | None:
    """Return what the model thought; of several fields, each of which repeats it, the first that has text."""
    for thoughts in (*(message.get(key) for key in _REASONING), blocks):
        texts = map(_thought, thoughts) if isinstance(thoughts, list) else (_thought(thoughts),)
        reasoning = "\n\n".join(text for text in texts if text)
        if reasoning:
            return reasoning
    return None


def _thought(thought: Any) -> str | None:
    if isinstance(thought, dict):
        for key in ("thinking", "text", "summary"):
            text = text_and_parts(thought.get(key))[0]
            if text:
                return text
        return None
    return thought if isinstance(thought, str) else None


def _tool_message(
    session: str, message: dict[str, Any], fingerprints: Fingerprints, moment: object, created_at: str | None
) -> ToolResult:
    call_id = text_or_none(message.get("tool_call_id"))
    name = text_or_none(message.get("name"))
    text, parts = _answer(message.get("content"))
    metadata = _further(message, _TAKEN_FROM_ANSWERS)
    identity = fingerprints(moment, "tool", call_id, name, text, json_text(parts))
    is_error = message["is_error"] if isinstance(message.get("is_error"), bool) else None
    return ToolResult(session, call_id, text, is_error, created_at, name, identity, parts, metadata or None)


def _answer(content: Any) -> tuple[str | None, list[Any] | None]:
    if isinstance(content, list):
        return text_and_parts(content)
    return json_text(without_payloads(content)), None


def _further(message: dict[str, Any], taken: frozenset[str]) -> dict[str, Any]:
    further = {key: value for key, value in message.items() if key not in taken and value is not None}
    return {key: without_payloads(value) for key, value in further.items()}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(*values: Any) -> int | None:
    counts = (whole(value) for value in values)
    return next((count for count in counts if count is not None and count >= 0), None)
