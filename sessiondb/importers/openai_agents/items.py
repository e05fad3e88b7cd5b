"""Turn the items of an Agents SDK session, the Responses API's own, into records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import json_text, text_and_parts, text_or_none, without_payloads
from sessiondb.importers.base import MessageRecord, Record, ToolResult
from sessiondb.importers.codex.items import Item, Response, When, call_id, image_record, shape

# Pointers to what the provider keeps, and lists of tools.
_NOT_SAID = frozenset(("item_reference", "mcp_list_tools"))
_ANSWERS = ("output", "outputs", "results", "error")
_ASKED = ("arguments", "input", "action", "code", "queries")


class Conversation:
    """The items of one session on their way to records.

    `replies` are the ids of the assistant messages by the number of each row that is part of one.
    `is_encrypted` says that there were items which only the program that wrote them can read.
    """

    def __init__(self, session: str) -> None:
        self.session = session
        self.is_encrypted = False
        self.replies: dict[int, str] = {}
        self._row = 0
        self._response = Response(session, lambda *_: str(self._row))
        self._answers: list[ToolResult] = []

    def add(self, row: int, value: dict[str, Any], created_at: str | None) -> Iterator[Record]:
        """Take an item; yield the records that are complete with it."""
        if value.get("__enc__") == 1:
            self.is_encrypted = True
            return
        kind, role = value.get("type"), value.get("role")
        if isinstance(kind, str) and kind in _NOT_SAID:
            return
        self._row = row
        item = _item(row, value)
        form = shape(item)
        if form == "output":
            yield from self.close()
            text, parts = _output(value.get("output"))
            yield ToolResult(
                self.session,
                text_or_none(item.call_id),
                text,
                None,
                created_at,
                external_id=str(row),
                parts=parts,
            )
        elif form == "message" and role != "assistant":
            yield from self.close()
            yield self._input(row, value, created_at)
        elif form != "nothing":
            self._response.add(item, When(stamp=created_at))
            self._answers += _hosted_answers(self.session, item, value, created_at)
            if self._response.id is not None:
                self.replies[row] = self._response.id

    def close(self) -> Iterator[Record]:
        """Yield what the model put out since the last input, and what the provider's own tools answered."""
        yield from self._response.close()
        yield from self._answers
        self._answers = []

    def _input(self, row: int, value: dict[str, Any], created_at: str | None) -> Record:
        role = value.get("role")
        text, parts = text_and_parts(value.get("content"))
        if role == "user":
            return MessageRecord(self.session, "user", text or None, str(row), created_at, parts=parts)
        metadata = (
            {"kind": "instructions"} if role in ("system", "developer") else {"kind": "notice", "role": role}
        )
        return MessageRecord(
            self.session, "system", text or None, str(row), created_at, parts=parts, metadata=metadata
        )


def _item(row: int, value: dict[str, Any]) -> Item:
    item = Item(**{key: value[key] for key in Item.__struct_fields__ if key in value and key != "unread"})
    item.unread = value
    if isinstance(item.content, list):
        item.content = [_readable(block) for block in item.content]
    if shape(item) == "call" and item.call_id is None:
        # One of the provider's own tools. Its id may be that of every other item: the row tells it.
        item.call_id = f"#{row}"
        item.arguments = next((value[key] for key in _ASKED if value.get(key) is not None), None)
    return item


def _readable(block: Any) -> Any:
    """Return a block of a message, a refusal as the text that it is."""
    if isinstance(block, dict) and block.get("type") == "refusal":
        return {"type": "output_text", "text": block.get("refusal")}
    return block


def _output(value: Any) -> tuple[str | None, list[Any] | None]:
    return text_and_parts(value) if isinstance(value, list) else (json_text(without_payloads(value)), None)


def _hosted_answers(
    session: str, item: Item, value: dict[str, Any], created_at: str | None
) -> Iterator[ToolResult]:
    """Yield the answer that the call of one of the provider's own tools holds itself."""
    if shape(item) != "call" or value.get("call_id") is not None:
        return
    image = image_record(item, session, created_at)
    if image is not None:
        yield image
        return
    answer = next((value[key] for key in _ANSWERS if value.get(key) is not None), None)
    if answer is not None:
        text = json_text(without_payloads(answer))
        yield ToolResult(session, call_id(item), text, value.get("error") is not None, created_at)
