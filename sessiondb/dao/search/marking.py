"""Mark the words that an index finds in short texts, as its own tokenizer sees them."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Mapping, Sequence

from sessiondb.dao.search.filters import Corpus
from sessiondb.query.snippets import CLOSE, ELLIPSIS, OPEN

_TOKENS = 24
"""Words of a snippet."""


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
