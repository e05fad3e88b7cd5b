"""Continuity notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from sessiondb.records.record import Record

if TYPE_CHECKING:
    from sessiondb.records.sessions import Session


Kind = Literal["decision", "failure", "win", "followup", "question", "workstream", "summary"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Status = Literal["open", "done", "superseded", "obsolete"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NoteChange(Record):
    """A change of a note's status: when, to which of STATUSES, and who made it."""

    at: str
    status: str
    author: str | None = None

    def order(self) -> tuple[str, bool]:
        """Return what a history is sorted by: of two changes at one instant, the one that closes comes last."""
        return self.at, self.status != "open"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Note(Record):
    """What the next session must know. `kind` is one of KINDS, `status` of STATUSES; `resolved_at`: since when it
    is not open. `supersedes` is the id of the note that it replaces, `superseded_by` of the newest that replaces it.
    """

    id: int
    kind: str
    body: str
    created_at: str
    session_id: str | None = None
    project: str | None = None
    context: str | None = None
    resolution: str | None = None
    author: str | None = None
    assignee: str | None = None
    due_at: str | None = None
    resolved_at: str | None = None
    translations: dict[str, str] = field(default_factory=dict)
    status: str = "open"
    supersedes: int | None = None
    superseded_by: int | None = None
    history: list[NoteChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Knowledge(Record):
    """What is known and current, the oldest first: nothing done, superseded or obsolete.

    Follow-ups come in the order they are due. `session` is the one asked for, or the latest of the project.
    """

    session: Session | None = None
    project: str | None = None
    summary: Note | None = None
    workstreams: list[Note] = field(default_factory=list)
    decisions: list[Note] = field(default_factory=list)
    questions: list[Note] = field(default_factory=list)
    failures: list[Note] = field(default_factory=list)
    wins: list[Note] = field(default_factory=list)
    followups: list[Note] = field(default_factory=list)
    updated_at: str | None = None

    @property
    def is_new(self) -> bool:
        """Say that nothing was noted yet. What could not be read raises an error instead."""
        return self.updated_at is None
