"""What today's and the older Codex logs share: response items, gathered into rows and tool answers.

An item is what the Responses API takes and gives: a message, reasoning, a call of a tool or its output. The
items that the model puts out for one request are one `Response`, which becomes one assistant message.

Sources: codex-rs of github.com/openai/codex (up to August 2026), measured on real logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from sessiondb.chat.content import (
    arguments_text,
    json_text,
    payload,
    text_and_parts,
    text_or_none,
    whole,
    without_payloads,
)
from sessiondb.importers.base import MessageRecord, ToolCallRecord, ToolResult

AGENT = "codex"

# Snapshots of the work tree, lists of tools, and summaries that only the provider can read.
_NOT_SAID = frozenset(
    (
        "additional_tools",
        "compaction",
        "compaction_summary",
        "compaction_trigger",
        "context_compaction",
        "ghost_snapshot",
    )
)
_ANSWERS = frozenset(("function_result", "tool_result"))
_EXIT_CODE = re.compile(
    r"(?:(?:Chunk ID|Wall time)[^\n]*\n)*(?:Exit code: |Process exited with code )(-?[0-9]{1,9})\b"
)
_WRAPPED = '{"output":'


class When(NamedTuple):
    """The time of a line: as the log has it, and as it is stored."""

    written: str = ""
    stamp: str | None = None


class Item(msgspec.Struct):
    """A response item, its fields of any type; `unread` is the whole of an item of unknown type."""

    type: Any = None
    id: Any = None
    role: Any = None
    content: Any = None
    summary: Any = None
    phase: Any = None
    name: Any = None
    namespace: Any = None
    function: Any = None
    arguments: Any = None
    input: Any = None
    action: Any = None
    revised_prompt: Any = None
    call_id: Any = None
    tool_call_id: Any = None
    output: Any = None
    result: Any = None
    tools: Any = None
    author: Any = None
    recipient: Any = None
    unread: Any = None


def shape(item: Item) -> str:
    """Return what an item is: message, reasoning, call, output, agent_message, unknown or nothing."""
    kind = item.type
    if kind is None:
        return "message" if isinstance(item.role, str) else "nothing"
    if not isinstance(kind, str) or kind in _NOT_SAID:
        return "nothing"
    if kind in ("message", "reasoning", "agent_message"):
        return kind
    if kind.endswith("_call"):
        return "call"
    return "output" if kind.endswith("_output") or kind in _ANSWERS else "unknown"


def said(content: Any) -> tuple[str | None, list[Any] | None]:
    """Split an item's content into text and what is not text, without what is encrypted."""
    if isinstance(content, list):
        content = [block for block in content if not _is_encrypted(block)]
    text, parts = text_and_parts(content)
    return text or None, parts


def reasoning_text(item: Item) -> str | None:
    """Return the readable part of a reasoning item: its summary and, of open models, its content."""
    texts = [
        block.get("text") if isinstance(block, dict) else block
        for blocks in (item.summary, item.content)
        for block in (blocks if isinstance(blocks, list) else [blocks])
    ]
    return "\n\n".join(text for text in texts if isinstance(text, str) and text) or None


def call_record(item: Item) -> ToolCallRecord:
    """Return the call that an item asks for; a hosted tool has no name but its type, such as web_search."""
    function = item.function if isinstance(item.function, dict) else {}
    called = (
        text_or_none(item.name) or text_or_none(function.get("name")) or str(item.type).removesuffix("_call")
    )
    if isinstance(item.namespace, str) and item.namespace:
        called = item.namespace + ("" if item.namespace.endswith("_") else ".") + called
    # By the kind of tool: functions, those of chat completions, custom tools (plain text), hosted ones, and images.
    wanted = (item.arguments, function.get("arguments"), item.input, item.action, item.revised_prompt)
    arguments = next((value for value in wanted if value is not None), None)
    return ToolCallRecord(call_id(item), called, arguments_text(without_payloads(arguments)))


def call_id(item: Item) -> str | None:
    """Return the id by which a call and its output know each other."""
    return text_or_none(item.call_id) or text_or_none(item.tool_call_id) or text_or_none(item.id)


