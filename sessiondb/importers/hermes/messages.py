"""The messages of a Hermes session, in the shape of the provider APIs, as records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import arguments_text, json_text, text_and_parts, text_or_none
from sessiondb.importers.base import Fingerprints, MessageRecord, Role, ToolCallRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.importers.hermes.sessions import from_json, mapping, rest
from sessiondb.timestamps import normalise

# The database writes content that is no text as NUL, "json:" and the JSON; `clean` has replaced the NUL.
_ENCODED = "\ufffdjson:"

# What the gateway puts before the words of a person, or in their place. The output of a background process
# may hold any bracket, so its notice is the whole message; a note ends at the bracket that ends a paragraph.
_INJECTED = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("notice", r"\[System note: (?:.*?\](?=\s*\Z|\n\n)|.*\Z)"),
        ("notice", r"\[IMPORTANT: (?:Background process|\d+ background)\b.*\Z"),
        ("notice", r"\[(?:ASYNC DELEGATION|Your active task list was preserved)\b.*\Z"),
        ("compact_summary", r"\[CONTEXT (?:COMPACTION|SUMMARY)\b.*?(?:--- END OF CONTEXT SUMMARY[^\n]*|\Z)"),
    )
)
# Values of `display_kind` for rows of the role user that nobody typed. Others, such as `steer`, were typed.
_INJECTED_KINDS = {
    "hidden": "hidden",
    "auto_continue": "notice",
    "process_wakeup": "notice",
    "internal_notification": "notice",
    "async_delegation_complete": "notice",
    "model_switch": "notice",
}
_SAID = {"role", "content", "timestamp", "tool_calls", "tool_call_id", "tool_name", "name", "finish_reason"}
_THOUGHT = {"reasoning", "reasoning_content", "reasoning_details", "codex_reasoning_items"}
# These say again what stands elsewhere, or serve the agent alone.
_OWN = {"id", "session_id", "api_content", "codex_message_items", "active", "_compressed_summary"}
_IDENTITY = {"display_identity", "display_order", "message_uid", "absorbed_message_uids"}
_KNOWN = _SAID | _THOUGHT | _OWN | _IDENTITY | {"tool_call_uid", "tool_call_uids"}

Said = MessageRecord | ToolResult


class Conversation:
    """Turn the messages of one session into records, one after the other.

    `state` carries the ids over to a later read of the same file. With `distinct`, a message of the same
    moment and words as an earlier one is left out: the database copies messages when it compacts.
    """

    def __init__(
        self, source: Source, session: str, state: dict[str, Any] | None = None, *, distinct: bool = False
    ) -> None:
        self._source = source
        self._session = session
        self._fingerprint = Fingerprints({} if state is None else state)
        self._distinct = distinct

    def records(self, message: Any, place: str = "") -> list[Said]:
        """Return the records of a message, clean text throughout.

        What is no message is reported, with its `place` in a source that has no lines.
        """
        try:
            if isinstance(message, dict) and isinstance(message.get("role"), str):
                copies = self._distinct and message.get("timestamp") is not None
                return [said for said in self._records(message) if not (copies and _is_copy(said))]
            reason = "not a message: it has no role"
        except RecursionError:
            reason = "not a message: it is nested too deeply"
        self._source.problem(f"{place}: {reason}" if place else reason, whole=bool(place))
        return []

    def _records(self, message: dict[str, Any]) -> Iterator[Said]:
        moment = message.get("timestamp")
        # Local time without a zone, and one for all lines of a turn: when they were written. So the order of the file
        # counts, and no message is told by its time alone.
        created_at = normalise(moment, self._source.tz)
        text, parts = text_and_parts(_decoded(message.get("content")))
        further = rest(message, _KNOWN)
        if message["role"] == "tool":
            call_id = text_or_none(message.get("tool_call_id"))
            yield ToolResult(
                self._session,
                call_id,
                text,
                is_error=_failed(message, text),
                created_at=created_at,
                name=text_or_none(message.get("tool_name")) or text_or_none(message.get("name")),
                external_id=self._fingerprint(moment, "tool", text, json_text(parts), call_id),
                parts=parts,
                metadata=further or None,
            )
            return
        calls = _tool_calls(message)
        # A turn of a person may begin with several notes of the gateway's: each becomes a row of its own, so that a
        # search for what people said does not find them.
        *before, (role, kind, said) = _pieces(message, text, bool(calls))
        for its_role, its_kind, piece in before:
            external_id = self._fingerprint(moment, its_role, piece)
            yield MessageRecord(
                self._session, its_role, piece, external_id, created_at, metadata={"kind": its_kind}
            )
        yield MessageRecord(
            self._session,
            role,
            said,
            self._fingerprint(moment, role, said, json_text(parts), *(call.call_id for call in calls)),
            created_at,
            reasoning=_reasoning(message),
            parts=parts,
            finish_reason=text_or_none(message.get("finish_reason")),
            metadata=({"kind": kind} if kind else {}) | further or None,
            tool_calls=calls,
        )


def _is_copy(said: Said) -> bool:
    return said.external_id is not None and "#" in said.external_id


def _decoded(content: Any) -> Any:
    if isinstance(content, str) and content.startswith(_ENCODED):
        parts = from_json(content[len(_ENCODED) :])
        return content if parts is None else parts
    return content


def _failed(message: dict[str, Any], text: str | None) -> bool | None:
    """Say that a tool failed, None where nothing says so: its answer is a JSON object with an `error`."""
    if message.get("finish_reason") == "error":
        return True
    return bool(text and text.startswith("{") and '"error"' in text and mapping(text).get("error")) or None


def _items(value: Any) -> list[dict[str, Any]]:
    decoded = from_json(value)
    return [item for item in decoded if isinstance(item, dict)] if isinstance(decoded, list) else []


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCallRecord, ...]:
    calls = []
    for item in _items(message.get("tool_calls")):
        function = item["function"] if isinstance(item.get("function"), dict) else item
        calls.append(
            ToolCallRecord(
                text_or_none(item.get("call_id")) or text_or_none(item.get("id")),
                text_or_none(function.get("name")),
                arguments_text(function.get("arguments")),
            )
        )
    return tuple(calls)


def _reasoning(message: dict[str, Any]) -> str | None:
    """Return the thinking as text; what is signed or encrypted says nothing."""
    for field in ("reasoning", "reasoning_content"):
        text, _ = text_and_parts(message.get(field))
        if text and text.strip():
            return text
    texts = []
    for field in ("reasoning_details", "codex_reasoning_items"):
        for item in _items(message.get(field)):
            text, _ = text_and_parts(item.get("text") or item.get("summary"))
            texts.append(text)
    return "\n\n".join(text for text in texts if text) or None


def _pieces(
    message: dict[str, Any], text: str | None, calls: bool
) -> list[tuple[Role, str | None, str | None]]:
    """Return the pieces of a message, one at least: role, kind of what was injected, text."""
    role = message["role"]
    if role not in ("user", "assistant"):
        return [("system", "instructions" if role in ("system", "developer") else "meta", text)]
    kind = _INJECTED_KINDS.get(text_or_none(message.get("display_kind")) or "") if role == "user" else None
    if kind:
        return [("system", kind, text)]
    if text is None or not text.strip():
        return [(role, None, None)]
    pieces: list[tuple[Role, str | None, str | None]] = []
    remaining = text
    # What asks for tools was written by a model, whatever it begins with.
    while not calls and (found := _injected(remaining.lstrip())):
        kind, block, remaining = found
        pieces.append(("system", kind, block))
    if not pieces and not calls and message.get("_compressed_summary"):
        return [("system", "compact_summary", text)]
    if not pieces or remaining.strip():
        pieces.append((role, None, remaining.lstrip() if pieces else text))
    return pieces


def _injected(text: str) -> tuple[str, str, str] | None:
    """Return the kind and text of an injected block at the beginning of a text, and what follows it."""
    for kind, pattern in _INJECTED:
        match = pattern.match(text)
        if match:
            return kind, match[0].rstrip(), text[match.end() :]
    return None
