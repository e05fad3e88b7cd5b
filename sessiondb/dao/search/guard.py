"""Keep writes going when a search index is damaged: it is derived data, and can be rebuilt at any time.

SQLite says many things of a damaged index, "constraint failed" among them, but never which index it is,
and it may undo the whole transaction at once. So the transaction is done again with what is missing of
search made anew, then with one index after the other put aside.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from sessiondb.errors import Conflict, DatabaseError
from sessiondb.storage.connection import Connection

if TYPE_CHECKING:
    from sessiondb.dao.search.repair import IndexRepair

T = TypeVar("T")

LOOK_EVERY = 10.0
"""Seconds after which a connection that writes looks again whether an index lacks rows that it could index."""

_looked: weakref.WeakKeyDictionary[Connection, float] = weakref.WeakKeyDictionary()


def despite_search(connection: Connection, write: Callable[[], T]) -> T:
    """Run a write as one transaction, and return what it returns.

    Where a damaged search index stops it, the index is put aside, a warning is logged, and the write is
    done again: `write` may be called more than once. In a transaction of the caller's it is a part that is
    undone alone after an error, but not done again. Raises what `write` raises.
    """
    is_part = connection.in_transaction
    try:
        with connection.transaction():
            if not is_part:
                _complete(connection)
            return write()
    except (DatabaseError, Conflict) as error:
        if is_part or not _may_be_damage(error):
            raise
        failure = error
    for mend in _mends(connection, failure):
        try:
            with connection.transaction():
                mend()
                result = write()
        except (DatabaseError, Conflict) as error:
            if not _may_be_damage(error):
                raise
        else:
            mend.warn()
            return result
    raise failure


class Replay:
    """The writes of a transaction that the caller holds open, done again where a damaged index undoes them.

    Those of a transaction within another are not: the outer one may have written more.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done: list[tuple[Callable[[], Any], Any]] = []
        self._is_part = connection.is_nested
        if not self._is_part:
            _complete(connection)
        self._changes = connection.sqlite.total_changes

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
        for mend in _mends(self._connection, failure):
            try:
                self._begin_anew(mend)
                result = write()
            except (DatabaseError, Conflict) as error:
                if not _may_be_damage(error):
                    raise
                continue
            mend.warn()
            return result
        # It was no index. What was written before is there again, should the caller go on without this.
        self._begin_anew(lambda: None)
        raise failure

    def _begin_anew(self, mend: Callable[[], None]) -> None:
        connection = self._connection
        connection.begin_anew()
        mend()
        if any(done() != result for done, result in self._done):
            connection.sqlite.execute("ROLLBACK")
            raise DatabaseError(
                f"{connection.path}: another process wrote between two attempts: write the turn again"
            )


class _Mend:
    """What is done to the search indexes, within the transaction, before a write is tried again."""

    def __init__(self, repair: IndexRepair, names: tuple[str, ...], failure: Exception) -> None:
        self._repair = repair
        self._names = names
        self._failure = failure
        self._restored: list[str] = []

    def __call__(self) -> None:
        self._repair.forget_schema()
        self._restored = self._repair.restore_schema()
        for name in self._names:
            self._repair.mark_stale(name)

    def warn(self) -> None:
        import logging

        logging.getLogger("sessiondb").warning(
            "the search index (%s) is damaged and passed over until `sessiondb doctor --fix` rebuilds it: %s",
            ", ".join((*self._restored, *self._names)),
            self._failure,
        )


def _mends(connection: Connection, failure: Exception) -> Iterator[_Mend]:
    """Yield what may help: to make anew what is missing, to put each index aside, to put all aside."""
    from sessiondb.dao.search.indexes import BLOCKS, INDEXES, SEGMENTS
    from sessiondb.dao.search.repair import IndexRepair

    repair = IndexRepair(connection)
    # Of a row that is not indexed no text is prepared: the others would be blamed for that index.
    names = (SEGMENTS.name, *(index.name for index in INDEXES), BLOCKS)
    for some in ((), *((name,) for name in names), names):
        yield _Mend(repair, some, failure)


def _may_be_damage(error: Exception) -> bool:
    from sessiondb.dao.search.repair import may_be_damage

    return may_be_damage(error)


def _complete(connection: Connection) -> None:
    """Index what an error left pending, where that is little: now and then, and never at the cost of the write."""
    now = time.monotonic()
    if now < _looked.get(connection, 0.0) + LOOK_EVERY:
        return
    _looked[connection] = now
    try:
        if connection.row("SELECT 1 FROM search_state WHERE pending_from IS NOT NULL LIMIT 1") is None:
            return
        from sessiondb.dao.search.indexes import SearchIndex

        with connection.transaction():
            SearchIndex(connection).complete()
    except (DatabaseError, Conflict) as error:
        if not _may_be_damage(error):
            raise
