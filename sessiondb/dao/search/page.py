"""What is read for the hits of one page only: titles, snippets, texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sessiondb.dao.search.filters import Corpus
from sessiondb.query.ranking import Hit
from sessiondb.records.search import FACETS
from sessiondb.storage.connection import Connection

_MOST_STEPS = 100
"""Parents above one another; a chain that closes on itself ends there."""


class About(NamedTuple):
    """What a hit says of its session."""

    title: str | None = None
    agent: str | None = None
    project: str | None = None
    parent_id: str | None = None


class SearchPage:
    """Reads for the page that is shown."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def about(self, session_ids: Iterable[str]) -> dict[str, About]:
        """Return title, agent, project and parent of sessions."""
        rows = self._db.rows(
            "SELECT s.id, s.title, s.agent, coalesce(p.path, p.name), s.parent_id FROM json_each(?) AS j"
            " JOIN sessions AS s ON s.id = j.value LEFT JOIN projects AS p ON p.id = s.project_id",
            (json.dumps(list(session_ids)),),
        )
        return {row[0]: About(*row[1:]) for row in rows}

    def facets(self, hits: Sequence[Hit]) -> dict[str, dict[str, int]]:
        """Return how many hits there are of each agent, project, model, month (UTC) and role, the most first."""
        ids = {hit.session_id for hit in hits if hit.session_id is not None}
        rows = self._db.rows(
            "SELECT s.id, s.agent, coalesce(p.path, p.name), m.name FROM json_each(?) AS j"
            " JOIN sessions AS s ON s.id = j.value LEFT JOIN projects AS p ON p.id = s.project_id"
            " LEFT JOIN models AS m ON m.id = s.model_id",
            (json.dumps(list(ids)),),
        )
        about = {row[0]: row[1:] for row in rows}
        unknown = (None, None, None)
        values = [(*about.get(hit.session_id, unknown), (hit.created_at or "")[:7], hit.role) for hit in hits]
        columns = zip(*values, strict=True) if values else ()
        return {
            name: dict(Counter(value for value in column if value).most_common())
            for name, column in zip(FACETS, columns, strict=False)
        }

    def conversations(self, session_ids: Iterable[str]) -> dict[str, str]:
        """Return for sessions the one that their conversation began with, above sub-agents and compactions."""
        rows = self._db.rows(
            "WITH RECURSIVE above (id, session_id, steps) AS ("
            " SELECT value, value, 0 FROM json_each(?)"
            " UNION ALL"
            " SELECT above.id, s.parent_id, steps + 1 FROM above JOIN sessions AS s ON s.id = above.session_id"
            " WHERE s.relation IN ('subagent', 'continuation') AND s.parent_id IS NOT NULL AND steps < ?"
            ") SELECT id, session_id FROM above ORDER BY steps",
            (json.dumps(list(session_ids)), _MOST_STEPS),
        )
        return dict(rows)

    def note_projects(self, note_ids: Iterable[int]) -> dict[int, str]:
        """Return the projects of notes that belong to one."""
        return dict(
            self._db.rows(
                "SELECT n.id, coalesce(p.path, p.name) FROM json_each(?) AS j"
                " JOIN notes AS n ON n.id = j.value JOIN projects AS p ON p.id = n.project_id",
                (json.dumps(list(note_ids)),),
            )
        )

    def texts(self, corpus: Corpus, row_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """Return what stands in each column of the index, then what further text there is, of some rows."""
        columns = ", ".join(f"coalesce({part}, '')" for part in (*corpus.columns, corpus.further))
        rows = self._db.rows(
            f"SELECT j.value, {columns} FROM json_each(?) AS j {corpus.rows}", (json.dumps(list(row_ids)),)
        )
        return {row[0]: row[1:] for row in rows}

    def pending(self, corpus: Corpus) -> int:
        """Return how many rows an unfinished import, or damage, left out of an index."""
        first = self._db.value("SELECT pending_from FROM search_state WHERE index_name = ?", (corpus.fts,))
        if first is not None:
            return int(
                self._db.value(f"SELECT count(*) FROM {corpus.table} WHERE {corpus.key} >= ?", (first,))
            )
        # Of their texts in scripts without spaces only.
        return int(
            self._db.value(
                "SELECT count(*) FROM search_segments WHERE source = ? AND id >="
                " (SELECT pending_from FROM search_state WHERE index_name = 'search_segments_fts')",
                (corpus.source,),
            )
        )
