"""A session on its way in, as two objects that each own their state.

Incoming        which of its rows are known so far, and whether anything has changed
  .row          SessionFields: the columns of its own row as they should be, beside those that are written
"""

from __future__ import annotations

import json
from typing import Any, Literal, Protocol

import msgspec

from sessiondb.chat.titles import better_title, one_title
from sessiondb.dao.sessions.filter import FILE_TIME
from sessiondb.dao.union.row_buffer import Call, Count, Message
from sessiondb.importers.base import MessageRecord, SessionRecord
from sessiondb.importers.fresh_ids import RENAMING
from sessiondb.records.export_rows import MessageRow
from sessiondb.records.sessions import PROMPTS_ONLY
from sessiondb.storage.values import stored_json

AnyMessage = MessageRecord | MessageRow
"""A message as it travels: from an importer, or from another database. Both have the same names for the same things."""

TITLE_RANK = {None: 0, "prompt": 1, "agent": 2, "user": 3}
"""A person's title goes before the agent's, that before the first prompt."""

COLUMNS = (
    "id", "agent", "native_id", "key", "project_id", "channel_id", "parent_id", "relation", "title", "title_source",
    "model_id", "started_at", "last_active_at", "ended_at", "end_reason", "consolidated", "pinned", "origin",
    "metadata",
)  # fmt: skip


def merged_json(known: str | None, more: str | None, comma: str = ",", colon: str = ":") -> str | None:
    """Return two JSON objects as one, each value as it is written; of other JSON the second."""
    if known is None or more is None:
        return more or known
    try:
        ours, theirs = (msgspec.json.decode(text, type=dict[str, msgspec.Raw]) for text in (known, more))
    except msgspec.DecodeError:
        return more
    both = {**ours, **theirs}
    if both in (ours, theirs):
        return known if both == ours else more
    # To the letter, not decoded and written anew: 1.0 stays 1.0, and a number of 30 digits what it is.
    items = ((json.dumps(key, ensure_ascii=False), bytes(value).decode()) for key, value in both.items())
    return "{" + comma.join(f"{key}{colon}{value}" for key, value in items) + "}"


Awaited = Literal["its rival", "a word"]
"""What the rows of a session wait for: the end of the file, where it is decided who owns the session (replacing.py), or
the first word that is said in it, which takes the place of the prompts that are stored (stand_ins.py).
"""


class Policy(Protocol):
    """What an import and a merge decide differently; everything else about a union is the same for both."""

    takes_rows_as_they_are: bool
    """Whether a session that is new here is to be row for row what it is elsewhere."""

    def find(self, session: Incoming, message: AnyMessage) -> Message | None:
        """Return the message here that one on its way in is, None where it is new."""

    def take(self, session: Incoming, record: Any) -> None:
        """Take a record that has waited."""

    def has_displaced(self, session: Incoming) -> None:
        """Go on with a session whose prompts have been taken out for what is said in it."""

    def resolve(self, session: Incoming) -> None:
        """Decide what the session's row is to be, as far as is known now."""

    def resolve_key(self, session: Incoming, other: str) -> None:
        """Close one of two open sessions that have one key: this one, or the other, which is stored."""


