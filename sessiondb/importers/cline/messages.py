"""Turn the messages of a task into records, the same for today's files and those of before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import json_text, text_and_parts, text_or_none, whole, without_payloads
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.chat_api.billing import microdollars
from sessiondb.importers.chat_api.messages import message_records
from sessiondb.importers.cline.prompts import (
    calls_in,
    folder_in,
    may_speak,
    model_in,
    said_in,
    spoken,
    take_apart,
    thoughts_in,
)
from sessiondb.importers.files.json_lines import objects_of
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

_API = ("role", "content")


class Conversation:
    """The messages of one task on their way to records. `project` and `model` are what they themselves say."""

    def __init__(self, session: str, source: Source) -> None:
        self.project: str | None = None
        self.model: str | None = None
        self.answers: list[str] = []
        self._session = session
        self._source = source
        self._name = Fingerprints({})
        # Calls that stood in the last answer's text, with their names: what comes next answers them.
        self._waiting: list[tuple[str, str]] = []

    def records(self, message: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a message."""
        try:
            yield from list(self._records(message))
        except RecursionError:
            self._source.problem("a message is nested too deeply", whole=True)

    def _records(self, message: dict[str, Any]) -> Iterator[Record]:
        at = normalise(message.get("ts"), self._source.tz)
        if message.get("role") == "assistant":
            yield from self._assistant(message, at)
        elif message.get("isSummary") is True:
            yield from self._plain(message, at, "compact_summary")
        elif message.get("role") == "user":
            yield from self._user(message, at)
        else:
            yield from self._plain(message, at, None)

    def _id(self, message: dict[str, Any]) -> str:
        """Return the message's own id; where it has none, one by what it says and when."""
        if own := text_or_none(message.get("id")):
            return own
        return self._name(message.get("ts", ""), message.get("role"), json_text(message.get("content")))

    def _api(self, message: dict[str, Any], at: str | None) -> Iterator[MessageRecord | ToolResult]:
        bare = {key: message[key] for key in _API if key in message}
        return message_records(self._session, bare, self._name, message.get("ts", ""), at)

    def _plain(self, message: dict[str, Any], at: str | None, kind: str | None) -> Iterator[Record]:
        for record in self._api(message, at):
            if isinstance(record, MessageRecord) and kind:
                yield record._replace(role="system", metadata={"kind": kind})
            else:
                yield record

    def _user(self, message: dict[str, Any], at: str | None) -> Iterator[Record]:
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else objects_of(content)
        id = self._id(message)
        texts: list[str] = []
        said: list[str] = []
        parts: list[Any] = []
        for number, block in enumerate(blocks):
            if block.get("type") == "tool_result":
                answer = _answer(self._session, block, f"{id}#result{number}", at)
                said += said_in(answer.result)
                yield answer
            elif isinstance(block.get("text"), str):
                texts.append(block["text"])
            else:
                parts.append(without_payloads(block))
        if not texts and not said and not parts:
            return
        turn = take_apart(texts)
        yield from self._answers(turn.answers, id, at)
        for number, (kind, text) in enumerate(turn.injected):
            self._look_at(text)
            external_id = f"{id}#context{number or ''}"
            yield MessageRecord(self._session, "system", text, external_id, at, metadata={"kind": kind})
        typed = "\n\n".join(filter(None, (*said, turn.typed)))
        if typed or parts:
            yield MessageRecord(self._session, "user", typed or None, id, at, parts=parts or None)

    def _look_at(self, text: str) -> None:
        self.project = self.project or folder_in(text)
        self.model = model_in(text) or self.model

    def _answers(self, answers: list[tuple[str, str]], id: str, at: str | None) -> Iterator[Record]:
        for number, (name, text) in enumerate(answers):
            call = next((call for call in self._waiting if call[1] == name), None)
            if call:
                self._waiting.remove(call)
            call_id = call[0] if call else None
            yield ToolResult(self._session, call_id, text, None, at, name, f"{id}#answer{number}")
        self._waiting.clear()

    def _assistant(self, message: dict[str, Any], at: str | None) -> Iterator[Record]:
        model = text_or_none(_object(message.get("modelInfo")).get("id")) or self.model
        self.model = model
        for record in self._api(message, at):
            if not isinstance(record, MessageRecord):
                yield record
                continue
            id = text_or_none(message.get("id")) or record.external_id or ""
            self.answers.append(id)
            yield self._spoken(record._replace(external_id=id, model=model))
            yield from self._metrics(message, id, model, at)

    def _spoken(self, record: MessageRecord) -> MessageRecord:
        """Return an answer with the calls that stand in its text, and with what it says by calls."""
        text, thoughts = thoughts_in(record.content or "")
        calls = list(record.tool_calls)
        words = [spoken(call.name, _decoded(call.arguments)) for call in calls if may_speak(call.name)]
        if not calls:
            text, found = calls_in(text)
            for number, (name, arguments) in enumerate(found):
                call_id = f"{record.external_id}#call{number}"
                calls.append(ToolCallRecord(call_id, name, json_text(arguments)))
                words.append(spoken(name, arguments))
                self._waiting.append((call_id, name))
        said = [text, *(word for word in words if word and word not in text)]
        return record._replace(
            content="\n\n".join(filter(None, said)) or None,
            reasoning=record.reasoning or thoughts,
            tool_calls=tuple(calls),
        )

    def _metrics(
        self, message: dict[str, Any], id: str, model: str | None, at: str | None
    ) -> Iterator[Record]:
        metrics = _object(message.get("metrics"))
        asked, read, written, said = (
            whole(metrics.get(f"{key}Tokens")) for key in ("input", "cacheRead", "cacheWrite", "output")
        )
        if asked or said:
            yield TokenRecord(
                self._session,
                f"{self._session}:{id}",
                input=max(0, (asked or 0) - (read or 0) - (written or 0)),
                cache_read=read,
                cache_write=written,
                output=said,
                cost_microdollars=microdollars(metrics.get("cost")),
                model=model,
                message=id,
                counted_at=at,
            )


def _answer(session: str, block: dict[str, Any], id: str, at: str | None) -> ToolResult:
    text, parts = text_and_parts(block.get("content"))
    failed = block.get("is_error")
    failed = failed if isinstance(failed, bool) else None
    return ToolResult(session, text_or_none(block.get("tool_use_id")), text, failed, at, None, id, parts)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _decoded(arguments: str | None) -> Any:
    try:
        return json.loads(arguments or "null")
    except ValueError:
        return None
