"""The steps of a search, from what was typed to what may have been meant.

    words ────► 1  all words, in talk                    5 sessions or more: done
                2  all words, in tool calls
                3  a lone word inside longer ones            only where 1 and 2 find nothing
    sentence ─► 4  any of the words, in talk
                5  any of the words, in tool calls           only where all before find fewer than 5

The sessions of a step are listed after those of the step before, but that 2 comes after 4 where more than 20
sessions hold the words, which then tell nothing apart. Steps 2 and 5 are taken only where nobody said where to
look. Phrases, prefixes and operators are meant as they are written: of these, one session ends the search, of talk
or tool calls, and so it does where the order is that of time.

In steps 4 and 5 (relaxed.py) a word counts in all its forms: as typed 1, inflected otherwise or a synonym 0.5,
and where nothing holds it, what it may be a slip of. The rows of a word are ranked among the newest 2,000, the rows
with all words among the newest 1,000.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

from sessiondb.dao.search.corpora import MESSAGES, NOTES, TITLES, TOOLS, Corpus
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.query import (
    Period,
    Query,
    exclusion_expression,
    is_plain,
    is_question,
    is_searchable,
    match_expression,
    period_of,
    ranking,
    segment_exclusion_expression,
    segment_expression,
    symbolic_words,
    tokens,
)
from sessiondb.query.ranking import Activity, Group, Hit, Matches
from sessiondb.query.text import STOP_WORDS
from sessiondb.search.rows import Expressions, RowReader
from sessiondb.timestamps import day_of

# The numbers of the ladder have two reasons. An answer must come at once however common a word is, so that rows are
# read by the thousand and never all (the first six); and what is found by chance must not stand above what was meant
# (the others).
NEWEST = 1000
"""Rows with all words that are ranked, the newest, unless all are asked for. A row costs some 6 microseconds."""

MOST_OF_A_WORD = 2000
"""Rows of each word, where any may do, and rows that filters alone let through, the newest."""

LISTED = 500
"""Rows that are read in the order of time, unless all are asked for."""

BEST = 1000
"""Rows that are ranked among those that hold any word, unless all are asked for."""

MAX_READ = 40_000
"""Rows, the newest, whose texts are read for symbols that no index knows."""

MAX_READ_INSIDE = 300
"""Rows of talk, the newest, whose texts are read for a word that may be a part of others: some 4 ms."""

LONG_NAME = 6
"""Letters of a word that is looked for inside others."""

FEW_SESSIONS = 5
"""Sessions that hold all words, fewer than which are looked for further."""

MANY_WORDS = 4
"""Words of which all stand in one session by chance no more: how well they stand there decides nothing."""

TELLING = 20
"""Sessions, so many of which hold all words in tool calls that it tells them apart from others."""


LOOKED_AT_TOOLS = "few messages match: tool calls are listed too"


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
    groups: Sequence[Group]
    expression: str | None = None
    is_relaxed: bool = False
    is_truncated: bool = False
    remarks: tuple[str, ...] = ()


class Ladder:
    """Searches some corpora within some filters, and some further ones where these say little."""

    def __init__(
        self,
        queries: SearchQueries,
        corpora: Sequence[Corpus],
        reader: RowReader,
        sort: Sort,
        further: Sequence[Corpus] = (),
    ) -> None:
        self._queries = queries
        self._corpora = corpora
        self._further = further
        self._reader = reader
        self._sort = sort

    def climb(self, query: Query, today: date) -> Found:
        """Search for all words; where that is not what is meant or finds too little, for any of them."""
        expressions = self._expressions(query)
        if expressions.plain is None and expressions.segmented is None:
            return self._without_words(query, expressions)
        period = period_of(query.text, today)
        # A sentence holds words that no answer has ("where", "do"): asking for all of them finds nothing, or
        # chance.
        if is_question(query):
            found = self._any_word(query, expressions, period, self._corpora)
        else:
            found = self._keywords(query, expressions, period)
            if found.groups and not (found.is_relaxed or is_plain(query)):
                return found
        if len(found.groups) < FEW_SESSIONS and self._further and self._sort.by == "relevance":
            tools = self._any_word(query, expressions, period, self._further)
            found = _followed(found, tools._replace(remarks=(*tools.remarks, LOOKED_AT_TOOLS)))
        return self._by_time(found) if found.is_relaxed else found

    def _keywords(self, query: Query, expressions: Expressions, period: Period | None) -> Found:
        strict = self._all_words(query, expressions)
        if len(strict.groups) >= FEW_SESSIONS or (strict.groups and self._is_enough(query)):
            return strict
        # Not ranked among talk, but behind or before it as a whole: a word's score is by how rare it is in its own
        # index, and in tool calls every word is common.
        tools = self._matches(expressions, "all words in tool calls", self._further)
        tools = tools._replace(remarks=(LOOKED_AT_TOOLS,))
        if not is_plain(query) and (strict.groups or tools.groups):
            return _followed(strict, tools)
        relaxed = self._any_word(query, expressions, period, self._corpora)
        # Two words stand in one session by chance, four hardly ever.
        # What has all of many words is what was meant, and comes first; the order among those is left to the
        # ranking of any word, which knows their neighbours.
        if len(query.words) >= MANY_WORDS:
            sure = {(hit.source, hit.row_id) for group in strict.groups for hit in group.hits}
            is_more = len(relaxed.groups) > len(strict.groups)
            groups = ranking.with_first(relaxed.groups, sure)
            strict = relaxed._replace(groups=groups, is_relaxed=is_more)
        # A file listing or a log that a tool printed holds nearly any word. A few sessions with all the words in their
        # tool calls are a find, a hundred of them are noise.
        # So many that holding the words says little: behind what talk makes of any of them.
        if len(tools.groups) > TELLING:
            return _followed(strict, relaxed, tools)
        inside = [] if strict.groups or tools.groups else self._inside(query, expressions)
        return _followed(strict, tools, *inside, relaxed)

    def _inside(self, query: Query, expressions: Expressions) -> list[Found]:
        """Find a lone long word within longer ones, `SimpleTodos` in `useSimpleTodos`, by reading the newest rows."""
        word = query.words[0].text
        if len(query.words) > 1 or not (is_plain(query) and word.isascii() and word.isalnum()):
            return []
        if len(word) < LONG_NAME or TOOLS in self._corpora or self._reader.holds(MESSAGES, word):
            return []
        found = self._holding([word], expressions, MAX_READ_INSIDE)
        newest = f" of the newest {MAX_READ_INSIDE} messages" if found.is_truncated else ""
        remark = f'{self._nobody(word)} holds "{word}" as a word: found inside longer ones{newest}'
        # What was left unread is no match of a common word.
        return [
            found._replace(step="a part of words", is_relaxed=True, is_truncated=False, remarks=(remark,))
        ]

    def _is_enough(self, query: Query) -> bool:
        """Say whether one session ends the search, because others could not be meant or would be in the way."""
        if not is_plain(query):
            return not self._further or self._sort.by != "relevance"
        says_something = any(
            token.lower() not in STOP_WORDS for term in query.words for token in tokens(term.text)
        )
        return not says_something or self._sort.by != "relevance"

    def match(self, expression: str) -> Found:
        """Search for an FTS5 expression as it is. Raises DatabaseError where it is none."""
        return self._matches(Expressions(expression), "FTS5 syntax", self._corpora)

    def _expressions(self, query: Query) -> Expressions:
        has_segments = self._queries.has_segments()
        return Expressions(
            match_expression(query),
            segment_expression(query, glued=True) if has_segments else None,
            exclusion_expression(query),
            segment_exclusion_expression(query) if has_segments else None,
        )

    def _all_words(self, query: Query, expressions: Expressions) -> Found:
        found = self._matches(expressions, "all words", self._corpora)
        symbolic = symbolic_words(query)
        if not symbolic or self._sort.by != "relevance":
            return found
        # The indexes know no symbols: what has them to the letter comes before what has the letters only.
        literal: set[tuple[str, int]] = set()
        for corpus in self._corpora:
            rows = [hit.row_id for group in found.groups for hit in group.hits if hit.source == corpus.source]
            literal |= {(corpus.source, row_id) for row_id in self._queries.holding(corpus, rows, symbolic)}
        return found._replace(groups=ranking.with_first(found.groups, literal))

    def _matches(self, expressions: Expressions, step: str, corpora: Sequence[Corpus]) -> Found:
        order = self._sort.order()
        matches, hits = Matches.of(()), list[Hit]()
        truncated = []
        for corpus in corpora:
            if order.is_scored:
                found, was_truncated = self._reader.matches(expressions, corpus, order)
                matches.extend(found)
            else:
                listed, was_truncated = self._reader.hits(expressions, corpus, order)
                hits += listed
            truncated.append(was_truncated)
        groups: Sequence[Group]
        if order.is_scored:
            groups = ranking.by_relevance(matches)
            groups = self._with_times(groups, self._activity(groups), None)
        else:
            groups = ranking.by_time(hits, oldest_first=order.oldest_first)
        return Found(step, groups, expressions.plain, False, any(truncated))

    def _any_word(
        self, query: Query, every: Expressions, period: Period | None, corpora: Sequence[Corpus]
    ) -> Found:
        # Loaded where a search comes to it, for every search starts a process.
        from sessiondb.query.names import names_in
        from sessiondb.search.relaxed import AnyWord

        most, best = (None, None) if self._sort.is_exact else (MOST_OF_A_WORD, BEST)
        named = [each for each in names_in(query) if self._queries.is_name(each.name, each.kind)]
        unwanted = frozenset(f'"{word}"' for each in named for word in each.words)
        scored = AnyWord(self._queries, self._reader, most, best).score(query, every, corpora, unwanted)
        groups: Sequence[Group] = ranking.by_relevance(scored.hits)
        activity = self._activity(groups)
        # A long session holds any word sooner or later; one that is as long as the average is neither helped nor held
        # back.
        average = self._queries.rows_in(MESSAGES) / max(self._queries.sessions(), 1)
        groups = ranking.with_surroundings(groups, scored.words, activity, max(average, 1.0))
        preferred = self._queries.named(activity, [(each.name, each.kind) for each in named]) if named else ()
        groups = self._with_times(groups, activity, period, preferred)
        remarks = tuple(
            f'{self._nobody(typed)} holds "{typed}": looked for {slip}'
            for typed, slip in scored.respelled.items()
        )
        return Found("any word", groups, scored.expression, bool(groups), scored.is_truncated, remarks)

    def _without_words(self, query: Query, expressions: Expressions) -> Found:
        """Find what filters let through, less what is excluded. Symbols are read for: no index knows them."""
        if query.is_empty or any(is_searchable(term) for term in query.words):
            return Found("nothing, for nothing was asked", [])
        symbols = [term.text for term in query.words]
        return self._holding(symbols, expressions, MAX_READ if symbols else MOST_OF_A_WORD)

    def _holding(self, texts: Sequence[str], expressions: Expressions, most: int) -> Found:
        """Find the newest rows that filters let through, and of these what holds all of some texts."""
        oldest_first = self._sort.by == "oldest"
        most_read = None if self._sort.is_exact else most
        hits: list[Hit] = []
        is_truncated = False
        for corpus in self._corpora:
            rows = self._reader.without_words(
                expressions, corpus, Order(most_read, oldest_first, is_scored=False)
            )
            is_truncated = is_truncated or rows.is_truncated
            kept = self._queries.holding(corpus, rows.scores, texts) if texts else rows.scores
            hits += self._queries.hits(corpus, dict.fromkeys(kept, 0.0))
        groups = ranking.by_time(hits, oldest_first=oldest_first)
        step = "reading for the words" if texts else "filters alone"
        return Found(f"{step}, in the order of time", groups, None, False, is_truncated)

    def _nobody(self, word: str) -> str:
        """Return what holds no such word, given that no message does."""
        is_held = any(self._reader.holds(corpus, word) for corpus in (TOOLS, TITLES, NOTES))
        return "no message" if is_held else "nothing"

    def _by_time(self, found: Found) -> Found:
        """Order what holds any word by time, where that is wanted: what ranks half as well as the best."""
        if self._sort.by == "relevance" or not found.groups:
            return found
        # In the order of time a relaxed search would list the newest chance hit first: only what ranks half as
        # well as the best takes part.
        least = found.groups[0].score / 2
        groups = [group for group in found.groups if group.score >= least]
        hits = [hit for group in groups for hit in group.hits]
        return found._replace(groups=ranking.by_time(hits, oldest_first=self._sort.by == "oldest"))

    def _activity(self, groups: Sequence[Group]) -> dict[str, Activity]:
        keys = [group.key for group in groups[: ranking.CANDIDATES]]
        return self._queries.activity(keys)

    def _with_times(
        self,
        groups: Sequence[Group],
        activity: dict[str, Activity],
        period: Period | None,
        preferred: Collection[str] = (),
    ) -> Sequence[Group]:
        newest = self._queries.newest_activity()

        def factor(key: str) -> float:
            session = activity.get(key)
            if session is None:
                return 1.0
            recent = ranking.recency(session.last_active_at, newest)
            wanted = _closeness(period, session) + (key in preferred)
            return recent * (1 + ranking.NAMED_WEIGHT * wanted)

        return ranking.with_times(groups, factor)


def _closeness(period: Period | None, session: Activity) -> float:
    if period is None:
        return 0.0
    moments = (session.started_at, session.last_active_at)
    return max(period.closeness(day_of(moment)) for moment in moments)


def _followed(first: Found, *others: Found) -> Found:
    """Return what was found first, then what else was, each session once, in falling scores."""
    groups = list(first.groups)
    known = {group.key for group in groups}
    is_relaxed, remarks = first.is_relaxed, dict.fromkeys(first.remarks)
    for found in others:
        further = [group for group in found.groups if group.key not in known]
        # What was found first stays first by its numbers too: it is lifted by the best score of what follows.
        lift = max((group.score for group in further), default=0.0)
        groups = [group._replace(score=group.score + lift) for group in groups] + further
        known |= {group.key for group in further}
        if further:
            is_relaxed = is_relaxed or found.is_relaxed
            remarks |= dict.fromkeys(found.remarks)
    every = (first, *others)
    return Found(
        " then ".join(dict.fromkeys(found.step for found in every if found.groups)) or first.step,
        groups,
        next((found.expression for found in reversed(every) if found.is_relaxed), first.expression),
        is_relaxed,
        any(found.is_truncated for found in every),
        tuple(remarks),
    )
