"""Sessions, the channels they come from, tokens in sum, and which sessions are meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypedDict, get_args

from sessiondb.records.record import Record

TOKEN_BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning", "cost_microdollars")
"""What is summed of token counts."""

BILLING_DETAILS = (
    "cache_write_5m", "cache_write_1h", "cache_write_12h", "service_tier", "speed", "inference_geo", "web_searches",
    "server_tools", "git_branch", "git_commit",
)  # fmt: skip
"""What else a token count says for the bill; the first three are of `cache_write`."""


Relation = Literal["fork", "subagent", "continuation", "reset"]
"""How a session comes from its parent."""
RELATIONS: tuple[str, ...] = get_args(Relation)

PROMPTS_ONLY = "prompts_only"
"""In a session's metadata: all that is known of it is what a person typed. A log of the session takes the place."""

PROMPTS_ONLY_IN_WORDS = (
    "prompts only, from the history that the agent keeps: no log of the session was imported"
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Channel(Record):
    """The place messages come from: a chat, group or thread on a platform."""

    platform: str
    chat_type: str | None = None
    chat_id: str | None = None
    chat_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    thread_id: str | None = None

    @property
    def kind(self) -> str:
        """Return the chat type; where none is given, it is a direct message."""
        return self.chat_type or "dm"

    @property
    def description(self) -> str:
        """Say in a few words what the place is: "DM with Ann", "group: dev, thread: 7", "CLI terminal"."""
        if self.platform in ("local", "cli"):
            return "CLI terminal"
        kind = self.chat_type or "chat"
        if kind == "dm":
            text = f"DM with {self.user_name or self.user_id or self.chat_name or self.chat_id or 'user'}"
        else:
            text = f"{kind}: {self.chat_name or self.chat_id or 'unnamed'}"
        return f"{text}, thread: {self.thread_id}" if self.thread_id else text


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tokens(Record):
    """Tokens in sum; None where no source ever said."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    cost_microdollars: int | None = None

    @property
    def total(self) -> int | None:
        """Return the sum of the buckets but reasoning, which output contains; None where none is known."""
        known = [
            count
            for count in (self.input, self.cache_read, self.cache_write, self.output)
            if count is not None
        ]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Session(Record):
    """One conversation of one agent. `project` is the folder's path, or the name of an undertaking without a
    folder.
    """

    id: str
    agent: str
    started_at: str
    last_active_at: str
    native_id: str | None = None
    key: str | None = None
    project: str | None = None
    channel: Channel | None = None
    parent_id: str | None = None
    relation: str | None = None
    title: str | None = None
    model: str | None = None
    ended_at: str | None = None
    end_reason: str | None = None
    message_count: int = 0
    tool_call_count: int = 0
    consolidated: int = 0
    pinned: bool = False
    origin: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tokens: Tokens = field(default_factory=Tokens)

    @property
    def is_open(self) -> bool:
        """Say whether nobody has ended it yet."""
        return self.ended_at is None

    @property
    def platform(self) -> str | None:
        """Return the platform of its channel."""
        return self.channel.platform if self.channel else None

    @property
    def is_prompts_only(self) -> bool:
        """Say whether all that is known of it is what a person typed, from the history that its agent keeps."""
        return bool(self.metadata.get(PROMPTS_ONLY))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SessionFilter(Record):
    """Which sessions: all conditions must hold; None is no condition.

    `project` is a folder, some folders of its path, or a name, upper or lower case; `tag` is exact; `agent` is
    a name, or what people call it (`claude`, `gemini`); `model` and `platform` match by their beginning.
    `branch` is one of git that a session worked on.
    `since` and `until` bound the last activity, and are any times that sessiondb.timestamps reads (`30d`,
    `last week`): from the beginning of `since` on, to the end of `until`; a stored timestamp is that end
    itself. `is_open`: True those not ended. `is_subagent`: False those that no other session began.
    """

    agent: str | None = None
    project: str | None = None
    model: str | None = None
    platform: str | None = None
    tag: str | None = None
    branch: str | None = None
    key: str | None = None
    is_open: bool | None = None
    is_subagent: bool | None = None
    since: str | date | None = None
    until: str | date | None = None


class Criteria(TypedDict, total=False):
    """The fields of SessionFilter, as the keywords of a call."""

    agent: str | None
    project: str | None
    model: str | None
    platform: str | None
    tag: str | None
    branch: str | None
    key: str | None
    is_open: bool | None
    is_subagent: bool | None
    since: str | date | None
    until: str | date | None
