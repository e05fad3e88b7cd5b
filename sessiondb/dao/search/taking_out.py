"""Take the rows of sessions out of the search indexes many at a time, before they are deleted.

The triggers do so row by row, and FTS5 then writes a segment for each of them, which it merges again and again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence

from sessiondb.dao.search.indexes import ALL, INDEXES, SEGMENTS, Index, SearchIndex
from sessiondb.storage import migrations
from sessiondb.storage.connection import Connection

_THESE = "IN (SELECT value FROM json_each(:ids))"


@contextlib.contextmanager
def taken_out(connection: Connection, session_ids: Sequence[str]) -> Iterator[None]:
    """Inside a transaction, take what sessions hold out of the indexes; the block must delete it, and nothing else.

    The triggers pass over rows that an index does not hold, as `search_state` tells: for the block it says that no
    index holds any. Where a trigger is not as the schema makes it, or a state is missing, they do their work as ever.
    """
    rows = connection.rows("SELECT index_name, pending_from FROM search_state")
    pending: dict[str, int | None] = dict(rows)
    if not {index.name for index in ALL} <= pending.keys() or not _has_our_triggers(connection):
        yield
        return
    ids = json.dumps(list(session_ids))
    for index in ALL:
        # None: it holds all rows. 0: it is stale, and holds none that counts.
        if pending[index.name] != 0:
            _take_out(connection, index, ids, pending[index.name])
    # What the triggers of a DELETE look at, and so what each does meanwhile:
    #
    #     pending_from NULL    the index holds every row: take this one out
    #     pending_from n       it holds those below n
    #     pending_from 0       it holds none: pass over this one
    #
    # In the transaction of the caller's, so that nobody else ever sees it.
    connection.execute("UPDATE search_state SET pending_from = 0")
    yield
    connection.executemany(
        "UPDATE search_state SET pending_from = ? WHERE index_name = ?",
        [(first, name) for name, first in pending.items()],
    )


def _take_out(connection: Connection, index: Index, ids: str, first: int | None) -> None:
    columns = ", ".join(index.columns)
    # By ascending keys, or FTS5 writes a segment for each step back; the texts are read one by one, not sorted.
    delete = (
        f"INSERT INTO {index.name} ({index.name}, rowid, {columns})"
        f" SELECT 'delete', {index.key}, {columns} FROM {index.table}"
        f" WHERE {index.key} IN ({_keys(index)}) AND {index.key} < :first ORDER BY {index.key}"
    )
    with SearchIndex(connection).loading(index):
        connection.execute(delete, {"ids": ids, "first": 2**63 - 1 if first is None else first})


def _keys(index: Index) -> str:
    """Return a query for the keys of those rows of an index that belong to sessions."""
    if index is not SEGMENTS:
        owner = "id" if index.table == "sessions" else "session_id"
        keys = f"SELECT {index.key} FROM {index.table} WHERE {owner} {_THESE}"
        # Calls go with their message, whosesoever they say that they are.
        messages = f"SELECT id FROM messages WHERE session_id {_THESE}"
        of_messages = f" UNION ALL SELECT id FROM tool_calls WHERE message_id IN ({messages})"
        return keys + (of_messages if index.table == "tool_calls" else "")
    return " UNION ALL ".join(
        f"SELECT id FROM search_segments WHERE source = '{one.source}' AND row_id IN ({_keys(one)})"
        for one in INDEXES
    )


def _has_our_triggers(connection: Connection) -> bool:
    wanted = {(one.name, one.sql) for one in migrations.schema_objects().values() if one.type == "trigger"}
    return set(connection.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")) == wanted
