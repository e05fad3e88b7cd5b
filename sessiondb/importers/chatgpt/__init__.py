"""Import ChatGPT's data export: the zip file, its conversations.json (or -000.json and so on), or one
conversation.

A conversation is a tree, since each edited question and each second answer is a branch. What is imported is
the branch that ChatGPT shows, from `current_node` up to the root; how many messages the others hold stands in
the session's metadata. Every message of the branch is one row, also the empty system messages that each
conversation begins with. The same conversation in a later export is the same session, to which the new
messages are added.

Source of the format: real exports of 2023 to 2026, and what their readers on GitHub say of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import text_or_none, without_payloads
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, session_id
from sessiondb.importers.chat_api.call_ids import with_call_ids
from sessiondb.importers.chatgpt.messages import message_record, moment
from sessiondb.importers.files.conversations import conversations, first_conversations
from sessiondb.importers.files.packed import plain_path

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "chatgpt"
version = 1

_PLACEHOLDER = "New chat"
_KEPT = (
    "gizmo_id", "gizmo_type", "conversation_template_id", "conversation_origin", "is_archived", "is_starred",
    "voice", "plugin_ids",
)  # fmt: skip


def sniff(sample: Sample) -> int:
    """Tell the export by the tree of messages that each conversation has."""
    return 2 if any(isinstance(found.get("mapping"), dict) for found in first_conversations(sample)) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the conversations and their messages, one conversation in memory at a time.

    Raises ImportFailed where there is none.
    """
    is_empty = True
    found = conversations(source.path, lambda reason: source.problem(reason, whole=True))
    for number, conversation in enumerate(found, 1):
        if isinstance(conversation, dict) and isinstance(conversation.get("mapping"), dict):
            is_empty = False
            try:
                records = list(_records(source, conversation))
            except RecursionError:
                source.problem(f"conversation {number} is nested too deeply", whole=True)
                continue
            yield from with_call_ids(records)
        else:
            source.problem(f"conversation {number} has no messages", whole=True)
    if is_empty:
        raise ImportFailed(f"{source.path} has no ChatGPT conversation: none has a mapping of messages")


def _records(source: Source, conversation: dict[str, Any]) -> Iterator[Record]:
    mapping = {key: node for key, node in conversation["mapping"].items() if isinstance(node, dict)}
    branch = _branch(mapping, conversation.get("current_node"))
    session = _session(source, conversation, mapping)
    messages = [
        message_record(session.id, node_id, mapping[node_id]["message"], source.tz)
        for node_id in branch
        if isinstance(mapping[node_id].get("message"), dict)
    ]
    others = sum(isinstance(node.get("message"), dict) for node in mapping.values()) - len(messages)
    if others:
        session = session._replace(
            metadata={**(session.metadata or {}), "messages_on_other_branches": others}
        )
    if not any(message.created_at for message in messages):
        session = session._replace(last_active_at=moment(conversation.get("update_time"), source.tz))
    if any(isinstance(message, MessageRecord) and message.model for message in messages):
        session = session._replace(model=None)  # the latest message's is the session's
    yield session
    yield from messages


def _session(source: Source, conversation: dict[str, Any], mapping: dict[str, Any]) -> SessionRecord:
    given = text_or_none(conversation.get("conversation_id")) or text_or_none(conversation.get("id"))
    native_id = given or next(iter(mapping), plain_path(source.path).stem)
    title, model = (
        text_or_none(conversation.get("title")),
        text_or_none(conversation.get("default_model_slug")),
    )
    return SessionRecord(
        session_id(name, native_id, str(source.path.resolve().parent)),
        name,
        native_id,
        title=None if title == _PLACEHOLDER else title,
        model=None if model == "auto" else model,
        started_at=moment(conversation.get("create_time"), source.tz),
        metadata={key: without_payloads(conversation[key]) for key in _KEPT if conversation.get(key)} or None,
    )


def _branch(mapping: dict[str, dict[str, Any]], current: Any) -> list[str]:
    """Return the nodes from the root down to the current one, or to the deepest where none is named."""
    node_id = current if isinstance(current, str) and current in mapping else _deepest(mapping)
    branch: dict[str, None] = {}
    while isinstance(node_id, str) and node_id in mapping and node_id not in branch:
        branch[node_id] = None
        node_id = mapping[node_id].get("parent")
    return list(reversed(branch))


def _deepest(mapping: dict[str, dict[str, Any]]) -> str | None:
    """Return the leaf that is furthest from its root, the last in the file of several."""
    depths: dict[str, int] = {}
    for start in mapping:
        trail: list[str] = []
        node_id: Any = start
        while isinstance(node_id, str) and node_id in mapping and node_id not in depths:
            depths[node_id] = 0  # also ends the walk where a damaged tree is a circle
            trail.append(node_id)
            node_id = mapping[node_id].get("parent")
        depth = depths.get(node_id, 0) if isinstance(node_id, str) else 0
        for number, passed in enumerate(reversed(trail), depth + 1):
            depths[passed] = number
    return max(reversed(mapping), key=depths.__getitem__, default=None)
