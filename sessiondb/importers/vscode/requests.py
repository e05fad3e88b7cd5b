"""Turn the requests of a VS Code chat into records; see __init__.py for the format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sessiondb.chat.content import text_or_none, whole, without_payloads
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolResult,
    is_globally_unique,
)
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.source import Source
from sessiondb.importers.vscode.chat import Chat
from sessiondb.importers.vscode.tools import TOOL, tools_of
from sessiondb.timestamps import normalise

_ID = re.compile(r"(?:request_)?([0-9a-fA-F-]{36})")


class Conversation:
    """The messages of one chat on their way to records."""

    def __init__(self, session: SessionRecord, source: Source) -> None:
        self._session = session.id
        self._source = source
        self._name = Fingerprints({})

    def records(self, chat: Chat, *, awaits_last: bool) -> Iterator[Record]:
        """Yield the records of all requests; the last response is left out while it goes on, if that may be."""
        last = len(chat) - 1
        for number, request in enumerate(chat):
            # A response that still goes on is written anew as a whole: it is taken when it has ended.
            is_open = awaits_last and number == last and not _has_ended(request)
            try:
                yield from list(self._request(request, is_open))
            except RecursionError:
                self._source.problem(f"request {number + 1} is nested too deeply", whole=True)

    def _request(self, request: dict[str, Any], is_open: bool) -> Iterator[Record]:
        at = normalise(request.get("timestamp"), self._source.tz)
        message = request.get("message")
        text = text_or_none(message) or _typed(object_of(message))
        id = self._id(request, text)
        parts = [one for one in map(_attachment, _variables(request)) if one]
        if text or parts:
            # The editor itself asks, too: nobody typed that.
            if request.get("isSystemInitiated") is True:
                yield MessageRecord(
                    self._session, "system", text, id, at, parts=parts or None, metadata={"kind": "meta"}
                )
            else:
                yield MessageRecord(self._session, "user", text, id, at, parts=parts or None)
        if not is_open and (request.get("response") or request.get("result")):
            yield from self._response(request, id, at)
            yield from self._tokens(request, id, at)

    def _id(self, request: dict[str, Any], text: str | None) -> str:
        """Return the id of a request, which copies of a chat keep."""
        named = text_or_none(request.get("requestId"))
        found = _ID.fullmatch(named) if named else None
        if found and is_globally_unique(found[1].lower()):
            return found[1].lower()
        return self._name(request.get("timestamp"), named, text)

    def _response(self, request: dict[str, Any], id: str, at: str | None) -> Iterator[Record]:
        response, result = objects_of(request.get("response")), object_of(request.get("result"))
        # The parts of a response tell of a call in a sentence ("Read file.py"); what was asked and answered is in the
        # metadata of the result.
        tools = tools_of(response, object_of(result.get("metadata")), id)
        thoughts = [_text(part.get("value")) for part in response if part.get("kind") == "thinking"]
        agent = text_or_none(object_of(request.get("agent")).get("id"))
        details = {
            "participant": agent,
            "error": text_or_none(object_of(result.get("errorDetails")).get("message")),
        }
        canceled = request.get("isCanceled") is True
        yield MessageRecord(
            self._session,
            "assistant",
            _text_of(response),
            f"{id}#answer",
            at,
            "\n\n".join(thought for thought in thoughts if thought) or None,
            # Where tools made the edits, their calls say so; only the chats of before have them as parts.
            None
            if tools
            else [_edit(part) for part in response if part.get("kind") == "textEditGroup"] or None,
            text_or_none(request.get("modelId")),
            "canceled" if canceled else None,
            {key: value for key, value in details.items() if value} or None,
            tuple(tool.call for tool in tools),
        )
        for number, tool in enumerate(tools):
            if tool.answer is not None:
                yield ToolResult(
                    self._session,
                    tool.call.call_id,
                    tool.answer,
                    tool.failed,
                    at,
                    tool.call.name,
                    f"{id}#tool{number}",
                )

    def _tokens(self, request: dict[str, Any], id: str, at: str | None) -> Iterator[Record]:
        known = object_of(object_of(request.get("result")).get("metadata"))
        # The same numbers stand in the request and in its result, by version in one or both: they count once.
        asked = _count(request.get("promptTokens"), known.get("promptTokens"))
        said = _count(request.get("completionTokens"), known.get("outputTokens"))
        if asked or said:
            yield TokenRecord(
                self._session,
                id,
                input=asked,
                output=said,
                model=text_or_none(request.get("modelId")),
                message=f"{id}#answer",
                counted_at=at,
            )


def _has_ended(request: dict[str, Any]) -> bool:
    return isinstance(request.get("result"), dict) or request.get("isCanceled") is True


def _typed(message: dict[str, Any]) -> str | None:
    text = text_or_none(message.get("text"))
    if text is None:
        parts = (text_or_none(part.get("text")) for part in objects_of(message.get("parts")))
        text = "".join(part for part in parts if part) or None
    return text


def _variables(request: dict[str, Any]) -> list[dict[str, Any]]:
    variables = objects_of(object_of(request.get("variableData")).get("variables"))
    return [one for one in variables if one.get("automaticallyAdded") is not True]


def _attachment(variable: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a person attached: its kind, name and place; images by their hash."""
    value, kind = variable.get("value"), text_or_none(variable.get("kind"))
    if kind == "image":
        return {"type": "image", "name": text_or_none(variable.get("name")), **_image(value, variable)}
    place = value if isinstance(value, dict) else {}
    place = object_of(place.get("uri")) or place
    path = text_or_none(place.get("fsPath")) or text_or_none(place.get("path"))
    found = {"type": kind or "variable", "name": text_or_none(variable.get("name")), "path": path}
    return {key: item for key, item in found.items() if item} if len(found) > 1 else None


