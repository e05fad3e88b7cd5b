"""What is read for the hits of one page only: titles, texts, and snippets with the words marked."""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sessiondb.dao.search.corpora import Corpus
from sessiondb.query.ranking import Hit
from sessiondb.query.snippets import CLOSE, ELLIPSIS, OPEN
from sessiondb.records.search import FACETS
from sessiondb.storage.connection import Connection

_TOKENS = 24
"""Words of a snippet."""

_MOST_STEPS = 100
"""Parents above one another; a chain that closes on itself ends there."""


class About(NamedTuple):
    """What a hit says of its session."""

    title: str | None = None
    agent: str | None = None
    project: str | None = None
    parent_id: str | None = None


class AboutNote(NamedTuple):
    """What a hit says of a note that it is."""

    status: str | None = None
    project: str | None = None


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

    def notes(self, note_ids: Iterable[int]) -> dict[int, AboutNote]:
        """Return status and project of notes."""
        rows = self._db.rows(
            "SELECT n.id, n.status, coalesce(p.path, p.name) FROM json_each(?) AS j"
            " JOIN notes AS n ON n.id = j.value LEFT JOIN projects AS p ON p.id = n.project_id",
            (json.dumps(list(note_ids)),),
        )
        return {row[0]: AboutNote(*row[1:]) for row in rows}

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


class Marker:
    """Marks texts in an index of its own, in memory; threads take turns.

    In the index that found them FTS5's snippet() reads whole rows, and takes the square of the matches in each:
    108 s for 1 MB of two words.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._memory: sqlite3.Connection | None = None
        self._tables: set[str] = set()

    def snippets(self, corpus: Corpus, texts: Mapping[int, Sequence[str]], expression: str) -> dict[int, str]:
        """Return the best part of each text, the words marked; texts that do not match are left out.

        A text has a string for each column of the index; `expression` is nothing but quoted strings and OR.
        """
        columns = ", ".join(column.partition(".")[2] for column in corpus.columns)
        shown = 0 if len(corpus.columns) == 1 else -1
        with self._lock:
            memory = self._table(corpus, columns)
            memory.execute("BEGIN")
            try:
                memory.executemany(
                    f"INSERT INTO {corpus.fts} (rowid, {columns}) VALUES (?{', ?' * len(corpus.columns)})",
                    ((row_id, *parts) for row_id, parts in texts.items()),
                )
                return dict(
                    memory.execute(
                        f"SELECT rowid, snippet({corpus.fts}, {shown}, ?, ?, ?, ?) FROM {corpus.fts}"
                        f" WHERE {corpus.fts} MATCH ?",
                        (OPEN, CLOSE, ELLIPSIS, _TOKENS, expression),
                    )
                )
            finally:
                memory.execute("ROLLBACK")

    def _table(self, corpus: Corpus, columns: str) -> sqlite3.Connection:
        if self._memory is None:
            self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            weakref.finalize(self, self._memory.close)
        if corpus.fts not in self._tables:
            self._memory.execute(
                f"CREATE VIRTUAL TABLE {corpus.fts} USING fts5 ({columns}, tokenize='{corpus.tokenizer}')"
            )
            self._tables.add(corpus.fts)
        return self._memory
