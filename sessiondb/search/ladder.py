"""The steps of a search: first all words, then any of them, ranked by how much those found say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from sessiondb.dao.search.filters import MESSAGES, Corpus, SearchFilter
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.query import (
    Period,
    Query,
    exclusion_expression,
    form_expressions,
    is_question,
    is_searchable,
    match_expression,
    period_of,
    ranking,
    relaxed_expressions,
    relaxed_segment_expressions,
    segment_exclusion_expression,
    segment_expression,
    symbolic_words,
)
from sessiondb.query.ranking import Activity, Group, Hit, Word
from sessiondb.search.rows import Expressions, RowReader

NEWEST = 2000
"""Rows of a word that are ranked, the newest, unless all are asked for. A row costs some 3 microseconds."""

LISTED = 500
"""Rows that are read in the order of time, unless all are asked for."""

BEST = 1000
"""Rows that are ranked among those that hold any word, unless all are asked for."""

MAX_READ = 40_000
"""Rows, the newest, whose texts are read for symbols that no index knows."""

FEW_SESSIONS = 5
"""Sessions that must hold all of MANY_WORDS words or more; of fewer words, one session is enough."""
MANY_WORDS = 4


class Sort(NamedTuple):
    """What is wanted first, and whether all hits of a common word are to be ranked."""

    by: str = "relevance"
    is_exact: bool = False

    def order(self) -> Order:
        """Return how many rows to read, from which end."""
        most = NEWEST if self.by == "relevance" else LISTED
        return Order(None if self.is_exact else most, self.by == "oldest", self.by == "relevance")


class Found(NamedTuple):
    """What a search found: the step that found it, the sessions, and the expression that marks the words."""

    step: str
    groups: list[Group]
    expression: str | None = None
    is_relaxed: bool = False
    is_truncated: bool = False


class Ladder:
    """Searches some corpora within some filters."""

    def __init__(
        self, queries: SearchQueries, corpora: Sequence[Corpus], allowed: SearchFilter, sort: Sort
    ) -> None:
        self._queries = queries
        self._corpora = corpora
        self._reader = RowReader(queries, allowed)
        self._sort = sort

    def climb(self, query: Query, today: date) -> Found:
        """Search for all words; where that is not what is meant or finds too little, for any of them.

        Keywords need one session that holds them all, many of them FEW_SESSIONS; sessions that hold some come
        after those that hold all. A question is asked in other words than it was answered in: what holds them
        all has no privilege, its words are ranked one by one.
        """
        expressions = self._expressions(query)
        if expressions.plain is None and expressions.segmented is None:
            return self._without_words(query, expressions)
        period = period_of(query.text, today)
        if is_question(query):
            return self._by_time(self._any_word(query, expressions, period))
        strict = self._all_words(query, expressions)
        if len(strict.groups) >= self._enough(query):
            return strict
        relaxed = self._any_word(query, expressions, period)
        if not relaxed.groups:
            return strict
        sure = {(hit.source, hit.row_id) for group in strict.groups for hit in group.hits}
        return self._by_time(relaxed._replace(groups=ranking.with_first(relaxed.groups, sure)))

    def match(self, expression: str) -> Found:
        """Search for an FTS5 expression as it is. Raises DatabaseError where it is none."""
        return self._matches(Expressions(expression), "FTS5 syntax")

    def _enough(self, query: Query) -> int:
        words = relaxed_expressions(query).terms
        is_plain = any(term.kind == "word" for term in query.words)
        return FEW_SESSIONS if is_plain and len(words) >= MANY_WORDS else 1

    def _expressions(self, query: Query) -> Expressions:
        has_segments = self._queries.has_segments()
        return Expressions(
            match_expression(query),
            segment_expression(query, glued=True) if has_segments else None,
            exclusion_expression(query),
            segment_exclusion_expression(query) if has_segments else None,
        )

    def _all_words(self, query: Query, expressions: Expressions) -> Found:
        found = self._matches(expressions, "all words")
        symbolic = symbolic_words(query)
        if not symbolic or self._sort.by != "relevance":
            return found
        # The indexes know no symbols: what has them to the letter comes before what has the letters only.
        literal: set[tuple[str, int]] = set()
        for corpus in self._corpora:
            rows = [hit.row_id for group in found.groups for hit in group.hits if hit.source == corpus.source]
            literal |= {(corpus.source, row_id) for row_id in self._queries.holding(corpus, rows, symbolic)}
        return found._replace(groups=ranking.with_first(found.groups, literal))

    def _matches(self, expressions: Expressions, step: str) -> Found:
        hits: list[Hit] = []
        is_truncated = False
        for corpus in self._corpora:
            rows = self._reader.rows(expressions, corpus, self._sort.order())
            is_truncated = is_truncated or rows.is_truncated
            hits += self._queries.hits(corpus, rows.scores)
        if self._sort.by == "relevance":
            groups = ranking.by_relevance(hits)
            groups = self._with_times(groups, self._activity(groups), None)
        else:
            groups = ranking.by_time(hits, oldest_first=self._sort.by == "oldest")
        return Found(step, groups, expressions.plain, False, is_truncated)

    def _any_word(self, query: Query, every: Expressions, period: Period | None) -> Found:
        wanted = list(self._wanted(query, every))
        words: list[Word] = []
        hits: list[Hit] = []
        is_truncated = False
        for corpus in self._corpora:
            total: dict[int, float] = {}
            size = self._queries.rows_in(corpus)
            for forms in wanted:
                scores, word, was_truncated = self._word(forms, corpus, size)
                is_truncated = is_truncated or was_truncated
                for row_id, score in scores.items():
                    total[row_id] = total.get(row_id, 0.0) + score
                if corpus is MESSAGES:
                    words.append(word)
            kept = self._best(total)
            is_truncated = is_truncated or len(kept) < len(total)
            hits += self._queries.hits(corpus, kept)
        groups = ranking.by_relevance(hits)
        activity = self._activity(groups)
        average = self._queries.rows_in(MESSAGES) / max(self._queries.sessions(), 1)
        groups = ranking.with_surroundings(groups, words, activity, max(average, 1.0))
        groups = self._with_times(groups, activity, period)
        return Found("any word", groups, _any_of(relaxed_expressions(query).terms), True, is_truncated)

    def _wanted(self, query: Query, every: Expressions) -> Iterator[tuple[Expressions, ...]]:
        """Yield each word, as typed and in its other forms."""
        plain = relaxed_expressions(query).terms
        segmented = relaxed_segment_expressions(query, glued=True).terms if every.segmented else ()
        for term in dict.fromkeys((*plain, *segmented)):
            own = every._replace(
                plain=_less(term, every.excluded) if term in plain else None,
                segmented=_less(term, every.excluded_segments) if term in segmented else None,
            )
            yield (own, *(_form(every, form) for form in form_expressions(term)))

    def _word(
        self, forms: Sequence[Expressions], corpus: Corpus, size: int
    ) -> tuple[dict[int, float], Word, bool]:
        """Return what a word adds to the score of each row, and in which share of all rows it is."""
        order = Order(None if self._sort.is_exact else NEWEST)
        own = self._reader.rows(forms[0], corpus, order)
        scores, weights = own.scores, dict.fromkeys(own.scores, 1.0)
        for form in forms[1:]:
            for row_id, score in self._reader.rows(form, corpus, order).scores.items():
                scores[row_id] = max(score * ranking.OTHER_FORM_WEIGHT, scores.get(row_id, 0.0))
                weights.setdefault(row_id, ranking.OTHER_FORM_WEIGHT)
        # Only the newest rows of a common word are read: its share is what it is among these.
        span = size - min(own.scores) + 1 if own.is_truncated else size
        share = (len(weights) + 0.5) / (max(span, len(weights)) + 1)
        return scores, Word(share, weights), own.is_truncated

    def _best(self, total: dict[int, float]) -> dict[int, float]:
        if self._sort.is_exact or len(total) <= BEST:
            return total
        best = sorted(total, key=total.__getitem__, reverse=True)[:BEST]
        return {row_id: total[row_id] for row_id in best}

    def _without_words(self, query: Query, expressions: Expressions) -> Found:
        """Find what filters let through, less what is excluded. Symbols are read for: no index knows them."""
        if query.is_empty or any(is_searchable(term) for term in query.words):
            return Found("nothing, for nothing was asked", [])
        symbols = [term.text for term in query.words]
        oldest_first = self._sort.by == "oldest"
        most = None if self._sort.is_exact else MAX_READ if symbols else NEWEST
        hits: list[Hit] = []
        is_truncated = False
        for corpus in self._corpora:
            rows = self._reader.without_words(expressions, corpus, Order(most, oldest_first, is_scored=False))
            is_truncated = is_truncated or rows.is_truncated
            kept = self._queries.holding(corpus, rows.scores, symbols) if symbols else rows.scores
            hits += self._queries.hits(corpus, dict.fromkeys(kept, 0.0))
        groups = ranking.by_time(hits, oldest_first=oldest_first)
        return Found("filters alone, in the order of time", groups, None, False, is_truncated)

    def _by_time(self, found: Found) -> Found:
        """Order what holds any word by time, where that is wanted: what ranks half as well as the best."""
        if self._sort.by == "relevance" or not found.groups:
            return found
        least = found.groups[0].score / 2
        groups = [group for group in found.groups if group.score >= least]
        hits = [hit for group in groups for hit in group.hits]
        return found._replace(groups=ranking.by_time(hits, oldest_first=self._sort.by == "oldest"))

    def _activity(self, groups: Iterable[Group]) -> dict[str, Activity]:
        keys = [group.key for group in list(groups)[: ranking.CANDIDATES]]
        return self._queries.activity(keys)

    def _with_times(
        self, groups: list[Group], activity: dict[str, Activity], period: Period | None
    ) -> list[Group]:
        newest = self._queries.newest_activity()

        def factor(key: str) -> float:
            session = activity.get(key)
            if session is None:
                return 1.0
            recent = ranking.recency(session.last_active_at, newest)
            return recent * (1 + ranking.PERIOD_WEIGHT * _closeness(period, session))

        return ranking.with_times(groups, factor)


def _closeness(period: Period | None, session: Activity) -> float:
    if period is None:
        return 0.0
    moments = (session.started_at, session.last_active_at)
    return max(period.closeness(date.fromisoformat(moment[:10])) for moment in moments)


def _form(every: Expressions, form: str) -> Expressions:
    return every._replace(plain=_less(form, every.excluded), segmented=None)


def _any_of(terms: Iterable[str]) -> str | None:
    return " OR ".join(string for term in terms for string in (term, *form_expressions(term))) or None


def _less(wanted: str, excluded: str | None) -> str:
    return wanted if excluded is None else f"{wanted} NOT {excluded}"
