"""Turn the messages of a thread of Zed into records, whichever version wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import json_text, payload, text_or_none, without_payloads
from sessiondb.importers.base import MessageRecord, Record, ToolCallRecord, ToolResult
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.turn_ids import TurnIds

_NAME = re.compile(r"[^/\\]*\Z")


class Thread:
    """One thread on its way to records."""

    def __init__(self, session: str, model: str | None) -> None:
        self._session = session
        self._model = model
        self._ids = TurnIds()
        self._names: dict[str, str | None] = {}

    def records(self, document: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of all messages."""
        for message in objects_of(document.get("messages")):
            # Three generations: see __init__.py. Only the oldest have a role.
            if "role" in message:
                yield from self._old(message)
            elif isinstance(message.get("User"), dict):
                yield from self._prompt(message["User"])
            elif isinstance(message.get("Agent"), dict):
                yield from self._answer(message["Agent"])
            else:
                yield from self._other(message)

    def _prompt(self, message: dict[str, Any]) -> Iterator[Record]:
        texts: list[str] = []
        parts: list[Any] = []
        mentioned: list[tuple[str, str]] = []
        for block in _blocks(message.get("content")):
            # A block has one key, which is its type, as Rust writes its enums.
            mention, image = object_of(block.get("Mention")), object_of(block.get("Image"))
            if isinstance(block.get("Text"), str):
                texts.append(block["Text"])
            elif mention:
                named = _mentioned(mention.get("uri"))
                # The name stays where it was typed; what stands behind it is a row of its own.
                texts.append(f"@{named}")
                if content := text_or_none(mention.get("content")):
                    mentioned.append((named, content))
            else:
                parts.append(_image(image) if image else without_payloads(block))
        text = "".join(texts).strip()
        # Prompts have ids, answers do not: they are named after the prompt that they answer.
        id = self._ids.prompt(text_or_none(message.get("id")), text)
        for number, (named, content) in enumerate(mentioned):
            metadata = {"kind": "context", "name": named}
            yield MessageRecord(self._session, "system", content, f"{id}#context{number}", metadata=metadata)
        if text or parts:
            yield MessageRecord(self._session, "user", text or None, id, parts=parts or None)

    def _answer(self, message: dict[str, Any]) -> Iterator[Record]:
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[ToolCallRecord] = []
        for block in _blocks(message.get("content")):
            thought, call = block.get("Thinking"), object_of(block.get("ToolUse"))
            if isinstance(block.get("Text"), str):
                texts.append(block["Text"])
            elif thought is not None:
                thoughts.append(text_or_none(thought) or text_or_none(object_of(thought).get("text")) or "")
            elif call:
                calls.append(self._call(call))
        yield from self._said("\n\n".join(filter(None, texts)), thoughts, calls)
        results = message.get("tool_results")
        if isinstance(results, dict):
            for call_id, result in results.items():
                yield from self._result(call_id, object_of(result))

    def _said(self, text: str, thoughts: list[str], calls: list[ToolCallRecord]) -> Iterator[Record]:
        reasoning = "\n\n".join(filter(None, thoughts)) or None
        if text or reasoning or calls:
            id = self._ids.answer(text, next((call.call_id for call in calls if call.call_id), None))
            yield MessageRecord(
                self._session,
                "assistant",
                text or None,
                id,
                reasoning=reasoning,
                model=self._model,
                tool_calls=tuple(calls),
            )

    def _call(self, call: dict[str, Any]) -> ToolCallRecord:
        call_id, name = text_or_none(call.get("id")), text_or_none(call.get("name"))
        if call_id:
            self._names[call_id] = name
        asked = call.get("input")
        # A call that was cut off while it was streamed has its text alone.
        if asked in (None, {}):
            asked = text_or_none(call.get("raw_input")) or asked
        return ToolCallRecord(call_id, name, json_text(without_payloads(asked)))

    def _result(self, call_id: str | None, result: dict[str, Any]) -> Iterator[Record]:
        call_id = text_or_none(call_id)
        texts, parts = _result_content(result.get("content"))
        text = "\n\n".join(texts) or json_text(without_payloads(result.get("output")))
        failed = result.get("is_error")
        yield ToolResult(
            self._session,
            call_id,
            text,
            failed if isinstance(failed, bool) else None,
            name=text_or_none(result.get("tool_name")) or self._names.get(call_id or ""),
            external_id=self._ids.answer(text, f"result {call_id}"),
            parts=parts or None,
        )

    def _old(self, message: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a message as versions up to 0.2.0 have it."""
        segments = objects_of(message.get("segments"))
        texts = [message.get("text"), *(one.get("text") for one in segments if one.get("type") == "text")]
        text = "\n\n".join(one for one in texts if isinstance(one, str) and one)
        results = objects_of(message.get("tool_results"))
        context = text_or_none(message.get("context"))
        if message.get("role") == "assistant":
            thoughts = [
                text_or_none(one.get("text")) or "" for one in segments if one.get("type") == "thinking"
            ]
            calls = [self._call(one) for one in objects_of(message.get("tool_uses"))]
            yield from self._said(text, thoughts, calls)
        # In 0.1.0 what tools answered came as messages of the user.
        elif message.get("role") == "user" and not results and message.get("is_hidden") is not True:
            id = self._ids.prompt(None, text or context)
            if context:
                metadata = {"kind": "context"}
                yield MessageRecord(self._session, "system", context, f"{id}#context", metadata=metadata)
            if text:
                yield MessageRecord(self._session, "user", text, id)
        elif text:
            kind = "instructions" if message.get("role") == "system" else "meta"
            yield self._injected(text, kind)
        for result in results:
            yield from self._result(result.get("tool_use_id"), result)

    def _other(self, message: dict[str, Any]) -> Iterator[Record]:
        """Yield what a message of a kind that is not known says: it may sum up what went before."""
        for kind, value in message.items():
            said = object_of(value)
            found = (
                text_or_none(one)
                for one in (value, said.get("summary"), said.get("Summary"), said.get("text"))
            )
            if text := next(filter(None, found), None):
                is_summary = "compact" in kind.lower() or "summary" in kind.lower()
                yield self._injected(text, "compact_summary" if is_summary else "meta")

    def _injected(self, text: str, kind: str) -> MessageRecord:
        return MessageRecord(self._session, "system", text, self._ids.answer(text), metadata={"kind": kind})


def _blocks(content: Any) -> list[dict[str, Any]]:
    """Return blocks of content; a text alone is one."""
    return [{"Text": content}] if isinstance(content, str) else objects_of(content)


def _result_content(content: Any) -> tuple[list[str], list[Any]]:
    """Return the texts and the images that a tool answered with."""
    texts: list[str] = []
    parts: list[Any] = []
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, dict):
            text = block.get("Text", block.get("text"))
            if isinstance(text, str):
                texts.append(text)
            else:
                parts.append(_image(object_of(block.get("Image"))) or without_payloads(block))
    return [text for text in texts if text], [part for part in parts if part]


def _image(image: dict[str, Any]) -> dict[str, Any]:
    source = image.get("source")
    return {"type": "image", **payload(source, "image/png")} if isinstance(source, str) else {}


def _mentioned(uri: Any) -> str:
    """Return the name of what was mentioned: a file's, a symbol's, a thread's."""
    if isinstance(uri, str):
        return _last(uri)
    for kind, value in object_of(uri).items():
        known = object_of(value)
        for key in ("name", "title", "abs_path", "path", "url"):
            if text := text_or_none(known.get(key)):
                return _last(text)
        return kind
    return "mention"


def _last(text: str) -> str:
    found = _NAME.search(text.rstrip("/\\"))
    return (found[0] if found else "") or text
