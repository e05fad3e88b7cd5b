"""What may be wrong with a database: each check yields its findings, and changes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from sessiondb.dao.counters import count_wrong
from sessiondb.dao.search.indexes import ALL, SearchIndex
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.errors import DatabaseDamaged, DatabaseError, DatabaseNewer
from sessiondb.records import Finding
from sessiondb.settings import paths
from sessiondb.storage import migrations, surroundings
from sessiondb.storage.connection import Connection
from sessiondb.storage.migrations import SchemaObject

PROBLEMS = 20
"""Problems of one kind that are named."""

MUCH_FREE = 64 * 1024 * 1024
"""Bytes of free pages from which on they are worth to be given back, where they are half of the file."""

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700

_TEXTS = {
    "sessions": ("title", "key", "native_id", "end_reason", "metadata"),
    "messages": ("content", "reasoning", "parts", "external_id", "metadata"),
    "tool_calls": ("name", "arguments", "result"),
    "notes": ("body", "context", "resolution", "author", "assignee"),
    "note_changes": ("author",),
}
_JSON = {
    "sessions": ("metadata",),
    "messages": ("parts", "metadata"),
    "token_counts": ("server_tools",),
    "imports": ("state",),
}
_TIMES = {
    "sessions": ("started_at", "last_active_at", "ended_at"),
    "messages": ("created_at",),
    "tool_calls": ("called_at", "returned_at"),
    "token_counts": ("counted_at",),
    "notes": ("created_at", "resolved_at"),
}
# How rows are named, and how many are.
_NAMES = {
    "sessions": "id",
    "messages": "'message ' || seq || ' of ' || session_id",
    "token_counts": "'a response of ' || session_id",
    "imports": "path",
}
_NAMED = 5

# What `PRAGMA integrity_check` says of rows that break the rules of their table, and of an index that is at
# odds with its table; see pragma.c of SQLite.
_OF_VALUES = ("CHECK constraint failed", "NULL value in", "TEXT value in", "NUMERIC value in", "non-")
_OF_INDEX = (" missing from index ", "wrong # of entries in index ", "non-unique entry in index ")
_LOST = ("is never used", "Freelist: ", "freelist", "Free page count")


class Checks:
    """All checks of one database. To check a search index is to write to it: of one opened for reading they are not."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._search = SearchIndex(connection)
        self._repair = IndexRepair(connection)

    def all(self) -> list[Finding]:
        """Return what is wrong."""
        checks: tuple[Callable[[], Iterator[Finding]], ...] = (
            self._pages,
            self._schema,
            self._journal,
            self._references,
            self._counters,
            self._order,
            self._values,
            self._times,
            self._indexes,
            self._modes,
            self._surroundings,
            self._space,
        )
        found: list[Finding] = []
        for check in checks:
            # From what would make the others meaningless to what is a matter of taste: pages first, free space last.
            if self._db.read_only and check == self._indexes:
                continue
            try:
                found += check()
            except DatabaseDamaged as damage:
                found.append(Finding.beyond_repair(damage.__cause__ or damage))
            except DatabaseError as error:
                # A table that is missing is named by the check of the schema; other checks fail of it.
                if not any(finding.check == "schema" for finding in found):
                    raise
                # What a later schema does not have any more is named as well.
                if check != self._indexes and not isinstance(error, DatabaseNewer):
                    found.append(Finding("schema", f"not all could be checked: {error}", False))
        return list(dict.fromkeys(found))

    def damaged_tables(self) -> list[str]:
        """Return the names of the tables that SQLite finds damaged."""
        names = self._db.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        return [name for (name,) in names if self._is_damaged(name)]

    def wrong_schema(self) -> list[SchemaObject]:
        """Return the tables, indexes, views and triggers that are missing or are not what they should be.

        Tables may have further columns of the user's.
        """
        present: dict[str, str | None] = dict(self._db.rows("SELECT name, sql FROM sqlite_master"))
        return [
            wanted
            for wanted in migrations.schema_objects().values()
            if wanted.name not in present
            or (wanted.type != "table" and not _is_same(present[wanted.name], wanted.sql))
        ]

    def wrong_modes(self) -> list[tuple[Path, int]]:
        """Return the paths that others than the owner can use, with the mode they should have.

        A folder is looked at only where it is the default one: others are not ours.
        """
        if os.name != "posix":
            return []
        path = self._db.path
        wanted = {
            path.with_name(f"{path.name}{suffix}"): PRIVATE_FILE
            for suffix in ("", "-wal", "-shm", "-journal", ".lock", ".reserve", ".import")
        }
        if path.parent == paths.user_data() / "sessiondb":
            wanted[path.parent] = PRIVATE_FOLDER
        return [
            (place, mode)
            for place, mode in wanted.items()
            if place.exists() and stat.S_IMODE(place.stat().st_mode) & 0o077
        ]

    def _pages(self) -> Iterator[Finding]:
        texts = [text for (text,) in self._db.rows(f"PRAGMA integrity_check({PROBLEMS})") if text != "ok"]
        # Newer SQLites look into the search indexes too, which `_indexes` checks and which can be repaired.
        texts = [text for text in texts if "FTS" not in text]
        if not texts:
            return
        damaged = self.damaged_tables()
        are_derived = all(map(is_derived, damaged))
        for name in damaged:
            if is_derived(name):
                yield Finding("search", f"pages of {name} are damaged", True)
        # What SQLite says of a file is one of four things:
        #
        #     a value breaks the rules of its table    another program wrote it; it stays
        #     an index is at odds with its table       made anew from the table
        #     pages of search                          made anew from what is searched
        #     any other page                           beyond repair: a backup, or `recover`
        for text in texts:
            if text.startswith(_OF_VALUES) and "index" not in text:
                yield Finding("values", f"{text}: another program wrote what sessiondb would not", False)
            elif any(words in text for words in _OF_INDEX):
                yield Finding("file", text, True)
            elif are_derived and not damaged:
                yield Finding("file", text.replace("*** in database main ***\n", ""), True)
            elif not are_derived:
                yield Finding.beyond_repair(text)

    def _is_damaged(self, table: str) -> bool:
        try:
            texts = self._db.column(f"PRAGMA integrity_check('{table}')")
        except DatabaseDamaged:
            return True
        return any(
            text != "ok" and not text.startswith(_OF_VALUES) and not any(words in text for words in _OF_INDEX)
            for text in texts
        )

    def _schema(self) -> Iterator[Finding]:
        try:
            migrations.check(self._db)
        except DatabaseNewer as newer:
            yield Finding("schema", str(newer), False)
            for name in migrations.missing(self._db):
                yield Finding("schema", f"{name} is not there any more: what reads it fails", False)
            return
        present = {row[0] for row in self._db.rows("SELECT name FROM sqlite_master")}
        for wanted in self.wrong_schema():
            state = "is not what it should be" if wanted.name in present else "is missing"
            can_repair = wanted.type != "table" or wanted.name.startswith("search_") or "_fts" in wanted.name
            hint = "" if can_repair else ": restore a backup"
            yield Finding("schema", f"{wanted.name} {state}{hint}", can_repair)

    def _journal(self) -> Iterator[Finding]:
        if not self._db.is_wal:
            yield Finding(
                "journal",
                "readers and writers wait for each other, for there is no write-ahead log: other programs keep"
                " the file open, or it lies on a network file system, where it should not",
                True,
            )

    def _references(self) -> Iterator[Finding]:
        for table, rowid, parent, _ in self._db.rows("PRAGMA foreign_key_check")[:PROBLEMS]:
            yield Finding("references", f"row {rowid} of {table} points to nothing in {parent}", False)

    def _counters(self) -> Iterator[Finding]:
        if count := count_wrong(self._db):
            yield Finding("counters", f"message or tool call counts of {_sessions(count)} are wrong", True)

    def _order(self) -> Iterator[Finding]:
        count = int(
            self._db.value(
                "SELECT count(*) FROM (SELECT 1 FROM messages GROUP BY session_id"
                " HAVING min(seq) <> 1 OR max(seq) <> count(*))"
            )
        )
        if count:
            yield Finding(
                "order", f"the messages of {_sessions(count)} are not numbered one after the other", False
            )

    def _values(self) -> Iterator[Finding]:
        for table, columns in _JSON.items():
            for column in columns:
                found = self._db.rows(
                    f"SELECT {_NAMES[table]} FROM {table}"
                    f" WHERE {column} IS NOT NULL AND NOT json_valid({column}) ORDER BY 1"
                )
                if found:
                    named = ", ".join(str(row[0]) for row in found[:_NAMED]) + (
                        ", ..." if found[_NAMED:] else ""
                    )
                    yield Finding(
                        "values",
                        f"{table}.{column} of {len(found)} rows is no JSON: it is read as empty ({named})",
                        False,
                    )
        for table, columns in _TEXTS.items():
            if count := self._undecodable(table, columns):
                yield Finding(
                    "values",
                    f"text of {count} rows of {table} is no UTF-8: it is read with U+FFFD in place of it",
                    False,
                )

    def _times(self) -> Iterator[Finding]:
        for table, columns in _TIMES.items():
            for column in columns:
                # SQLite gives a time of its year 0, or of the 30th of February, another form.
                is_none = f"{column} IS NOT strftime('%Y-%m-%dT%H:%M:%fZ', {column}) OR {column} < '0001'"
                count = self._db.value(
                    f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND ({is_none})"
                )
                if count:
                    rows = "1 row" if count == 1 else f"{count} rows"
                    yield Finding(
                        "values", f"{table}.{column} of {rows} is no time: it is shown as it is", False
                    )

    def _undecodable(self, table: str, columns: tuple[str, ...]) -> int:
        count = 0
        blobs = ", ".join(f"CAST({column} AS BLOB)" for column in columns)
        # One at a time: a row may be many megabytes.
        for row in self._db.stream(f"SELECT {blobs} FROM {table}", size=1):
            count += not all(value is None or _is_utf8(value) for value in row)
        return count

    def _indexes(self) -> Iterator[Finding]:
        for name in self._repair.damaged():
            yield Finding("search", f"the index {name} is damaged", True)
        for index in ALL:
            if pending := self._search.pending(index.name):
                yield Finding("search", f"the index {index.name} lacks {pending} rows", True)
            elif self._search.is_behind(index.name):
                yield Finding("search", f"the index {index.name} takes no new rows", True)

    def _modes(self) -> Iterator[Finding]:
        for path, mode in self.wrong_modes():
            yield Finding("modes", f"{path} can be read by others: its mode should be {mode:o}", True)

    def _surroundings(self) -> Iterator[Finding]:
        if kind := surroundings.network_file_system(self._db.path):
            yield Finding(
                "place",
                f"{self._db.path} lies on a network file system ({kind}), whose locks do not keep writers apart:"
                " move it to a disk of this machine",
                False,
            )
        if len(libraries := surroundings.sqlite_libraries()) > 1:
            yield Finding(
                "process",
                f"this process has {len(libraries)} SQLite libraries, which drop each other's locks: open the database"
                f" with one of them ({', '.join(libraries)})",
                False,
            )

    def _space(self) -> Iterator[Finding]:
        free, total, size = self._db.rows(
            "SELECT * FROM pragma_freelist_count, pragma_page_count, pragma_page_size"
        )[0]
        if free * size >= MUCH_FREE and free * 2 >= total:
            yield Finding(
                "space",
                f"{free * size:,} of {total * size:,} bytes are free: `sessiondb doctor --fix` gives them back"
                " to the disk",
                True,
            )


def is_derived(table: str) -> bool:
    """Say whether a table holds nothing but search, which is made from the others."""
    return table.startswith(("search_", "set_aside_")) or "_fts_" in table


def _is_same(present: str | None, wanted: str) -> bool:
    return present is not None and present.split() == wanted.split()


def _sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
