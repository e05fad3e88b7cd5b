"""Turn the bubbles of a conversation in the editor into records: one is a message, a thought, or a call with its
answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from sessiondb.chat.content import arguments_text, json_text, text_or_none, whole, without_payloads
from sessiondb.importers.base import MessageRecord, Record, TokenRecord, ToolCallRecord, ToolResult
from sessiondb.importers.cursor.prompts import take_apart
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

_USER = (1, "user")
_ASSISTANT = (2, "ai", "assistant")
_OF_AN_IMAGE: tuple[str, ...] = ("uuid", "path", "dimension")
_FAILED = ("error", "failed")
_ENDED = ("completed", "success", "error", "failed", "cancelled", "rejected")


class Bubbles:
    """The bubbles of one session on their way to records; `model` is the last that is known to have answered."""

    def __init__(self, session: str, tz: tzinfo | None, branch: str | None = None) -> None:
        self._session = session
        self._tz = tz
        self._branch = branch
        self.model: str | None = None

    def records(self, bubble: dict[str, Any], id: str, at: Any = None) -> Iterator[Record]:
        """Yield the records of a bubble; `at` is the time that the conversation has for it."""
        # Bubbles of people, and all old ones, have no time of their own: the list of the conversation may have one for
        # them.
        created = self._time(bubble, at)
        kind = bubble.get("type")
        if kind in _USER:
            yield from self._user(bubble, id, created)
        elif kind in _ASSISTANT:
            yield from self._assistant(bubble, id, created)

    def _time(self, bubble: dict[str, Any], at: Any) -> str | None:
        timing = object_of(bubble.get("timingInfo"))
        told = (
            *(bubble.get("createdAt"), at),
            *(timing.get(name) for name in ("clientEndTime", "clientRpcSendTime", "clientStartTime")),
        )
        # Times of the program's own clock, which began when it started, are small numbers.
        real = (one for one in told if not isinstance(one, int | float) or one > 1e11)
        return next(filter(None, (normalise(one, self._tz) for one in real)), None)

    def _user(self, bubble: dict[str, Any], id: str, at: str | None) -> Iterator[Record]:
        turn = take_apart(_text(bubble) or "", self._tz)
        parts = _images(bubble)
        at = at or turn.sent_at
        is_typed = bool(turn.typed.strip() or parts)
        if turn.injected:
            external_id = f"{id}#context" if is_typed else id
            kind = {"kind": turn.kind}
            yield MessageRecord(self._session, "system", turn.injected, external_id, at, metadata=kind)
        if is_typed:
            yield MessageRecord(self._session, "user", turn.typed or None, id, at, parts=parts)

    def _assistant(self, bubble: dict[str, Any], id: str, at: str | None) -> Iterator[Record]:
        summary = _summary(bubble)
        if summary:
            kind = {"kind": "compact_summary"}
            yield MessageRecord(self._session, "system", summary, f"{id}#summary", at, metadata=kind)
        text, thought = _text(bubble), _thought(bubble)
        # A bubble holds one call at most, and its answer too.
        tool = object_of(bubble.get("toolFormerData"))
        call = _call(tool, id) if tool.get("name") or tool.get("toolCallId") else None
        failure = text_or_none(object_of(bubble.get("errorDetails")).get("message"))
        model = known_model(object_of(bubble.get("modelInfo")).get("modelName") or bubble.get("modelType"))
        self.model = model or self.model
        is_message = bool(text or thought or call or failure)
        if is_message:
            yield MessageRecord(
                self._session,
                "assistant",
                text,
                id,
                at,
                thought,
                model=model,
                metadata={"error": failure} if failure else None,
                tool_calls=(call,) if call else (),
            )
        if call:
            yield from self._answer(tool, call, id, at)
        yield from self._tokens(bubble, id, model if is_message else self.model, at, is_message=is_message)

    def _answer(
        self, tool: dict[str, Any], call: ToolCallRecord, id: str, at: str | None
    ) -> Iterator[Record]:
        status = text_or_none(tool.get("status"))
        told = tool.get("result")
        text = json_text(without_payloads(told)) if told not in (None, "", {}, []) else None
        error = tool.get("error")
        text = text or (json_text(without_payloads(error)) if error else None)
        if text is None and status not in _ENDED:
            return
        yield ToolResult(
            self._session,
            call.call_id,
            text,
            status in _FAILED or (bool(error) and not told),
            at,
            call.name,
            f"{id}#answer",
            metadata={"status": status} if status in ("cancelled", "rejected") else None,
        )

    def _tokens(
        self, bubble: dict[str, Any], id: str, model: str | None, at: str | None, *, is_message: bool
    ) -> Iterator[Record]:
        # Only the last bubble of a turn has counts, those of Cursor 3 are all zero, and none say what came from the
        # cache.
        counts = object_of(bubble.get("tokenCount"))
        asked, said = whole(counts.get("inputTokens")), whole(counts.get("outputTokens"))
        if asked or said:
            yield TokenRecord(
                self._session,
                id,
                input=asked,
                output=said,
                model=model,
                message=id if is_message else None,
                counted_at=at,
                git_branch=self._branch,
            )


def known_model(value: Any) -> str | None:
    """Return a model's name, None for the words that leave the choice to Cursor."""
    name = text_or_none(value)
    return None if name in ("default", "auto", "unknown") else name


