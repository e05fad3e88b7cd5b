"""The sessions of Continue: its command line `cn`, and the extensions for VS Code and JetBrains.

`~/.continue/sessions/<id>.json` is one session, written anew with each step: `history[]` of items with a `message` as
chat APIs have it, in the case of JavaScript (`toolCalls`, `toolCallId`). `sessions.json` beside them lists all, and
alone says when each began (`dateCreated`, milliseconds as text).

- Messages have neither ids nor times, but for how long a model thought (`reasoning.startAt`).
- What tools answered stands in `toolCallStates` of the item that called them; some versions have `tool` messages.
- `contextItems` is what the program put before a prompt: files, the current selection, results of a search.
- `usage` is OpenAI's, or the same in the case of JavaScript. What was asked has the cache in it, but not where it is
  told by Anthropic's names. The session's own sum leaves the cache out: only where no message has any is it taken.
- `cost_cents` of a response is rounded; the session's `totalCost`, in dollars, is kept beside it.

Not kept: `promptLogs`, which repeat the whole conversation with each answer, `editorState`, rules.

Sources: cn run against a stub of a model (November 2026); core/index.d.ts of github.com/continuedev/continue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_and_parts, text_or_none
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.chat_api.billing import dollars, microdollars
from sessiondb.importers.chat_api.messages import token_record
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source
from sessiondb.importers.files.uris import place_of
from sessiondb.importers.turn_ids import TurnIds
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample

name = "continue"
version = 1

_INDEX = "sessions.json"
_SESSION = frozenset(("sessionId", "history"))
_ENTRY = frozenset(("sessionId", "dateCreated", "workspaceDirectory"))
_ENDED = ("done", "errored", "canceled")
# Anthropic's counts, of which what was asked has nothing of the cache.
_APART = ("cache_read_tokens", "cache_write_tokens", "cacheWriteTokens")


def sniff(sample: Sample) -> int:
    """Look for a session with its history of items, or for the index beside them."""
    if sample.is_sqlite:
        return 0
    if isinstance(sample.first, dict):
        return 2 if sample.first.keys() >= _ENTRY else 0
    document = sample.lines[0] if sample.lines else sample.document
    return 2 if isinstance(document, dict) and _is_session(document) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield one session; the index alone gives none. Raises ImportFailed where there is neither."""
    # A document is written anew as a whole: it is never read on.
    source.start = source.line = 0
    value = source.document()
    if isinstance(value, dict) and _is_session(value):
        yield from _Conversation(source, value).records()
    elif not isinstance(value, list):
        raise ImportFailed(f"{source.path} is not a session of Continue: it has no history")


def _is_session(document: dict[str, Any]) -> bool:
    if not document.keys() >= _SESSION or not isinstance(document["history"], list):
        return False
    items = objects_of(document["history"][:3])
    return "workspaceDirectory" in document if not items else any("message" in item for item in items)


