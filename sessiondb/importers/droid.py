"""Droid's sessions: `~/.factory/sessions/<folder>/<id>.jsonl`.

The first line is `session_start` with the title and the folder, the others are messages as Anthropic's API has them in
`{id, parentId, timestamp, message}`. `<id>.settings.json` beside it has the model, and sums of tokens over the whole
session, which are one count; what it took from the cache is not in the input.

- `<system-reminder>` in a prompt was put there by the program.

Not kept: lists of what is to do, what the settings say beside the model and the tokens.

Sources: logs of 0.81.0 (December 2025); for the settings, programs that read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import arguments_text, text_and_parts, text_or_none, whole, without_payloads
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
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.small import read_object
from sessiondb.importers.line_reader import records_of
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "droid"
version = 1

_REMINDER = re.compile(r"<system-reminder>.*?(?:</system-reminder>|\Z)", re.DOTALL)
_APART = ("thinking", "redacted_thinking", "tool_use", "tool_result")
_COUNTS = ("inputTokens", "cacheReadTokens", "cacheCreationTokens", "outputTokens", "thinkingTokens")


def sniff(sample: Sample) -> int:
    """Look for the line with which a session starts."""
    return 2 if any(line.get("type") == "session_start" and "cwd" in line for line in sample.lines) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the session of a log, from `source.start` on."""
    return records_of(source, _Reader(source))


class _Reader:
    """The lines of a log on their way to records; `source.state` holds what is known of the session."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._state = source.state
        self._path = plain_path(source.path.absolute())
        self._name = Fingerprints(source.state)
        self._settings = read_object(self._path.with_name(f"{self._path.stem}.settings.json"))
        self._model = text_or_none(self._settings.get("model"))
        self._is_begun = False

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""
        kind = line.get("type")
        if not isinstance(kind, str):
            self._source.problem("not a line of Droid: it has no type")
            return
        if kind == "session_start":
            self._state["native"] = self._state.get("native") or text_or_none(line.get("id"))
        if not self._is_begun:
            self._is_begun = True
            yield self._session()
        if kind == "session_start":
            parent = text_or_none(line.get("callingSessionId"))
            yield self._session(
                project=text_or_none(line.get("cwd")),
                title=text_or_none(line.get("sessionTitle")) or text_or_none(line.get("title")),
                parent_id=session_id(name, parent, str(self._path.parent)) if parent else None,
                relation="subagent" if parent else None,
            )
        elif kind == "message":
            yield from self._message(line, object_of(line.get("message")))
        elif kind == "compaction_state" and (summary := text_or_none(line.get("summaryText"))):
            at = normalise(line.get("timestamp"), self._source.tz)
            id = text_or_none(line.get("id")) or self._name(line.get("timestamp"), summary)
            yield MessageRecord(
                self._session().id, "system", summary, id, at, metadata={"kind": "compact_summary"}
            )

    def finish(self) -> Iterator[Record]:
        """Yield what the settings say."""
        if not self._is_begun:
            return
        yield self._session(model=self._model)
        usage = object_of(self._settings.get("tokenUsage"))
        asked, read, written, said, thoughts = (_count(usage.get(one)) for one in _COUNTS)
        if any((asked, read, written, said)):
            yield TokenRecord(
                self._session().id,
                "session",
                asked,
                read,
                written,
                said,
                None if thoughts is None else min(thoughts, said or 0),
                model=self._model,
                counted_at=self._state.get("last"),
            )

    def _session(self, **known: Any) -> SessionRecord:
        native_id = self._state.get("native") or self._path.stem
        return SessionRecord(session_id(name, native_id, str(self._path.parent)), name, native_id, **known)

    def _message(self, line: dict[str, Any], message: dict[str, Any]) -> Iterator[Record]:
        at = normalise(line.get("timestamp"), self._source.tz)
        self._state["last"] = at or self._state.get("last")
        role, content = message.get("role"), message.get("content")
        blocks = objects_of(content) if isinstance(content, list) else [{"type": "text", "text": content}]
        text, parts = text_and_parts([block for block in blocks if block.get("type") not in _APART])
        id = text_or_none(line.get("id")) or self._name(line.get("timestamp"), role, text)
        if role == "assistant":
            yield self._answer(blocks, text, parts, id, at)
        elif role == "user":
            yield from self._results(blocks, id, at)
            yield from self._prompt(text or "", parts, id, at)
        else:
            self._source.problem("a message without a role that is known")

    def _prompt(self, text: str, parts: list[Any] | None, id: str, at: str | None) -> Iterator[Record]:
        session = self._session().id
        injected = "\n".join(found[0] for found in _REMINDER.finditer(text))
        typed = _REMINDER.sub("", text).strip() if injected else text
        if injected:
            external_id = f"{id}#context" if typed or parts else id
            yield MessageRecord(session, "system", injected, external_id, at, metadata={"kind": "meta"})
        if typed or parts:
            yield MessageRecord(session, "user", typed or None, id, at, parts=parts)

    def _results(self, blocks: list[dict[str, Any]], id: str, at: str | None) -> Iterator[Record]:
        for number, block in enumerate(block for block in blocks if block.get("type") == "tool_result"):
            text, parts = text_and_parts(block.get("content"))
            failed = block.get("is_error")
            yield ToolResult(
                self._session().id,
                text_or_none(block.get("tool_use_id")),
                text,
                failed if isinstance(failed, bool) else None,
                at,
                external_id=f"{id}#{number}",
                parts=parts,
            )

    def _answer(
        self, blocks: list[dict[str, Any]], text: str | None, parts: list[Any] | None, id: str, at: str | None
    ) -> MessageRecord:
        thoughts = (text_or_none(one.get("thinking")) for one in blocks if one.get("type") == "thinking")
        calls = tuple(
            ToolCallRecord(
                text_or_none(block.get("id")) or f"{id}#{number}",
                text_or_none(block.get("name")),
                arguments_text(without_payloads(block.get("input"))),
            )
            for number, block in enumerate(block for block in blocks if block.get("type") == "tool_use")
        )
        reasoning = "\n\n".join(filter(None, thoughts)) or None
        return MessageRecord(
            self._session().id, "assistant", text, id, at, reasoning, parts, self._model, tool_calls=calls
        )


def _count(value: Any) -> int | None:
    count = whole(value)
    return None if count is None else max(0, count)
