"""Every text in the database, wherever one may stand, and another put in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sessiondb.storage.connection import Connection

# The columns of each table that hold what was said, done or noted, and the session that a row belongs to. Names that
# rows share (projects, models, tags, channels) are not among them.
_COLUMNS = {
    "sessions": ("title", "end_reason", "metadata", "id"),
    "messages": ("content", "reasoning", "parts", "metadata", "session_id"),
    "tool_calls": ("name", "arguments", "result", "session_id"),
    "notes": ("body", "context", "resolution", "session_id"),
    "note_translations": ("body", "NULL"),
    "deletions": ("title", "NULL"),
    "imports": ("state", "NULL"),
    "import_errors": ("reason", "NULL"),
}
_KEYS = {"note_translations": ("note_id", "lang")}
_BATCH = 500


class Text(NamedTuple):
    """One text: where it stands, the session it belongs to if any, and what it says."""

    table: str
    column: str
    key: tuple[object, ...]
    session_id: str | None
    value: str


class Texts:
    """The texts of all tables."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def all(self) -> Iterator[Text]:
        """Yield every text that is not empty, table by table, as it is when its table is begun."""
        for table, (*columns, session) in _COLUMNS.items():
            keys = _KEYS.get(table, ("rowid",))
            sql = f"SELECT {', '.join((*keys, session, *columns))} FROM {table}"
            for row in self._db.stream(sql, size=_BATCH):
                key, session_id = row[: len(keys)], row[len(keys)]
                for column, value in zip(columns, row[len(keys) + 1 :], strict=True):
                    if value:
                        yield Text(table, column, key, session_id, value)

    def replace(self, changes: Sequence[tuple[Text, str]]) -> None:
        """Put others in the place of some texts, in one transaction; what has changed meanwhile stays as it is."""
        with self._db.transaction():
            for text, value in changes:
                where = " AND ".join(f"{name} IS ?" for name in _KEYS.get(text.table, ("rowid",)))
                self._db.execute(
                    f"UPDATE {text.table} SET {text.column} = ? WHERE {where} AND {text.column} = ?",
                    (value, *text.key, text.value),
                )
