"""What is read for the hits of one page only: titles, snippets, texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sessiondb.dao.search.filters import Corpus
from sessiondb.query.snippets import CLOSE, ELLIPSIS, OPEN
from sessiondb.storage.connection import Connection

_TOKENS = 24
"""Words of a snippet."""

_TEXTS = {
    "message": "SELECT content FROM messages WHERE id = :id",
    "tool_call": "SELECT coalesce(name, '') || ' ' || coalesce(arguments, '') || ' ' || coalesce(result, '')"
    " FROM tool_calls WHERE id = :id",
    "note": "SELECT group_concat(text, ' ') FROM ("
    "SELECT body || ' ' || coalesce(context, '') || ' ' || coalesce(resolution, '') AS text FROM notes"
    " WHERE id = :id UNION ALL SELECT body FROM note_translations WHERE note_id = :id)",
    "session": "SELECT title FROM sessions WHERE rowid = :id",
}


class About(NamedTuple):
    """What a hit says of its session."""

    title: str | None = None
    agent: str | None = None
    project: str | None = None


class SearchPage:
    """Reads for the page that is shown."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def about(self, session_ids: Iterable[str]) -> dict[str, About]:
        """Return title, agent and project of sessions."""
        rows = self._db.rows(
            "SELECT s.id, s.title, s.agent, coalesce(p.path, p.name) FROM json_each(?) AS j"
            " JOIN sessions AS s ON s.id = j.value LEFT JOIN projects AS p ON p.id = s.project_id",
            (json.dumps(list(session_ids)),),
        )
        return {row[0]: About(*row[1:]) for row in rows}

    def note_projects(self, note_ids: Iterable[int]) -> dict[int, str]:
        """Return the projects of notes that belong to one."""
        return dict(
            self._db.rows(
                "SELECT n.id, coalesce(p.path, p.name) FROM json_each(?) AS j"
                " JOIN notes AS n ON n.id = j.value JOIN projects AS p ON p.id = n.project_id",
                (json.dumps(list(note_ids)),),
            )
        )

    def snippets(self, corpus: Corpus, row_ids: Sequence[int], expression: str) -> dict[int, str]:
        """Return the best part of each row, the words marked; rows that do not match are left out."""
        # One pass over the matches in between: to look up a single row of a common word takes as long.
        return dict(
            self._db.rows(
                f"SELECT rowid, snippet({corpus.fts}, {corpus.column}, ?, ?, ?, ?) FROM {corpus.fts}"
                f" WHERE {corpus.fts} MATCH ? AND rowid BETWEEN ? AND ?"
                " AND +rowid IN (SELECT value FROM json_each(?))",
                (
                    OPEN,
                    CLOSE,
                    ELLIPSIS,
                    _TOKENS,
                    expression,
                    min(row_ids),
                    max(row_ids),
                    json.dumps(list(row_ids)),
                ),
            )
        )

    def text(self, corpus: Corpus, row_id: int) -> str:
        """Return the whole text of a row."""
        return self._db.value(_TEXTS[corpus.source], {"id": row_id}) or ""

    def pending(self, corpus: Corpus) -> int:
        """Return how many rows an unfinished import left out of an index."""
        first = self._db.value("SELECT pending_from FROM search_state WHERE index_name = ?", (corpus.fts,))
        if first is None:
            return 0
        return int(self._db.value(f"SELECT count(*) FROM {corpus.table} WHERE {corpus.key} >= ?", (first,)))
