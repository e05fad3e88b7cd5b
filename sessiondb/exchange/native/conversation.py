"""A conversation as every agent's format takes it: turns with texts, and calls that each have an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sessiondb.chat.transcript import attachments
from sessiondb.importers.base import is_globally_unique
from sessiondb.records import Message, ToolCall

COMPACT_SUMMARY = "compact_summary"
NO_RESULT = "(no result was recorded)"
_NAMES = UUID("b3a4f0c6-60f5-4d0e-9f43-1f3a7f2f6a55")
# What the providers' APIs take for names of tools and for ids of calls.
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Head(NamedTuple):
    """What a file says of its session, and the places where its agent keeps all of them.

    `metadata` is what a log of this agent said of it; empty for another agent's.
    """

    native_id: str
    folder: str
    started_at: str
    title: str | None = None
    model: str | None = None
    places: Sequence[Path] = ()
    metadata: Mapping[str, Any] = MappingProxyType({})


class Call(NamedTuple):
    """A call of a tool with its answer; `arguments` is an object, or the text of a tool that takes one."""

    id: str
    name: str
    arguments: dict[str, Any] | str
    result: str
    is_error: bool
    called_at: str
    returned_at: str

    @property
    def object(self) -> dict[str, Any]:
        """Return the arguments as an object."""
        return self.arguments if isinstance(self.arguments, dict) else {"input": self.arguments}


class Turn(NamedTuple):
    """What a person or a model said. `is_summary`: it stands for all that was said before.

    `id` is unique in the world; `external_id` is what the message's own agent calls it.
    """

    role: str
    text: str
    id: str
    external_id: str | None
    at: str
    model: str | None = None
    provider: str | None = None
    calls: tuple[Call, ...] = ()
    is_summary: bool = False


def turns(messages: Iterable[Message], started_at: str) -> Iterator[Turn]:
    """Yield the turns of a conversation; an answer stands with its call.

    Agents sort by time: a message has that of the one before it, where it has none or an earlier one.

    What is left out: what was put into the conversation for the model (but summaries), and answers to no call.
    """
    at, taken = "", set[str]()
    for message in messages:
        at = max(at, message.created_at or at or started_at)
        is_summary = message.role == "system" and message.metadata.get("kind") == COMPACT_SUMMARY
        if message.role not in ("user", "assistant") and not is_summary:
            continue
        calls = tuple(_call(call, at, taken) for call in message.tool_calls)
        text = _text(message)
        if text or calls:
            role = "user" if is_summary else message.role
            provider = message.metadata.get("provider")
            names = (_id(message), message.external_id, at, message.model)
            yield Turn(role, text, *names, provider if isinstance(provider, str) else None, calls, is_summary)


def _text(message: Message) -> str:
    notes = [f"[{what}, not kept]" for what in attachments(message)]
    return "\n\n".join([message.text, *notes] if message.text.strip() else notes)


def _id(message: Message) -> str:
    name = message.external_id or ""
    if is_globally_unique(name):
        return name
    return str(uuid5(_NAMES, f"{message.session_id}\0{name or message.seq}"))


def is_uuid(id: str) -> bool:
    """Say whether an id is a UUID as it is usually written."""
    return _UUID.fullmatch(id) is not None


def uuid_of(turn: Turn, kind: str = "") -> str:
    """Return a UUID for a turn, or for something of a kind that stands with it: the same one each time."""
    return turn.id if is_uuid(turn.id) and not kind else str(uuid5(_NAMES, f"{turn.id}\0{kind}"))


def _call(call: ToolCall, at: str, taken: set[str]) -> Call:
    id = call.call_id or ""
    if not _CALL_ID.fullmatch(id) or id in taken:
        id = f"call_{call.id}"
    taken.add(id)
    name = _NOT_IN_NAMES.sub("_", call.name or "tool")[:64]
    is_answered = call.result_message_id is not None or call.result is not None
    called_at = call.called_at or at
    return Call(
        id,
        name,
        _arguments(call.arguments),
        (call.result or "") if is_answered else NO_RESULT,
        bool(call.is_error),
        called_at,
        call.returned_at or called_at,
    )


def _arguments(text: str | None) -> dict[str, Any] | str:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text or ""
    return value if isinstance(value, dict) else text or ""
