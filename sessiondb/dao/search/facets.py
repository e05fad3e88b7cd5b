"""What rows are of, when they were said, and by which tool, without a look at them: a byte a row and facet, in blocks.

    search_facets            search_blocks
    1  codex, p1, user       message, origin, block 0: [1, 2], 01 02 02 00 01 ...
    2  codex, p1, assistant  message, moment, block 0: ["2026-03-01T09:15...", "2026-03-01T09:40...", ...], 01 01 02 ...

The blocks follow the rows at the end of an import and in `optimize`; triggers remove one with a row that became
another's. They may lack anything: of what they say nothing the rows themselves are asked.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sessiondb.query import Choice
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

_SESSION = "s.agent, s.project_id, s.model_id"
_ROWS_OF = {
    "message": f"SELECT r.id, r.created_at, NULL, {_SESSION}, r.role FROM messages AS r",
    "tool_call": "SELECT r.id,"
    " (SELECT created_at FROM messages WHERE id = coalesce(r.result_message_id, r.message_id)),"
    f" r.name, {_SESSION}, 'tool' FROM tool_calls AS r",
}
_TABLES = {"message": "messages", "tool_call": "tool_calls"}
SOURCES = tuple(_TABLES)
ORIGIN, TOOL, MOMENT = "origin", "tool", "moment"

TABLES = ("search_blocks", "search_facets")


class FacetBlocks:
    """The tables `search_facets` and `search_blocks`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def by_origin(self, source: str, conditions: str, values: dict[str, Any]) -> bytes:
        """Return a byte for each row from 0 on, what conditions on facets, s, make of it: UNKNOWN, PASSES or FAILS."""
        sql = f"SELECT id FROM search_facets AS s WHERE {conditions}"
        passing = {row[0] for row in self._db.rows(sql, values)}
        return self._verdicts(source, ORIGIN, lambda facets: _chosen(facet in passing for facet in facets))

    def by_tool(self, source: str, tool: Choice) -> bytes:
        """Return what a choice of tools makes of each row, as `by_origin`."""
        wanted, unwanted = ({_folded(name) for name in names} for names in tool)

        def passes(name: bytes | None) -> bool:
            return (not wanted or name in wanted) and name not in unwanted

        return self._verdicts(source, TOOL, lambda names: _chosen(passes(_folded(name)) for name in names))

    def by_moment(self, source: str, after: str | None, before: str | None) -> bytes:
        """Return what bounds of time, stored timestamps, make of each row, as `by_origin`."""
        return self._verdicts(source, MOMENT, lambda moments: _within(moments, after, before))

    def _verdicts(self, source: str, facet: str, judge: Callable[[list[Any]], bytes]) -> bytes:
        verdicts = bytearray()
        for block, meanings, rows in self._db.rows(
            "SELECT block, meanings, CAST(rows AS BLOB) FROM search_blocks"
            " WHERE source = ? AND facet = ? AND block BETWEEN 0 AND ? ORDER BY block",
            (source, facet, MAX_ROW // BLOCK),
        ):
            # Each block has meanings of its own, so that a byte is enough for them. The filter is asked once for each
            # meaning, and `translate` turns the numbers of 8,192 rows into its answers at the speed of memory.
            judged = bytes((UNKNOWN,)) + judge(json.loads(meanings)[:_KINDS])
            verdicts = verdicts[: block * BLOCK] if len(verdicts) > block * BLOCK else verdicts
            verdicts += bytes(block * BLOCK - len(verdicts))
            verdicts += rows.translate(judged.ljust(256, bytes((UNKNOWN,))))
        return bytes(verdicts)

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
        at: tuple[Any, ...] | None = None
        read: list[Any] = []
        for source, block, facet, known, places in self._db.rows(
            "SELECT source, block, facet, meanings, rows FROM search_blocks ORDER BY source, block"
        ):
            meanings = json.loads(known)
            first = block * BLOCK
            # The facets of a block lie beside each other, of as many rows.
            if at != (source, block, len(places)):
                at, read = (source, block, len(places)), self._rows_of(source, first, len(places))
            for row_id, moment, tool, *origin in read:
                place = places[row_id - first]
                if not place:
                    continue
                if place > len(meanings):
                    return False
                if facet == MOMENT:
                    is_true = moment is not None and _place(meanings, moment) == place
                else:
                    meaning = meanings[place - 1]
                    is_true = facets.get(meaning) == tuple(origin) if facet == ORIGIN else meaning == tool
                if not is_true:
                    return False
        return True

    def _wanting(self, source: str) -> Iterator[tuple[int, int]]:
        """Yield the blocks to be written, each with the number of its rows."""
        table = _TABLES[source]
        sizes: dict[int, int] = dict(
            self._db.rows(
                "SELECT block, length(rows) FROM search_blocks WHERE source = ? AND facet = ?",
                (source, ORIGIN),
            )
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
        first = block * BLOCK
        read = self._rows_of(source, first, size)
        ids = [row[0] - first for row in read]
        moments = [row[1] for row in read]
        starts = _starts(moments)
        origins, places_of_origins = _distinct(tuple(row[3:]) for row in read)
        facets = {
            ORIGIN: ([self._facet(origin) for origin in origins], places_of_origins),
            MOMENT: (starts, [_place(starts, moment) for moment in moments]),
        }
        if source == "tool_call":
            facets[TOOL] = _distinct(row[2] for row in read)
        for facet, (meanings, places) in facets.items():
            rows = bytearray(size)
            for row, place in zip(ids, places, strict=True):
                rows[row] = place
            self._db.execute(
                "INSERT OR REPLACE INTO search_blocks (source, facet, block, meanings, rows) VALUES (?, ?, ?, ?, ?)",
                (source, facet, block, json.dumps(meanings), bytes(rows)),
            )

    def _rows_of(self, source: str, first: int, size: int) -> list[Any]:
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


def _chosen(verdicts: Iterable[bool]) -> bytes:
    return bytes(PASSES if passes else FAILS for passes in verdicts)


def _folded(name: str | None) -> bytes | None:
    """Return a name as NOCASE compares it."""
    return None if name is None else name.encode("utf-8", "surrogatepass").lower()


def _within(starts: Sequence[str], after: str | None, before: str | None) -> bytes:
    """Return what becomes of rows said from each of the times on until the next; the last is the last row's own.

    starts      09:00   09:10   09:20   09:30
    after 09:15  fails unknown  passes  passes
    """
    verdicts = bytearray((PASSES,)) * len(starts)
    over, begun = (0, 0) if after is None else _split(starts, after)
    ended, left = (len(starts),) * 2 if before is None else _split(starts, before)
    verdicts[over:begun] = bytes((UNKNOWN,)) * (begun - over)
    verdicts[ended:left] = bytes((UNKNOWN,)) * (left - ended)
    verdicts[:over] = bytes((FAILS,)) * over
    verdicts[left:] = bytes((FAILS,)) * (len(starts) - left)
    return bytes(verdicts)


def _split(starts: Sequence[str], moment: str) -> tuple[int, int]:
    """Return how many of the times have no row at a moment or after it, and how many begin before it."""
    begun = bisect_left(starts, moment)
    is_sharp = begun == len(starts) or starts[begun] == moment
    return (begun if is_sharp else max(begun - 1, 0)), begun


def _place(starts: Sequence[str], moment: str | None) -> int:
    """Return the last of the times that a moment is not before, counted from 1; 0 where it is none, or after all."""
    return 0 if moment is None or moment > starts[-1] else bisect_right(starts, moment)


def _starts(moments: Sequence[str | None]) -> list[str]:
    """Return at most 255 of some moments between which about as many lie, in order; the last is the last of all."""
    known = sorted(moment for moment in moments if moment)
    if not known:
        return []
    distinct = sorted(set(known))
    if len(distinct) <= _KINDS:
        return distinct
    parts = _KINDS - 1
    return sorted({known[len(known) * part // parts] for part in range(parts)} | {known[-1]})


def _distinct(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """Return the first 255 of different values, and the place of each value among them, counted from 1, else 0."""
    places: dict[Any, int] = {}
    # A byte tells no more apart: the rest is not known.
    found = [places.setdefault(value, len(places) + 1) for value in values]
    return list(places)[:_KINDS], [place if place <= _KINDS else 0 for place in found]
