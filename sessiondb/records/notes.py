"""Continuity notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from sessiondb.records.sessions import Session


Kind = Literal["decision", "failure", "win", "followup", "question", "workstream", "summary"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Note:
    """What the next session must know. `kind` is one of KINDS."""

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


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known, the oldest first: of follow-ups, questions and workstreams those that are open.

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
