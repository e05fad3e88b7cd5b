"""Read llm's first tables: a row of `responses` is a prompt and its reply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import arguments_text, text_or_none
from sessiondb.importers.base import MessageRecord, Record, ToolCallRecord, ToolResult
from sessiondb.importers.llm.tables import Tables, answer_of, call_metadata, joined, model_of, tokens
from sessiondb.timestamps import normalise


class Responses:
    """The responses of all conversations; `ids` are the conversations that have any.

    A response that is a turn too is left to the newer tables: for a time both were written.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        turns = {key for keys in tables.groups("turns", "thread_id").values() for key in keys}
        found = tables.groups("responses", "conversation_id")
        kept = {group: [key for key in keys if key not in turns] for group, keys in found.items()}
        self.ids = {group: keys for group, keys in kept.items() if keys}
        self._calls = tables.groups("tool_calls", "response_id")
        self._answers = tables.groups("tool_results", "response_id")

    def records(self, session: str, conversation_id: str) -> Iterator[Record]:
        """Yield what was said in a conversation, in order; a system prompt again only where it changed."""
        told = None
        for response_id in self.ids.get(conversation_id, ()):
            for row in self._tables.rows("responses", "WHERE id = ?", response_id):
                system = joined((*self._tables.fragments("system_fragments", response_id), row.get("system")))
                created_at = normalise(row.get("datetime_utc"), self._tables.tz)
                if system and system != told:
                    told = system
                    kind = {"kind": "instructions"}
                    yield MessageRecord(
                        session, "system", system, f"{response_id}:system", created_at, metadata=kind
                    )
                yield from self._results(session, response_id, created_at)
                yield from self._prompt(session, row, created_at)
                yield self._reply(session, row, created_at)
                yield from tokens(session, row, str(response_id))

    def _prompt(self, session: str, row: dict[str, Any], created_at: str | None) -> Iterator[Record]:
        fragments = self._tables.fragments("prompt_fragments", row["id"])
        text = joined((*fragments, row.get("prompt")), "\n")
        parts = self._tables.attachments("prompt_attachments", "response_id", row["id"]) or None
        if text or parts:
            yield MessageRecord(session, "user", text, f"{row['id']}:prompt", created_at, parts=parts)

    def _reply(self, session: str, row: dict[str, Any], created_at: str | None) -> Record:
        calls = [
            ToolCallRecord(
                text_or_none(call.get("tool_call_id")),
                text_or_none(call.get("name")),
                arguments_text(call.get("arguments")),
            )
            for call_id in self._calls.get(str(row["id"]), ())
            for call in self._tables.rows("tool_calls", "WHERE id = ?", call_id)
        ]
        return MessageRecord(
            session,
            "assistant",
            text_or_none(row.get("response")),
            str(row["id"]),
            created_at,
            reasoning=text_or_none(row.get("reasoning")),
            model=model_of(row),
            metadata=call_metadata(row) or None,
            tool_calls=tuple(calls),
        )

    def _results(self, session: str, response_id: Any, created_at: str | None) -> Iterator[Record]:
        """Yield the answers to the calls of the response before."""
        for result_id in self._answers.get(str(response_id), ()):
            for row in self._tables.rows("tool_results", "WHERE id = ?", result_id):
                result, is_error = answer_of(row.get("output"), row.get("exception"))
                parts = self._tables.attachments("tool_results_attachments", "tool_result_id", result_id)
                yield ToolResult(
                    session,
                    text_or_none(row.get("tool_call_id")),
                    result,
                    is_error,
                    created_at,
                    text_or_none(row.get("name")),
                    f"{response_id}:result-{result_id}",
                    parts or None,
                )
