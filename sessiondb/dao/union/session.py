"""What an import knows of one session while it reads: the row to be, and what is stored already."""

from __future__ import annotations

import json
from typing import Any

from sessiondb.dao.forks.copies import Copy
from sessiondb.importers.base import Record, SessionRecord

TITLE_LENGTH = 100
COLUMNS = (
    "id", "agent", "native_id", "key", "project_id", "channel_id", "parent_id", "relation", "title", "title_source",
    "model_id", "started_at", "last_active_at", "ended_at", "end_reason", "consolidated", "metadata",
)  # fmt: skip
_TITLE_RANK = {None: 0, "prompt": 1, "agent": 2, "user": 3}


def prompt_title(text: str) -> str:
    """Return a text as a title: one line, cut where it is long; empty for a text of nothing but space."""
    line = " ".join(text[: TITLE_LENGTH * 10].split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1] + "…"


class ImportSession:
    """A session during an import. `fields` are the columns of its row as they should be, `written` as they
    are.
    """

    def __init__(self, record: SessionRecord, stored: dict[str, Any] | None, last_seq: int) -> None:
        self.id = record.id
        self.agent = record.agent
        self.authority = record.authority
        self.is_new = stored is None
        self.is_changed = False
        self.last_seq = self.stored_seq = last_seq
        self.fields: dict[str, Any] = dict(
            stored or {"id": record.id, "native_id": record.native_id, "consolidated": 0}
        )
        self.written: dict[str, Any] = dict(stored or {})
        self.messages: dict[str, list[Any]] = {}
        self.calls: dict[str, list[list[Any]]] = {}
        self.tokens: dict[str, list[Any]] = {}
        self.tags: set[str] = set()
        # Records held back until it is known whether this file or the stored messages are to be believed.
        self.held: list[Record] | None = None
        self.is_owner = True
        self.added = 0
        self.unwritten_spoken = 0
        self.unwritten_calls = 0
        # Copies of old lines come first in a forked transcript: until the first line of its own, each is
        # looked up, and where there are copies, all that come after.
        self.may_copy = True
        self.copies: list[Copy] = []
        self.copied: set[str] = set()
        # By the id of a call: the message that asks for it.
        self.copied_calls: dict[str | None, str] = {}
        # By the id of a message: the key of its count here, where that differs from the one there.
        self.copied_counts: dict[str, str] = {}
        # Whether its messages have ids that no others in the world have, and may be copies all the same.
        self.has_worldwide_ids = False
        # The parent that a file names for a sub-agent that has another one.
        self.other_parent: str | None = None
        self._is_fork = '"forked_at"' in ((stored or {}).get("metadata") or "")
        self._says_open: bool | None = None
        self._says_ended: tuple[str, str] | None = None

    def learn(self, record: SessionRecord) -> None:
        """Take over what a record says of the session; None leaves a field as it is."""
        for name, value in (
            ("key", record.key),
            ("relation", record.relation),
            ("consolidated", record.consolidated),
        ):
            if value is not None:
                self.fields[name] = value
        if record.metadata:
            known = json.loads(self.fields.get("metadata") or "{}")
            merged = {**known, **record.metadata}
            if merged != known:
                self.fields["metadata"] = json.dumps(merged, ensure_ascii=False)
        if record.title:
            self.entitle(record.title, "agent")
        self.saw(record.started_at)
        self.saw(record.last_active_at)
        if record.is_open is not None:
            self._says_open = record.is_open
        if record.ended_at is not None:
            self._says_ended = (record.ended_at, record.end_reason or "imported")

    def forget(self, agent: str) -> None:
        """Drop what was read of the session before, as its messages are; what a person said of it stays."""
        is_others = self.fields["agent"] != agent
        self.fields["agent"] = agent
        self.last_seq = self.stored_seq = 0
        self.is_changed = True
        self.fields |= dict.fromkeys(("parent_id", "relation", "model_id", "project_id"))
        del self.fields["started_at"], self.fields["last_active_at"]
        if is_others:
            self.fields["metadata"] = None
        if self.fields.get("title_source") != "user":
            self.fields["title"] = self.fields["title_source"] = None

    @property
    def has_copies(self) -> bool:
        """Say whether copies are known of it, be it from an earlier import: there may be more."""
        return bool(self.copies) or self._is_fork

    def next_seq(self) -> int:
        """Return the seq of a further message, the first of the session's own."""
        self.may_copy = self.has_copies
        self.added += 1
        self.last_seq += 1
        return self.last_seq

    def entitle(self, text: str, source: str) -> None:
        """Take a title unless a better one is known: a person's before the agent's before the first
        prompt.
        """
        known = self.fields.get("title_source")
        if _TITLE_RANK[source] < _TITLE_RANK[known] or source == known == "prompt":
            return
        line = prompt_title(text)
        if line:
            self.fields["title"] = line
            self.fields["title_source"] = source

    def saw(self, moment: str | None) -> None:
        """Widen the session's time to a moment of it."""
        if moment is None:
            return
        fields = self.fields
        if moment < fields.setdefault("started_at", moment):
            fields["started_at"] = moment
        if moment > fields.setdefault("last_active_at", moment):
            fields["last_active_at"] = moment

    def settle(self, fallback_time: str) -> None:
        """Decide whether the session has ended, as far as is known now.

        An import ends what it brings at its last activity. It opens what its own store calls current, and
        leaves alone what a person ended, or keeps open.
        """
        fields = self.fields
        self.saw(fields.get("started_at") or fallback_time)
        ours = self.is_new or fields.get("end_reason") == "imported"
        if self._says_open and ours:
            fields["ended_at"] = fields["end_reason"] = None
        elif self._says_ended and (ours or fields.get("ended_at") is None):
            fields["ended_at"], fields["end_reason"] = self._says_ended
        elif ours:
            fields["ended_at"], fields["end_reason"] = fields["last_active_at"], "imported"

    def give_up_key(self) -> None:
        """Do not stay open: its store names another session as the current one of the key."""
        self._says_open = None

    def changes(self) -> dict[str, Any]:
        """Return the columns that are not written as they should be."""
        return {name: value for name, value in self.fields.items() if self.written.get(name) != value}
