"""Import Claude.ai's data export: the zip file, its conversations.json, or one conversation out of it.

A message's `content` is a list of blocks; its `text` says the same once more, with filler for what cannot be
shown, and serves only where the blocks are missing. The text of attached documents is part of what was said,
so that it is found; what is attached stands in the parts. In newer exports messages are a tree: the branch
that ends in the last message is imported, and how many messages the others hold stands in the session's
metadata. There are no models and no tokens. A conversation without messages is a session all the same.

Source of the format: real exports of 2024 to 2026, and what their readers on GitHub say of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none, without_payloads
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.chat_api.call_ids import with_call_ids
from sessiondb.importers.chat_api.messages import message_records
from sessiondb.importers.files.conversations import conversations, first_conversations
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "claude-ai"
version = 1

_ROLES = {"human": "user", "assistant": "assistant"}
_KEYS = frozenset(("uuid", "name", "account"))
_FILES = ("attachments", "files", "files_v2", "sync_sources")
_OF_THE_RECORD = frozenset(
    ("uuid", "text", "content", "sender", "created_at", "updated_at", "index", "parent_message_uuid", *_FILES)
)
_OF_THE_SESSION = frozenset(
    (
        "uuid", "name", "created_at", "updated_at", "account", "chat_messages", "project", "project_uuid",
        "model", "current_leaf_message_uuid",
    )
)  # fmt: skip


def sniff(sample: Sample) -> int:
    """Tell the export by its chat_messages; conversations without any may be of it."""
    found = first_conversations(sample)
    if any("chat_messages" in conversation for conversation in found):
        return 2
    return 1 if any(conversation.keys() >= _KEYS for conversation in found) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the conversations and their messages, one conversation in memory at a time.

    Raises ImportFailed where there is none.
    """
    is_empty = True
    found = conversations(source.path, lambda reason: source.problem(reason, whole=True))
    for number, conversation in enumerate(found, 1):
        if isinstance(conversation, dict) and text_or_none(conversation.get("uuid")):
            is_empty = False
            if not isinstance(conversation.get("chat_messages"), list):
                source.problem(f"conversation {number} has no list of messages", whole=True)
            try:
                records = list(_records(source, conversation))
            except RecursionError:
                source.problem(f"conversation {number} is nested too deeply", whole=True)
                continue
            yield from with_call_ids(records)
        else:
            source.problem(f"conversation {number} is none: it has no uuid", whole=True)
    if is_empty:
        raise ImportFailed(f"{source.path} has no Claude.ai conversation: none has a uuid")


def _records(source: Source, conversation: dict[str, Any]) -> Iterator[Record]:
    found = _list(conversation.get("chat_messages"))
    messages = [message for message in found if isinstance(message, dict)]
    if len(messages) < len(found):
        source.problem(f"conversation {conversation['uuid']} has messages that are no objects", whole=True)
    # What was asked again makes a tree; the others are only counted.
    branch = _branch(messages)
    session = _session(source, conversation, len(messages) - len(branch))
    records = [record for message in branch for record in _message(session.id, message, source.tz)]
    # A conversation without a dated message is dated by its own times.
    if not any(record.created_at for record in records):
        session = session._replace(last_active_at=normalise(conversation.get("updated_at"), source.tz))
    yield session
    yield from records


def _session(source: Source, conversation: dict[str, Any], others: int) -> SessionRecord:
    project, native_id = conversation.get("project"), str(conversation["uuid"])
    kept = {
        key: without_payloads(value)
        for key, value in conversation.items()
        if key not in _OF_THE_SESSION and value
    }
    if others:
        kept["messages_on_other_branches"] = others
    return SessionRecord(
        session_id(name, native_id, str(source.path.resolve().parent)),
        name,
        native_id,
        project_name=text_or_none(project.get("name")) if isinstance(project, dict) else None,
        title=text_or_none(conversation.get("name")),
        model=text_or_none(conversation.get("model")),
        started_at=normalise(conversation.get("created_at"), source.tz),
        metadata=kept or None,
    )


def _branch(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages that lead to the last one; all where not each says what it follows."""
    by_id = {message["uuid"]: message for message in messages if isinstance(message.get("uuid"), str)}
    # Older exports are plain lists.
    if len(by_id) < len(messages) or not all(
        isinstance(message.get("parent_message_uuid"), str) for message in messages
    ):
        return messages
    branch: dict[str, dict[str, Any]] = {}
    message_id = messages[-1]["uuid"] if messages else ""
    while message_id in by_id and message_id not in branch:
        branch[message_id] = by_id[message_id]
        message_id = by_id[message_id]["parent_message_uuid"]
    return list(reversed(branch.values()))


def _message(
    session: str, message: dict[str, Any], tz: tzinfo | None
) -> Iterator[MessageRecord | ToolResult]:
    """Yield a message and the answers of the tools it used; the message's uuid is its id."""
    moment = message.get("created_at")
    created_at = normalise(moment, tz)
    sender = message.get("sender")
    texts, parts = _attached(message)
    shaped = {
        **{key: value for key, value in message.items() if key not in _OF_THE_RECORD and value},
        "citations": _citations(message) or None,
        "role": _ROLES.get(sender, sender) if isinstance(sender, str) else sender,
        "content": [*_blocks(message), *({"type": "text", "text": text} for text in texts)],
    }
    for record in message_records(session, shaped, Fingerprints({}), moment, created_at):
        if isinstance(record, MessageRecord):
            external_id = text_or_none(message.get("uuid")) or record.external_id
            yield record._replace(external_id=external_id, parts=[*(record.parts or []), *parts] or None)
        else:
            yield record


def _blocks(message: dict[str, Any]) -> list[Any]:
    content, text = message.get("content"), message.get("text")
    blocks = [block for block in map(_block, _list(content)) if block is not None]
    if blocks:
        return blocks
    said = text if isinstance(text, str) else content
    return [{"type": "text", "text": said}] if isinstance(said, str) and said else []


def _block(block: Any) -> Any:
    """Return a block in the shape of Anthropic's API, None where it says nothing: budgets, empty text."""
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "token_budget" or (kind == "text" and not block.get("text")):
        return None
    if kind == "voice_note":
        return {"type": "text", "text": _joined(block, ("title", "text"))}
    if kind == "tool_result":
        content = block.get("content")
        return {
            **block,
            "content": [_found(item) for item in content] if isinstance(content, list) else content,
        }
    return block


def _citations(message: dict[str, Any]) -> list[Any]:
    blocks = [block for block in _list(message.get("content")) if isinstance(block, dict)]
    return [citation for block in blocks for citation in _list(block.get("citations"))]


def _found(item: Any) -> Any:
    """Return what a search found as text: its title, address and words."""
    if isinstance(item, dict) and item.get("type") == "knowledge":
        return {"type": "text", "text": _joined(item, ("title", "url", "text"))}
    return item


def _attached(message: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """Return the texts that were extracted from what is attached, and what is attached."""
    texts: list[str] = []
    parts: list[Any] = []
    for kind in _FILES:
        for item in _list(message.get(kind)):
            known = dict(item) if isinstance(item, dict) else {"value": item}
            text = known.pop("extracted_content", None)
            if isinstance(text, str) and text:
                texts.append(text)
            parts.append(
                {"type": "attachment" if kind == "attachments" else "file", **without_payloads(known)}
            )
    return texts, parts


def _joined(block: dict[str, Any], keys: tuple[str, ...]) -> str:
    return "\n".join(text for text in (block.get(key) for key in keys) if isinstance(text, str) and text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
