"""Keep writes going when a search index is damaged: it is derived data, and can be rebuilt at any time.

SQLite says many things of a damaged index, "constraint failed" among them, but never which index it is,
and it may undo the whole transaction at once. So the transaction is done again with one index after the
other marked stale.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sessiondb.errors import Conflict, DatabaseBusy, DatabaseError
from sessiondb.storage.connection import Connection

T = TypeVar("T")


def despite_search(connection: Connection, write: Callable[[], T]) -> T:
    """Run a write as one transaction, and return what it returns.

    Where a damaged search index stops it, the index is marked stale, a warning is logged, and the write is
    done again: `write` may be called more than once. In a transaction of the caller's it is a part that is
    undone alone after an error, but not done again. Raises what `write` raises.
    """
    failure: Exception | None = None
    for names in _suspects():
        is_part = False
        try:
            with connection.transaction():
                # Asked inside, where no other thread's transaction can be meant.
                is_part = connection.is_nested
                if is_part:
                    return write()
                _mark_stale(connection, names)
                result = write()
        except (DatabaseError, Conflict) as error:
            if is_part or not _may_be_damage(error):
                raise
            failure = failure or error
        else:
            _warn(names, failure)
            return result
    assert failure is not None
    raise failure


class Replay:
    """The writes of a transaction that the caller holds open, done again where a damaged index undoes them.

    Those of a transaction within another are not: the outer one may have written more.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done: list[tuple[Callable[[], Any], Any]] = []
        self._changes = connection.sqlite.total_changes
        self._is_part = connection.is_nested

    def run(self, write: Callable[[], T]) -> T:
        """Run a write of the transaction and return what it returns; raises what `write` raises.

        It undoes what it did itself where it raises, by a transaction of its own within this one.
        """
        connection = self._connection
        is_all = not self._is_part and connection.sqlite.total_changes == self._changes
        try:
            result = write()
        except (DatabaseError, Conflict) as error:
            # What was written past us in the transaction could not be done again.
            if not is_all or not _may_be_damage(error):
                raise
            result = self._again(write, error)
        self._done.append((write, result))
        self._changes = connection.sqlite.total_changes
        return result

    def finish(self) -> None:
        """Let the search indexes write what they held back: damage is to show now, not at the COMMIT."""

        def write_out() -> None:
            with self._connection.transaction():
                pass

        self.run(write_out)

    def _again(self, write: Callable[[], T], failure: Exception) -> T:
        for names in _suspects():
            try:
                self._begin_anew(names)
                result = write()
            except (DatabaseError, Conflict):
                continue
            _warn(names, failure)
            return result
        # It was no index. What was written before is there again, should the caller go on without this.
        self._begin_anew(())
        raise failure

    def _begin_anew(self, names: tuple[str, ...]) -> None:
        connection = self._connection
        connection.begin_anew()
        _mark_stale(connection, names)
        if any(done() != result for done, result in self._done):
            connection.sqlite.execute("ROLLBACK")
            raise DatabaseError(
                f"{connection.path}: another process wrote between two tries: write the turn again"
            )


def _may_be_damage(error: Exception) -> bool:
    return isinstance(error.__cause__, sqlite3.Error) and not isinstance(error, DatabaseBusy)


def _suspects() -> Iterator[tuple[str, ...]]:
    """Yield which indexes to pass over: none at first, then each, then all."""
    yield ()
    from sessiondb.dao.search.indexes import INDEXES

    names = tuple(index.name for index in INDEXES)
    yield from ((name,) for name in names)
    yield names


def _mark_stale(connection: Connection, names: tuple[str, ...]) -> None:
    if names:
        from sessiondb.dao.search.indexes import SearchIndex

        index = SearchIndex(connection)
        for name in names:
            index.mark_stale(name)


def _warn(names: tuple[str, ...], damage: Exception | None) -> None:
    if not names:
        return
    import logging

    logging.getLogger("sessiondb").warning(
        "the search index (%s) is damaged and passed over until `sessiondb doctor --fix` rebuilds it: %s",
        ", ".join(names),
        damage,
    )
