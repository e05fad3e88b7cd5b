"""What bounds a search, as conditions in SQL, and as ranges of rows that few sessions span."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sessiondb.dao.lookups import PROJECTS
from sessiondb.dao.search.facets import FAILS, MAX_ROW, PASSES, FacetBlocks
from sessiondb.query import Choice, Filters
from sessiondb.records.agents import stored_name
from sessiondb.storage.connection import Connection

MAX_SESSIONS = 2000
"""Sessions whose rows are looked up as ranges. Where more are meant, so are most rows: each is looked at."""

MAX_SPANS = 40
"""Ranges that an index is asked for one by one: finding where one begins takes as long as some hundred hits."""

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
    "id IS NOT NULL",
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
    "id IS NOT NULL",
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
    "rowid IS NULL",
    "JOIN sessions AS o ON o.rowid = j.value",
    "o.rowid, o.id, NULL, NULL, NULL, o.started_at",
    "o.id",
    "o.started_at",
    "JOIN sessions AS o ON o.rowid = f.rowid AND o.title_source IS NOT 'prompt'",
)

EVERYTHING = (0, 2**63 - 1)
_KEY = "{key}"
_OF_SESSION = {
    "agent": "s.agent IN (SELECT name FROM agents WHERE instr(lower(name), lower({value})) = 1)",
    "project": f"{{project}} IN ({PROJECTS})",
    "model": "s.model_id IN (SELECT id FROM models WHERE instr(lower(name), lower({value})))",
    "tag": "s.id IN (SELECT session_id FROM session_tags JOIN tags ON tags.id = tag_id"
    " WHERE name = {value} COLLATE NOCASE)",
}
_OF_FACET = ("agent", "project", "model")
_OF_ROW = {
    ("role", "message"): "m.role = {value}",
    (
        "tool",
        "message",
    ): "EXISTS (SELECT 1 FROM tool_calls AS c WHERE m.id IN (c.message_id, c.result_message_id)"
    " AND c.name = {value} COLLATE NOCASE)",
    ("tool", "tool_call"): "t.name = {value} COLLATE NOCASE",
}


class Passing(NamedTuple):
    """A condition in SQL with the values bound in it, and ranges of the key outside of which no row passes."""

    condition: str
    values: dict[str, Any]
    spans: list[tuple[int, int]]
    key: str = _KEY


class _Conditions:
    """Conditions joined by AND, and the values bound in them."""

    def __init__(self, prefix: str = "value") -> None:
        self._prefix = prefix
        self.parts: list[str] = []
        self.values: dict[str, Any] = {}

    def add(self, template: str, choice: Choice, **names: str) -> None:
        for values, negation in ((choice.any_of, ""), (choice.none_of, "NOT coalesce")):
            if values:
                either = " OR ".join(template.format(value=self._bound(value), **names) for value in values)
                self.parts.append(f"{negation}({either})" if not negation else f"{negation}({either}, 0)")

    def compare(self, moment: str, operator: str, bound: str | None) -> None:
        if bound is not None:
            self.parts.append(f"{moment} {operator} {self._bound(bound)}")

    def _bound(self, value: str) -> str:
        name = f"{self._prefix}{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "TRUE"


class SearchFilter:
    """The filters of a query, as conditions on the rows of any corpus; their times are stored timestamps.

    What each row is of stands in the blocks of facets.py; where they do not say it, the row itself is asked.
    """

    def __init__(self, connection: Connection, filters: Filters) -> None:
        self._db = connection
        self._filters = filters
        self._blocks = FacetBlocks(connection)
        self._known: dict[str, Passing] = {}

    def bounds(self, corpus: Corpus) -> bool:
        """Say whether any row of a corpus could fail."""
        return bool(self._conditions(corpus).parts)

    def passing(self, corpus: Corpus, key: str) -> Passing:
        """Return a condition in SQL that the rows with a key (an expression) pass, and where they lie."""
        if corpus.source not in self._known:
            self._known[corpus.source] = self._passing(corpus)
        passing = self._known[corpus.source]
        return passing._replace(condition=passing.condition.replace(_KEY, key), key=key)

    def fits_any_session(self) -> bool:
        """Say whether there is any session of the agents, projects, models and tags."""
        conditions = self._session_conditions("s.project_id")
        sql = f"SELECT EXISTS (SELECT 1 FROM sessions AS s WHERE {conditions})"
        return bool(self._db.value(sql, conditions.values))

    def rows(self, corpus: Corpus, most: int | None, *, oldest_first: bool = False) -> list[int]:
        """Return the newest rows that pass, or the oldest, `most` at most: what filters find without a word."""
        passing = self.passing(corpus, f"r.{corpus.key}")
        sql = (
            f"SELECT r.{corpus.key} FROM {corpus.table} AS r"
            f" WHERE r.{corpus.key} BETWEEN :first AND :last AND r.{corpus.present} AND {passing.condition}"
            f" ORDER BY r.{corpus.key} {'ASC' if oldest_first else 'DESC'} LIMIT :most"
        )
        found: list[int] = []
        for first, last in passing.spans if oldest_first else reversed(passing.spans):
            left = -1 if most is None else most - len(found)
            values = {**passing.values, "first": first, "last": last, "most": left}
            found += [row[0] for row in self._db.rows(sql, values)]
        return found

    def _passing(self, corpus: Corpus) -> Passing:
        # Which rows pass is told in one of three ways, by how many sessions the filters let through:
        #
        #     few, that lie together             ranges of rows, and each row in them is asked
        #     many, known to the blocks          a byte a row says: passes, fails, or ask the row itself
        #     many, of which nothing is known    each row is asked
        #
        # The blocks know agent, project, model and role. Tags, tools and times a row must be asked for (`rest`), but
        # only one that passes otherwise.
        every = self._conditions(corpus)
        if not every.parts:
            return Passing("TRUE", {}, [EVERYTHING])
        asked = _asked(corpus, every)
        by_facet = self._facet_conditions(corpus)
        is_known = bool(by_facet.parts) and self._blocks.has_any(corpus.source)
        further = self._further_conditions(corpus)
        ranges = self._session_ranges(corpus, MAX_SPANS if is_known and not further.parts else MAX_SESSIONS)
        if ranges is not None and len(ranges) <= MAX_SPANS:
            return Passing(asked, every.values, ranges)
        verdicts = bytearray()
        if is_known:
            verdicts = self._blocks.verdicts(corpus.source, str(by_facet), by_facet.values)
        if ranges is not None:
            verdicts = _painted(verdicts, ranges)
        if not verdicts:
            return Passing(asked, every.values, [EVERYTHING])
        rest = _asked(corpus, further) if further.parts else "TRUE"
        condition = (
            # A row behind the end of the bytes gives an empty text, and so comes to ELSE: rows that are newer than the
            # last block.
            f"CASE substr(:verdicts, {_KEY} + 1, 1) WHEN x'{FAILS:02x}' THEN FALSE"
            f" WHEN x'{PASSES:02x}' THEN {rest} ELSE {asked} END"
        )
        values = {**every.values, **further.values, "verdicts": bytes(verdicts)}
        span = EVERYTHING if ranges is None else (ranges[0][0], ranges[-1][1])
        return Passing(condition, values, [span])

    def _conditions(self, corpus: Corpus) -> _Conditions:
        """Return what a row must be, as it and its session say themselves."""
        conditions = self._session_conditions(
            "coalesce(s.project_id, n.project_id)" if corpus is NOTES else "s.project_id"
        )
        self._add_row_conditions(conditions, corpus, ("role", "tool"))
        return conditions

    def _facet_conditions(self, corpus: Corpus) -> _Conditions:
        """Return what of that stands in facets, s."""
        conditions = _Conditions()
        if corpus in (MESSAGES, TOOLS):
            self._add_session_conditions(conditions, _OF_FACET, "s.project_id")
            if corpus is MESSAGES:
                conditions.add("s.role = {value}", self._filters.role)
        return conditions

    def _further_conditions(self, corpus: Corpus) -> _Conditions:
        """Return the rest of it."""
        conditions = _Conditions("rest")
        self._add_session_conditions(conditions, ("tag",), "s.project_id")
        self._add_row_conditions(conditions, corpus, ("tool",))
        return conditions

    def _session_conditions(self, project: str) -> _Conditions:
        conditions = _Conditions()
        self._add_session_conditions(conditions, tuple(_OF_SESSION), project)
        return conditions

    def _add_session_conditions(self, conditions: _Conditions, names: Iterable[str], project: str) -> None:
        for name in names:
            choice = getattr(self._filters, name)
            choice = _by_stored_name(choice) if name == "agent" else choice
            conditions.add(_OF_SESSION[name], choice, project=project)

    def _add_row_conditions(self, conditions: _Conditions, corpus: Corpus, names: Iterable[str]) -> None:
        for name in names:
            template = _OF_ROW.get((name, corpus.source))
            if template:
                conditions.add(template, getattr(self._filters, name))
        moment = f"coalesce({corpus.moment}, s.last_active_at)"
        conditions.compare(moment, ">=", self._filters.after)
        conditions.compare(moment, "<", self._filters.before)

    def _session_ranges(self, corpus: Corpus, most: int) -> list[tuple[int, int]] | None:
        """Return the rows that the sessions in question span, in order; None where there are more than `most`."""
        sessions = self._session_ids(most) if corpus in (MESSAGES, TOOLS) else None
        return None if sessions is None else self._spans(corpus, sessions)

    def _session_ids(self, most: int) -> list[str] | None:
        conditions = self._session_conditions("s.project_id")
        conditions.compare("s.last_active_at", ">=", self._filters.after)
        conditions.compare("s.started_at", "<", self._filters.before)
        if not conditions.parts:
            return None
        # One more than may be: that tells that there are too many, without counting them.
        sql = f"SELECT s.id FROM sessions AS s WHERE {conditions} LIMIT {most + 1}"
        found = [row[0] for row in self._db.rows(sql, conditions.values)]
        return found if len(found) <= most else None

    def _spans(self, corpus: Corpus, session_ids: list[str]) -> list[tuple[int, int]]:
        rows = self._db.rows(
            f"SELECT min(r.id), max(r.id) FROM json_each(?) AS j JOIN {corpus.table} AS r"
            " ON r.session_id = j.value GROUP BY j.key ORDER BY 1",
            (json.dumps(session_ids),),
        )
        merged: list[tuple[int, int]] = []
        for first, last in rows:
            # An import writes the rows of a session one after the other, so the ranges of the sessions of one project
            # often touch.
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return merged


def _asked(corpus: Corpus, conditions: _Conditions) -> str:
    """Return the condition that a row itself passes, and its session."""
    return (
        f"EXISTS (SELECT 1 FROM (SELECT {_KEY} AS value) AS j {corpus.rows}"
        f" LEFT JOIN sessions AS s ON s.id = {corpus.session} WHERE {conditions})"
    )


def _painted(verdicts: bytearray, ranges: list[tuple[int, int]]) -> bytearray:
    """Let all rows fail that lie between ranges; those after the last are as they were."""
    end = 0
    size = min(ranges[-1][1], MAX_ROW) + 1
    painted = verdicts + bytes(max(0, size - len(verdicts)))
    for first, last in ranges:
        if first < size:
            painted[end:first] = bytes((FAILS,)) * (first - end)
            end = min(last + 1, size)
    return painted


def _by_stored_name(agents: Choice) -> Choice:
    """Return a choice of agents with the names that they are stored under beside those that were typed."""
    # "claude" means claude-code, as `stored_name` has it, but it begins "claude-ai" as well: both count.
    both = (dict.fromkeys((*values, *map(stored_name, values))) for values in agents)
    return Choice(*map(tuple, both))
