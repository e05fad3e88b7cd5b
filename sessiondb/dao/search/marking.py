"""Mark the words that an index finds in short texts, as its own tokenizer sees them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence

from sessiondb.dao.search.filters import Corpus
from sessiondb.query.snippets import CLOSE, ELLIPSIS, OPEN

_TOKENS = 24
"""Words of a snippet."""


def snippets(corpus: Corpus, texts: Mapping[int, Sequence[str]], expression: str) -> dict[int, str]:
    """Return the best part of each text, the words marked; texts that do not match are left out.

    A text has a string for each column of the index; `expression` is nothing but quoted strings and OR. The
    texts are indexed anew, in memory: FTS5's snippet() takes the square of the matches of a row, 108 s for
    1 MB of two words.
    """
    columns = [column.partition(".")[2] for column in corpus.columns]
    shown = 0 if len(columns) == 1 else -1
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        memory.execute(
            f"CREATE VIRTUAL TABLE texts USING fts5 ({', '.join(columns)}, tokenize='{corpus.tokenizer}')"
        )
        places = ", ".join("?" * (1 + len(columns)))
        memory.executemany(
            f"INSERT INTO texts (rowid, {', '.join(columns)}) VALUES ({places})",
            ((row_id, *parts) for row_id, parts in texts.items()),
        )
        return dict(
            memory.execute(
                f"SELECT rowid, snippet(texts, {shown}, ?, ?, ?, ?) FROM texts WHERE texts MATCH ?",
                (OPEN, CLOSE, ELLIPSIS, _TOKENS, expression),
            )
        )
