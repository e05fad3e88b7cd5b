"""Put an empty index in place of one that may be beyond use.

An FTS5 index whose own tables are damaged can be neither opened nor emptied nor dropped by SQL on it, and
to free the pages of a large one takes long. So its tables get other names, in the schema itself, and are
removed when there is time.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessiondb.errors import DatabaseDamaged
from sessiondb.storage import migrations
from sessiondb.storage.connection import Connection

_SUFFIXES = ("data", "idx", "content", "docsize", "config")
# Rows of a few KiB that one transaction deletes.
_PART = 2000
_ASIDE = "set_aside"

# As schema/ sets them: see there.
_OPTIONS = (("automerge", 16), ("crisismerge", 1000))


def renew(connection: Connection, name: str) -> None:
    """Put an empty index of the same kind in place of the index `name`, whatever its state or lack."""
    with connection.transaction():
        connection.execute("PRAGMA writable_schema = ON")
        # The virtual table goes from the schema without being asked (DROP TABLE would open it), its own tables stay
        # under other names, and the CREATE below finds its place free.
        connection.execute("DELETE FROM sqlite_master WHERE type = 'table' AND name = ?", (name,))
        _rename(connection, [f"{name}_{suffix}" for suffix in _SUFFIXES])
        reread(connection)
        connection.execute(migrations.schema_objects()[name].sql)
        for option, value in _OPTIONS:
            connection.execute(f"INSERT INTO {name} ({name}, rank) VALUES (?, ?)", (option, value))


def renew_tables(connection: Connection, names: Sequence[str]) -> None:
    """Put empty tables in place of ordinary ones, each a single B-tree: without a rowid, and without an index."""
    with connection.transaction():
        connection.execute("PRAGMA writable_schema = ON")
        _rename(connection, names)
        reread(connection)
        for name in names:
            connection.execute(migrations.schema_objects()[name].sql)


def _rename(connection: Connection, tables: Sequence[str]) -> None:
    present = {row[0] for row in connection.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    number = next(n for n in range(len(present) + 1) if f"{_ASIDE}_{n}_{tables[0]}" not in present)
    for table in tables:
        aside = f"{_ASIDE}_{number}_{table}"
        connection.execute(
            "UPDATE sqlite_master SET name = :aside, tbl_name = :aside, sql = replace(sql, :table, :aside)"
            " WHERE type = 'table' AND name = :table",
            {"table": table, "aside": aside},
        )


def remove_set_aside(connection: Connection) -> bool:
    """Remove the tables that `renew` put aside; say whether damage left pages that only VACUUM frees."""
    found = connection.rows(
        f"SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '{_ASIDE}_*' ORDER BY name"
    )
    has_leaked = False
    for (table,) in found:
        try:
            _remove(connection, table)
        except DatabaseDamaged:
            with connection.transaction():
                connection.execute("PRAGMA writable_schema = ON")
                connection.execute("DELETE FROM sqlite_master WHERE tbl_name = ?", (table,))
                reread(connection)
            has_leaked = True
    return has_leaked


def _remove(connection: Connection, table: str) -> None:
    """Drop a table in parts: other writers wait for one at most."""
    if table.endswith(("_data", "_docsize")):
        # A DROP of a large table writes all of its pages to the log in one transaction.
        part = f'DELETE FROM "{table}" WHERE rowid IN (SELECT rowid FROM "{table}" LIMIT {_PART})'
        while connection.execute(part).rowcount == _PART:
            pass
    connection.execute(f'DROP TABLE "{table}"')


def reread(connection: Connection) -> None:
    """Let SQLite forget the schema that it has in memory: it was changed behind its back, or that was undone."""
    connection.execute("PRAGMA writable_schema = RESET")
