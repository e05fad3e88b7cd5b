"""What other programs do to a database meanwhile, by plain sqlite3."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Have another program read the messages of a database in one transaction."""
    with contextlib.closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM messages").fetchone()
        yield connection
