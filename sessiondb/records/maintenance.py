"""What a check found, and what was done for the file."""

from __future__ import annotations

from dataclasses import dataclass

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Finding(Record):
    """Something wrong with the database, and whether `repair` can put it right."""

    check: str
    problem: str
    can_repair: bool

    @classmethod
    def beyond_repair(cls, problem: object) -> Finding:
        """Return the finding for pages that SQLite cannot read."""
        hint = "restore a backup (`sessiondb restore`), or recover what can be read (`sessiondb recover`)"
        return cls("file", f"{problem}: {hint}", False)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Backup(Record):
    """A copy of the database, and its size in bytes."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Optimized(Record):
    """What `optimize` did: rows that became searchable, and the file's size in bytes before and after."""

    indexed: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recovered(Record):
    """What was read of a damaged file into a new one: the new file, its size in bytes, and its rows by table.

    `damage` names what could not be read, by table and page; `refused` the rows that their table does not take.
    `found_astray` counts by table the rows on pages that no table leads to any more. `made` are the ids of sessions
    whose own row is lost, `missing` counts by session the messages and tool calls that it says to have and that are not
    there, `dropped` the rows by table that belonged to what is lost. `left` is what is wrong with the new file.
    """

    path: str
    bytes: int
    rows: dict[str, int]
    damage: list[str]
    refused: list[str]
    found_astray: dict[str, int]
    made: list[str]
    missing: dict[str, int]
    dropped: dict[str, int]
    left: list[Finding]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Restored(Record):
    """A backup in the place of a database: its path, how many sessions it has, and where what was there before is now.

    `replaced` is None where there was nothing.
    """

    path: str
    sessions: int
    replaced: str | None
