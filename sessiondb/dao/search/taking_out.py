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


class TakingOut:
    """Takes sessions out of the indexes, some and some more, and lets all of them be deleted at once.

    FTS5 collects what is taken out in memory. It writes that as a segment at each statement that could be undone alone,
    which are those that change many rows: so between one `take` and the next there should be none.
    """

    def __init__(self, connection: Connection, pending: dict[str, int | None]) -> None:
        self._db = connection
        # None: an index holds all rows. 0: it is stale, and holds none that counts.
        self._pending = pending
        self._taken: dict[str, set[int]] = {name: set() for name, first in pending.items() if first != 0}

    def take(self, session_ids: Sequence[str]) -> None:
        """Take what sessions hold out of the indexes; it must be deleted in the same transaction."""
        ids = json.dumps(list(session_ids))
        for index in ALL:
            if index.name in self._taken:
                self._take(index, ids)

    @contextlib.contextmanager
    def deleting(self) -> Iterator[None]:
        """Let the block delete what was taken, and nothing else.

        The triggers pass over rows that an index does not hold, as `search_state` tells: for the block it says that no
        index holds any.
        """
        # What the triggers of a DELETE look at, and so what each does meanwhile:
        #
        #     pending_from NULL    the index holds every row: take this one out
        #     pending_from n       it holds those below n
        #     pending_from 0       it holds none: pass over this one
        #
        # In the transaction of the caller's, so that nobody else ever sees it.
        if self._pending:
            self._db.execute("UPDATE search_state SET pending_from = 0")
        yield
        self._db.executemany(
            "UPDATE search_state SET pending_from = ? WHERE index_name = ?",
            [(first, name) for name, first in self._pending.items()],
        )
        for taken in self._taken.values():
            taken.clear()

    def _take(self, index: Index, ids: str) -> None:
        # By ascending keys, or FTS5 writes a segment for each step back. A call may be one session's and lie in a
        # message of another's, which has been taken before.
        first, taken = self._pending[index.name], self._taken[index.name]
        rows = self._db.rows(
            f"SELECT {index.key} FROM {index.table} WHERE {index.key} IN ({_keys(index)})"
            f" AND {index.key} < :first ORDER BY {index.key}",
            {"ids": ids, "first": 2**63 - 1 if first is None else first},
        )
        keys = [key for (key,) in rows if key not in taken]
        taken.update(keys)
        # One row by statement, of which FTS5 need not expect that it is undone.
        texts = "".join(
            f", (SELECT {column} FROM {index.table} WHERE {index.key} = ?)" for column in index.columns
        )
        self._db.executemany(
            f"INSERT INTO {index.name} ({index.name}, rowid, {', '.join(index.columns)}) VALUES ('delete', ?{texts})",
            ((key,) * (1 + len(index.columns)) for key in keys),
        )


@contextlib.contextmanager
def taking_out(connection: Connection) -> Iterator[TakingOut]:
    """Let the block take sessions out of the indexes, inside a transaction.

    Where a trigger is not as the schema makes it, or a state is missing, nothing is taken out: the triggers do their
    work as ever.
    """
    pending: dict[str, int | None] = dict(
        connection.rows("SELECT index_name, pending_from FROM search_state")
    )
    if not {index.name for index in ALL} <= pending.keys() or not _has_our_triggers(connection):
        yield TakingOut(connection, {})
        return
    search = SearchIndex(connection)
    with contextlib.ExitStack() as stack:
        for index in ALL:
            if pending[index.name] != 0:
                stack.enter_context(search.loading(index))
        yield TakingOut(connection, pending)


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
