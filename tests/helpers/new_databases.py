"""New databases without the time that the migrations take, which is most of what a short test would do."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

from sessiondb.storage import migrations
from sessiondb.storage.connection import Connection

Upgrade = Callable[[Connection], None]

upgrade: Upgrade = migrations._upgrade
"""The product's own way to a schema, file by file."""


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[Upgrade]:
    """Yield a function that does as `upgrade`, but copies into an empty database what the migrations have once made."""
    made_in = Connection(folder / "new.db")
    made_in.use_wal()
    upgrade(made_in)
    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as made:
        made_in.sqlite.backup(made)
        made_in.close()
        alone = Lock()

        def copy(connection: Connection) -> None:
            if migrations.check(connection):
                upgrade(connection)
                return
            with connection.writer("a new database") as sqlite, alone:
                # Another process may have made it meanwhile.
                if migrations.check(connection) == 0:
                    made.execute(
                        "UPDATE meta SET value = ? WHERE key = 'database_id'", (os.urandom(8).hex(),)
                    )
                    made.commit()
                    made.backup(sqlite)

        yield copy