def output_record(item: Item, session: str, created_at: str | None) -> ToolResult:
    """Return a tool's answer; the tool failed if its exit code is not 0 or `success` is false."""
    value = next(
        (value for value in (item.output, item.result, item.content, item.tools) if value is not None), None
    )
    metadata: dict[str, Any] | None = None
    failed: bool | None = None
    # An answer has had four forms:
    #
    #     "text"                                         with the exit code in its first lines
    #     '{"output": "...", "metadata": {...}}'         JSON in a text, with the exit code in the metadata
    #     {"content": ..., "success": false}
    #     [{"type": "input_text", ...}, ...]             blocks, images among them
    if isinstance(value, str):
        value, failed, metadata = _unwrapped(value)
    elif isinstance(value, dict) and "content" in value:
        failed = not value["success"] if isinstance(value.get("success"), bool) else None
        value = value["content"]
    if isinstance(value, dict):
        value = [value] if isinstance(value.get("text"), str) else json_text(without_payloads(value))
    text, parts = said(value)
    known_by = text_or_none(item.call_id) or text_or_none(item.tool_call_id)
    called = text_or_none(item.name)
    return ToolResult(session, known_by, text, failed, created_at, called, parts=parts, metadata=metadata)


def image_record(item: Item, session: str, created_at: str | None) -> ToolResult | None:
    """Return the image that a hosted tool made, by its hash: the item of the call holds the answer too."""
    if item.type != "image_generation_call" or not isinstance(item.result, str) or not item.result:
        return None
    return ToolResult(
        session, call_id(item), None, None, created_at, parts=[payload(item.result, "image/png")]
    )


class Response:
    """Gather what the model puts out for one request, and make it one assistant message.

    `name` makes the message's id from what its first item holds. `opened` is the id of a message whose
    first items an earlier import has read; more of it is then handed out as its continuation.
    """

    def __init__(
        self,
        session: str,
        name: Callable[..., str],
        opened: str | None = None,
        opened_at: str | None = None,
    ) -> None:
        self.id = opened
        self.created_at = opened_at
        self._session = session
        self._name = name
        self._begun = opened is not None
        self._model: str | None = None
        self._clear()

    def _clear(self) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[ToolCallRecord] = []
        self._parts: list[Any] = []
        self._phase: str | None = None

    def add(self, item: Item, when: When, model: str | None = None) -> None:
        """Take one item of the response, which `model` gave."""
        form = shape(item)
        if form == "call":
            call = call_record(item)
            self._open(when, model, "call", call.call_id, call.name)
            self._calls.append(call)
        elif form == "reasoning":
            self.think(reasoning_text(item), when, model)
        elif form == "message":
            text, parts = said(item.content)
            self.say(text, when, model, text_or_none(item.phase))
            if parts:
                self._open(when, model, "parts", json_text(parts))
                self._parts.extend(parts)
        elif form == "unknown":
            part = without_payloads(_without_ciphers(item.unread))
            self._open(when, model, "part", json_text(part))
            self._parts.append(part)

    def say(self, text: str | None, when: When, model: str | None, phase: str | None = None) -> None:
        """Take text of the answer, or of a remark on the way to it, as `phase` says."""
        if text:
            self._open(when, model, "text", text)
            self._texts.append(text)
            self._phase = phase or self._phase

    def think(self, text: str | None, when: When, model: str | None) -> None:
        """Take readable reasoning."""
        if text:
            self._open(when, model, "reasoning", text)
            self._thoughts.append(text)

    def _open(self, when: When, model: str | None, *values: object) -> None:
        if self.id is None:
            self.id = self._name(when.written, "assistant", *values)
            self.created_at, self._model = when.stamp, model

    def close(self) -> list[MessageRecord]:
        """Return the message, or what there is more of it, if anything; the next item begins another."""
        message = MessageRecord(
            self._session,
            "assistant",
            "\n\n".join(self._texts) or None,
            self.id,
            self.created_at,
            "\n\n".join(self._thoughts) or None,
            self._parts or None,
            self._model,
            metadata={"phase": self._phase} if self._phase else None,
            tool_calls=tuple(self._calls),
            # An import may have ended in the middle of the response: then this is the rest of a message that is stored.
            continues=self._begun,
        )
        has_more = self._texts or self._thoughts or self._calls or self._parts
        self.id = self._model = None
        self._begun = False
        self._clear()
        return [message] if has_more else []


def _is_encrypted(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "encrypted_content"


def _without_ciphers(item: Any) -> Any:
    return (
        {key: value for key, value in item.items() if key != "encrypted_content"}
        if isinstance(item, dict)
        else item
    )


def _unwrapped(text: str) -> tuple[str, bool | None, dict[str, Any] | None]:
    """Return a tool's output as it printed it, whether it failed, and what else the log says of it."""
    if text.startswith(_WRAPPED):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and isinstance(value.get("output"), str):
            metadata = value.get("metadata")
            metadata = metadata if isinstance(metadata, dict) and metadata else None
            code = whole(metadata.get("exit_code")) if metadata else None
            return value["output"], None if code is None else code != 0, metadata
    match = _EXIT_CODE.match(text, 0, 400)
    return text, int(match[1]) != 0 if match else None, None
