"""Which session comes from which: parents that come into the database after their children."""

from __future__ import annotations

from sessiondb.storage.connection import Connection

# A session whose parent is not there yet has that one's id in its metadata.
_PARENT = "json_extract(metadata, '$.parent_id')"


def adopt(connection: Connection) -> None:
    """Link sessions to parents that have come after them, inside the caller's transaction."""
    connection.execute(
        f"UPDATE sessions SET parent_id = {_PARENT},"
        " metadata = nullif(json_remove(metadata, '$.parent_id'), '{}')"
        f" WHERE parent_id IS NULL AND {_PARENT} IN (SELECT id FROM sessions) AND {_PARENT} <> id"
    )
