"""The relaxed step of a search: any of the words will do, in whatever form, ranked by how much they say."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sessiondb.dao.search.corpora import MESSAGES, Corpus
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.query import (
    Query,
    form_expressions,
    glued,
    is_plain,
    one_edit,
    ranking,
    relaxed_expressions,
    relaxed_segment_expressions,
    segment_exclusion_expression,
    tokens,
)
from sessiondb.query.ranking import Hit, Word
from sessiondb.query.text import STOP_WORDS
from sessiondb.search.rows import Expressions, RowReader
from sessiondb.search.vocabulary import synonyms

MAX_RESPELLED = 2
"""Words that nothing holds of which slips are tried. Each takes some 5 ms."""

LONG_WORD = 5
"""Letters of a word that is told from its neighbours."""

MAX_GLUED = 12
"""Neighbours of a text that are looked for as one word."""


class Form(NamedTuple):
    """What a word may be written as, and what that weighs."""

    expressions: Expressions
    weight: float = 1.0


class Concept(NamedTuple):
    """One thing that is asked for: the word as typed, and its forms, the word itself first."""

    typed: str
    forms: tuple[Form, ...]
    is_typed: bool = True
    is_lone: bool = False


class Scored(NamedTuple):
    """Hits of any of the words, what each word weighs in them, and the slips that were put right."""

    hits: list[Hit]
    words: list[Word]
    expression: str | None
    is_truncated: bool
    respelled: dict[str, str]


class AnyWord:
    """Looks for any word of a query in some corpora."""

    def __init__(self, queries: SearchQueries, reader: RowReader, most: int | None, best: int | None) -> None:
        self._queries = queries
        self._reader = reader
        self._order = Order(most)
        self._best = best

    def score(
        self, query: Query, every: Expressions, corpora: Sequence[Corpus], unwanted: frozenset[str]
    ) -> Scored:
        """Return the best rows of each corpus by the words they hold, the query's own or others for them."""
        # The words of the query become concepts (a word, its inflections, its synonyms, a slip put right), each concept
        # scores rows by itself, and a row's score is the sum over the concepts that it holds: two rare words beat five
        # common ones.
        typed = [token for term in query.words for token in tokens(term.text)] if is_plain(query) else []
        names = [f'"{name}"' for name in list(glued(typed, stop_words=STOP_WORDS))[:MAX_GLUED]]
        names = [name for corpus in corpora[:1] for name in self._queries.known(corpus, names)]
        concepts = list(_concepts(query, every, typed, names, unwanted))
        respelled: dict[str, str] = {}
        words: list[Word] = []
        hits: list[Hit] = []
        is_truncated = False
        # Talk comes first in the corpora, so a slip that talk puts right is put right for tool calls too.
        for corpus in corpora:
            total: dict[int, float] = {}
            size = self._queries.rows_in(corpus)
            for number, concept in enumerate(concepts):
                scores, word, was_truncated = self._scores(concept, corpus, size)
                if not scores and corpus is MESSAGES and len(respelled) < MAX_RESPELLED:
                    slip = self._respelled(concept, every, corpus)
                    if slip:
                        respelled[concept.typed], concepts[number] = slip
                        scores, word, was_truncated = self._scores(concepts[number], corpus, size)
                is_truncated = is_truncated or was_truncated
                for row_id, score in scores.items():
                    total[row_id] = total.get(row_id, 0.0) + score
                if corpus is MESSAGES:
                    words.append(word)
            kept = self._kept(total)
            is_truncated = is_truncated or len(kept) < len(total)
            hits += self._queries.hits(corpus, kept)
        return Scored(hits, words, _any_of(concepts), is_truncated, respelled)

    def _scores(self, concept: Concept, corpus: Corpus, size: int) -> tuple[dict[int, float], Word, bool]:
        """Return what a word adds to the score of each row, and in which share of all rows it is."""
        # The word as typed counts in full, its other forms by half: FTS5 would add the two up, and a row that says
        # "test" and "tests" would seem to speak of two things. So the best form counts, not the sum.
        own = self._reader.rows(concept.forms[0].expressions, corpus, self._order)
        scores, weights = own.scores, dict.fromkeys(own.scores, 1.0)
        for form, weight in concept.forms[1:]:
            for row_id, score in self._reader.rows(form, corpus, self._order).scores.items():
                scores[row_id] = max(score * weight, scores.get(row_id, 0.0))
                weights.setdefault(row_id, weight)
        # Only the newest rows of a common word are read: its share is what it is among these.
        span = size - min(own.scores) + 1 if own.is_truncated else size
        share = (len(weights) + 0.5) / (max(span, len(weights)) + 1)
        return scores, Word(share, weights), own.is_truncated

    def _respelled(self, concept: Concept, every: Expressions, corpus: Corpus) -> tuple[str, Concept] | None:
        """Return what a word that nothing holds is a slip of, and that as a word of its own.

        In company a word is one only where it is long and one other word is near: short words have
        neighbours by chance. A lone word may be the beginning of one, or stand for any of its neighbours.
        """
        word, is_lone = concept.typed, concept.is_lone
        if not (concept.is_typed and word.isalpha() and (len(word) >= LONG_WORD or is_lone)):
            return None
        # What filters leave out is there all the same.
        if self._reader.holds(corpus, word):
            return None
        slips = [f'"{slip}"' for slip in one_edit(word, self._intact(word, corpus))]
        known = self._queries.known(corpus, [f'"{word}"*']) if slips and is_lone else []
        known = known or self._queries.known(corpus, slips)
        if not known or (len(known) > 1 and not is_lone):
            return None
        plain = _less(_joined(known), every.excluded)
        shown = " or ".join(known).replace('"*', '..."')
        return shown, Concept(word, (Form(concept.forms[0].expressions._replace(plain=plain)),))

    def _intact(self, word: str, corpus: Corpus) -> int:
        """Return how many letters of a word begin a word that is there: no slip of one is further on."""
        # The stemmer takes these letters off the end of a beginning, or changes them.
        sizes = [size for size in range(2, len(word)) if word[size - 1] not in "eys"]
        # A beginning of what is there is there; the shortest ones take longest to be found.
        first_unknown = bisect_left(sizes, True, key=lambda size: not self._is_begun(word[:size], corpus))
        return sizes[first_unknown] - 1 if first_unknown < len(sizes) else len(word)

    def _is_begun(self, beginning: str, corpus: Corpus) -> bool:
        return bool(self._queries.known(corpus, [f'"{beginning}"*']))

    def _kept(self, total: dict[int, float]) -> dict[int, float]:
        if self._best is None or len(total) <= self._best:
            return total
        best = sorted(total, key=total.__getitem__, reverse=True)[: self._best]
        return {row_id: total[row_id] for row_id in best}