class _Conversation:
    """The history of one session on its way to records."""

    def __init__(self, source: Source, document: dict[str, Any]) -> None:
        path = plain_path(source.path).absolute()
        self._source = source
        self._document = document
        self._native_id = text_or_none(document.get("sessionId")) or path.stem
        self.id = session_id(name, self._native_id, str(path.parent))
        self._index = path.with_name(_INDEX)
        self._ids = TurnIds()
        self._thoughts: list[str] = []
        self._model = text_or_none(document.get("chatModelTitle"))
        self._answered: set[str] = set()
        self._is_counted = False

    def records(self) -> Iterator[Record]:
        """Yield the records of the session."""
        yield self._session()
        for number, item in enumerate(objects_of(self._document["history"]), 1):
            try:
                yield from list(self._item(item))
            except RecursionError:
                self._source.problem(f"item {number} is nested too deeply", whole=True)
        # The session's own sum leaves the cache out: it serves only where no message has any counts.
        if not self._is_counted:
            yield from self._sum()

    def _session(self) -> SessionRecord:
        document = self._document
        place = place_of(text_or_none(document.get("workspaceDirectory")))
        cost = object_of(document.get("usage")).get("totalCost")
        details = {
            "mode": text_or_none(document.get("mode")),
            "remote": place.remote,
            "total_cost": cost if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
        }
        return SessionRecord(
            self.id,
            name,
            self._native_id,
            project=place.path,
            title=text_or_none(document.get("title")),
            model=self._model,
            started_at=self._begun(),
            metadata={key: value for key, value in details.items() if value} or None,
        )

    def _begun(self) -> str | None:
        """Return when the session began, as the index beside it says."""
        try:
            entries = objects_of(Source(self._index).document())
        except (OSError, ImportFailed):
            return None
        entry = next((one for one in entries if one.get("sessionId") == self._native_id), {})
        written = entry.get("dateCreated")
        # Milliseconds, which the index has as text.
        if isinstance(written, str) and written.isdecimal() and len(written) < 16:
            written = int(written)
        return normalise(written, self._source.tz)

    def _item(self, item: dict[str, Any]) -> Iterator[Record]:
        message = object_of(item.get("message"))
        role = message.get("role")
        text, parts = text_and_parts(message.get("content"))
        if role == "user":
            yield from self._prompt(item, text, parts)
        elif role == "assistant":
            yield from self._answer(item, message, text, parts)
        elif role == "thinking":
            # Thoughts come as messages of their own, before the answer that they led to.
            self._thoughts.append(text or "")
        elif role == "tool":
            yield from self._result(text_or_none(message.get("toolCallId")), text, None, None)
        elif text:
            yield self._injected(text, "instructions" if role == "system" else "meta")
        summary = text_or_none(item.get("conversationSummary"))
        if summary:
            yield self._injected(summary, "compact_summary")

    def _injected(self, text: str, kind: str, **more: Any) -> MessageRecord:
        return MessageRecord(self.id, "system", text, self._ids.answer(text), metadata={"kind": kind, **more})

    def _prompt(self, item: dict[str, Any], text: str | None, parts: list[Any] | None) -> Iterator[Record]:
        self._thoughts.clear()
        id = self._ids.prompt(None, f"{text}\x1f{len(parts or ())}")
        for number, context in enumerate(objects_of(item.get("contextItems"))):
            content = text_or_none(context.get("content"))
            if content:
                details = {key: text_or_none(context.get(key)) for key in ("name", "description")}
                known = {key: value for key, value in details.items() if value}
                metadata = {"kind": "context", **known}
                yield MessageRecord(self.id, "system", content, f"{id}#context{number}", metadata=metadata)
        if text or parts:
            yield MessageRecord(self.id, "user", text or None, id, parts=parts)

    def _answer(
        self, item: dict[str, Any], message: dict[str, Any], text: str | None, parts: list[Any] | None
    ) -> Iterator[Record]:
        states = objects_of(item.get("toolCallStates")) or objects_of([item.get("toolCallState")])
        # The calls stand in the message, in the states of the tools, or in both.
        called = objects_of(message.get("toolCalls")) or objects_of([one.get("toolCall") for one in states])
        calls = tuple(_call(one) for one in called)
        thought = object_of(item.get("reasoning"))
        thoughts = [*self._thoughts, text_or_none(thought.get("text")) or ""]
        reasoning = "\n\n".join(filter(None, thoughts)) or None
        self._thoughts.clear()
        id = self._ids.answer(text, next((call.call_id for call in calls if call.call_id), None))
        at = normalise(thought.get("startAt"), self._source.tz)
        logs = objects_of(item.get("promptLogs"))
        usage = object_of(message.get("usage"))
        logged = text_or_none(logs[-1].get("modelTitle")) if logs else None
        model = text_or_none(usage.get("model")) or logged or self._model
        if text or parts or calls or reasoning:
            yield MessageRecord(
                self.id, "assistant", text or None, id, at, reasoning, parts, model, tool_calls=calls
            )
        yield from self._tokens(usage, id, at, model)
        for state in states:
            yield from self._state(state)

    def _state(self, state: dict[str, Any]) -> Iterator[Record]:
        outputs = [text_or_none(one.get("content")) for one in objects_of(state.get("output"))]
        status = text_or_none(state.get("status"))
        # A call that waits for leave, or is being run, has no answer yet.
        if status not in _ENDED and not any(outputs):
            return
        call = object_of(state.get("toolCall"))
        call_id = text_or_none(state.get("toolCallId")) or text_or_none(call.get("id"))
        said = "\n\n".join(filter(None, outputs)) or None
        tool = text_or_none(object_of(call.get("function")).get("name"))
        yield from self._result(call_id, said, tool, status)

    def _result(
        self, call_id: str | None, text: str | None, tool: str | None, status: str | None
    ) -> Iterator[Record]:
        # An answer stands in the state of its call, and again as a message of the tool.
        if call_id in self._answered:
            return
        if call_id:
            self._answered.add(call_id)
        is_error = status == "errored" if status else None
        metadata = {"status": status} if status == "canceled" else None
        id = self._ids.answer(text, f"result {call_id}")
        yield ToolResult(self.id, call_id, text, is_error, None, tool, id, metadata=metadata)

    def _tokens(
        self, usage: dict[str, Any], message: str, at: str | None, model: str | None
    ) -> Iterator[Record]:
        counted = _counts(usage, self.id, f"{self.id}:{message}")
        if counted is not None:
            self._is_counted = True
            cost = microdollars(dollars(usage.get("cost_cents")))
            yield counted._replace(message=message, model=model, counted_at=at, cost_microdollars=cost)

    def _sum(self) -> Iterator[Record]:
        usage = object_of(self._document.get("usage"))
        counted = _counts(usage, self.id, f"{self.id}:total")
        if counted is not None and (counted.input or counted.output):
            yield counted._replace(model=self._model)


def _call(call: dict[str, Any]) -> ToolCallRecord:
    function = object_of(call.get("function"))
    arguments = function.get("arguments")
    return ToolCallRecord(
        text_or_none(call.get("id")),
        text_or_none(function.get("name")),
        arguments if isinstance(arguments, str) else None,
    )


def _counts(usage: dict[str, Any], session: str, key: str) -> TokenRecord | None:
    """Return the counts of a response or session."""
    details = object_of(usage.get("prompt_tokens_details")) or object_of(usage.get("promptTokensDetails"))
    said = object_of(usage.get("completion_tokens_details")) or object_of(
        usage.get("completionTokensDetails")
    )
    read = details.get("cached_tokens", details.get("cachedTokens"))
    written = details.get("cache_write_tokens", details.get("cacheWriteTokens"))
    counted = token_record(
        session,
        key,
        {
            "input_tokens": usage.get("prompt_tokens", usage.get("promptTokens")),
            "output_tokens": usage.get("completion_tokens", usage.get("completionTokens")),
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "output_tokens_details": {
                "reasoning_tokens": said.get("reasoning_tokens", said.get("reasoningTokens"))
            },
        },
    )
    if counted is None or counted.input is None:
        return counted
    # What was asked has the cache in it, but not under Anthropic's names, and never where the cache has more.
    cached = (counted.cache_read or 0) + (counted.cache_write or 0)
    is_apart = cached > counted.input or any(details.get(one) for one in _APART)
    return counted if is_apart else counted._replace(input=counted.input - cached)