class SessionFields:
    """The columns of a session's row as they should be (`fields`), and as they are (`written`, empty for none).

    `spoken` and `calls` count the rows since the last write: a bulk load keeps the counters by them.
    """

    def __init__(self, fields: dict[str, Any], written: dict[str, Any]) -> None:
        self.fields = fields
        self.written = written
        self.tags: set[str] = set()
        self.spoken = 0
        self.calls = 0
        self.is_dated = bool(written)
        # Whether the log has named a model beside those of its messages.
        self.has_model = False
        # What a file's time has dated is dated anew by what a log says.
        self._file_time: str | None = None
        if metadata := written.get("metadata"):
            known: dict[str, Any] = stored_json(metadata, {}, f"sessions.metadata of {written['id']}")
            if known.get(FILE_TIME) == written["last_active_at"]:
                self._file_time = written["last_active_at"]
        self._says_open: bool | None = None
        self._says_ended: tuple[str, str] | None = None

    @property
    def is_prompts_only(self) -> bool:
        """Say whether the stored session is one of prompts alone: see stand_ins.py."""
        return f'"{PROMPTS_ONLY}"' in (self.written.get("metadata") or "")

    def changes(self) -> dict[str, Any]:
        """Return the columns that are not written as they should be."""
        return {name: value for name, value in self.fields.items() if self.written.get(name) != value}

    @property
    def has_news(self) -> bool:
        """Say whether the row is to change by more than what messages tell of it, which may prove to be copies."""
        told = set() if self.has_model else {"model_id"}
        if self.fields.get("title_source") == "prompt":
            told |= {"title", "title_source"}
        return not self.changes().keys() <= told

    def mark_written(self) -> None:
        """Note that the row is written as it should be."""
        self.written = dict(self.fields)
        self.tags.clear()
        self.spoken = self.calls = 0

    def learn(self, record: SessionRecord) -> None:
        """Take over what a log says of the session; None leaves a field as it is."""
        if (
            self._file_time is not None
            and self.is_dated
            and self.fields.get("last_active_at") == self._file_time
        ):
            self.undate()
        for name, value in (
            ("key", record.key),
            ("relation", record.relation),
            ("consolidated", record.consolidated),
        ):
            if value is not None:
                self.fields[name] = value
        if record.metadata:
            self.add_metadata(record.metadata)
        if record.is_pinned:
            self.fields["pinned"] = 1
        if record.title:
            self.set_title(record.title)
        self.widen(record.started_at)
        self.widen(record.last_active_at)
        self.tags.update(record.tags)
        if record.is_open is not None:
            self._says_open = record.is_open
        if record.ended_at is not None:
            self._says_ended = (record.ended_at, record.end_reason or "imported")

    def forget(self, agent: str, native_id: str) -> None:
        """Drop what was read of the session before, as its messages are; what a person said of it stays."""
        if self.fields["agent"] != agent:
            self.fields["metadata"] = None
        self.fields["agent"], self.fields["native_id"] = agent, native_id
        self.fields |= dict.fromkeys(("parent_id", "relation", "model_id", "project_id"))
        self.undate()
        if self.fields.get("title_source") != "user":
            self.fields["title"] = self.fields["title_source"] = None

    def keep_written(self) -> None:
        """Let what is written stand: what was learned since only fills its gaps."""
        self.fields |= {name: value for name, value in self.written.items() if value is not None}

    def undate(self) -> None:
        """Forget the times of a session that had none of its own before: what comes now may have some."""
        self.is_dated = False
        del self.fields["started_at"], self.fields["last_active_at"]

    def add_metadata(self, more: dict[str, Any], comma: str = ", ", colon: str = ": ") -> None:
        """Add to the metadata, over what it says of the same."""
        known = self.fields.get("metadata")
        before: dict[str, Any] = {}
        if known is not None:
            before = stored_json(known, {}, f"sessions.metadata of {self.fields.get('id')}")
        if {**before, **more} != before:
            self.fields["metadata"] = merged_json(known, json.dumps(more, ensure_ascii=False), comma, colon)

    def set_title(self, text: str) -> None:
        """Take a title that the agent gives; its last one holds, for it renames as the talk goes on."""
        if self.fields.get("title_source") != "user" and (title := one_title(text)):
            self.fields["title"], self.fields["title_source"] = title, "agent"

    def name_by(self, message: MessageRecord) -> None:
        """Take the title that a message gives, unless there is one: see sessiondb.chat.titles."""
        if self.fields.get("title_source") not in (None, "prompt"):
            return
        known = self.fields.get("title")
        if title := better_title(known, message.role, message.content, message.metadata):
            self.fields["title"], self.fields["title_source"] = title, "prompt"

    def widen(self, moment: str | None) -> None:
        """Widen the session's time to a moment of it."""
        if moment is None:
            return
        fields = self.fields
        self.is_dated = True
        if moment < fields.setdefault("started_at", moment):
            fields["started_at"] = moment
        if moment > fields.setdefault("last_active_at", moment):
            fields["last_active_at"] = moment

    def end(self, *, is_new: bool, fallback_time: str) -> None:
        """Decide whether the session has ended, as far as is known now.

        An import ends what it brings at its last activity. It opens what its own store calls current, and
        leaves alone what a person ended, or keeps open.
        """
        fields = self.fields
        if not self.is_dated:
            # Nothing in the log has a time: the file's own stands in, and is marked as such, so that a later
            # import of dated lines replaces it, and prune does not take it for an age.
            fallback_time = self._file_time or fallback_time
            fields["started_at"] = fields["last_active_at"] = fallback_time
            self.add_metadata({FILE_TIME: fallback_time})
        elif self._file_time is not None and fields["last_active_at"] != self._file_time:
            # Only its file had dated it, and its log does by now.
            self.drop_metadata(FILE_TIME)
            self._file_time = None
        # Who has the last word on whether a session is open:
        #
        #     a person, or a program that runs it    always: their end, and their keeping open, stay
        #     the store that it comes from           where it says so: "current", or an end with its reason
        #     nobody                                 it ended when something was last said in it, until a log says more
        ours = is_new or fields.get("end_reason") == "imported"
        if self._says_open and ours:
            fields["ended_at"] = fields["end_reason"] = None
        elif self._says_ended and (ours or fields.get("ended_at") is None):
            fields["ended_at"], fields["end_reason"] = self._says_ended
        elif ours:
            fields["ended_at"], fields["end_reason"] = fields["last_active_at"], "imported"

    def drop_metadata(self, name: str) -> None:
        """Take a name out of the metadata, which is NULL where nothing is left."""
        what = f"sessions.metadata of {self.fields['id']}"
        known: dict[str, Any] = stored_json(self.fields.get("metadata"), {}, what)
        known.pop(name, None)
        self.fields["metadata"] = json.dumps(known, ensure_ascii=False) if known else None

    def take_back(self, left: dict[str, Any]) -> None:
        """Say what the messages that are left say, whose times come with them."""
        self.fields |= left
        self.written |= left
        if "started_at" in self.fields:
            self.fields["last_active_at"] = self.fields["started_at"]

    def leave_supposed(self) -> None:
        """Continue no other session, as a log says that had looked so before."""
        if self.fields.get("relation") == "continuation":
            self.fields["parent_id"] = self.fields["relation"] = None
            # The parent that is not there yet, see SessionRows.
            self.drop_metadata("parent_id")

    def release_key(self) -> None:
        """Do not stay open: its store names another session as the current one of the key."""
        self._says_open = None


