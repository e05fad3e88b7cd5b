"""The rows of our tables in a damaged file: those that their table leads to, then those that nothing leads to."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from sessiondb.dao.checks import is_derived
from sessiondb.errors import DatabaseForeign
from sessiondb.storage.migrations import APPLICATION_ID, SCHEMA_VERSION, schema_objects
from sessiondb.storage.pages import Damage, PageRow, Pages

SEQUENCES = "sqlite_sequence"
"""SQLite's own table of the greatest ids that it ever gave out."""

_SCHEMA_ROWS = ("table", "index", "view", "trigger")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "INTEGER": int,
    "TEXT": str,
    "REAL": (int, float),
    "BLOB": bytes,
}


class Column(NamedTuple):
    """A column of a table: its name, its type in a STRICT table, whether it may not be NULL, whether it is the rowid,
    and whether its table has rowids at all.
    """

    name: str
    type: str
    is_required: bool
    is_rowid: bool
    has_rowids: bool


class Found(NamedTuple):
    """A row: the tables that it may be of (the first one that takes it), its columns and values, and where it stood.

    `is_astray`: no table leads to its page.
    """

    tables: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[object, ...]
    row: PageRow
    is_astray: bool = False


class Source:
    """A damaged file. Raises DatabaseForeign for one of another program, or of a newer sessiondb."""

    def __init__(self, pages: Pages, name: str) -> None:
        self._pages = pages
        self.version = _version(pages, name)
        self.left_out: list[str] = []
        found = self._schema()
        wanted = content_tables(self.version)
        self._roots = {table: found[table][0] for table in wanted if table in found}
        # The file knows best which columns its rows have, in which order.
        self._layouts = {
            table: layout(found.get(table, (0, sql))[1]) or layout(sql) for table, sql in wanted.items()
        }
        self._derived = [root for table, (root, _) in found.items() if is_derived(table) and root]
        self.sequences = self._read_sequences(found.get(SEQUENCES, (0, ""))[0])
        for table in sorted(set(found) - set(wanted) - set(schema_objects(self.version))):
            if not table.startswith("sqlite_") and not is_derived(table):
                self.left_out.append(f"table {table}, which is not sessiondb's")

    def rows(self) -> Iterator[Found]:
        """Yield all rows of all tables."""
        for table, root in self._roots.items():
            columns = self._layouts[table]
            for row in self._pages.rows(root, table):
                if len(row.values) > len(columns):
                    self._pages.damage.append(
                        f"{table}: a row on page {row.page:,} has {len(row.values)} values"
                    )
                else:
                    yield _found((table,), columns, row)
        for table in self._layouts:
            if table not in self._roots:
                self._pages.damage.append(f"{table}: the schema does not say where it is")
        yield from self._astray()

    def _read_sequences(self, root: int) -> list[tuple[str, int]]:
        """Return the greatest id that each table ever gave out."""
        rows = self._pages.rows(root, SEQUENCES) if root else iter(())
        pairs = [row.values for row in rows if len(row.values) == 2]
        return [(name, seq) for name, seq in pairs if isinstance(name, str) and isinstance(seq, int)]

    def _schema(self) -> dict[str, tuple[int, str]]:
        found: dict[str, tuple[int, str]] = {}
        rows = list(self._pages.rows(1, "the schema"))
        if self._pages.damage:
            # Its first page leads to the others: without it they are looked for.
            astray = [row for row in self._unled() if len(row.values) == 5 and row.values[0] in _SCHEMA_ROWS]
            self._pages.visited.update(row.page for row in astray)
            rows += astray
        for row in rows:
            if len(row.values) == 5:
                kind, name, _, root, sql = row.values
                if (
                    kind == "table"
                    and isinstance(name, str)
                    and isinstance(root, int)
                    and isinstance(sql, str)
                ):
                    found.setdefault(name, (root, sql))
        return found

    def _astray(self) -> Iterator[Found]:
        # Only a page that is lost leaves others without one that leads to them.
        if not self._pages.damage:
            return
        for root in self._derived:
            self._pages.pass_over(root)
        for row in self._unled():
            tables = tuple(table for table, columns in self._layouts.items() if _fits(row, columns))
            if tables:
                yield _found(tables, self._layouts[tables[0]], row, is_astray=True)

    def _unled(self) -> Iterator[PageRow]:
        # Pages that the file does not use are passed over: what stands on them was removed, and is not to come back.
        free = self._pages.free()
        # What makes no sense there may be of no table of ours.
        damage, self._pages.damage = self._pages.damage, []
        for number in range(2, self._pages.count + 1):
            if number not in self._pages.visited and number not in free:
                with contextlib.suppress(Damage):
                    yield from self._pages.leaf_rows(number, "")
        self._pages.damage = damage


def content_tables(version: int) -> dict[str, str]:
    """Return the SQL of the tables that hold content in a schema, by name: all but those of search."""
    return {
        name: found.sql
        for name, found in schema_objects(version).items()
        if found.type == "table" and found.sql.startswith("CREATE TABLE") and not is_derived(name)
    }


@cache
def layout(sql: str) -> tuple[Column, ...]:
    """Return the columns of a table in the order in which its rows hold them; nothing for SQL that is damaged."""
    try:
        with contextlib.closing(sqlite3.connect(":memory:")) as model:
            model.execute(sql)
            (table,) = model.execute(
                "SELECT name, wr FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'"
            ).fetchall()
            rows = model.execute(
                'SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid', table[:1]
            ).fetchall()
    except (sqlite3.Error, ValueError):
        return ()
    if table[1]:
        # A table without rowid keeps its key first.
        rows.sort(key=lambda row: (not row[3], row[3]))
    is_alone = sum(row[3] > 0 for row in rows) == 1 and not table[1]
    return tuple(
        Column(name, kind, bool(is_required), bool(is_alone and key and kind == "INTEGER"), not table[1])
        for name, kind, is_required, key in rows
    )


def _version(pages: Pages, name: str) -> int:
    if not pages.has_header:
        return SCHEMA_VERSION
    application, version = pages.number(68), pages.number(60)
    if application != APPLICATION_ID:
        raise DatabaseForeign(
            f"{name} is a SQLite database of another program (application id {application}): give another path"
        )
    if version > SCHEMA_VERSION:
        raise DatabaseForeign(
            f"{name} has schema {version}, and this sessiondb knows up to {SCHEMA_VERSION}: upgrade sessiondb"
        )
    return version or SCHEMA_VERSION


def _found(
    tables: tuple[str, ...], columns: tuple[Column, ...], row: PageRow, *, is_astray: bool = False
) -> Found:
    # Rows that are older than a column do not have it.
    columns = columns[: len(row.values)]
    values = tuple(
        row.rowid if column.is_rowid and value is None else value
        for column, value in zip(columns, row.values, strict=True)
    )
    return Found(tables, tuple(column.name for column in columns), values, row, is_astray)


def _fits(row: PageRow, columns: tuple[Column, ...]) -> bool:
    """Say whether a row may be one of a table, by the types of its values."""
    if len(row.values) > len(columns) or not columns[0].has_rowids:
        return False
    # A row may be shorter than its table, which has got columns since, but those can be NULL.
    if any(column.is_required and not column.is_rowid for column in columns[len(row.values) :]):
        return False
    for column, value in zip(columns, row.values, strict=False):
        if column.is_rowid:
            if value is not None:
                return False
        elif value is None:
            if column.is_required:
                return False
        elif not isinstance(value, _TYPES.get(column.type, object)):
            return False
    return True
