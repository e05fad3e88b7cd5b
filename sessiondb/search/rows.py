"""The rows that hold a word, or all words, in whichever index they stand."""

from __future__ import annotations

from typing import NamedTuple

from sessiondb.dao.search.corpora import TOOLS, Corpus
from sessiondb.dao.search.filters import SearchFilter
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.query import for_json
from sessiondb.query.ranking import Hit, Matches


class Expressions(NamedTuple):
    """FTS5 expressions for the plain indexes and the segmented one, and what no hit may match in either."""

    plain: str | None = None
    segmented: str | None = None
    excluded: str | None = None
    excluded_segments: str | None = None


class Rows(NamedTuple):
    """Rows with their scores, and whether there are more than were to be read."""

    scores: dict[int, float]
    is_truncated: bool


class RowReader:
    """Reads rows of any corpus within some filters, for one search: what was asked before is not asked again."""

    def __init__(self, queries: SearchQueries, allowed: SearchFilter) -> None:
        self._queries = queries
        self._allowed = allowed
        self._asked: dict[tuple[str, str, bool, bool, bool], tuple[int | None, dict[int, float]]] = {}
        self._held: dict[tuple[str, str], bool] = {}

    def matches(self, expressions: Expressions, corpus: Corpus, order: Order) -> tuple[Matches, bool]:
        """Return the rows that match in either index, scored, and whether there are more than were to be read.

        They may lack what SearchQueries.completed adds.
        """
        rows = self.rows(expressions, corpus, order)
        return self._queries.matches(corpus, rows.scores), rows.is_truncated

    def hits(self, expressions: Expressions, corpus: Corpus, order: Order) -> tuple[list[Hit], bool]:
        """Return the rows that match in either index, not scored, and whether there are more than were to be read."""
        plain, segmented, _, excluded_segments = expressions
        if plain is None or segmented is not None or excluded_segments is not None:
            rows = self.rows(expressions, corpus, order)
            return self._queries.hits(corpus, rows.scores), rows.is_truncated
        # All in one statement, for a common word is in thousands of rows.
        one_more = order if order.most is None else order._replace(most=order.most + 1)
        found = self._queries.matching(corpus, _plain(corpus, plain), self._allowed, one_more)
        return found[: order.most], order.most is not None and len(found) > order.most

    def rows(self, expressions: Expressions, corpus: Corpus, order: Order) -> Rows:
        """Return the rows that match in either index, scored."""
        plain, segmented, excluded, excluded_segments = expressions
        one_more = order if order.most is None else order._replace(most=order.most + 1)
        unlimited = Order(None, is_scored=False)
        found = self._scores(corpus, plain, one_more, segmented=False)
        among_segments = self._scores(corpus, segmented, one_more, segmented=True)
        found = among_segments | found
        if among_segments:
            for row_id in self._scores(corpus, excluded, unlimited, segmented=False):
                found.pop(row_id, None)
        for row_id in self._scores(corpus, excluded_segments, unlimited, segmented=True):
            found.pop(row_id, None)
        if order.most is None or len(found) <= order.most:
            return Rows(found, False)
        kept = sorted(found, reverse=not order.oldest_first)[: order.most]
        return Rows({row_id: found[row_id] for row_id in kept}, True)

    def without_words(self, expressions: Expressions, corpus: Corpus, order: Order) -> Rows:
        """Return the rows that filters let through, less what is excluded."""
        most = None if order.most is None else order.most + 1
        found = self._allowed.rows(corpus, most, oldest_first=order.oldest_first)
        kept = dict.fromkeys(found[: order.most], 0.0)
        excluded = Expressions(expressions.excluded, expressions.excluded_segments)
        for row_id in self.rows(excluded, corpus, Order(None, is_scored=False)).scores:
            kept.pop(row_id, None)
        return Rows(kept, order.most is not None and len(found) > order.most)

    def _scores(
        self, corpus: Corpus, expression: str | None, order: Order, *, segmented: bool
    ) -> dict[int, float]:
        if expression is None:
            return {}
        if not segmented:
            expression = _plain(corpus, expression)
        asked = (corpus.source, expression, order.oldest_first, order.is_scored, segmented)
        most, found = self._asked.get(asked, (0, {}))
        # All rows there are do for any number of them.
        if most is None or (order.most is not None and (order.most <= most or len(found) < most)):
            return found
        found = self._queries.scores(corpus, expression, self._allowed, order, segmented=segmented)
        self._asked[asked] = (order.most, found)
        return found

    def holds(self, corpus: Corpus, word: str) -> bool:
        """Say whether a corpus holds a word of letters, whatever the filters."""
        asked = (corpus.source, word)
        if asked not in self._held:
            self._held[asked] = bool(self._queries.known(corpus, [f'"{word}"']))
        return self._held[asked]


def _plain(corpus: Corpus, expression: str) -> str:
    return for_json(expression, "arguments") if corpus is TOOLS else expression