def _call(tool: dict[str, Any], id: str) -> ToolCallRecord:
    arguments = tool.get("rawArgs") or tool.get("params")
    return ToolCallRecord(
        text_or_none(tool.get("toolCallId")) or f"{id}#call",
        text_or_none(tool.get("name")),
        arguments_text(without_payloads(arguments)),
    )


def _text(bubble: dict[str, Any]) -> str | None:
    for key in ("text", "rawText"):
        value = bubble.get(key)
        if isinstance(value, str) and value.strip():
            return value
    # Old bubbles have what was typed only as the document of the editor's input.
    return "\n".join(_rich(bubble.get("richText"))).strip() or None


def _rich(value: Any) -> list[str]:
    """Return the lines of an editor's document."""
    tree = decode(value) if isinstance(value, str) and value[:1] == "{" else value
    root = object_of(object_of(tree).get("root"))
    return ["".join(_leaves(paragraph, 0)) for paragraph in objects_of(root.get("children"))]


def _leaves(node: dict[str, Any], depth: int) -> Iterator[str]:
    if isinstance(node.get("text"), str):
        yield node["text"]
    elif node.get("type") == "linebreak":
        yield "\n"
    if depth < 50:
        for child in objects_of(node.get("children")):
            yield from _leaves(child, depth + 1)


def _thought(bubble: dict[str, Any]) -> str | None:
    thinking = bubble.get("thinking")
    text = text_or_none(thinking.get("text") if isinstance(thinking, dict) else thinking)
    blocks = (object_of(block).get("thinking") for block in objects_of(bubble.get("allThinkingBlocks")))
    return text or "\n\n".join(filter(None, map(text_or_none, blocks))) or None


def _summary(bubble: dict[str, Any]) -> str | None:
    summary = bubble.get("conversationSummary")
    return text_or_none(summary.get("summary") if isinstance(summary, dict) else summary)


def _images(bubble: dict[str, Any]) -> list[Any] | None:
    """Return what is told of pictures; their bytes lie in files of Cursor's own."""
    found = [*objects_of(bubble.get("images")), *objects_of(bubble.get("selectedImages"))]
    found += objects_of(object_of(bubble.get("context")).get("selectedImages"))
    told = [{key: image[key] for key in _OF_AN_IMAGE if key in image} for image in found]
    unique: list[dict[str, Any]] = []
    for image in told:
        if image and image not in unique:
            unique.append(image)
    return [{"type": "image", **image} for image in unique] or None
