"""Bring a database's schema up to date from schema/NNNN_word.sql, one transaction a file."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.errors import DatabaseError, DatabaseForeign
from sessiondb.storage import statements
from sessiondb.storage.connection import Connection

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID = 0x53534442
"""The four bytes "SSDB" in the file's header, by which the database is known as ours."""

SCHEMA_VERSION = 13
"""The number of the newest file in schema/; a constant, so that reading commands need not look at the folder.
"""

_NAME = r"(\d{4})_\w+\.sql"


class Migration(NamedTuple):
    """One file of schema/: its number, which becomes user_version, its name, and its SQL."""

    number: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all migrations in order. Raises DatabaseError where the installation lacks them."""
    # Inside the package once installed; beside it in a checkout and an editable install.
    folders = (Path(__file__).parents[1] / "schema", Path(__file__).parents[2] / "schema")
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        raise DatabaseError("the schema folder is missing from this installation: reinstall sessiondb")
    found = ((re.fullmatch(_NAME, file.name), file) for file in folder.iterdir())
    return tuple(
        sorted(
            Migration(int(match[1]), file.name, file.read_text(encoding="utf-8"))
            for match, file in found
            if match
        )
    )


class SchemaObject(NamedTuple):
    """A table, index, view or trigger that the migrations make: its type, name, table, and SQL."""

    type: str
    name: str
    table: str
    sql: str


_COLUMNS = (
    "SELECT o.name, c.name FROM sqlite_master AS o, pragma_table_xinfo(o.name) AS c"
    " WHERE o.type IN ('table', 'view')"
)


def missing(connection: Connection) -> list[str]:
    """Return the tables, views and columns (TABLE.COLUMN) of ours that a database does not have."""
    present = set(connection.rows(_COLUMNS))
    tables = {table for table, _ in present}
    with _model(SCHEMA_VERSION) as model:
        wanted = [row for row in model.execute(_COLUMNS) if row[0] in schema_objects()]
    lacking = (
        table if table not in tables else f"{table}.{column}"
        for table, column in wanted
        if (table, column) not in present
    )
    return list(dict.fromkeys(lacking))


@contextlib.contextmanager
def _model(version: int) -> Iterator[sqlite3.Connection]:
    """Yield a database in memory that the migrations up to a version have made."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        for migration in migrations():
            if migration.number <= version:
                model.executescript(migration.sql)
        yield model


@cache
def schema_objects(version: int = SCHEMA_VERSION) -> dict[str, SchemaObject]:
    """Return what a database of a schema holds, by name, without the tables behind an FTS5 index."""
    with _model(version) as model:
        rows = model.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master AS o WHERE sql IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM pragma_table_list AS t WHERE t.name = o.name AND t.type = 'shadow')"
        )
        return {row[1]: SchemaObject(*row) for row in rows if not row[1].startswith("sqlite_")}


def check(connection: Connection) -> int:
    """Return the schema number of a database, 0 for an empty file.

    Raises DatabaseForeign for a file of another program, DatabaseNewer for that of a later sessiondb.
    """
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise statements.newer(connection.path, version, SCHEMA_VERSION)
    return version


def _version(connection: Connection) -> int:
    row = connection.row(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
        " FROM pragma_application_id, pragma_user_version"
    )
    application, version, objects = row or (0, 0, 0)
    if application == 0 and version == 0 and objects == 0:
        return 0
    if application != APPLICATION_ID:
        raise DatabaseForeign(
            f"{connection.path} is a SQLite database of another program (application id {application}):"
            " give another path"
        )
    if version < 1:
        raise DatabaseForeign(
            f"{connection.path} has schema {version}, which no sessiondb writes: another program changed it;"
            f" restore a backup, or set user_version back (to {SCHEMA_VERSION} for a file of this version)"
        )
    if version < SCHEMA_VERSION and (real := _version_held(connection, version)) > version:
        raise DatabaseForeign(
            f"{connection.path} says that it has schema {version}, but has the tables of schema {real}: another program"
            f' changed the number; set it back with `sqlite3 {connection.path} "PRAGMA user_version = {real}"`,'
            " or restore a backup"
        )
    return int(version)


def _version_held(connection: Connection, version: int) -> int:
    """Return the newest schema of which a database holds anything, `version` where nothing is newer than that."""
    present = set(connection.rows("SELECT name, sql FROM sqlite_master"))
    for newer in range(SCHEMA_VERSION, version, -1):
        before = schema_objects(newer - 1)
        if any(
            (name, found.sql) in present and before.get(name) != found
            for name, found in schema_objects(newer).items()
        ):
            return newer
    return version


def check_readable(connection: Connection) -> int | None:
    """Check a database that is opened for reading, which never migrates; return its schema where that is newer.

    Nothing is asked of a newer one: each read finds the tables and columns that it knows, or says what is missing.
    Raises DatabaseForeign.
    """
    version = _version(connection)
    if version == 0:
        raise DatabaseForeign(
            f"{connection.path} is an empty file: any writing command, such as import, fills it"
        )
    _refuse_older(connection, version)
    connection.watch_schema(SCHEMA_VERSION)
    return version if version > SCHEMA_VERSION else None


def migrate(connection: Connection, *, upgrades: bool = True) -> None:
    """Bring the schema up to date; many processes may do so at once. An older file is first copied to
    PATH.vN.backup, or without `upgrades` left as it is.

    Raises DatabaseForeign for what is not ours, and for an older file that is left.
    """
    with connection.on_writer():
        version = check(connection)
    if version and not upgrades:
        _refuse_older(connection, version)
    # A copy of a database, such as a backup, comes without it.
    connection.use_wal()
    if version != SCHEMA_VERSION:
        _upgrade(connection)
    connection.watch_schema(SCHEMA_VERSION)


def has_schema(connection: Connection) -> bool:
    """Say whether there is anything in a database at all."""
    return bool(connection.value("SELECT count(*) FROM sqlite_master"))


def _upgrade(connection: Connection) -> None:
    version = check(connection)
    if 0 < version < SCHEMA_VERSION:
        _back_up(connection, version)
    with connection.transaction():
        # A new file gets its whole schema at once: no other process ever sees, or backs up, half of one.
        if check(connection) == 0:
            for migration in migrations():
                _apply(connection, migration)
    for migration in migrations():
        with connection.transaction():
            # Asked again under the lock: another process may have done it meanwhile.
            if check(connection) < migration.number:
                _apply(connection, migration)


def _refuse_older(connection: Connection, version: int) -> None:
    if version < SCHEMA_VERSION:
        raise DatabaseForeign(
            f"{connection.path} has schema {version}, and this sessiondb reads {SCHEMA_VERSION}:"
            " `sessiondb optimize` brings it up to date"
        )


def _apply(connection: Connection, migration: Migration) -> None:
    connection.script(migration.sql)
    if migration.number == 1:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("INSERT INTO meta (key, value) VALUES ('database_id', ?)", (os.urandom(8).hex(),))
    connection.execute(f"PRAGMA user_version = {migration.number}")


def _back_up(connection: Connection, version: int) -> None:
    from sessiondb.storage.backups import back_up, sweep
    from sessiondb.storage.copies import copy_compactly

    target = Path(f"{connection.path}.v{version}.backup")
    if target.exists():
        sweep(target)
        return
    try:
        back_up(target, partial(copy_compactly, connection))
    except OSError as error:
        raise DatabaseError(f"cannot make the backup {target}: {error.strerror or error}") from error
