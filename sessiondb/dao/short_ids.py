"""Session ids as people type them: the shortest beginnings that name one session each."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sessiondb.storage.connection import Connection

MIN_LENGTH = 8
"""Characters of a short id at least, so that it goes on naming one session for a while."""


def short_ids(connection: Connection, session_ids: Iterable[str]) -> dict[str, str]:
    """Return for each id the beginning that no other session's id shares, MIN_LENGTH characters or more."""
    rows = connection.rows(
        "SELECT value, (SELECT max(id) FROM sessions WHERE id < value),"
        " (SELECT min(id) FROM sessions WHERE id > value) FROM json_each(?)",
        (json.dumps(list(session_ids)),),
    )
    return {
        id: id[: max(MIN_LENGTH, _shared(id, before) + 1, _shared(id, after) + 1)]
        for id, before, after in rows
    }


def _shared(id: str, other: str | None) -> int:
    """Return how many characters two ids have in common at their beginning."""
    if other is None:
        return 0
    return next(
        (place for place, (ours, theirs) in enumerate(zip(id, other, strict=False)) if ours != theirs),
        min(len(id), len(other)),
    )