def _image(value: Any, variable: dict[str, Any]) -> dict[str, Any]:
    """Return hash, type and size of an image, whose bytes are numbers in an object, or base64."""
    import base64

    text = object_of(value).get("$base64")
    media_type = text_or_none(variable.get("mimeType")) or "image/png"
    if not isinstance(text, str):
        numbers = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        try:
            text = base64.b64encode(bytes(numbers)).decode()
        except (TypeError, ValueError):
            return {}
    found: dict[str, Any] = without_payloads({"data": text, "media_type": media_type})
    return found


def _text_of(response: list[dict[str, Any]]) -> str | None:
    """Return the text of a response: its parts are pieces of one, which calls of tools divide into paragraphs."""
    text, is_divided = "", False
    for part in response:
        said = _said(part)
        if said and text and is_divided and not text.endswith("\n"):
            text += "\n\n"
        is_divided = (is_divided and not said) or part.get("kind") == TOOL
        text += said
    return text or None


def _said(part: dict[str, Any]) -> str:
    """Return the text of a part of a response: markdown, and the names of what it refers to."""
    kind = part.get("kind")
    if kind in (None, "markdownContent", "markdownVuln"):
        value = part.get("value", part.get("content"))
        return _text(value)
    if kind == "inlineReference":
        reference = object_of(part.get("inlineReference"))
        path = text_or_none(reference.get("path")) or text_or_none(
            object_of(reference.get("uri")).get("path")
        )
        name = text_or_none(part.get("name")) or text_or_none(reference.get("name"))
        name = name or (path or "").rpartition("/")[2]
        return f"`{name}`" if name else ""
    return ""


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, list):
        return "".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


def _edit(part: dict[str, Any]) -> dict[str, Any]:
    uri = object_of(part.get("uri"))
    groups = part.get("edits")
    edits = [edit for group in groups if isinstance(group, list) for edit in objects_of(group)] if isinstance(
        groups, list
    ) else []  # fmt: skip
    texts = [edit["text"] for edit in edits if isinstance(edit.get("text"), str)]
    return {"type": "edit", "path": text_or_none(uri.get("path")), "texts": texts}


def _count(*values: Any) -> int | None:
    counts = (whole(value) for value in values)
    return next((count for count in counts if count is not None and count > 0), None)
