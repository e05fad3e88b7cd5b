"""What was removed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed, or would be in a dry run: ids of sessions, their messages and bytes of text.

    `kept` counts the sessions that stay although they are old enough, by reason: open, pinned.
    """

    sessions: list[str]
    messages: int
    bytes: int
    dry_run: bool
    kept: dict[str, int] = field(default_factory=dict)
