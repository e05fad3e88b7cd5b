"""What bounds a search, as conditions in SQL, and as ranges of rows that few sessions span."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from sessiondb.dao.lookups import PROJECTS
from sessiondb.query import Choice, Filters
from sessiondb.records.agents import stored_name
from sessiondb.storage.connection import Connection

MAX_SESSIONS = 2000
"""Sessions whose rows are looked up as ranges. Where more are meant, so are most rows: each is looked at."""

MAX_SPANS = 40
"""Ranges that an index is asked for one by one: finding where one begins takes as long as some hundred hits."""

_CHUNK = 2000
_PLAIN = "unicode61 remove_diacritics 2"
_STEMMED = f"porter {_PLAIN}"


class Corpus(NamedTuple):
    """One kind of text: its index, its table with the key that the index has, and what a hit consists of.

    `columns` are what the index holds, as expressions over the table's alias; `further` is text that stands in
    the segments index only. `rows` joins the table to a list of keys, j.value; `only`, where it is not empty,
    to the index f.
    """

    source: str
    fts: str
    tokenizer: str
    columns: tuple[str, ...]
    table: str
    key: str
    present: str
    rows: str
    hit: str
    session: str
    moment: str
    only: str = ""
    further: str = "NULL"

    @property
    def text(self) -> str:
        """Return the expression of all text that can be searched for in a row."""
        return " || ".join(f"coalesce({part} || ' ', '')" for part in (*self.columns, self.further))


MESSAGES = Corpus(
    "message",
    "messages_fts",
    _STEMMED,
    ("m.content",),
    "messages",
    "id",
    "content IS NOT NULL",
    "JOIN messages AS m ON m.id = j.value",
    "m.id, m.session_id, m.id, m.seq, m.role, m.created_at",
    "m.session_id",
    "m.created_at",
)
TOOLS = Corpus(
    "tool_call",
    "tool_calls_fts",
    _PLAIN,
    ("t.name", "t.arguments", "t.result"),
    "tool_calls",
    "id",
    "TRUE",
    "JOIN tool_calls AS t ON t.id = j.value"
    " LEFT JOIN messages AS m ON m.id = coalesce(t.result_message_id, t.message_id)",
    "t.id, t.session_id, m.id, m.seq, 'tool', m.created_at",
    "t.session_id",
    "m.created_at",
)
NOTES = Corpus(
    "note",
    "notes_fts",
    _STEMMED,
    ("n.body", "n.context", "n.resolution"),
    "notes",
    "id",
    "TRUE",
    "JOIN notes AS n ON n.id = j.value",
    "n.id, n.session_id, NULL, NULL, NULL, n.created_at",
    "n.session_id",
    "n.created_at",
    further="(SELECT group_concat(body, ' ') FROM note_translations WHERE note_id = n.id)",
)
# A title made from the first prompt says nothing that the prompt itself does not.
TITLES = Corpus(
    "session",
    "sessions_fts",
    _STEMMED,
    ("o.title",),
    "sessions",
    "rowid",
    "FALSE",
    "JOIN sessions AS o ON o.rowid = j.value",
    "o.rowid, o.id, NULL, NULL, NULL, o.started_at",
    "o.id",
    "o.started_at",
    "JOIN sessions AS o ON o.rowid = f.rowid AND o.title_source IS NOT 'prompt'",
)

EVERYTHING = (0, 2**63 - 1)
_OF_SESSION = {
    "agent": "instr(lower(s.agent), lower({value})) = 1",
    "project": f"{{project}} IN ({PROJECTS})",
    "model": "s.model_id IN (SELECT id FROM models WHERE instr(lower(name), lower({value})))",
    "tag": "s.id IN (SELECT session_id FROM session_tags JOIN tags ON tags.id = tag_id"
    " WHERE name = {value} COLLATE NOCASE)",
}
_OF_ROW = {
    ("role", "message"): "m.role = {value}",
    (
        "tool",
        "message",
    ): "EXISTS (SELECT 1 FROM tool_calls AS c WHERE m.id IN (c.message_id, c.result_message_id)"
    " AND c.name = {value} COLLATE NOCASE)",
    ("tool", "tool_call"): "t.name = {value} COLLATE NOCASE",
}


class _Conditions:
    """Conditions joined by AND, and the values bound in them."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.values: dict[str, Any] = {}

    def add(self, template: str, choice: Choice, **names: str) -> None:
        for values, negation in ((choice.any_of, ""), (choice.none_of, "NOT ")):
            if values:
                either = " OR ".join(template.format(value=self._bound(value), **names) for value in values)
                self.parts.append(f"{negation}coalesce({either}, 0)")

    def compare(self, moment: str, operator: str, bound: str | None) -> None:
        if bound is not None:
            self.parts.append(f"{moment} {operator} {self._bound(bound)}")

    def _bound(self, value: str) -> str:
        name = f"value{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "TRUE"


