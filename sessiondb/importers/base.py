"""What an importer is, and the records it yields.

An importer turns one source (a file of one format) into records and knows nothing of the database. It is a
module or an object with these four names:

    name: str                                   # the format, as in `--format NAME`
    version: int                                # raised when the same bytes would now give other records
    def sniff(sample: Sample) -> int            # 0 no, 1 perhaps, 2 for certain (see detect.py)
    def read(source: Source) -> Iterator[Record]

A fifth may be there: `wrong_before: int`, where records of versions below it were wrong. They are replaced then
when the same file is read again, not added to (see dao/union/replacing.py); only for files that never lose lines.
A sixth, `is_index(path: str) -> bool`, is for formats that have files without messages: those stop no replacing.

A record names its session by `sessions.id`; the session's own record comes first. Records of one session
come in the order of the conversation. Times are `timestamps.normalise(...)` text or None, never guessed.

Importing is a union: a record that is in the database already is left out, so a source may be read again at
any time. - A `SessionRecord` may come again, with more known: None leaves a field as it is. - A
`MessageRecord` is known by (session, external_id). Seen again, it only adds what is new: text that
continues the stored text, tool calls with other call ids. Of a file that is written anew in place it takes the place of
what the file said before. Formats without message ids take `fingerprints()`
for external_id. - A `ToolResult` is known by (session, call_id); without a call it becomes an orphan
answer. - A `TokenRecord` is known by its request_key: in all sessions where that is, or begins with, an id
that is unique in the world, else in its own; the greater output wins, and the same count again adds what the
stored one does not say for the bill. - A `NoteRecord` is known by (session,
kind, body, created_at).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from sessiondb.records.sessions import PROMPTS_ONLY, Relation

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

INHERITED = "inherited"
"""In a message's metadata, or before a request key: it stands in the log as a copy of what is the parent's, or
may be, under an id of its own. It is left out where the parent has it."""

INHERITING = ("codex",)
"""Agents whose logs have such copies."""

SUPPOSING = ("claude-code",)
"""Agents of whose sessions one may only look, in another's log, as if it continued that: its own log, or what follows
in the other, may say that it does not."""

PROMPT_ID = "prompt:"
"""What the external ids of prompts begin with that stand for a session (see PROMPTS_ONLY), and no others."""

Role = Literal["system", "user", "assistant", "tool"]


class ChannelRecord(NamedTuple):
    """Where messages come from: a chat, group or thread on a platform."""

    platform: str
    chat_type: str | None = None
    chat_id: str | None = None
    chat_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    thread_id: str | None = None


class SessionRecord(NamedTuple):
    """What a source says of a session; None is "does not say".

    `project` is the folder's path; `project_name` names an undertaking that has no folder. `title_source`
    is "agent" for a title that the source gives; without any title the first prompt serves. `is_open` is
    True only for a session that its own store calls current; others end at their last activity with reason
    "imported", or as `ended_at` and `end_reason` say. `authority`: for formats whose messages have no ids
    and that keep one session in several places: of two sources with the same session only one is taken, the
    one with the higher authority, then the one with more messages. `is_rewritten`: its file is written anew in place,
    so that what it says of a message now is the last word on that; an import tells it by how the file is read (see
    Source.is_rewritten).
    """

    id: str
    agent: str
    native_id: str
    key: str | None = None
    project: str | None = None
    project_name: str | None = None
    channel: ChannelRecord | None = None
    parent_id: str | None = None
    relation: Relation | None = None
    title: str | None = None
    model: str | None = None
    started_at: str | None = None
    last_active_at: str | None = None
    ended_at: str | None = None
    end_reason: str | None = None
    is_open: bool | None = None
    consolidated: int | None = None
    authority: int | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = None
    is_pinned: bool | None = None
    is_rewritten: bool | None = None

    @property
    def is_prompts_only(self) -> bool:
        """Say whether its file has nothing of the session but the prompts."""
        return self.metadata is not None and PROMPTS_ONLY in self.metadata


class ToolCallRecord(NamedTuple):
    """A call that an assistant message asks for; `arguments` is JSON text, or plain text where the tool
    takes that.
    """

    call_id: str | None
    name: str | None
    arguments: str | None = None


class MessageRecord(NamedTuple):
    """One row of the conversation, roles system, user and assistant; tool answers are `ToolResult`.

    `content` is the plain text, `parts` a list of what is not text (images by hash, unknown blocks), both
    may be None. `continues`: this record holds only further blocks of the message with the same
    external_id, to be added to it.
    """

    session: str
    role: Role
    content: str | None = None
    external_id: str | None = None
    created_at: str | None = None
    reasoning: str | None = None
    parts: list[Any] | None = None
    model: str | None = None
    finish_reason: str | None = None
    metadata: dict[str, Any] | None = None
    tool_calls: tuple[ToolCallRecord, ...] = ()
    continues: bool = False


class ToolResult(NamedTuple):
    """A tool's answer: fills `tool_calls.result` and stands in the order as a `tool` row."""

    session: str
    call_id: str | None
    result: str | None
    is_error: bool | None = None
    created_at: str | None = None
    name: str | None = None
    external_id: str | None = None
    parts: list[Any] | None = None
    metadata: dict[str, Any] | None = None


