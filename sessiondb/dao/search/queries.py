"""The queries of search: the rows that an expression finds, and what is needed to rank them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple

from sessiondb.dao.search.corpora import MESSAGES, TOOLS, Corpus
from sessiondb.dao.search.facets import SOURCES, FacetBlocks
from sessiondb.dao.search.filters import EVERYTHING, MAX_SPANS, Passing, SearchFilter
from sessiondb.query.ranking import ROLE_WEIGHTS, UNREAD, Activity, Group, Hit, Matches
from sessiondb.storage.connection import Connection

_TOGETHER = 50
FEW = 48
"""Rows of a block that are looked at one by one: to read what the block says of all would take longer."""

_FULL = {None, *(role for role, weight in ROLE_WEIGHTS.items() if weight == 1)}


# What a name is the name of, as conditions on the tables of names; an agent, a model or a project may go by how
# its name begins, a model that is called one by any part of it: "with gpt-5", "the opus model".
_BEGINS = "(lower(name) = {name} OR lower(name) LIKE {name} || '-%')"
_AGENTS = f"SELECT name FROM agents WHERE {_BEGINS}"
_MODELS = f"SELECT id FROM models WHERE {_BEGINS}"
_PARTS = (
    "SELECT id FROM models WHERE '-' || replace(lower(name), '/', '-') || '-' LIKE '%-' || {name} || '-%'"
)
_PROJECTS = f"SELECT id FROM projects WHERE {_BEGINS}"
_BRANCHES = (
    "SELECT id FROM sessions WHERE metadata LIKE '%git_branch%' AND EXISTS"
    " (SELECT 1 FROM json_each(metadata, '$.git_branch') WHERE lower(value) = {name})"
    " OR metadata LIKE '%\"git\"%' AND lower(json_extract(metadata, '$.git.branch')) = {name}"
)
_OF_NAME = {
    "any": (("agent", _AGENTS), ("model_id", _MODELS)),
    "model": (("model_id", _PARTS),),
    "project": (("project_id", _PROJECTS),),
    "branch": (("id", _BRANCHES),),
}


class Order(NamedTuple):
    """Which rows come first and how many are read (None: all), and whether they are scored."""

    most: int | None
    oldest_first: bool = False
    is_scored: bool = True


class SearchQueries:
    """Reads of the FTS5 indexes."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._blocks = FacetBlocks(connection)

    def has_segments(self) -> bool:
        """Say whether any text is kept in segmented form."""
        return self._db.row("SELECT 1 FROM search_segments LIMIT 1") is not None

    def scores(
        self, corpus: Corpus, expression: str, allowed: SearchFilter, order: Order, *, segmented: bool
    ) -> dict[int, float]:
        """Return the rows that match, with their scores (greater is better), in order.

        `segmented`: the expression is for the segmented texts. Where rows are not scored, the score is 0.
        """
        source, key = _source(corpus, segmented)
        found: dict[int, float] = {}
        what = f"{key}, {_score(order)} {source}"
        passing = (
            allowed.passing(corpus, key) if segmented else self._passing(corpus, expression, allowed, order)
        )
        for sql, values in _spans(what, expression, passing, order):
            left = -1 if order.most is None else order.most - len(found)
            found |= self._db.pairs(sql, {**values, "most": left})
        return found

    def matching(self, corpus: Corpus, expression: str, allowed: SearchFilter, order: Order) -> list[Hit]:
        """Return the rows that match as hits, in order, without scores."""
        # CROSS JOIN keeps the order in which the tables stand: the index first, then the row of each match.
        joined = corpus.only or corpus.rows.replace("JOIN", "CROSS JOIN", 1).replace("j.value", "f.rowid")
        what = (
            f"'{corpus.source}', {corpus.hit}, 0.0 FROM {corpus.fts} AS f {joined}"
            f" WHERE f.{corpus.fts} MATCH :expression"
        )
        found: list[Hit] = []
        passing = self._passing(corpus, expression, allowed, order)
        for sql, values in _spans(what, expression, passing, order):
            left = -1 if order.most is None else order.most - len(found)
            found += map(Hit._make, self._db.rows(sql, {**values, "most": left}))
        return found

    def _passing(self, corpus: Corpus, expression: str, allowed: SearchFilter, order: Order) -> Passing:
        """Return what passes among the newest rows where that are enough, which is told by counting; else all.

        Where few rows may pass, that is what lies between the first and the last that match.
        """
        newest = None
        if order.most is not None and not order.oldest_first:
            newest = allowed.newest(corpus, corpus.entry, order.most)
        if newest is not None:
            left = order.most or 0
            for sql, values in _spans(f"1 {_source(corpus, False)[0]}", expression, newest, order):
                left -= self._db.value(f"SELECT count(*) FROM ({sql})", {**values, "most": left})
            if not left:
                return newest
        return self._narrowed(corpus, expression, allowed)

    def _narrowed(self, corpus: Corpus, expression: str, allowed: SearchFilter) -> Passing:
        passing, runs = allowed.passing(corpus, corpus.entry), allowed.runs(corpus, MAX_SPANS)
        if len(runs) <= len(passing.spans):
            return passing
        # An index finds the first match of a range at once, and walks over all others of a common word.
        ends = []
        for order in (Order(1, oldest_first=True), Order(1)):
            asked = _spans(
                f"{corpus.entry} {_source(corpus, False)[0]}",
                expression,
                passing._replace(spans=runs),
                order,
            )
            matches = (self._db.value(sql, {**values, "most": 1}) for sql, values in asked)
            end = next((row_id for row_id in matches if row_id is not None), None)
            if end is None:
                return passing._replace(spans=[])
            ends.append(end)
        return passing._replace(spans=[(ends[0], ends[1])])

    def hits(self, corpus: Corpus, scores: Mapping[int, float]) -> list[Hit]:
        """Return rows as hits, in the order of their ids; what was injected or put out scores less."""
        matches = self._read(corpus, scores)
        return list(map(Hit._make, zip(*matches, strict=True)))

    def matches(self, corpus: Corpus, scores: Mapping[int, float]) -> Matches:
        """Return rows in columns, as `hits`, but without a look at those of which it is known what they are of.

        These lack what only rows tell, until they are `completed`: the place in the session, and the time.
        """
        if corpus.source not in SOURCES or len(scores) < FEW:
            return self._read(corpus, scores)
        row_ids = sorted(scores)
        sessions, roles = self._blocks.owners(corpus.source, row_ids, least=FEW)
        unknown: list[int] = []
        if None in sessions or None in roles:
            is_known = [None not in owner for owner in zip(sessions, roles, strict=True)]
            unknown = [row_id for row_id, known in zip(row_ids, is_known, strict=True) if not known]
            row_ids = list(compress(row_ids, is_known))
            sessions, roles = list(compress(sessions, is_known)), list(compress(roles, is_known))
        messages = row_ids if corpus is MESSAGES else [UNREAD] * len(row_ids)
        nothing = [None] * len(row_ids)
        matches = _weighed(corpus, [row_ids, sessions, messages, nothing, roles, nothing], scores)
        if unknown:
            matches.extend(self._read(corpus, {row_id: scores[row_id] for row_id in unknown}))
        return matches

    def _read(self, corpus: Corpus, scores: Mapping[int, float]) -> Matches:
        """Return rows in columns, in the order of their ids, each looked at."""
        if not scores:
            return Matches.of(())
        sql = f"SELECT {corpus.hit} FROM json_each(?) AS j {corpus.rows}"
        rows = self._db.rows(sql, (json.dumps(sorted(scores)),))
        return _weighed(corpus, list(zip(*rows, strict=True)), scores) if rows else Matches.of(())

    def shown(self, groups: Sequence[Group]) -> list[Hit]:
        """Return the hit to show of each group, completed."""
        shown = self.completed([group.shown for group in groups])
        # A call of no message is told by its row alone: another hit may say better where to look.
        return [
            Group("", 0.0, self.completed(group.hits)).shown
            if hit.message_id is None and group.shown.message_id is not None
            else hit
            for group, hit in zip(groups, shown, strict=True)
        ]

    def completed(self, hits: Sequence[Hit]) -> list[Hit]:
        """Return hits with all that their rows tell."""
        read: dict[tuple[str, int], Hit] = {}
        for corpus in (MESSAGES, TOOLS):
            unread = [hit.row_id for hit in hits if hit.source == corpus.source and hit.seq is None]
            read |= {(hit.source, hit.row_id): hit for hit in self.hits(corpus, dict.fromkeys(unread, 0.0))}
        if not read:
            return list(hits)
        return [read.get((hit.source, hit.row_id), hit)._replace(score=hit.score) for hit in hits]

    def holding(self, corpus: Corpus, row_ids: Iterable[int], texts: Sequence[str]) -> set[int]:
        """Return those of the rows that hold texts to the letter, but for upper and lower case."""
        conditions = " AND ".join([f"instr(lower({corpus.text}), lower(?))"] * len(texts))
        sql = f"SELECT j.value FROM json_each(?) AS j {corpus.rows} WHERE {conditions}"
        return {row[0] for row in self._db.rows(sql, (json.dumps(list(row_ids)), *texts))}

    def known(self, corpus: Corpus, expressions: Sequence[str]) -> list[str]:
        """Return those of many expressions that any row of a corpus matches."""
        # Most of many match nothing: joined by OR they are refused at half the price of one by one.
        if len(expressions) > 1:
            parts = [
                expressions[start : start + _TOGETHER] for start in range(0, len(expressions), _TOGETHER)
            ]
            expressions = [
                each for part in parts if self._is_known(corpus, " OR ".join(part)) for each in part
            ]
        return [each for each in expressions if self._is_known(corpus, each)]

    def _is_known(self, corpus: Corpus, expression: str) -> bool:
        sql = f"SELECT 1 FROM {corpus.fts} WHERE {corpus.fts} MATCH ? LIMIT 1"
        return self._db.row(sql, (expression,)) is not None

    def rows_in(self, corpus: Corpus) -> int:
        """Return how many rows an index has, about: deleted ones count."""
        # A count would walk the table; its last id is one step away.
        return int(self._db.value(f"SELECT coalesce(max(id), 0) FROM {corpus.fts}_docsize"))

    def sessions(self) -> int:
        """Return how many sessions there are."""
        return int(self._db.value("SELECT count(*) FROM sessions"))

    def is_name(self, name: str, kind: str) -> bool:
        """Say whether there is an agent, model, project or branch of a name, by the kind that it is called."""
        either = " UNION ALL ".join(table.format(name=":name") for _, table in _OF_NAME[kind])
        return self._db.row(f"SELECT * FROM ({either}) LIMIT 1", {"name": name}) is not None

    def named(self, session_ids: Iterable[str], names: Iterable[tuple[str, str]]) -> set[str]:
        """Return those of the sessions that are of any of the names, each given with its kind."""
        found: set[str] = set()
        for name, kind in names:
            either = " OR ".join(
                f"s.{key} IN ({table.format(name=':name')})" for key, table in _OF_NAME[kind]
            )
            sql = f"SELECT s.id FROM json_each(:ids) AS j JOIN sessions AS s ON s.id = j.value WHERE {either}"
            found |= {
                row[0] for row in self._db.rows(sql, {"ids": json.dumps(list(session_ids)), "name": name})
            }
        return found

    def newest_activity(self) -> str:
        """Return when any session was last active; nothing where there is none."""
        return str(self._db.value("SELECT max(last_active_at) FROM sessions") or "")

    def activity(self, session_ids: Iterable[str]) -> dict[str, Activity]:
        """Return the length and the times of sessions."""
        rows = self._db.rows(
            "SELECT s.id, s.message_count, s.started_at, s.last_active_at FROM json_each(?) AS j"
            " JOIN sessions AS s ON s.id = j.value",
            (json.dumps(list(session_ids)),),
        )
        return {row[0]: Activity(*row[1:]) for row in rows}