class SearchFilter:
    """The filters of a query, applied to the rows of any corpus; their times are stored timestamps."""

    def __init__(self, connection: Connection, filters: Filters) -> None:
        self._db = connection
        self._filters = filters
        self._ranges: dict[str, list[tuple[int, int]] | None] = {}

    def bounds(self, corpus: Corpus) -> bool:
        """Say whether any row of a corpus could fail."""
        return bool(self._conditions(corpus).parts)

    def spans(self, corpus: Corpus) -> list[tuple[int, int]]:
        """Return ranges outside of which no row passes, in order; a single one of everything where they are many."""
        ranges = self._session_ranges(corpus)
        return [EVERYTHING] if ranges is None or len(ranges) > MAX_SPANS else ranges

    def keep(self, corpus: Corpus, row_ids: Iterable[int], most: int | None) -> list[int]:
        """Return those of the rows that pass, in their order, `most` at most (None: all)."""
        candidates = iter(row_ids) if not self.bounds(corpus) else self._near(corpus, row_ids)
        conditions = self._conditions(corpus)
        sql = (
            f"SELECT j.value FROM json_each(:rows) AS j {corpus.rows}"
            f" LEFT JOIN sessions AS s ON s.id = {corpus.session} WHERE {conditions}"
        )
        kept: list[int] = []
        while most is None or len(kept) < most:
            chunk = list(islice(candidates, _CHUNK))
            if not chunk:
                break
            passed = {row[0] for row in self._db.rows(sql, {"rows": json.dumps(chunk), **conditions.values})}
            kept += [row_id for row_id in chunk if row_id in passed]
        return kept[:most]

    def fits_any_session(self) -> bool:
        """Say whether there is any session of the agents, projects, models and tags."""
        conditions = self._session_conditions("s.project_id")
        sql = f"SELECT EXISTS (SELECT 1 FROM sessions AS s WHERE {conditions})"
        return bool(self._db.value(sql, conditions.values))

    def rows(self, corpus: Corpus, most: int | None, *, oldest_first: bool = False) -> list[int]:
        """Return the newest rows that pass, or the oldest, `most` at most: what filters find without a word."""
        spans = self.spans(corpus)
        sql = (
            f"SELECT {corpus.key} FROM {corpus.table} WHERE {corpus.key} BETWEEN ? AND ?"
            f" AND {corpus.present} ORDER BY {corpus.key} {'ASC' if oldest_first else 'DESC'}"
        )
        streams = (self._db.stream(sql, span) for span in (spans if oldest_first else reversed(spans)))
        return self.keep(corpus, (row[0] for stream in streams for row in stream), most)

    def _conditions(self, corpus: Corpus) -> _Conditions:
        conditions = self._session_conditions(
            "coalesce(s.project_id, n.project_id)" if corpus is NOTES else "s.project_id"
        )
        for name in ("role", "tool"):
            template = _OF_ROW.get((name, corpus.source))
            if template:
                conditions.add(template, getattr(self._filters, name))
        moment = f"coalesce({corpus.moment}, s.last_active_at)"
        conditions.compare(moment, ">=", self._filters.after)
        conditions.compare(moment, "<", self._filters.before)
        return conditions

    def _session_conditions(self, project: str) -> _Conditions:
        conditions = _Conditions()
        for name, template in _OF_SESSION.items():
            choice = getattr(self._filters, name)
            conditions.add(template, _by_stored_name(choice) if name == "agent" else choice, project=project)
        return conditions

    def _near(self, corpus: Corpus, row_ids: Iterable[int]) -> Iterator[int]:
        """Leave out what lies outside of the ranges: the rows of a session lie close together."""
        ranges = self._session_ranges(corpus)
        if ranges is None:
            yield from row_ids
            return
        firsts = [first for first, _ in ranges]
        lasts = [last for _, last in ranges]
        for row_id in row_ids:
            place = bisect_right(firsts, row_id) - 1
            if place >= 0 and row_id <= lasts[place]:
                yield row_id

    def _session_ranges(self, corpus: Corpus) -> list[tuple[int, int]] | None:
        """Return the rows that the sessions in question span, in order; None where these are too many."""
        if corpus.source not in self._ranges:
            sessions = self._session_ids() if corpus in (MESSAGES, TOOLS) else None
            self._ranges[corpus.source] = None if sessions is None else self._spans(corpus, sessions)
        return self._ranges[corpus.source]

    def _session_ids(self) -> list[str] | None:
        conditions = self._session_conditions("s.project_id")
        conditions.compare("s.last_active_at", ">=", self._filters.after)
        conditions.compare("s.started_at", "<", self._filters.before)
        if not conditions.parts:
            return None
        sql = f"SELECT s.id FROM sessions AS s WHERE {conditions} LIMIT {MAX_SESSIONS + 1}"
        found = [row[0] for row in self._db.rows(sql, conditions.values)]
        return found if len(found) <= MAX_SESSIONS else None

    def _spans(self, corpus: Corpus, session_ids: list[str]) -> list[tuple[int, int]]:
        rows = self._db.rows(
            f"SELECT min(r.id), max(r.id) FROM json_each(?) AS j JOIN {corpus.table} AS r"
            " ON r.session_id = j.value GROUP BY j.key ORDER BY 1",
            (json.dumps(session_ids),),
        )
        merged: list[tuple[int, int]] = []
        for first, last in rows:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return merged


def _by_stored_name(agents: Choice) -> Choice:
    """Return a choice of agents with the names that they are stored under beside those that were typed."""
    both = (dict.fromkeys((*values, *map(stored_name, values))) for values in agents)
    return Choice(*map(tuple, both))
