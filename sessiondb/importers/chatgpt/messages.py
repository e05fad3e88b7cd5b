"""Turn one message of a ChatGPT export into a record.

An assistant's message to anyone but "all" asks the tool of that name to do what its text says. Thoughts and
their recaps are messages of their own in the export, and rows of their own here, with reasoning instead of
content. What ChatGPT puts into a conversation unseen (instructions, what it remembers of the user, hidden
messages) is role system.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, NamedTuple

from sessiondb.chat.content import text_or_none, without_payloads
from sessiondb.importers.base import MessageRecord, ToolCallRecord, ToolResult
from sessiondb.timestamps import normalise

_NOT_TOOLS = frozenset(("", "all", "assistant", "user"))
_KINDS = {
    "user_editable_context": "instructions",
    "model_editable_context": "memory",
    "system_error": "notice",
}
# The fields that text stands in, in the order to be read: code and execution_output have `text`, a browser's
# answer `result`, a quote title, url and text, the user's instructions and the model's memory fields of their
# own.
_TEXTS = (
    "title", "url", "name", "text", "result", "summary", "user_profile", "user_instructions",
    "model_set_context",
)  # fmt: skip
_ABOUT = ("about_user_message", "about_model_message")
# What of a message's metadata says more than the message; most of it is the program's own bookkeeping.
_KEPT = (
    "citations", "content_references", "canvas", "dalle", "command", "args", "finished_duration_sec",
    "async_task_title",
)  # fmt: skip
_BARE = frozenset(("content_type", "parts", "language", "response_format_name", "text"))


class _Said(NamedTuple):
    text: str | None = None
    reasoning: str | None = None
    parts: tuple[Any, ...] = ()


def moment(value: Any, tz: tzinfo | None) -> str | None:
    """Return a time of an export as it is stored: epoch seconds, where 0 means unknown."""
    return normalise(value, tz) if value else None


def message_record(
    session: str, node_id: str, message: dict[str, Any], tz: tzinfo | None
) -> MessageRecord | ToolResult:
    """Return the record of a message of any role."""
    author, metadata = _object(message.get("author")), _object(message.get("metadata"))
    said = _said(message.get("content"))
    external_id = text_or_none(message.get("id")) or node_id
    created_at = moment(message.get("create_time"), tz)
    parts = [*said.parts, *_attachments(metadata)]
    kept = _kept(message, metadata)
    role, kind = author.get("role"), _kind(message, metadata)
    if role == "tool":
        run = _object(metadata.get("aggregate_result"))
        status = run.get("status")
        is_error = status != "success" if isinstance(status, str) else (True if kind == "notice" else None)
        parts += _images(run)
        return ToolResult(
            session, None, said.text, is_error, created_at, text_or_none(author.get("name")), external_id,
            parts or None, kept or None,
        )  # fmt: skip
    record = MessageRecord(
        session, "system", said.text, external_id, created_at, said.reasoning, parts or None,
        metadata=kept or None,
    )  # fmt: skip
    if role == "assistant" and kind in (None, "hidden"):
        return _assistant(record, message, metadata, kind)
    if role == "user" and kind is None:
        return record._replace(role="user")
    kept["kind"] = kind or "notice"
    if role not in ("system", "user", "assistant"):
        kept["role"] = role
    return record._replace(content=said.text or _about(metadata), metadata=kept)


def _assistant(
    record: MessageRecord, message: dict[str, Any], metadata: dict[str, Any], kind: str | None
) -> MessageRecord:
    recipient = message.get("recipient")
    called = recipient if isinstance(recipient, str) and recipient not in _NOT_TOOLS else None
    return record._replace(
        role="assistant",
        content=None if called else record.content,
        model=text_or_none(metadata.get("model_slug")),
        finish_reason=text_or_none(_object(metadata.get("finish_details")).get("type")),
        metadata={**(record.metadata or {}), "hidden": True} if kind else record.metadata,
        tool_calls=(ToolCallRecord(record.external_id, called, record.content),) if called else (),
    )


def _kind(message: dict[str, Any], metadata: dict[str, Any]) -> str | None:
    """Return why a message is not seen in the conversation, None where it is."""
    form = _object(message.get("content")).get("content_type")
    if isinstance(form, str) and form in _KINDS:
        return _KINDS[form]
    if metadata.get("is_user_system_message") is True:
        return "instructions"
    is_hidden = metadata.get("is_visually_hidden_from_conversation") is True or message.get("weight") == 0
    return "hidden" if is_hidden else None


def _said(content: Any) -> _Said:
    if isinstance(content, str):
        return _Said(content or None)
    if not isinstance(content, dict):
        return _Said()
    form = content.get("content_type")
    if form == "thoughts":
        return _Said(reasoning=_joined(map(_thought, _list(content.get("thoughts")))))
    if form == "reasoning_recap":
        return _Said(reasoning=text_or_none(content.get("content")))
    pieces = [_said_in_part(part) for part in _list(content.get("parts"))]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    text = _joined(texts or [content.get(key) for key in _TEXTS])
    parts = [piece for piece in pieces if not isinstance(piece, str)]
    if text is None and not pieces and content.keys() - _BARE:
        parts = [without_payloads(content)]
    return _Said(text, parts=tuple(parts))


def _said_in_part(part: Any) -> Any:
    """Return a part's text, or the part itself where it has none; a transcript of speech is text."""
    if isinstance(part, dict) and part.get("content_type") == "audio_transcription":
        return part["text"] if isinstance(part.get("text"), str) else part
    return part if isinstance(part, str) else without_payloads(part)


def _thought(thought: Any) -> str | None:
    if isinstance(thought, dict):
        return _joined((thought.get("summary"), thought.get("content")))
    return text_or_none(thought)


def _about(metadata: dict[str, Any]) -> str | None:
    """Return the instructions that early exports keep beside the message instead of in it."""
    given = _object(metadata.get("user_context_message_data"))
    return _joined(given.get(key) for key in _ABOUT)


def _attachments(metadata: dict[str, Any]) -> list[Any]:
    found = [item for item in _list(metadata.get("attachments")) if isinstance(item, dict)]
    return [{"type": "attachment", **without_payloads(item)} for item in found]


def _images(run: dict[str, Any]) -> list[Any]:
    found = [item for item in _list(run.get("messages")) if isinstance(item, dict)]
    return [
        {"type": "image", "image_url": item["image_url"]}
        for item in found
        if isinstance(item.get("image_url"), str)
    ]


def _kept(message: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    kept = {key: without_payloads(metadata[key]) for key in _KEPT if metadata.get(key)}
    if message.get("channel"):
        kept["channel"] = message["channel"]
    if message.get("status") not in (None, "finished_successfully"):
        kept["status"] = message["status"]
    return kept


def _joined(texts: Any) -> str | None:
    return "\n\n".join(text for text in texts if isinstance(text, str) and text) or None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
