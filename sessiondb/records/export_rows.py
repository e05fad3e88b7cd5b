"""What databases exchange: rows under natural keys, without the ids that each database gives out for itself.

An export is these rows as JSON, one a line; a merge hands them from one database to the other. They come in
this order: the header; the tombstones; the sessions by start and id, each followed by its messages by seq,
its token counts and its notes; the notes that belong to no session.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any, Literal

import msgspec

from sessiondb.records.notes import Kind, Status
from sessiondb.records.sessions import Relation

FORMAT: Literal["sessiondb-export"] = "sessiondb-export"
VERSION = 3
"""Raised when a reader of the version before would lose something."""

NOTHING = msgspec.Raw()
"""The JSON text that is not there."""

Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
"""A time as it is stored."""

NoteName = Annotated[
    str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [a-z]+ [0-9a-f]{32}$")
]
"""What a note is known by elsewhere; see sessiondb.dao.note_changes.name_of."""

Identifier = Annotated[str, msgspec.Meta(min_length=1)]
Ordinal = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
"""A seq: from 1 on, but where another tool has numbered from 0."""
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class HeaderRow(msgspec.Struct, tag="header", omit_defaults=True):
    """The first row of an export. `redacted`: secrets and personal data were taken out of the texts."""

    format: Literal["sessiondb-export"]
    version: int
    redacted: bool = False


class DeletionRow(msgspec.Struct, tag="deletion", omit_defaults=True):
    """A tombstone: a session that was removed on purpose."""

    id: Identifier
    deleted_at: Moment
    reason: str
    agent: str | None = None
    native_id: str | None = None
    title: str | None = None


class ChannelRow(msgspec.Struct, omit_defaults=True):
    """The place that messages come from."""

    platform: str
    chat_type: str | None = None
    chat_id: str | None = None
    chat_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    thread_id: str | None = None


class CallRow(msgspec.Struct, omit_defaults=True):
    """A tool call, in the message that asks for it; its answer, in the message that gives it.

    An answer names its call by `to`: the seq of the asking message, and the index among that one's
    `tool_calls`. One whose call is unknown has no `to` but the call's own fields; a call whose answering
    message is gone has the result.
    """

    call_id: str | None = None
    to: tuple[Ordinal, Count] | None = None
    name: str | None = None
    arguments: str | None = None
    position: Number = 0
    called_at: Moment | None = None
    result: str | None = None
    is_error: bool | None = None
    returned_at: Moment | None = None


class SessionRow(msgspec.Struct, tag="session", omit_defaults=True):
    """A session. `project` is the folder's path, `calls` are tool calls that belong to no message any
    more.
    """

    id: Identifier
    agent: str
    started_at: Moment
    last_active_at: Moment
    native_id: str | None = None
    key: str | None = None
    project: str | None = None
    project_name: str | None = None
    channel: ChannelRow | None = None
    parent_id: str | None = None
    relation: Relation | None = None
    title: str | None = None
    title_source: Literal["prompt", "agent", "user"] | None = None
    model: str | None = None
    ended_at: Moment | None = None
    end_reason: str | None = None
    consolidated: Count = 0
    pinned: bool = False
    origin: str | None = None
    tags: list[str] = []
    metadata: msgspec.Raw = NOTHING
    calls: list[CallRow] = []


class MessageRow(msgspec.Struct, tag="message", omit_defaults=True):
    """A message of the session before it."""

    seq: Ordinal
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    reasoning: str | None = None
    parts: msgspec.Raw = NOTHING
    external_id: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    created_at: Moment | None = None
    metadata: msgspec.Raw = NOTHING
    tool_calls: list[CallRow] = []
    answers: list[CallRow] = []


class TokensRow(msgspec.Struct, tag="tokens", omit_defaults=True):
    """The tokens of one API response of the session before it; `message` is the seq of its message."""

    request_key: str | None = None
    message: Ordinal | None = None
    model: str | None = None
    counted_at: Moment | None = None
    input: Number | None = None
    cache_read: Number | None = None
    cache_write: Number | None = None
    output: Number | None = None
    reasoning: Number | None = None
    cost_microdollars: Number | None = None
    cache_write_5m: Number | None = None
    cache_write_1h: Number | None = None
    cache_write_12h: Number | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    web_searches: Number | None = None
    server_tools: msgspec.Raw = NOTHING
    git_branch: str | None = None
    git_commit: str | None = None


class NoteChangeRow(msgspec.Struct, omit_defaults=True):
    """A change of a note's status."""

    at: Moment
    status: Status
    author: str | None = None


class NoteRow(msgspec.Struct, tag="note", omit_defaults=True):
    """A continuity note, with its translations by language code.

    Its status is what `history` says last, "open" where there is none; `resolved_at` is since when it is another.
    `supersedes` names the note that it takes the place of: time, kind, and a digest of its text.
    """

    kind: Kind
    body: str
    created_at: Moment
    session: str | None = None
    project: str | None = None
    project_name: str | None = None
    context: str | None = None
    resolution: str | None = None
    author: str | None = None
    assignee: str | None = None
    due_at: str | None = None
    resolved_at: Moment | None = None
    translations: dict[str, str] = {}
    history: list[NoteChangeRow] = []
    supersedes: NoteName | None = None


Row = HeaderRow | DeletionRow | SessionRow | MessageRow | TokensRow | NoteRow

_encode_value = json.JSONEncoder(ensure_ascii=False).encode
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Row] = msgspec.json.Decoder(Row)


def encode(row: Row) -> bytes:
    """Return a row as one line of JSON, without the newline."""
    return _encoder.encode(row)


def decode(line: bytes) -> Row:
    """Return the row of a line. Raises ValueError where it is none, in words."""
    try:
        return _decoder.decode(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def raw_json(text: str | None) -> msgspec.Raw:
    """Return stored JSON text on one line, otherwise as it is; NOTHING for None."""
    if text is None:
        return NOTHING
    # A newline in JSON can only stand between values: in a text it would be escaped.
    return msgspec.Raw(text.replace("\n", " ").replace("\r", " ").encode())


def storable_json(value: Any) -> str | None:
    """Return the JSON text to store; None for nothing. JSON from another database stays as it is written there."""
    if not value:
        return None
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else _encode_value(value)


# What a row takes beside its texts.
_ROW_BYTES = 250


def weight(row: object) -> int:
    """Return about how many bytes a row, or a record with the same names, takes: by its longest texts."""
    kind = type(row)
    texts, lists = _heavy.get(kind) or _heavy_names(kind)
    size = _ROW_BYTES
    for name in texts:
        size += len(getattr(row, name) or "")
    for name in lists:
        for call in getattr(row, name):
            size += weight(call)
    return size


# By kind of row: to ask each row for names that it does not have is slow.
_heavy: dict[type[object], tuple[tuple[str, ...], tuple[str, ...]]] = {}


def _heavy_names(kind: type[object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the long texts, and which of the lists of calls, a kind of row has; note it."""
    texts = (
        ("arguments", "result") if kind.__name__.startswith(("Call", "ToolCall")) else ("content", "result")
    )
    lists = ("tool_calls", "answers")
    names = tuple(filter(partial(hasattr, kind), texts)), tuple(filter(partial(hasattr, kind), lists))
    _heavy[kind] = names
    return names
