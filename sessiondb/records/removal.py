"""What was removed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Removal:
    """What prune and rm removed, or would: sessions, messages, bytes of text, and the sessions kept by
    reason.
    """

    sessions: list[str]
    messages: int
    bytes: int
    dry_run: bool
    kept: dict[str, int] = field(default_factory=dict)
