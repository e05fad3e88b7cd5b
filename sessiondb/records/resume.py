"""How a session is gone on with in its agent."""

from __future__ import annotations

from dataclasses import dataclass

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResumeCommand(Record):
    """The command that goes on with a session: its words, and the folder to run it in, None for any.

    `first` are commands that must be run before it. `session_id` is the session that it goes on with, of a sub-agent
    its parent; `warnings` say in sentences what may stand in its way. `log` is the file that the agent reads, as far
    as it is known, and `is_written` whether it was made just now.
    """

    session_id: str
    words: list[str]
    folder: str | None = None
    warnings: tuple[str, ...] = ()
    first: tuple[list[str], ...] = ()
    log: str | None = None
    is_written: bool = False

    @property
    def line(self) -> str:
        """Return it as a line for a shell."""
        import shlex

        commands = [shlex.join(words) for words in (*self.first, self.words)]
        return " && ".join([f"cd {shlex.quote(self.folder)}", *commands] if self.folder else commands)
