"""Which agents sessions are of."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sessiondb.storage.connection import Connection


def count_by_agent(connection: Connection, session_ids: Iterable[str]) -> dict[str, int]:
    """Return how many of some sessions each agent has, by agent."""
    rows = connection.rows(
        "SELECT agent, count(*) FROM sessions WHERE id IN (SELECT value FROM json_each(?))"
        " GROUP BY agent ORDER BY agent",
        (json.dumps(list(session_ids)),),
    )
    return {row[0]: row[1] for row in rows}
