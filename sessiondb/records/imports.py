"""What an import did."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Skipped(Record):
    """A file or line that was not imported, and why. `line` is None for a file as a whole."""

    path: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        return f"{self.path}{'' if self.line is None else f':{self.line}'}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Unfilled(Record):
    """What an earlier version has read of logs that are gone, so that what newer ones read more of is not there."""

    format: str
    logs: int
    sessions: int
    responses: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImportReport(Record):
    """What an import did, or would do in a dry run.

    `files` were looked at; `sessions_added` and `sessions_updated` are ids, `sessions_unchanged` counts the
    others in these files. `added_by_agent` and `updated_by_agent` count the sessions by agent. `refused` are
    the named files that were not imported, or not wholly; `unread` are those that another run may read as
    they are. `messages_added` counts entries of every role, `talk_added` those of people and models alone, which are
    what `list` and `status` call messages. The first `known` of `skipped` were told by an earlier run. `unfilled`:
    what is gone of that a newer importer would read more; it is told once.
    """

    files: int = 0
    sessions_added: Set[str] = frozenset()
    sessions_updated: Set[str] = frozenset()
    sessions_unchanged: int = 0
    messages_added: int = 0
    talk_added: int = 0
    added_by_agent: dict[str, int] = field(default_factory=dict)
    updated_by_agent: dict[str, int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    known: int = 0
    refused: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unfilled: list[Unfilled] = field(default_factory=list)
    seconds: float = 0.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WaitingLogs(Record):
    """Logs that have changed since the last import, and those that are new; None where nothing was imported.

    `is_all`: none of the logs that were imported, and of the folders that they lie in, was left out.
    """

    last_import_at: str | None
    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    is_all: bool = True

    @property
    def paths(self) -> tuple[str, ...]:
        """Return all of them."""
        return self.changed + self.new


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ExplainedFile(Record):
    """Which format a file would be read as, None for none, and why.

    `verdicts` are what the importers say, by format: certain, perhaps or no. `looks_for` says of those that do not say
    no what they look for.
    """

    path: str
    format: str | None
    reason: str
    verdicts: dict[str, str] = field(default_factory=dict)
    looks_for: dict[str, str] = field(default_factory=dict)
