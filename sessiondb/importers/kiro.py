"""Kiro's command line, and Amazon Q's before it: `~/.local/share/kiro-cli/data.sqlite3`.

A row is a conversation as JSON: `conversations` has the last one of each folder, which is its key, and
`conversations_v2` all of them. `history` has turns, each what the user sent and what the assistant answered:

    user        {timestamp, content {Prompt {prompt} | ToolUseResults {tool_use_results} | CancelledToolUses {...}}}
    assistant   {ToolUse {message_id, content, tool_uses [{id, name, args}]} | Response {message_id, content}}

The database keeps what proves who the user is in other tables, which are not read. No tokens are in it.

Not kept: what the model was told beside the prompt, the copy of the talk as it was shown.

Sources: github.com/aws/amazon-q-developer-cli (2025), and programs that read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import arguments_text, json_text, text_or_none, without_payloads
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "kiro"
version = 1

_TABLES = {"conversations_v2": ("key", "conversation_id", "value"), "conversations": ("key", "value")}


def sniff(sample: Sample) -> int:
    """Look for the tables of conversations, beside that of states."""
    if not sample.is_sqlite or "state" not in sample.tables:
        return 0
    return (
        2 if any(sample.tables.get(table, frozenset()) >= {*names} for table, names in _TABLES.items()) else 0
    )


def read(source: Source) -> Iterator[Record]:
    """Yield the conversations, each once, the newer table first."""
    seen: set[str] = set()
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        for table, names in _TABLES.items():
            columns = {
                row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
            }
            if not columns >= {*names}:
                continue
            order = "created_at, rowid" if "created_at" in columns else "rowid"
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):
                known = dict(row)
                value = decode(known["value"])
                if not isinstance(value, dict):
                    source.problem(f"the conversation of {known['key']} is not a JSON object", whole=True)
                    continue
                talk = _Talk(source, value, known)
                if talk.native_id not in seen:
                    seen.add(talk.native_id)
                    yield from talk.records()


class _Talk:
    """One conversation on its way to records."""

    def __init__(self, source: Source, value: dict[str, Any], row: dict[str, Any]) -> None:
        self._source = source
        self._value = value
        self._row = row
        self._name = Fingerprints({})
        self._folder = text_or_none(row["key"])
        told = text_or_none(row.get("conversation_id")) or text_or_none(value.get("conversation_id"))
        self.native_id = told or self._folder or "unknown"
        self._agent = "amazon-q" if _is_amazon_q(source.path) else name
        self._id = session_id(self._agent, self.native_id, str(source.path.absolute().parent))

    def records(self) -> Iterator[Record]:
        """Yield the session and its messages, if there are any."""
        found: list[Record] = []
        for turn in objects_of(self._value.get("history")):
            try:
                found += self._turn(turn)
            except RecursionError:
                self._source.problem(f"a turn of {self.native_id} is nested too deeply", whole=True)
        if not any(isinstance(one, MessageRecord) for one in found):
            return
        begun, last = (normalise(self._row.get(key)) for key in ("created_at", "updated_at"))
        model = object_of(self._value.get("model_info")).get("model_id") or self._value.get("model")
        yield SessionRecord(
            self._id,
            self._agent,
            self.native_id,
            project=self._folder if self._folder and Path(self._folder).is_absolute() else None,
            model=text_or_none(model),
            started_at=begun,
            last_active_at=last,
        )
        yield from found

    def _turn(self, turn: dict[str, Any]) -> list[Record]:
        user, assistant = object_of(turn.get("user")), object_of(turn.get("assistant"))
        at = normalise(user.get("timestamp"), self._source.tz)
        content = object_of(user.get("content"))
        found: list[Record] = []
        for kind, told in content.items():
            if kind == "Prompt" and (text := text_or_none(object_of(told).get("prompt"))):
                id = self._name(user.get("timestamp"), "user", text)
                found.append(MessageRecord(self._id, "user", text, id, at))
            else:
                found += self._results(object_of(told), at)
        for kind, told in assistant.items():
            if kind in ("ToolUse", "Response"):
                found += self._answer(object_of(told), at, turn)
        return found

    def _results(self, told: dict[str, Any], at: str | None) -> Iterator[Record]:
        for result in objects_of(told.get("tool_use_results")):
            texts = []
            for block in objects_of(result.get("content")):
                for value in block.values():
                    texts.append(json_text(without_payloads(value)) or "")
            call_id, status = text_or_none(result.get("tool_use_id")), result.get("status")
            text = "\n".join(texts) or None
            yield ToolResult(
                self._id,
                call_id,
                text,
                str(status).lower() == "error" if isinstance(status, str) else None,
                at,
                external_id=self._name("answers", call_id, text),
            )

    def _answer(self, told: dict[str, Any], at: str | None, turn: dict[str, Any]) -> Iterator[Record]:
        text = text_or_none(told.get("content"))
        calls = tuple(
            ToolCallRecord(
                text_or_none(call.get("id")),
                text_or_none(call.get("name")),
                arguments_text(without_payloads(call.get("args", call.get("orig_args")))),
            )
            for call in objects_of(told.get("tool_uses"))
        )
        if text or calls:
            id = text_or_none(told.get("message_id")) or self._name(at, "assistant", text)
            model = text_or_none(object_of(turn.get("request_metadata")).get("model_id"))
            yield MessageRecord(self._id, "assistant", text, id, at, model=model, tool_calls=calls)


def _is_amazon_q(path: Path) -> bool:
    return path.absolute().parent.name == "amazon-q"
