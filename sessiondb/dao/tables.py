"""One connection and the data access objects over it: what every flow is given to work on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sessiondb.dao.lookups import Lookups
from sessiondb.errors import InvalidInput
from sessiondb.storage import migrations
from sessiondb.storage.connection import TIME_BUDGET, Connection
from sessiondb.storage.paths import given_path, refuse_companions

if TYPE_CHECKING:
    from typing_extensions import Self

    from sessiondb.dao.messages import Messages
    from sessiondb.dao.notes import Notes
    from sessiondb.dao.sessions.sessions import Sessions
    from sessiondb.dao.tokens import TokenCounts
    from sessiondb.records.progress import Progress


class Tables:
    """An open database file and its tables, as a context manager; safe to share between threads.

    The file is made, readable by its owner alone, and brought up to date when it is opened. With `read_only`
    it is neither, and one that a later sessiondb wrote can be read as far as its schema is known; without `migrate` an
    older one is refused, which is for what runs unasked. ":memory:" is a new database that is gone when it is closed.
    A write waits up to `time_budget` seconds for other writers. `unshared` is for a file that nobody else knows and
    that may be lost: it is written without a log and without syncing. Raises the errors of sessiondb.errors.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        read_only: bool = False,
        time_budget: float = TIME_BUDGET,
        migrate: bool = True,
        unshared: bool = False,
    ) -> None:
        self._forget: Callable[[], Any] | None = None
        self.newer_schema: int | None = None
        """The schema of a file that a later sessiondb wrote, which this one can only read; else None."""
        self.path = self._file(path, read_only)
        self.connection = Connection(
            self.path, read_only=read_only, time_budget=time_budget, unshared=unshared
        )
        try:
            if read_only:
                # A reader never changes a file, not even to bring it up to date.
                self.newer_schema = migrations.check_readable(self.connection)
            else:
                migrations.migrate(self.connection, upgrades=migrate)
        except BaseException:
            self.close()
            raise
        self._lookups = Lookups(self.connection)

    # Each part is imported when it is first used: a command that lists sessions need not know how to search.

    @cached_property
    def sessions(self) -> Sessions:
        """Start, find, list, describe and end sessions."""
        from sessiondb.dao.sessions.sessions import Sessions

        return Sessions(self.connection, self._lookups)

    @cached_property
    def messages(self) -> Messages:
        """Append messages and tool calls, and read transcripts."""
        from sessiondb.dao.messages import Messages

        return Messages(self.connection, self._lookups)

    @cached_property
    def tokens(self) -> TokenCounts:
        """Count the tokens of API responses."""
        from sessiondb.dao.tokens import TokenCounts

        return TokenCounts(self.connection, self._lookups)

    @cached_property
    def notes(self) -> Notes:
        """Take, find and complete continuity notes."""
        from sessiondb.dao.notes import Notes

        return Notes(self.connection, self._lookups)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self.connection.close()
        if self._forget is not None:
            self._forget()

    def _file(self, path: str | PathLike[str], read_only: bool) -> Path:
        found = given_path(path, "a database")
        if (name := os.fsdecode(path)) == ":memory:":
            from sessiondb.storage.files import temporary_folder

            if read_only:
                raise InvalidInput("a database in memory is new and empty: open it without read_only")
            folder, self._forget = temporary_folder(self)
            return folder / "sessions.db"
        if name.startswith("file:"):
            raise InvalidInput(
                f"{name} is a URI: give the path of the file, and read_only=True to only read it"
            )
        if not read_only:
            refuse_companions(found)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def dry_run_copy(db: Tables, progress: Progress | None = None) -> Iterator[Tables]:
    """Yield a copy of a database to try a write on; at the end of the block it is gone: see temporary_copy."""
    from sessiondb.storage.dry_run import temporary_copy

    # What a newer one would be refused for is refused by its own name.
    migrations.check(db.connection)
    with temporary_copy(db.path, progress) as copy, Tables(copy, unshared=True) as tables:
        yield tables
