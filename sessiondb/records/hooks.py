"""What hooks did."""

from __future__ import annotations

from dataclasses import dataclass

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HookEntry(Record):
    """One call of a hook: when, by which agent and at which of its events, in which of its sessions and project.

    `tokens` is about how much was put before the model, 0 where nothing was.
    """

    at: str
    agent: str
    event: str
    session_id: str | None
    project: str | None
    tokens: int
