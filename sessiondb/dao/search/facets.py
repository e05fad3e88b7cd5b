"""Which rows are of an agent, project, model and role, without a look at them: a byte a row, in blocks.

    search_facets            search_blocks
    1  codex, p1, user       message, block 0: facets [1, 2], rows 01 02 02 00 01 ...
    2  codex, p1, assistant

The blocks follow the rows at the end of an import and in `optimize`; triggers remove one with a row that became
another's. They may lack anything: of what they say nothing the rows themselves are asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sessiondb.storage.connection import Connection

BLOCK = 8192
"""Rows of a block, as the triggers of the schema count them."""

UNKNOWN, PASSES, FAILS = 0, 1, 2
"""What a filter makes of a row."""

MAX_ROW = 1 << 26
"""Rows above this number are asked themselves: a single byte far away would take memory for all before it."""

_KINDS = 255
_BEHIND = 1024
"""Rows that may be missing from the last block before it is written anew."""

_ROWS_OF = {
    "message": "SELECT r.id, s.agent, s.project_id, s.model_id, r.role FROM messages AS r",
    "tool_call": "SELECT r.id, s.agent, s.project_id, s.model_id, 'tool' FROM tool_calls AS r",
}
_TABLES = {"message": "messages", "tool_call": "tool_calls"}
SOURCES = tuple(_TABLES)

TABLES = ("search_blocks", "search_facets")


class FacetBlocks:
    """The tables `search_facets` and `search_blocks`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def verdicts(self, source: str, conditions: str, values: dict[str, Any]) -> bytearray:
        """Return a byte for each row from 0 on, what conditions on facets, s, make of it: UNKNOWN, PASSES or FAILS."""
        blocks = self._db.rows(
            "SELECT block, facets, CAST(rows AS BLOB) FROM search_blocks"
            " WHERE source = ? AND block BETWEEN 0 AND ? ORDER BY block",
            (source, MAX_ROW // BLOCK),
        )
        verdicts = bytearray()
        if not blocks:
            return verdicts
        sql = f"SELECT id FROM search_facets AS s WHERE {conditions}"
        passing = {row[0] for row in self._db.rows(sql, values)}
        for block, facets, rows in blocks:
            # Each block numbers its own facets from 1 on, so that a byte is enough for them. The filter is asked once
            # for each facet, and `translate` turns the numbers of 8,192 rows into its answers at the speed of memory.
            meaning = [PASSES if facet in passing else FAILS for facet in json.loads(facets)[:_KINDS]]
            meanings = bytes((UNKNOWN, *meaning)).ljust(256, bytes((UNKNOWN,)))
            verdicts = verdicts[: block * BLOCK] if len(verdicts) > block * BLOCK else verdicts
            verdicts += bytes(block * BLOCK - len(verdicts)) + rows.translate(meanings)
        return verdicts

    def has_any(self, source: str) -> bool:
        """Say whether anything is known of the rows of a source."""
        return self._db.row("SELECT 1 FROM search_blocks WHERE source = ? LIMIT 1", (source,)) is not None

    def fill(self) -> None:
        """Write the blocks that are missing, and the last ones anew that many rows have joined; a transaction each."""
        for source in SOURCES:
            for block, size in list(self._wanting(source)):
                with self._db.transaction():
                    self._write(source, block, size)

    def clear(self) -> None:
        """Forget everything, as where rows may have become another's unseen."""
        self._db.execute("DELETE FROM search_blocks")

    def is_true(self) -> bool:
        """Say whether all that is known agrees with the rows."""
        facets = {row[0]: row[1:] for row in self._db.rows("SELECT * FROM search_facets")}
        for source, block, known, places in self._db.rows(
            "SELECT source, block, facets, rows FROM search_blocks"
        ):
            meanings = [facets.get(facet) for facet in json.loads(known)]
            first = block * BLOCK
            for row_id, *facet in self._facets_of(source, first, len(places)):
                place = places[row_id - first]
                if place and (place > len(meanings) or meanings[place - 1] != tuple(facet)):
                    return False
        return True

    def _wanting(self, source: str) -> Iterator[tuple[int, int]]:
        """Yield the blocks to be written, each with the number of its rows."""
        table = _TABLES[source]
        sizes: dict[int, int] = dict(
            self._db.rows("SELECT block, length(rows) FROM search_blocks WHERE source = ?", (source,))
        )
        last = int(self._db.value(f"SELECT coalesce(max(id), 0) FROM {table}"))
        block = 0
        while block * BLOCK <= min(last, MAX_ROW):
            reached = min(last + 1 - block * BLOCK, BLOCK)
            size = sizes.get(block, 0)
            # A full block is never written again. The last one is when it is full, and each time it is _BEHIND rows
            # short: so that appends, one at a time, do not each write it anew.
            if size < BLOCK and (reached == BLOCK or not size or reached >= size + _BEHIND):
                # Rows may have numbers far apart: to the next one.
                first = self._db.value(f"SELECT min(id) FROM {table} WHERE id >= ?", (block * BLOCK,))
                if first is None:
                    return
                if first // BLOCK > block:
                    block = first // BLOCK
                    continue
                yield block, reached
            block += 1

    def _write(self, source: str, block: int, size: int) -> None:
        places: dict[tuple[Any, ...], int] = {}
        rows = bytearray(size)
        first = block * BLOCK
        for row_id, *facet in self._facets_of(source, first, size):
            place = places.setdefault(tuple(facet), len(places) + 1)
            # A byte tells no more apart: the rest is not known.
            rows[row_id - first] = place if place <= _KINDS else 0
        facets = [self._facet(facet) for facet in list(places)[:_KINDS]]
        self._db.execute(
            "INSERT OR REPLACE INTO search_blocks (source, block, facets, rows) VALUES (?, ?, ?, ?)",
            (source, block, json.dumps(facets), bytes(rows)),
        )

    def _facets_of(self, source: str, first: int, size: int) -> list[Any]:
        sql = (
            f"{_ROWS_OF[source]} CROSS JOIN sessions AS s ON s.id = r.session_id"
            " WHERE r.id BETWEEN ? AND ? ORDER BY r.id"
        )
        return self._db.rows(sql, (first, first + size - 1))

    def _facet(self, facet: tuple[Any, ...]) -> int:
        """Return the id of a facet, found or added."""
        key = "agent = ? AND project_id IS ? AND model_id IS ? AND role = ?"
        found = self._db.row(f"SELECT id FROM search_facets WHERE {key}", facet)
        if found is not None:
            return int(found[0])
        self._db.execute(
            "INSERT INTO search_facets (id, agent, project_id, model_id, role)"
            " SELECT coalesce(max(id), 0) + 1, ?, ?, ?, ? FROM search_facets",
            facet,
        )
        return self._facet(facet)