def _score(order: Order) -> str:
    return "-f.rank" if order.is_scored else "0.0"


def _weighed(corpus: Corpus, columns: Sequence[Sequence[Any]], scores: Mapping[int, float]) -> Matches:
    """Return columns of a corpus with their scores; what was injected or put out scores less."""
    row_ids, *_, roles, _ = columns
    weighed = list(map(scores.__getitem__, row_ids))
    if not _FULL.issuperset(roles):
        weighed = [
            score * ROLE_WEIGHTS.get(role or "", 1.0) for score, role in zip(weighed, roles, strict=True)
        ]
    return Matches._make([[corpus.source] * len(row_ids), *map(list, columns), weighed])


def _spans(
    what: str, expression: str, passing: Passing, order: Order
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield statements that select of the rows that match, and pass, in order, `most` at most; each with its values."""
    is_bounded = passing.spans != [EVERYTHING]
    bounds = f"AND {passing.key} BETWEEN :first AND :last" if is_bounded else ""
    sql = (
        f"SELECT {what} {bounds} AND {passing.condition}"
        # By rowid, which FTS5 walks in either direction and can leave at LIMIT. By rank it would read every row of
        # a common word.
        f" ORDER BY f.rowid {'ASC' if order.oldest_first else 'DESC'} LIMIT :most"
    )
    values = {**passing.values, "expression": expression}
    for first, last in passing.spans if order.oldest_first else reversed(passing.spans):
        yield sql, {**values, "first": first, "last": last} if is_bounded else values


def _source(corpus: Corpus, segmented: bool) -> tuple[str, str]:
    """Return the FROM and WHERE of an index, and the expression of the row that an entry stands for."""
    if segmented:
        return (
            "FROM search_segments_fts AS f JOIN search_segments AS g ON g.id = f.rowid"
            f" AND g.source = '{corpus.source}' WHERE f.search_segments_fts MATCH :expression",
            "g.row_id",
        )
    return f"FROM {corpus.fts} AS f {corpus.only} WHERE f.{corpus.fts} MATCH :expression", corpus.entry
