"""Say of a hit whether its rare words came up again later: the newest word on a thing may be another one.

A word is rare that few messages hold. Only those words of the query count that the hit itself holds, and only where it
holds a rare one: of common words something newer can always be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessiondb.dao.search.newer import NewerQueries
from sessiondb.query import parse, tokens
from sessiondb.records import NewerHit, SearchHit

SHARE = 0.002
"""In how many of all messages a rare word is at most, and in FEW where there are not many."""
FEW = 20
MOST_WORDS = 3
"""How many rare words are asked for: the rarest."""


def newer_hits(queries: NewerQueries, text: str, hits: Sequence[SearchHit]) -> dict[int, list[NewerHit]]:
    """Return for hits, by the id of their message, where their rare words are later: in the session, in the project."""
    messages = [hit.message_id for hit in hits if hit.message_id is not None and hit.source == "message"]
    rare = _rare(queries, text) if messages else []
    held: dict[int, list[str]] = {}
    for word in rare:
        for message_id in queries.holding(word, messages):
            held.setdefault(message_id, []).append(word)
    found = {
        hit.message_id: list(_later(queries, hit, held[hit.message_id]))
        for hit in hits
        if hit.message_id in held
    }
    return {message_id: later for message_id, later in found.items() if later}


def _rare(queries: NewerQueries, text: str) -> list[str]:
    """Return the rarest words of a query that are said at all, the rarest first."""
    most = max(FEW, int(queries.messages() * SHARE))
    words = dict.fromkeys(word for term in parse(text).words for word in tokens(term.text))
    counts = {word: queries.count(word, most + 1) for word in words}
    rare = sorted((count, word) for word, count in counts.items() if 0 < count <= most)
    return [word for _, word in rare[:MOST_WORDS]]


def _later(queries: NewerQueries, hit: SearchHit, words: Sequence[str]) -> Iterator[NewerHit]:
    if hit.session_id is None or hit.seq is None:
        return
    if place := queries.in_session(words, hit.session_id, hit.seq):
        yield NewerHit(*place, is_same_session=True)
    if hit.created_at and (place := queries.in_project(words, hit.session_id, hit.created_at)):
        yield NewerHit(*place, is_same_session=False)