class Incoming:
    """A session on its way in. `last_seq` is the seq of its last message.

    `is_exact`: it comes from another database, and is not here yet: its rows are to be as they are there. `authority`
    is that of the file it is in (see SessionRecord), `is_owner` says whether the messages that are stored are the
    file's, `is_current` that the file has the last word on them (see SessionRecord.is_rewritten). `held` are those of
    its rows that wait, for what `waits_for` says.
    """

    def __init__(
        self, id: str, row: SessionFields, policy: Policy, last_seq: int = 0, authority: int | None = None
    ) -> None:
        self.id = id
        self.row = row
        self.policy = policy
        self.authority = authority
        self.is_owner = True
        self.is_current = False
        self.waits_for: Awaited | None = None
        self.held: list[Any] = []
        # Whether it had copies of what another session holds in an earlier import.
        self.is_fork = '"forked_at"' in (row.written.get("metadata") or "")
        # Whether it is stored, and others go on from it, or it from another.
        self.shares = False
        self.is_new = not row.written
        self.is_exact = self.is_new and policy.takes_rows_as_they_are
        self.is_changed = False
        self.added = 0
        # Whether another session has brought a message with the id of one of its own in the same union.
        self.has_common = False
        # What its log counts for a message of its own, by the id of that, where another session has the count.
        self.counts_elsewhere: dict[int, Count] = {}
        # Whether its log marks messages as what it may have inherited: see leave_copies.
        self.has_inherited = False
        # Messages that have got a time which they did not have.
        self.dated: list[int] = []
        # Whether calls have been answered.
        self.answered = False
        # Calls that a current file has told again, by their id, as long as their answers are awaited.
        self.told_again: dict[str, list[Call]] = {}
        self.last_seq = last_seq
        # After which seq a copy stands that comes before any message that is known here: a log is read on from where
        # it ended, a database from its beginning.
        self.start_seq = 0 if policy.takes_rows_as_they_are else last_seq
        self.messages: dict[str, Message] = {}
        # By their id; those without one by the id of the message that asks for them.
        self.calls: dict[str | int, list[Call]] = {}
        self.counts: dict[str, Count] = {}
        # Token counts of requests without a key, by all that they say.
        self.keyless: dict[tuple[Any, ...], int] = {}

    @property
    def renames(self) -> bool:
        """Say whether its agent gives copies fresh ids."""
        return self.row.fields.get("agent") in RENAMING

    @property
    def has_renamed(self) -> bool:
        """Say whether it may hold such copies: its responses tell them."""
        return self.renames and bool(self.counts)

    def next_seq(self) -> int:
        """Return the seq of a further message, the first of the session's own."""
        self.added += 1
        self.last_seq += 1
        return self.last_seq
