"""How a session is gone on with in its agent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResumeCommand:
    """The command that goes on with a session: its words, and the folder to run it in, None for any.

    `session_id` is the session that it goes on with, of a sub-agent its parent; `warnings` say in sentences what may
    stand in its way.
    """

    session_id: str
    words: list[str]
    folder: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Return it as a line for a shell."""
        import shlex

        command = shlex.join(self.words)
        return f"cd {shlex.quote(self.folder)} && {command}" if self.folder else command
