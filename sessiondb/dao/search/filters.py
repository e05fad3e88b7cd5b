"""What bounds a search, as conditions in SQL, and as ranges of rows that few sessions span."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from sessiondb.dao.lookups import PROJECTS
from sessiondb.dao.search.corpora import MESSAGES, NOTES, TOOLS, Corpus
from sessiondb.dao.search.facets import BLOCK, FAILS, MAX_ROW, PASSES, UNKNOWN, FacetBlocks
from sessiondb.query import Choice, Filters
from sessiondb.records.agents import stored_name
from sessiondb.storage.connection import Connection

NEWEST = 8
"""Blocks that are judged first: a common word has enough hits there."""

_HOLD = 4
"""Rows of which one may hold a common word."""

MAX_SPANS = 40
"""Ranges that an index is asked for one by one: finding where one begins takes as long as some hundred hits."""

MAX_RUNS = 1000
"""Ranges that a table is asked for one by one: what walks it takes longer, up to as many for a gigabyte."""

_FAILS, _PASSES, _UNKNOWN = bytes((FAILS,)), bytes((PASSES,)), bytes((UNKNOWN,))

_GAP = 17 * _FAILS
"""Rows that all fail, so many that it is of use to pass over them."""

EVERYTHING = (0, 2**63 - 1)
_KEY = "{key}"
_TAGS = "SELECT id FROM tags WHERE name = {value} COLLATE NOCASE"
_OF_SESSION = {
    "agent": "s.agent IN (SELECT name FROM agents WHERE instr(lower(name), lower({value})) = 1)",
    "project": f"{{project}} IN ({PROJECTS})",
    "model": "s.model_id IN (SELECT id FROM models WHERE instr(lower(name), lower({value})))",
    "tag": f"s.id IN (SELECT session_id FROM session_tags WHERE tag_id IN ({_TAGS}))",
}
# Asked of each row: a list of all sessions that bear a tag would be made for each index that is searched.
_TAG_OF_ROW = f"EXISTS (SELECT 1 FROM session_tags WHERE session_id = {{session}} AND tag_id IN ({_TAGS}))"
_OF_ORIGIN = ("agent", "project", "model")
_OF_ROW = {
    ("role", "message"): "m.role = {value}",
    # Two look-ups by an index each: asked for either in one, SQLite goes through all calls for each row.
    ("tool", "message"): "EXISTS ("
    "SELECT 1 FROM tool_calls AS c WHERE c.message_id = m.id AND c.name = {value} COLLATE NOCASE"
    " UNION ALL SELECT 1 FROM tool_calls AS c WHERE c.result_message_id = m.id AND c.name = {value} COLLATE NOCASE)",
    ("tool", "tool_call"): "t.name = {value} COLLATE NOCASE",
}


class Passing(NamedTuple):
    """A condition in SQL with the values bound in it, and ranges of the key outside of which no row passes.

    `verdicts` are what is known of each row: it passes where it does by all of them.
    """

    condition: str
    values: dict[str, Any]
    spans: list[tuple[int, int]]
    key: str = _KEY
    verdicts: tuple[bytes, ...] = ()


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


_Judged = tuple[_Conditions, bytes]
"""What is asked of rows, and what is known of that without asking."""


class SearchFilter:
    """The filters of a query, as conditions on the rows of any corpus; their times are stored timestamps.

    What each row is of stands in the blocks of facets.py; where they do not say it, the row itself is asked.
    """

    def __init__(self, connection: Connection, filters: Filters) -> None:
        self._db = connection
        self._filters = filters
        self._blocks = FacetBlocks(connection)
        self._known: dict[tuple[str, int], Passing] = {}
        self._judged: dict[str, tuple[int, list[_Judged]]] = {}
        self._runs: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def bounds(self, corpus: Corpus) -> bool:
        """Say whether any row of a corpus could fail."""
        return bool(self._conditions(corpus).parts)

    def passing(self, corpus: Corpus, key: str) -> Passing:
        """Return a condition in SQL that the rows with a key (an expression) pass, and where they lie."""
        return self._passing_from(corpus, key, 0)

    def runs(self, corpus: Corpus, most: int) -> list[tuple[int, int]]:
        """Return ranges that leave out more than the spans do, `most` at most; none where that is no use."""
        asked = (corpus.source, most)
        if asked not in self._runs:
            known = (_runs(verdicts, most) for verdicts in self._passing_from(corpus, _KEY, 0).verdicts)
            self._runs[asked] = min(known, key=_length_or_all, default=[])
        return self._runs[asked]

    def newest(self, corpus: Corpus, key: str, most: int) -> Passing | None:
        """Return the same of the newest rows alone; None where they will hardly hold `most` hits.

        It is None, too, where no tag is asked for: all else is judged in no time.
        """
        first_block = self._older(corpus) if self._filters.tag and corpus in (MESSAGES, TOOLS) else 0
        if not first_block:
            return None
        passes = (verdicts.count(_PASSES) for _, verdicts in self._judged_from(corpus, first_block))
        return None if min(passes) < most * _HOLD else self._passing_from(corpus, key, first_block)

    def _passing_from(self, corpus: Corpus, key: str, first_block: int) -> Passing:
        known = (corpus.source, first_block)
        if known not in self._known:
            self._known[known] = self._passing(corpus, first_block)
        passing = self._known[known]
        return passing._replace(condition=passing.condition.replace(_KEY, key), key=key)

    def _older(self, corpus: Corpus) -> int:
        """Return how many blocks are not among the newest."""
        return max(0, self._blocks.last_block(corpus.source) + 1 - NEWEST)

    def fits_any_session(self) -> bool:
        """Say whether there is any session of the agents, projects, models and tags."""
        if self._filters == Filters(tag=self._filters.tag) and not self._filters.tag.none_of:
            # The first that bears it will do: among all sessions, a list of those that do would be made first.
            borne = _Conditions()
            borne.add(f"tag_id IN ({_TAGS})", self._filters.tag)
            return bool(
                self._db.value(f"SELECT EXISTS (SELECT 1 FROM session_tags WHERE {borne})", borne.values)
            )
        conditions = self._session_conditions()
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
        spans = self.runs(corpus, MAX_RUNS) or passing.spans
        for first, last in spans if oldest_first else reversed(spans):
            left = -1 if most is None else most - len(found)
            values = {**passing.values, "first": first, "last": last, "most": left}
            found += self._db.column(sql, values)
            if len(found) == most:
                break
        return found

    def _passing(self, corpus: Corpus, first_block: int) -> Passing:
        # Which rows pass is told in one of three ways:
        #
        #     known to the blocks            a byte a row says: passes, fails, or ask the row itself
        #     else of few sessions           ranges of rows, and each row in them is asked
        #     else                           each row is asked
        #
        # The blocks know all but the tools of a message: by these each row is asked that passes otherwise.
        every = self._conditions(corpus)
        if not every.parts:
            return Passing("TRUE", {}, [EVERYTHING])
        if corpus not in (MESSAGES, TOOLS) or self._blocks.last_block(corpus.source) < 0:
            return Passing(_asked(corpus, every), every.values, self._session_ranges(corpus))
        conditions: list[str] = []
        values: dict[str, Any] = {}
        spans, known = [EVERYTHING], list[bytes]()
        for number, (asked, judged) in enumerate(self._judged_from(corpus, first_block)):
            verdicts = _FAILS * (first_block * BLOCK) + judged
            conditions.append(_judged(corpus, asked, f":verdicts{number}"))
            values |= {**asked.values, f"verdicts{number}": verdicts}
            spans = min(spans, _spans(verdicts), key=_length)
            known.append(verdicts)
        if corpus is MESSAGES and self._filters.tool:
            asked = _Conditions("rest")
            self._add_row_conditions(asked, corpus, ("tool",))
            conditions.append(_asked(corpus, asked))
            values |= asked.values
        return Passing(" AND ".join(conditions), values, spans, verdicts=tuple(known))

    def _conditions(self, corpus: Corpus) -> _Conditions:
        """Return what a row must be, as it and its session say themselves."""
        conditions = _Conditions()
        project = "coalesce(s.project_id, n.project_id)" if corpus is NOTES else "s.project_id"
        self._add_session_conditions(conditions, _OF_ORIGIN, project)
        conditions.add(_TAG_OF_ROW, self._filters.tag, session=corpus.session)
        self._add_row_conditions(conditions, corpus, ("role", "tool"))
        self._add_times(conditions, corpus)
        return conditions

    def _judged_from(self, corpus: Corpus, first_block: int) -> list[_Judged]:
        """Return what blocks make of their rows, from one block on; of blocks that were judged before it is known."""
        reached, parts = self._judged.get(corpus.source, (MAX_ROW // BLOCK + 1, []))
        if first_block < reached:
            older = self._known_parts(corpus, FacetBlocks(self._db, first_block, reached - 1))
            size = (reached - first_block) * BLOCK
            newer = [
                (asked, old.ljust(size, _UNKNOWN) + new)
                for (asked, old), (_, new) in zip(older, parts, strict=False)
            ]
            reached, parts = self._judged[corpus.source] = first_block, newer or older
        behind = (first_block - reached) * BLOCK
        return [(asked, verdicts[behind:]) for asked, verdicts in parts] if behind else parts

    def _known_parts(self, corpus: Corpus, blocks: FacetBlocks) -> list[_Judged]:
        """Return parts of that which stand in blocks, each with what these make of the rows."""
        parts = []
        origin, in_blocks = _Conditions("origin"), _Conditions()
        for conditions in (origin, in_blocks):
            self._add_session_conditions(conditions, _OF_ORIGIN, "s.project_id")
        if corpus is MESSAGES:
            self._add_row_conditions(origin, corpus, ("role",))
            in_blocks.add("s.role = {value}", self._filters.role)
        if origin.parts:
            parts.append((origin, blocks.by_origin(corpus.source, str(in_blocks), in_blocks.values)))
        tag = _Conditions("tag")
        tag.add(_TAG_OF_ROW, self._filters.tag, session=corpus.session)
        if tag.parts:
            wanted, unwanted = self._tagged
            parts.append(
                (
                    tag,
                    blocks.by_session(corpus.source, wanted if self._filters.tag.any_of else None, unwanted),
                )
            )
        tool = _Conditions("tool")
        if corpus is TOOLS and self._filters.tool:
            self._add_row_conditions(tool, corpus, ("tool",))
            parts.append((tool, blocks.by_tool(corpus.source, self._filters.tool)))
        moment = _Conditions("moment")
        self._add_times(moment, corpus)
        if moment.parts:
            after, before = self._filters.after, self._filters.before
            parts.append((moment, blocks.by_moment(corpus.source, after, before)))
        return parts

    def _session_conditions(self) -> _Conditions:
        conditions = _Conditions()
        self._add_session_conditions(conditions, tuple(_OF_SESSION), "s.project_id")
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

    def _add_times(self, conditions: _Conditions, corpus: Corpus) -> None:
        moment = f"coalesce({corpus.moment}, s.last_active_at)"
        conditions.compare(moment, ">=", self._filters.after)
        conditions.compare(moment, "<", self._filters.before)

    @cached_property
    def _tagged(self) -> tuple[set[str], set[str]]:
        """The sessions that bear any of the tags that are wanted, and of those that are not."""
        found = []
        for names in self._filters.tag:
            conditions = _Conditions()
            conditions.add(f"tag_id IN ({_TAGS})", Choice(names))
            sql = f"SELECT session_id FROM session_tags WHERE {conditions}"
            found.append(set(self._db.column(sql, conditions.values)) if names else set())
        return found[0], found[1]

    def _session_ranges(self, corpus: Corpus) -> list[tuple[int, int]]:
        """Return the rows that the sessions in question span, in order; all there are where these are many."""
        conditions = self._session_conditions()
        conditions.compare("s.last_active_at", ">=", self._filters.after)
        conditions.compare("s.started_at", "<", self._filters.before)
        if corpus not in (MESSAGES, TOOLS) or not conditions.parts:
            return [EVERYTHING]
        # One more than may be: that tells that there are too many, without counting them.
        sql = f"SELECT s.id FROM sessions AS s WHERE {conditions} LIMIT {MAX_SPANS + 1}"
        session_ids = self._db.column(sql, conditions.values)
        if len(session_ids) > MAX_SPANS:
            return [EVERYTHING]
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


def _judged(corpus: Corpus, asked: _Conditions, verdicts: str) -> str:
    """Return a condition that is asked of the rows of which the verdicts (a parameter) say nothing."""
    # A row behind the end of the bytes gives an empty text, and so comes to ELSE: it is newer than the last block.
    return (
        f"CASE substr({verdicts}, {_KEY} + 1, 1) WHEN x'{FAILS:02x}' THEN FALSE"
        f" WHEN x'{PASSES:02x}' THEN TRUE ELSE {_asked(corpus, asked)} END"
    )


def _asked(corpus: Corpus, conditions: _Conditions) -> str:
    """Return the condition that a row itself passes, and its session."""
    return (
        f"EXISTS (SELECT 1 FROM (SELECT {_KEY} AS value) AS j {corpus.rows}"
        f" LEFT JOIN sessions AS s ON s.id = {corpus.session} WHERE {conditions})"
    )


def _spans(verdicts: bytes) -> list[tuple[int, int]]:
    """Return ranges of rows outside of which all fail, in order."""
    # Two at most, and where they leave out much: for each FTS5 counts anew how many rows hold a word, and bounds are
    # compared with each row, which takes longer than to pass over some.
    firsts = [at for other in (_PASSES, _UNKNOWN) if (at := verdicts.find(other)) >= 0]
    first, last = min(firsts, default=len(verdicts)), max(map(verdicts.rfind, (_PASSES, _UNKNOWN)))
    if last + 1 - first > len(verdicts) * 3 // 4:
        return [EVERYTHING]
    # Behind the end of the bytes nothing is known.
    behind = (len(verdicts), EVERYTHING[1])
    return [(first, last), behind] if first <= last < len(verdicts) - 1 else [(first, behind[1])]


def _runs(verdicts: bytes, most: int) -> list[tuple[int, int]]:
    """Return the ranges of rows that do not all fail, in order; none where they are too many, or leave out little."""
    if verdicts.count(_FAILS) < len(verdicts) * 3 // 4:
        return []
    # By `find`, which passes over bytes at the speed of memory; a regular expression takes five times as long.
    may_pass = verdicts.replace(_UNKNOWN, _PASSES)
    runs: list[tuple[int, int]] = []
    first = may_pass.find(_PASSES)
    while first >= 0 and len(runs) < most:
        gap = may_pass.find(_GAP, first)
        end = gap if gap >= 0 else len(may_pass)
        runs.append((first, end - 1))
        first = may_pass.find(_PASSES, end)
    # Behind the end of the bytes nothing is known.
    return [*runs, (len(verdicts), EVERYTHING[1])] if len(runs) < most else []


def _length_or_all(runs: Sequence[tuple[int, int]]) -> int:
    return _length(runs) if runs else EVERYTHING[1]


def _length(spans: Iterable[tuple[int, int]]) -> int:
    return sum(last - first for first, last in spans)


def _by_stored_name(agents: Choice) -> Choice:
    """Return a choice of agents with the names that they are stored under beside those that were typed."""
    # "claude" means claude-code, as `stored_name` has it, but it begins "claude-ai" as well: both count.
    both = (dict.fromkeys((*values, *map(stored_name, values))) for values in agents)
    return Choice(*map(tuple, both))
