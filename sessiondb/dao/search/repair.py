"""What becomes of a search index that is damaged or missing: found, put aside, made anew."""

from __future__ import annotations

import sqlite3

from sessiondb.dao.search import facets, shadow_tables
from sessiondb.dao.search.facets import FacetBlocks
from sessiondb.dao.search.indexes import ALL, BLOCKS, BY_NAME, SEGMENTS, SearchIndex
from sessiondb.errors import DatabaseError
from sessiondb.storage import migrations, statements
from sessiondb.storage.connection import Connection

# Segments are numbered by what is above bit 37 of the ids of their pages; see fts5_index.c of SQLite.
_UNLISTED = """
SELECT 1 FROM {name}_data WHERE id >> 37 > 0 AND id >> 37 NOT IN (SELECT segid FROM {name}_idx) LIMIT 1
"""
_OF_DAMAGE = (statements.ERROR, statements.CORRUPT, statements.CONSTRAINT, statements.MISMATCH)
# What is made anew first: triggers and views name tables.
_ORDER = {"table": 0, "index": 1, "view": 2, "trigger": 3}


class IndexRepair:
    """The search indexes of a database, and what makes them whole again."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._indexes = SearchIndex(connection)

    def forget_schema(self) -> None:
        """Let SQLite read the schema anew: a change of it by other means may have been undone."""
        shadow_tables.reread(self._db)

    def restore_schema(self) -> list[str]:
        """Make anew what is missing of the tables, views and triggers of search, and return their names.

        Indexes that may have missed rows meanwhile are marked stale.
        """
        wanted = migrations.schema_objects()
        with self._db.transaction():
            present = {row[0] for row in self._db.rows("SELECT name FROM sqlite_master")}
            missing = [wanted[name] for name in wanted if name not in present and _is_of_search(wanted[name])]
            for found in sorted(missing, key=lambda found: _ORDER[found.type]):
                self._db.execute(found.sql)
            if any(found.name.startswith("search_blocks_") for found in missing):
                # Rows may have become another's meanwhile.
                FacetBlocks(self._db).clear()
            # The prepared texts come of all the others' rows.
            is_all = any(found.name == SEGMENTS.table for found in missing)
            for index in ALL:
                self._db.execute(
                    "INSERT INTO search_state (index_name, pending_from) VALUES (?, 0)"
                    " ON CONFLICT (index_name) DO NOTHING",
                    (index.name,),
                )
                if is_all or any(index.name == found.name or index.table == found.table for found in missing):
                    self.mark_stale(index.name)
        return [found.name for found in missing]

    def damaged(self) -> list[str]:
        """Return the names of the indexes that do not agree with their tables; those with pending rows are
        not compared.
        """
        found = []
        for name in (*BY_NAME, BLOCKS):
            if name != BLOCKS and self._indexes.is_behind(name):
                continue
            try:
                if not self._agrees(name):
                    found.append(name)
            except DatabaseError as error:
                if not may_be_damage(error):
                    raise
                found.append(name)
        return found

    def _agrees(self, name: str) -> bool:
        if name == BLOCKS:
            return FacetBlocks(self._db).is_true()
        with self._db.transaction():
            self._db.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")
        # SQLite reads each segment by its list of pages: it misses those that the list lacks.
        return self._db.row(_UNLISTED.format(name=name)) is None

    def rebuild(self, name: str) -> None:
        """Build an index anew from its table."""
        self.mark_stale(name)
        for _ in self._indexes.catch_up():
            pass

    def mark_stale(self, name: str) -> None:
        """Let an index be passed over until it is rebuilt, so that writes go on although it is damaged.

        An empty one takes its place: the triggers name it, and cannot run where it cannot be opened.
        """
        with self._db.transaction():
            if name == BLOCKS:
                shadow_tables.renew_tables(self._db, facets.TABLES)
                return
            shadow_tables.renew(self._db, name)
            self._indexes.set_pending(name, 0)


def may_be_damage(error: Exception) -> bool:
    """Say whether an error of a write may come of a damaged index: not of a full disk, a busy file or the like."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and statements.code_of(cause) in _OF_DAMAGE


def _is_of_search(found: migrations.SchemaObject) -> bool:
    return (
        found.name.startswith("search_")
        or found.name in BY_NAME
        or (found.type == "trigger" and "search_" in found.sql)
    )