class TakenBack(NamedTuple):
    """Messages that a log has taken back, as a person went back to before them.

    They are no part of the session: what an earlier import has stored of them, and of the answers to their calls, goes.
    """

    session: str
    external_ids: tuple[str, ...]


class TokenRecord(NamedTuple):
    """The tokens of one API response in disjoint buckets (reasoning is part of output); `message` is its
    external_id.

    What a bill needs beside them: `cache_write_5m`, `_1h` and `_12h` are parts of cache_write by how long the
    cache keeps it; `service_tier` is standard, batch, flex or priority, `speed` standard or fast; `server_tools`
    is how often the provider used other tools of its own, by name.
    """

    session: str
    request_key: str
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    cost_microdollars: int | None = None
    model: str | None = None
    message: str | None = None
    counted_at: str | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    cache_write_12h: int | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    web_searches: int | None = None
    server_tools: dict[str, int] | None = None
    git_branch: str | None = None
    git_commit: str | None = None


class NoteRecord(NamedTuple):
    """A continuity note; `translations` maps a language code to the body in it."""

    session: str
    kind: str
    body: str
    created_at: str
    context: str | None = None
    resolution: str | None = None
    author: str | None = None
    assignee: str | None = None
    due_at: str | None = None
    resolved_at: str | None = None
    translations: dict[str, str] | None = None


Record = SessionRecord | MessageRecord | ToolResult | TokenRecord | NoteRecord | TakenBack


class Importer(Protocol):
    """The protocol above, for type checkers."""

    name: str
    version: int

    def sniff(self, sample: Sample) -> int:
        """Say whether the sample is of this format: 0 no, 1 perhaps, 2 for certain."""

    def read(self, source: Source) -> Iterator[Record]:
        """Yield the records of a source, from `source.start` on."""


_GLOBALLY_UNIQUE = re.compile(r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|msg_\w{16,})(#\w+)?")
_UNIQUE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # UUID
    r"|[0-7][0-9A-HJKMNP-TV-Z]{25}"  # ULID
    r"|\d{8}_\d{6}_[0-9a-f]{6,8}"  # Hermes: a second and 24 to 32 random bits
    r"|ses_[0-9A-Za-z]{20,}",  # OpenCode
    re.IGNORECASE,
)


def session_id(agent: str, native_id: str, scope: str = "") -> str:
    """Return `sessions.id` for an agent's own id: the same where it is unique in the world, else one minted
    from all three.

    `scope` is what makes the id unique on this machine: the store's folder, or the parent session of a
    sub-agent.
    """
    if _UNIQUE.fullmatch(native_id):
        return native_id
    digest = hashlib.sha256("\0".join((agent, scope, native_id)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def inherited_key(request_key: str) -> str:
    """Return the key of a response that a session's log has as its parent's, or may have."""
    return f"{INHERITED}:{request_key}"


@lru_cache(maxsize=64)  # the lines of an answer repeat its id
def is_globally_unique(id: str) -> bool:
    """Say whether no two messages in the world share an id, so that who has it is a copy."""
    return _GLOBALLY_UNIQUE.fullmatch(id) is not None


class Fingerprints:
    """Make ids for messages of formats that give none: a hash of what is said, and an ordinal among equals.

    Equal messages are told apart only within a run of the same `moment` (the time as written, or "" where
    the format has no times), so that a file that repeats itself as a whole gives the same ids again. The
    state (`Source.state`) carries the current run over to the lines that are appended later.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        self._run = state.setdefault("fingerprints", {"moment": None, "seen": {}})

    def __call__(self, moment: object, *values: object) -> str:
        """Return the external_id of a message said at `moment`."""
        run = self._run
        if run["moment"] != moment:
            run["moment"], run["seen"] = moment, {}
        text = "\x1f".join("" if value is None else str(value) for value in (moment, *values))
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:20]
        ordinal = run["seen"][digest] = run["seen"].get(digest, 0) + 1
        return digest if ordinal == 1 else f"{digest}#{ordinal}"
