"""What a check found, and what was done for the file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the database, and whether `repair` can put it right."""

    check: str
    problem: str
    can_repair: bool

    @classmethod
    def beyond_repair(cls, problem: object) -> Finding:
        """Return the finding for pages that SQLite cannot read."""
        hint = "restore a backup, or recover what can be read with `sqlite3 FILE .recover`"
        return cls("file", f"{problem}: {hint}", False)


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database, and its size in bytes."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Optimized:
    """What `optimize` did: rows that became searchable, and the file's size in bytes before and after."""

    indexed: int
    bytes_before: int
    bytes_after: int
