"""Read the tables that llm writes since 0.32: turns, over a tree of messages that threads share.

A message is known by a hash of what it says and of all before it, so threads that begin alike share rows, and
a message has no time of its own. A turn says which messages were its own: those from its tip up to what the
session has already.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from sessiondb.chat.content import arguments_text, text_or_none, without_payloads
from sessiondb.importers.base import MessageRecord, Record, ToolCallRecord, ToolResult
from sessiondb.importers.llm.tables import Tables, answer_of, call_metadata, joined, model_of, tokens
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

_EVERYTHING = object()


class _Node(NamedTuple):
    """A message of the tree; `is_reply` is True for what the model of the turn put out."""

    hash: str
    role: str
    is_reply: bool


class Turns:
    """The turns of all threads; `ids` are the threads that have any."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.ids = tables.groups("turns", "thread_id")

    def records(
        self, session: str, thread_id: str, thread: dict[str, Any], has_responses: bool
    ) -> Iterator[Record]:
        """Yield what was said in a thread, in order.

        `has_responses`: the session's beginning is in the old tables, and stands before the first turn once
        more.
        """
        seen = self._of_parents(thread)
        for turn_id in self.ids.get(thread_id, ()):
            for turn in self._tables.rows("turns", "WHERE id = ?", turn_id):
                yield from self._turn(session, turn, seen, has_responses)
        if thread_id in self.ids or not has_responses:
            # What the library appended without calling a model.
            for node in self._walk(thread.get("tip_message_hash"), seen):
                yield from self._message(session, node, {})

    def _turn(
        self, session: str, turn: dict[str, Any], seen: set[str], has_responses: bool
    ) -> Iterator[Record]:
        nodes = self._walk(turn.get("tip_message_hash"), seen, asked=turn.get("parent_message_hash"))
        if has_responses:
            inputs = [node for node in nodes if not node.is_reply]
            new = list(takewhile(lambda node: node.role in ("user", "tool"), reversed(inputs)))
            nodes = [*reversed(new), *(node for node in nodes if node.is_reply)]
        replies = [node.hash for node in nodes if node.is_reply and node.role == "assistant"]
        for node in nodes:
            yield from self._message(session, node, turn, is_last=node.hash in replies[-1:])
        yield from tokens(session, turn, replies[-1] if replies else None)

    def _walk(self, tip: Any, seen: set[str], *, asked: Any = _EVERYTHING) -> list[_Node]:
        """Return the messages from the first unseen one down to the tip; they are seen from then on.

        `asked` is the last message that the model of a turn was given: what follows it is the reply.
        """
        nodes: list[_Node] = []
        at, is_reply = tip, asked is not _EVERYTHING
        while isinstance(at, str) and at not in seen:
            is_reply = is_reply and at != asked
            row = next(self._tables.rows("messages", "WHERE hash = ?", at), None)
            if row is None:
                self._tables.source.problem(
                    f"message {at} is missing, and what was said before it", whole=True
                )
                break
            seen.add(at)
            nodes.append(_Node(at, str(row.get("role")), is_reply))
            at = row.get("parent_hash")
        return nodes[::-1]

    def _of_parents(self, thread: dict[str, Any]) -> set[str]:
        """Return the messages of the thread that a thread was forked from."""
        seen: set[str] = set()
        forked_from = thread.get("forked_from")
        if forked_from is None:
            return seen
        for row in (
            *self._tables.rows("turns", "WHERE thread_id = ?", forked_from),
            *self._tables.rows("threads", "WHERE id = ?", forked_from),
        ):
            self._walk(row.get("tip_message_hash"), seen)
        return seen

    def _message(
        self, session: str, node: _Node, turn: dict[str, Any], is_last: bool = False
    ) -> Iterator[Record]:
        created_at = normalise(turn.get("datetime_utc"), self._tables.tz)
        parts = [
            _part(row)
            for row in self._tables.rows("parts", "WHERE message_hash = ? ORDER BY position", node.hash)
        ]
        results = [
            self._result(session, part, f"{node.hash}:{number}", created_at)
            for number, part in enumerate(parts)
            if part["type"] == "tool_result"
        ]
        if node.role == "tool":
            yield from results
            return
        record = self._said(session, node, parts)._replace(created_at=created_at)
        if node.is_reply:
            record = record._replace(
                model=model_of(turn), metadata=(call_metadata(turn) or None) if is_last else record.metadata
            )
        yield record
        yield from results

    def _said(self, session: str, node: _Node, parts: list[dict[str, Any]]) -> MessageRecord:
        by_type: dict[str, list[dict[str, Any]]] = {
            "text": [],
            "reasoning": [],
            "tool_call": [],
            "tool_result": [],
        }
        others: list[Any] = []
        for part in parts:
            if part["type"] == "attachment":
                attached = part.get("attachment")
                others += self._tables.attachment(attached.get("id") if isinstance(attached, dict) else None)
            else:
                by_type.get(part["type"], others).append(part)
        is_known = node.role in ("user", "assistant")
        return MessageRecord(
            session,
            "assistant" if node.role == "assistant" else "user" if node.role == "user" else "system",
            joined(map(self._text, by_type["text"]), ""),
            node.hash,
            reasoning=joined(map(self._text, by_type["reasoning"])),
            parts=[without_payloads(part) for part in others] or None,
            metadata=None if is_known else {"kind": "instructions"},
            tool_calls=tuple(map(_call, by_type["tool_call"])),
        )

    def _text(self, part: dict[str, Any]) -> str | None:
        """Return a part's text, put together from literals and fragments where it is stored so."""
        pieces = part.get("text_ref")
        if not isinstance(pieces, list):
            return text_or_none(part.get("text"))
        known = [piece for piece in pieces if isinstance(piece, dict)]
        return joined(
            (piece.get("literal") or self._tables.fragment(piece.get("fragment")) for piece in known), ""
        )

    def _result(
        self, session: str, part: dict[str, Any], external_id: str, created_at: str | None
    ) -> ToolResult:
        result, is_error = answer_of(part.get("output"), part.get("exception"))
        attached = part.get("attachments")
        parts = [
            found
            for item in (attached if isinstance(attached, list) else [])
            if isinstance(item, dict)
            for found in self._tables.attachment(item.get("id"))
        ]
        call_id, called = text_or_none(part.get("tool_call_id")), text_or_none(part.get("name"))
        return ToolResult(session, call_id, result, is_error, created_at, called, external_id, parts or None)


def _part(row: dict[str, Any]) -> dict[str, Any]:
    """Return a part in one piece: what its columns hold and what its JSON does."""
    payload = decode(row.get("payload"))
    found = dict(payload) if isinstance(payload, dict) else {}
    found.pop("provider_metadata", None)  # signatures and encrypted thoughts
    if row.get("text") is not None:
        found["text"] = row["text"]
    return {**found, "type": str(row.get("type"))}


def _call(part: dict[str, Any]) -> ToolCallRecord:
    arguments = arguments_text(without_payloads(part.get("arguments")))
    return ToolCallRecord(text_or_none(part.get("tool_call_id")), text_or_none(part.get("name")), arguments)
