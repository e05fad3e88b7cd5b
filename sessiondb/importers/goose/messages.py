"""Turn a message of Goose, be it a line or a row, into records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

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
    Record,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.chat_api.billing import microdollars
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.timestamps import normalise

AGENT = "goose"
FILE, DATABASE = 1, 2
"""Which of two stores of a session is believed."""

_REQUESTS = ("toolRequest", "frontendToolRequest")
_NOTICES = ("systemNotification", "contextLengthExceeded")
_APART = (*_REQUESTS, *_NOTICES, "toolResponse", "thinking", "redactedThinking", "reasoning")
_UNSAID = ("toolConfirmationRequest", "actionRequired", "summarizationRequested")


class Messages:
    """The messages of one session on their way to records; `state` is what the next import must know of them."""

    def __init__(self, session: str, state: dict[str, Any], tz: tzinfo | None) -> None:
        self._session = session
        self._tz = tz
        self._state = state
        self._name = Fingerprints(state)
        self._seen: dict[str, int] = state.setdefault("seen", {})

    def records(self, message: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a message: `{id, role, created, content, metadata}`."""
        role = "assistant" if message.get("role") == "assistant" else "user"
        blocks = objects_of(message.get("content"))
        at = normalise(message.get("created"), self._tz)
        id, continues = self._id(message, role, blocks)
        visible = object_of(message.get("metadata")).get("userVisible")
        if visible is False and not any(
            block.get("type") in ("toolResponse", *_REQUESTS) for block in blocks
        ):
            yield from self._hidden(blocks, id, at)
            return
        for block in blocks:
            if block.get("type") in _NOTICES:
                yield from self._notice(block, id, at)
        yield from self._answers(blocks, id, at)
        if role == "assistant":
            yield from self._assistant(blocks, id, at, continues=continues)
        else:
            text, parts = self._said(blocks)
            if text or parts:
                yield MessageRecord(self._session, "user", text, id, at, parts=parts)

    def _id(self, message: dict[str, Any], role: str, blocks: list[dict[str, Any]]) -> tuple[str, bool]:
        """Return an id for a message, and whether it goes on with the one before, of the same id."""
        id = text_or_none(message.get("id"))
        before = self._state.get("last")
        self._state["last"] = [id, role]
        if id is None:
            return self._name(message.get("created"), self._session, role, json_text(blocks)), False
        if before == [id, role] and role == "assistant":
            return self._numbered(id), True
        self._seen[id] = self._seen.get(id, 0) + 1
        return self._numbered(id), False

    def _numbered(self, id: str) -> str:
        return id if self._seen.get(id, 1) == 1 else f"{id}#{self._seen[id]}"

    def _said(self, blocks: list[dict[str, Any]]) -> tuple[str | None, list[Any] | None]:
        return text_and_parts([block for block in blocks if block.get("type") not in (*_APART, *_UNSAID)])

    def _hidden(self, blocks: list[dict[str, Any]], id: str, at: str | None) -> Iterator[Record]:
        text, parts = self._said(blocks)
        if text or parts:
            kind = {"kind": "compact_summary"}
            yield MessageRecord(self._session, "system", text, id, at, parts=parts, metadata=kind)

    def _notice(self, block: dict[str, Any], id: str, at: str | None) -> Iterator[Record]:
        if text := text_or_none(block.get("msg")):
            yield MessageRecord(
                self._session, "system", text, f"{id}#notice", at, metadata={"kind": "notice"}
            )

    def _answers(self, blocks: list[dict[str, Any]], id: str, at: str | None) -> Iterator[Record]:
        for number, block in enumerate(block for block in blocks if block.get("type") == "toolResponse"):
            told = object_of(block.get("toolResult"))
            value = told.get("value")
            content = value.get("content") if isinstance(value, dict) else value
            text, parts = text_and_parts(_for_the_model(content))
            failed = told.get("status") == "error" or object_of(value).get("isError") is True
            if text is None and told.get("error") is not None:
                text = json_text(without_payloads(told["error"]))
            yield ToolResult(
                self._session,
                text_or_none(block.get("id")),
                text,
                failed,
                at,
                external_id=f"{id}#{number}",
                parts=parts,
            )

    def _assistant(
        self, blocks: list[dict[str, Any]], id: str, at: str | None, *, continues: bool
    ) -> Iterator[Record]:
        text, parts = self._said(blocks)
        thoughts = [
            text_or_none(block.get("thinking")) or text_or_none(block.get("text"))
            for block in blocks
            if block.get("type") in ("thinking", "reasoning")
        ]
        calls, failure = [], None
        for block in blocks:
            if block.get("type") in _REQUESTS:
                asked = object_of(block.get("toolCall"))
                failure = text_or_none(asked.get("error")) or failure
                value = object_of(asked.get("value"))
                calls.append(
                    ToolCallRecord(
                        text_or_none(block.get("id")),
                        text_or_none(value.get("name")),
                        arguments_text(without_payloads(value.get("arguments"))),
                    )
                )
        reasoning = "\n\n".join(filter(None, thoughts)) or None
        if text or parts or reasoning or calls:
            yield MessageRecord(
                self._session,
                "assistant",
                text,
                id,
                at,
                reasoning,
                parts,
                metadata={"error": failure} if failure else None,
                tool_calls=tuple(calls),
                continues=continues,
            )


def _for_the_model(content: Any) -> Any:
    """Return the blocks of an answer without those that repeat them for the user."""
    blocks = objects_of(content)
    meant = [block for block in blocks if "assistant" in _audience(block)]
    return (meant or blocks) if blocks else content


def _audience(block: dict[str, Any]) -> list[Any]:
    audience = object_of(block.get("annotations")).get("audience")
    return audience if isinstance(audience, list) else ["assistant"]


def tokens(session: str, key: str, counts: dict[str, Any], prefix: str = "") -> TokenRecord | None:
    """Return what a row of counts, or the sums of a session, say; None where that is nothing.

    The input has what came from the cache, unless the total shows that it has not.
    """
    asked, said, total, read, written = (
        whole(counts.get(f"{prefix}{name}_tokens"))
        for name in ("input", "output", "total", "cache_read", "cache_write")
    )
    if not asked and not said:
        return None
    cached = (read or 0) + (written or 0)
    # Providers count the cache within the input, or beside it: the total tells.
    is_apart = bool(cached) and total == (asked or 0) + (said or 0) + cached
    return TokenRecord(
        session,
        key,
        input=None if asked is None else asked if is_apart else max(0, asked - cached),
        cache_read=_count(read),
        cache_write=_count(written),
        output=_count(said),
        cost_microdollars=microdollars(counts.get(f"{prefix}cost")),
        model=text_or_none(counts.get("model")),
    )


def _count(value: int | None) -> int | None:
    return None if value is None else max(0, value)