def _concepts(
    query: Query, every: Expressions, typed: Sequence[str], names: Sequence[str], unwanted: frozenset[str]
) -> Iterator[Concept]:
    """Yield what is asked for: each word, phrases that have synonyms, and neighbours as one word."""
    plain = relaxed_expressions(query).terms
    segmented = relaxed_segment_expressions(query, glued=True).terms if every.segmented else ()
    others = {_quoted(phrase): tuple(map(_quoted, same)) for phrase, same in synonyms(typed)}
    phrases = [string for string in others if " " in string]
    strings = dict.fromkeys((*plain, *segmented, *phrases, *names))
    kept = [string for string in strings if string.lower() not in unwanted] or list(strings)
    excluded_segments = segment_exclusion_expression(query, glued=True)
    for string in kept:
        is_segmented = string in segmented
        own = every._replace(
            plain=_less(string, every.excluded) if string in plain or not is_segmented else None,
            segmented=_less(string, excluded_segments) if is_segmented else None,
        )
        forms = [form_expressions(string), others.get(string.lower(), ())]
        further = [
            Form(
                every._replace(plain=_less(_joined(same), every.excluded), segmented=None),
                ranking.OTHER_FORM_WEIGHT,
            )
            for same in forms
            if same
        ]
        yield Concept(string.strip('"'), (Form(own), *further), string in plain, len(typed) == 1)


def _any_of(concepts: Iterable[Concept]) -> str | None:
    """Return an expression of all strings in all forms, to mark them."""
    strings = (
        form.expressions.plain or form.expressions.segmented for concept in concepts for form in concept.forms
    )
    return " OR ".join(dict.fromkeys(filter(None, strings))) or None


def _quoted(phrase: Sequence[str]) -> str:
    return f'"{" ".join(phrase)}"'


def _joined(strings: Sequence[str]) -> str:
    return f"({' OR '.join(strings)})" if len(strings) > 1 else strings[0]


def _less(wanted: str, excluded: str | None) -> str:
    return wanted if excluded is None else f"{wanted} NOT {excluded}"
