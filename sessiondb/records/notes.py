"""Continuity notes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Note:
    """What the next session must know. `kind`: decision, failure, win, followup, question, workstream or
    summary.
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
