"""Find the tool calls of a VS Code response with their answers: two places tell of each, under ids of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sessiondb.chat.content import arguments_text, json_text, text_or_none, whole, without_payloads
from sessiondb.importers.base import ToolCallRecord
from sessiondb.importers.files.json_lines import object_of, objects_of

TOOL = "toolInvocationSerialized"
"""The kind of the part of a response that shows a call."""


class Tool(NamedTuple):
    """A call and what came of it; None where that is not told."""

    call: ToolCallRecord
    answer: str | None = None
    failed: bool | None = None


def tools_of(response: list[dict[str, Any]], metadata: dict[str, Any], id: str) -> list[Tool]:
    """Return the calls of a response: those that the model made, then those that only parts tell of.

    A part belongs to the call of its id, or, where the ids of parts are others, to the call in its place.
    """
    rounds = objects_of(metadata.get("toolCallRounds"))
    asked = [call for round in rounds for call in objects_of(round.get("toolCalls"))]
    answers = object_of(metadata.get("toolCallResults"))
    parts = [part for part in response if part.get("kind") == TOOL]
    known = [text_or_none(call.get("id")) for call in asked]
    by_id = {text_or_none(part.get("toolCallId")): part for part in parts}
    is_by_place = not any(one in by_id for one in known if one)
    found: list[Tool] = []
    for number, (call, call_id) in enumerate(zip(asked, known, strict=True)):
        part = by_id.get(call_id, {})
        if is_by_place:
            part = parts[number] if number < len(parts) else {}
        record = ToolCallRecord(
            call_id or f"{id}#{number + 1}",
            text_or_none(call.get("name")),
            arguments_text(without_payloads(call.get("arguments"))),
        )
        found.append(_answered(record, part, object_of(answers.get(call_id or ""))))
    others = parts[len(asked) :] if is_by_place else [
        part for part in parts if text_or_none(part.get("toolCallId")) not in known
    ]  # fmt: skip
    for part in others:
        call_id = text_or_none(part.get("toolCallId")) or f"{id}#{len(found) + 1}"
        found.append(_answered(ToolCallRecord(call_id, *_shown(part)), part, {}))
    return found


def _shown(part: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the name of a tool, and what it was asked as far as its part tells."""
    details, special = object_of(part.get("resultDetails")), object_of(part.get("toolSpecificData"))
    command = object_of(special.get("commandLine"))
    said = (
        details.get("input"),
        special.get("rawInput"),
        command.get("original"),
        special.get("command"),
        object_of(part.get("invocationMessage")).get("value") or part.get("invocationMessage"),
    )
    asked = next((one for one in said if one), None)
    return text_or_none(part.get("toolId")), arguments_text(without_payloads(asked))


def _answered(call: ToolCallRecord, part: dict[str, Any], result: dict[str, Any]) -> Tool:
    details, special = object_of(part.get("resultDetails")), object_of(part.get("toolSpecificData"))
    failed = details.get("isError")
    code = whole(object_of(special.get("terminalCommandState")).get("exitCode"))
    failed = failed if isinstance(failed, bool) else None if code is None else code != 0
    texts = [text for item in objects_of(result.get("content")) for text in _texts(item.get("value"))]
    if not texts:
        outputs = objects_of(details.get("output"))
        texts = [
            one["value"] for one in outputs if isinstance(one.get("value"), str) and one.get("isText", True)
        ]
    if not texts:
        shown = object_of(special.get("terminalCommandOutput")).get("text") or special.get("result")
        texts = [shown] if isinstance(shown, str) else []
    answer = "".join(texts) or (
        json_text(without_payloads(result["content"])) if result.get("content") else None
    )
    return Tool(call, answer, failed)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of an answer, which may be a tree of what was rendered for the model."""
    if isinstance(value, str):
        yield value
        return
    waiting = [object_of(value).get("node", value)]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        if isinstance(node.get("text"), str):
            yield ("\n" if node.get("lineBreakBefore") is True else "") + node["text"]
        children = node.get("children")
        if isinstance(children, list):
            waiting += reversed(children)
