"""The queries of search: the rows that an expression finds, and what is needed to rank them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sessiondb.dao.search.corpora import Corpus
from sessiondb.dao.search.filters import EVERYTHING, Passing, SearchFilter
from sessiondb.query.ranking import ROLE_WEIGHTS, Activity, Hit
from sessiondb.storage.connection import Connection, Row

_TOGETHER = 50
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
        return dict(
            self._found(f"{key}, {_score(order)} {source}", expression, allowed.passing(corpus, key), order)
        )

    def matching(self, corpus: Corpus, expression: str, allowed: SearchFilter, order: Order) -> list[Hit]:
        """Return the rows that match as hits, in order; what was injected or put out scores less."""
        # CROSS JOIN keeps the order in which the tables stand: the index first, then the row of each match.
        joined = corpus.only or corpus.rows.replace("JOIN", "CROSS JOIN", 1).replace("j.value", "f.rowid")
        what = (
            f"'{corpus.source}', {corpus.hit}, {_score(order)} FROM {corpus.fts} AS f {joined}"
            f" WHERE f.{corpus.fts} MATCH :expression"
        )
        return _weighed(self._found(what, expression, allowed.passing(corpus, corpus.entry), order))

    def hits(self, corpus: Corpus, scores: Mapping[int, float]) -> list[Hit]:
        """Return rows as hits, in the order of their ids; what was injected or put out scores less."""
        if not scores:
            return []
        sql = f"SELECT {corpus.hit} FROM json_each(?) AS j {corpus.rows}"
        rows = self._db.rows(sql, (json.dumps(sorted(scores)),))
        source = corpus.source
        return _weighed([(source, *row, scores[row[0]]) for row in rows])

    def _found(self, what: str, expression: str, passing: Passing, order: Order) -> list[Row]:
        """Return what is selected of the rows that match, and pass, in order."""
        found: list[Row] = []
        is_bounded = passing.spans != [EVERYTHING]
        bounds = f"AND {passing.key} BETWEEN :first AND :last" if is_bounded else ""
        sql = (
            f"SELECT {what} {bounds} AND {passing.condition}"
            # By rowid, which FTS5 walks in either direction and can leave at LIMIT. By rank it would read every row of
            # a common word.
            f" ORDER BY f.rowid {'ASC' if order.oldest_first else 'DESC'} LIMIT :most"
        )
        for first, last in passing.spans if order.oldest_first else reversed(passing.spans):
            left = -1 if order.most is None else order.most - len(found)
            values = {**passing.values, "expression": expression, "most": left}
            found += self._db.rows(sql, {**values, "first": first, "last": last} if is_bounded else values)
        return found

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


def _weighed(rows: list[Row]) -> list[Hit]:
    hits = map(Hit._make, rows)
    return [
        hit if hit.role in _FULL else hit._replace(score=hit.score * ROLE_WEIGHTS.get(hit.role or "", 1.0))
        for hit in hits
    ]


def _source(corpus: Corpus, segmented: bool) -> tuple[str, str]:
    """Return the FROM and WHERE of an index, and the expression of the row that an entry stands for."""
    if segmented:
        return (
            "FROM search_segments_fts AS f JOIN search_segments AS g ON g.id = f.rowid"
            f" AND g.source = '{corpus.source}' WHERE f.search_segments_fts MATCH :expression",
            "g.row_id",
        )
    return f"FROM {corpus.fts} AS f {corpus.only} WHERE f.{corpus.fts} MATCH :expression", corpus.entry
