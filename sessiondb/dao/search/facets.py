"""What rows are of, when they were said, and by which tool, without a look at them: a byte a row and facet, in blocks.

    search_facets            search_blocks
    1  codex, p1, user       message, origin, block 0: [1, 2], 01 02 02 00 01 ...
    2  codex, p1, assistant  message, moment, block 0: ["2026-03-01T09:15...", "2026-03-01T09:40...", ...], 01 01 02 ...
                             message, session, block 0: ["s1", "s2"], 14 rows of 0, 20 rows of 1, 3 rows of 0 ...

The blocks follow the rows at the end of an import and in `optimize`; triggers remove one with a row that became
another's. They may lack anything: of what they say nothing the rows themselves are asked.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate, groupby, repeat
from operator import itemgetter, mul
from typing import Any, NamedTuple

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
    "message": f"SELECT r.id, r.session_id, r.created_at, NULL, {_SESSION}, r.role FROM messages AS r",
    "tool_call": "SELECT r.id, r.session_id,"
    " (SELECT created_at FROM messages WHERE id = coalesce(r.result_message_id, r.message_id)),"
    f" r.name, {_SESSION}, 'tool' FROM tool_calls AS r",
}
_TABLES = {"message": "messages", "tool_call": "tool_calls"}
SOURCES = tuple(_TABLES)
ORIGIN, TOOL, MOMENT, SESSION = "origin", "tool", "moment", "session"

TABLES = ("search_blocks", "search_facets")


class Owners(NamedTuple):
    """What rows are of, in their order: sessions, and the roles that said them; None where that is not known."""

    session_ids: list[str | None]
    roles: list[str | None]


class FacetBlocks:
    """The tables `search_facets` and `search_blocks`; rows are judged in the blocks from `first` to `last` alone."""

    def __init__(self, connection: Connection, first: int = 0, last: int = MAX_ROW // BLOCK) -> None:
        self._db = connection
        self._first = first
        self._last = last

    def by_origin(self, source: str, conditions: str, values: dict[str, Any]) -> bytes:
        """Return a byte for each row from the first on, what conditions on facets, s, make of it.

        It is UNKNOWN, PASSES or FAILS.
        """
        sql = f"SELECT id FROM search_facets AS s WHERE {conditions}"
        passing = {row[0] for row in self._db.rows(sql, values)}
        return self._by_places(source, ORIGIN, lambda facets: _chosen([facet in passing for facet in facets]))

    def by_tool(self, source: str, tool: Choice) -> bytes:
        """Return what a choice of tools makes of each row, as `by_origin`."""
        wanted, unwanted = ({_folded(name) for name in names} for names in tool)

        def passes(name: bytes | None) -> bool:
            return (not wanted or name in wanted) and name not in unwanted

        return self._by_places(source, TOOL, lambda names: _chosen([passes(_folded(name)) for name in names]))

    def by_moment(self, source: str, after: str | None, before: str | None) -> bytes:
        """Return what bounds of time, stored timestamps, make of each row, as `by_origin`."""
        return self._by_places(source, MOMENT, lambda moments: _within(moments, after, before))

    def by_session(self, source: str, wanted: AbstractSet[str] | None, unwanted: AbstractSet[str]) -> bytes:
        """Return what a choice of sessions (None: any) makes of each row, as `by_origin`."""
        chosen = unwanted if wanted is None else wanted - unwanted
        inside, outside = (FAILS, PASSES) if wanted is None else (PASSES, FAILS)
        answers = {True: bytes((inside,)), False: bytes((outside,))}

        def judged(meanings: str, rows: bytes) -> bytes:
            of_ids = [*map(answers.__getitem__, map(chosen.__contains__, json.loads(meanings)))]
            places, lengths = _runs(rows)
            return b"".join(map(mul, map(of_ids.__getitem__, places), lengths))

        return self._verdicts(source, SESSION, judged)

    def _by_places(self, source: str, facet: str, judge: Callable[[list[Any]], bytes]) -> bytes:
        def judged(meanings: str, rows: bytes) -> bytes:
            # Each block has meanings of its own, so that a byte is enough for them. The filter is asked once for each
            # meaning, and `translate` turns the numbers of 8,192 rows into its answers at the speed of memory.
            of_places = bytes((UNKNOWN,)) + judge(json.loads(meanings)[:_KINDS])
            return rows.translate(of_places.ljust(256, bytes((UNKNOWN,))))

        return self._verdicts(source, facet, judged)

    def _verdicts(self, source: str, facet: str, judge: Callable[[str, bytes], bytes]) -> bytes:
        parts, reached = [], self._first * BLOCK
        for block, meanings, rows in self._db.rows(
            "SELECT block, meanings, CAST(rows AS BLOB) FROM search_blocks"
            " WHERE source = ? AND facet = ? AND block BETWEEN ? AND ? ORDER BY block",
            (source, facet, self._first, self._last),
        ):
            parts += [bytes(block * BLOCK - reached), judge(meanings, rows)[:BLOCK]]
            reached = block * BLOCK + len(parts[-1])
        return b"".join(parts)

    def last_block(self, source: str) -> int:
        """Return the number of the last block, -1 where nothing is known of the rows of a source."""
        sql = "SELECT max(block) FROM search_blocks WHERE source = ? AND facet = ?"
        last = self._db.value(sql, (source, ORIGIN))
        return -1 if last is None else min(int(last), self._last)

    def owners(self, source: str, row_ids: Sequence[int], *, least: int = 1) -> Owners:
        """Return what some rows are of, whose ids are in order; blocks with fewer than `least` of them are not read."""
        counts = Counter([row_id // BLOCK for row_id in row_ids])
        read = [number for number, count in counts.items() if count >= least]
        if not read:
            return Owners([None] * len(row_ids), [None] * len(row_ids))
        found = self._db.rows(
            "SELECT block, facet, meanings, CAST(rows AS BLOB) FROM search_blocks WHERE source = ?"
            f" AND facet IN ('{ORIGIN}', '{SESSION}') AND block IN (SELECT value FROM json_each(?))",
            (source, json.dumps(read)),
        )
        blocks = {(block, facet): (json.loads(meanings), rows) for block, facet, meanings, rows in found}
        role_of: dict[int, str] = dict(self._db.rows("SELECT id, role FROM search_facets"))
        owners = Owners([], [])
        for number in sorted(counts):
            first = number * BLOCK
            of_block = row_ids[len(owners.roles) : len(owners.roles) + counts[number]]
            if (number, SESSION) not in blocks or (number, ORIGIN) not in blocks:
                owners.session_ids.extend([None] * len(of_block))
                owners.roles.extend([None] * len(of_block))
                continue
            offsets = [row_id - first for row_id in of_block]
            ids, runs = blocks[number, SESSION]
            of_runs, lengths = _runs(runs)
            ends = list(accumulate(lengths))
            # Behind the last run nothing is known.
            sessions = [*map(ids.__getitem__, of_runs), None]
            owners.session_ids.extend([sessions[bisect_right(ends, offset)] for offset in offsets])
            origins, places = blocks[number, ORIGIN]
            roles = [None, *map(role_of.get, origins[:_KINDS])]
            places = places.ljust(BLOCK, b"\0")
            owners.roles.extend([roles[places[offset]] for offset in offsets])
        return owners

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
            f"SELECT source, block, facet, meanings, rows FROM search_blocks WHERE facet <> '{SESSION}'"
            " ORDER BY source, block"
        ):
            meanings = json.loads(known)
            first = block * BLOCK
            # The facets of a block lie beside each other, of as many rows.
            if at != (source, block, len(places)):
                at, read = (source, block, len(places)), self._rows_of(source, first, len(places))
            for row_id, _, moment, tool, *origin in read:
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
        return all(self._is_true_of_sessions(source) for source in SOURCES)

    def _is_true_of_sessions(self, source: str) -> bool:
        for (block,) in self._db.rows(
            "SELECT block FROM search_blocks WHERE source = ? AND facet = ?", (source, SESSION)
        ):
            read = self._rows_of(source, block * BLOCK, BLOCK)
            told = self.owners(source, [row[0] for row in read]).session_ids
            if any(session_id not in (None, row[1]) for session_id, row in zip(told, read, strict=True)):
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
        moments = [row[2] for row in read]
        starts = _starts(moments)
        origins, places_of_origins = _distinct(tuple(row[4:]) for row in read)
        facets: dict[str, tuple[list[Any], list[int]]] = {
            ORIGIN: ([self._facet(origin) for origin in origins], places_of_origins),
            MOMENT: (starts, [_place(starts, moment) for moment in moments]),
        }
        if source == "tool_call":
            facets[TOOL] = _distinct(row[3] for row in read)
        for facet, (meanings, places) in facets.items():
            rows = bytearray(size)
            for row, place in zip(ids, places, strict=True):
                rows[row] = place
            self._put(source, facet, block, meanings, bytes(rows))
        self._put(source, SESSION, block, *_sessions(zip(ids, (row[1] for row in read), strict=True), size))

    def _put(self, source: str, facet: str, block: int, meanings: list[Any], rows: bytes) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO search_blocks (source, facet, block, meanings, rows) VALUES (?, ?, ?, ?, ?)",
            (source, facet, block, json.dumps(meanings), rows),
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
    return bytes([PASSES if passes else FAILS for passes in verdicts])


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


def _sessions(owners: Iterable[tuple[int, str]], size: int) -> tuple[list[str], bytes]:
    """Return the sessions of rows, and the runs of these, `size` rows in all.

    Where there is no row, the run before it goes on: nothing is found there.
    """
    places: dict[str, int] = {}
    starts: list[int] = []
    runs: list[int] = []
    for session_id, rows in groupby(owners, key=itemgetter(1)):
        starts.append(next(rows)[0] if starts else 0)
        runs.append(places.setdefault(session_id, len(places)))
    lengths = [end - start for start, end in zip(starts, [*starts[1:], size], strict=True)]
    return list(places), b"".join(map(struct.pack, repeat("<HH"), runs, lengths))


def _runs(rows: bytes) -> tuple[Sequence[int], Sequence[int]]:
    """Return the places of the sessions of runs, and how many rows each run has."""
    numbers = struct.unpack(f"<{len(rows) // 2}H", rows)
    return numbers[::2], numbers[1::2]
