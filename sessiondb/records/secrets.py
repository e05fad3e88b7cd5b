"""Secrets that lie in a database."""

from __future__ import annotations

from dataclasses import dataclass

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SecretsFound(Record):
    """How many secrets there are, or were before they were purged: by kind, and by the session that has them.

    The kinds are those of redaction: private-key, api-key, token, secret and password. What belongs to no session, such
    as the notes of a project, counts in `kinds` alone.
    """

    kinds: dict[str, int]
    sessions: dict[str, int]
    purged: bool
