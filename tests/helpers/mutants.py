"""Switch a mechanism of safety off: `pytest -p tests.helpers.mutants` with its name in SESSIONDB_MUTANT.

So that it is known which tests hold it. Each mutant names tests of which at least one must fail then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Mutant(NamedTuple):
    """A mechanism: what switches it off, and the tests that hold it."""

    switch_off: Callable[[], None]
    tests: tuple[str, ...]


def _lock() -> None:
    from sessiondb.storage.locks import WriterLock

    def take(self: WriterLock, deadline: float) -> None:
        pass

    _put(WriterLock, "take", take)


def _begin_immediate() -> None:
    from sessiondb.storage import connection, statements

    plain = statements.attempt

    def attempt(sqlite: Any, sql: str, *rest: Any) -> Any:
        return plain(sqlite, "BEGIN" if sql == "BEGIN IMMEDIATE" else sql, *rest)

    _put(connection, "attempt", attempt)


def _savepoint() -> None:
    from sessiondb.storage.connection import Connection

    @contextlib.contextmanager
    def part(self: Connection, holder: Any) -> Iterator[None]:
        holder.depth += 1
        try:
            yield
        finally:
            holder.depth -= 1

    _put(Connection, "_part", part)


def _rollback() -> None:
    from sessiondb.storage.connection import Connection

    def undo(self: Connection, *statements: str) -> None:
        if self._sqlite.in_transaction:
            self._sqlite.execute("COMMIT")

    _put(Connection, "_undo", undo)


def _fsync() -> None:
    from sessiondb.storage.connection import Connection

    _put(Connection, "_set_synchronous", lambda self: self._sqlite.execute("PRAGMA synchronous = OFF"))


def _file_identity() -> None:
    from sessiondb.storage.files import OpenedFile

    _put(OpenedFile, "check", lambda self: None)


def _restored_mark() -> None:
    from sessiondb.storage.connection import Connection

    _put(Connection, "watch_schema", lambda self, known: None)


def _newer_schema() -> None:
    from sessiondb.storage.connection import Connection

    _put(Connection, "_check_schema", lambda self, known: None)


def _tombstone() -> None:
    from sessiondb.dao import deletion

    _put(deletion, "_TOMBSTONES", f"{deletion._TOMBSTONES} AND 0")


def _pin() -> None:
    from sessiondb.dao.sessions import details as session_details

    details = next(found for found in vars(session_details).values() if hasattr(found, "set_pinned"))
    _put(details, "set_pinned", lambda self, session_id, pinned=True: None)


def _handover() -> None:
    from sessiondb.dao.forks.handover import Handover

    _put(Handover, "run", lambda self, session_ids: None)


def _index_guard() -> None:
    from sessiondb.dao.search import guard

    _put(guard, "_may_be_damage", lambda error: False)


def _terminal_filter() -> None:
    from sessiondb.chat import text

    for name in ("visible", "shown", "visible_json"):
        _put(text, name, lambda text: text)


def _backup_name() -> None:
    from sessiondb.storage import backups

    @contextlib.contextmanager
    def new_file(target: Any) -> Iterator[Any]:
        yield target

    _put(backups, "new_file", new_file)


def _purge() -> None:
    from sessiondb.dao.purge import Purge

    _put(Purge, "erase", lambda self: None)


def _reserve() -> None:
    from sessiondb.storage import reserve

    _put(reserve, "keep", lambda database: None)


def _log_limit() -> None:
    from sessiondb.storage.files import LogLimit

    _put(LogLimit, "keep", lambda self, size: None)


MUTANTS = {
    "the writer's lock": Mutant(_lock, ("tests/storage/test_turns.py",)),
    "BEGIN IMMEDIATE": Mutant(_begin_immediate, ("tests/storage/test_connection.py",)),
    "the savepoint": Mutant(_savepoint, ("tests/storage/test_connection.py",)),
    "the rollback": Mutant(_rollback, ("tests/storage/test_connection.py",)),
    "the sync of each commit": Mutant(_fsync, ("tests/safety/test_mutants.py::test_each_commit_is_synced",)),
    "the identity of the file": Mutant(_file_identity, ("tests/storage/test_file_identity.py",)),
    "the limit of the log": Mutant(_log_limit, ("tests/storage/test_log_limit.py",)),
    "the mark of a restored backup": Mutant(_restored_mark, ("tests/dao/test_restoring.py",)),
    "the look at a newer schema": Mutant(_newer_schema, ("tests/storage/test_newer_schema.py",)),
    "the tombstone": Mutant(_tombstone, ("tests/dao/test_removal.py",)),
    "the pin": Mutant(_pin, ("tests/dao/test_removal.py",)),
    "what a fork takes over": Mutant(_handover, ("tests/dao/forks/test_handover.py",)),
    "the guard of the index": Mutant(_index_guard, ("tests/dao/search/test_guard.py",)),
    "the terminal's filter": Mutant(_terminal_filter, ("tests/cli/test_terminal.py",)),
    "a backup's name at its end": Mutant(_backup_name, ("tests/safety/test_stopped_upkeep.py",)),
    "the erasing of a purge": Mutant(_purge, ("tests/dao/test_purge.py",)),
    "the reserve": Mutant(_reserve, ("tests/storage/test_reserve.py",)),
}


def _put(owner: Any, name: str, made: Any) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} to switch off"
    setattr(owner, name, made)


if name := os.environ.get("SESSIONDB_MUTANT"):
    MUTANTS[name].switch_off()
