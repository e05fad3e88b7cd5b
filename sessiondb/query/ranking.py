"""Rank sessions by the hits in them. Pure: hits, shares and counts in, scores out.

A message's score is FTS5's own BM25, summed over the words asked for. Where any word may do, two more are
added, for what is asked in one message is often answered in the next, and a session about a thing speaks of
all its words somewhere: the BM25 of each message with its two neighbours as one text, and that of the whole
session as one. Of the messages of a session the three best count, by falling weights, of the neighbourhoods
the best: those around it hold the same message.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, overload

from sessiondb.timestamps import day_of

T = TypeVar("T")

FALLING = (1.0, 0.5, 0.25)
"""What the best, second best and third best of a session weigh."""

OTHER_FORM_WEIGHT = 0.5
"""What another form of a word weighs: "sold" where "sell" was asked for."""

# Injected context (instructions, summaries) holds every word of a project, tool output every word there is: by
# its length it would win.
ROLE_WEIGHTS = {"user": 1.0, "assistant": 1.0, "system": 0.5, "tool": 0.5}
CANDIDATES = 100
"""Sessions whose neighbourhoods, whole, and times are looked at: the best by their messages alone."""

RECENCY_WEIGHT = 0.01
RECENCY_HALF_LIFE_DAYS = 30.0
NAMED_WEIGHT = 0.5
"""What a session gains that was active in the time a question names, or is of the agent or project it names."""

# The parameters of FTS5's bm25(), sqlite.org/fts5.html section 5.1.1.
K1, B = 1.2, 0.75
NEIGHBOURHOOD = 3


UNREAD = 0
"""The message of a tool call that was not asked for it: nearly each has one."""


class Hit(NamedTuple):
    """A row that matches: where it is, when it was written, and how well it matches (greater is better)."""

    source: str
    row_id: int
    session_id: str | None
    message_id: int | None
    seq: int | None
    role: str | None
    created_at: str | None
    score: float = 0.0


# Sorting by one and then by the other costs half of what a key of both does.
_GROUP_KEY, _SCORE = attrgetter("key"), attrgetter("score")


class Group(NamedTuple):
    """A session, or a note that belongs to none, with its score and its hits, the best first.

    `others` counts the sessions that were folded into its place.
    """

    key: str
    score: float
    hits: Sequence[Hit]
    others: int = 0

    @property
    def shown(self) -> Hit:
        """Return the hit to show: the best message, if there is one; a title does not say where to look."""
        return next((hit for hit in self.hits if hit.message_id is not None), self.hits[0])


class Matches(NamedTuple):
    """Rows that match, in columns: a common word is in thousands, and few of them are ever looked at as a Hit."""

    sources: list[str]
    row_ids: list[int]
    session_ids: list[str | None]
    message_ids: list[int | None]
    seqs: list[int | None]
    roles: list[str | None]
    moments: list[str | None]
    scores: list[float]

    @classmethod
    def of(cls, hits: Iterable[Hit]) -> Matches:
        """Return hits as columns."""
        columns = list(zip(*hits, strict=True)) or [()] * len(Hit._fields)
        return cls(*map(list, columns))

    def extend(self, others: Matches) -> None:
        """Add further rows."""
        columns: tuple[list[Any], ...] = self
        added: tuple[list[Any], ...] = others
        for column, further in zip(columns, added, strict=True):
            column.extend(further)

    def hit(self, number: int) -> Hit:
        """Return one of the rows, counted from 0."""
        return Hit._make([column[number] for column in self])


class _Made(Sequence[T]):
    """A sequence whose members are made where they are asked for."""

    @abstractmethod
    def _make(self, number: int) -> T:
        """Return a member, counted from 0."""

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> list[T]: ...

    def __getitem__(self, at: int | slice) -> T | list[T]:
        numbers = range(len(self))[at]
        return self._make(numbers) if isinstance(numbers, int) else list(map(self._make, numbers))

    def __iter__(self) -> Iterator[T]:
        return map(self._make, range(len(self)))


class HitsOfGroup(_Made[Hit]):
    """Some of the rows that match, each made a Hit."""

    def __init__(self, matches: Matches, numbers: list[int]) -> None:
        self._matches = matches
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _make(self, number: int) -> Hit:
        return self._matches.hit(self._numbers[number])


class Groups(_Made[Group]):
    """The sessions of some rows, in order, each made a Group."""

    def __init__(
        self, matches: Matches, keys: list[str], scores: dict[str, float], found: dict[str, list[int]]
    ) -> None:
        self._matches = matches
        self._keys = keys
        self._scores = scores
        self._found = found

    def __len__(self) -> int:
        return len(self._keys)

    def _make(self, number: int) -> Group:
        key = self._keys[number]
        return Group(key, self._scores[key], HitsOfGroup(self._matches, self._found[key]))


class Led(_Made[Group]):
    """Groups of which the first ones are others now, in another order."""

    def __init__(self, first: list[Group], groups: Sequence[Group]) -> None:
        self._first = first
        self._groups = groups

    def __len__(self) -> int:
        return len(self._groups)

    def _make(self, number: int) -> Group:
        return self._first[number] if number < len(self._first) else self._groups[number]


class Word(NamedTuple):
    """A word: in which share of all messages it is, and what it weighs in those that were read, by row."""

    share: float
    weights: Mapping[int, float]


class Activity(NamedTuple):
    """A session's messages in number, and the moments it began and was last active at."""

    messages: int
    started_at: str
    last_active_at: str


def by_relevance(hits: Iterable[Hit] | Matches) -> Groups:
    """Group hits by session, the best session first."""
    matches = hits if isinstance(hits, Matches) else Matches.of(hits)
    row_ids, scores = matches.row_ids, matches.scores
    keys = [
        session_id or f"note {row_id}"
        for session_id, row_id in zip(matches.session_ids, row_ids, strict=True)
    ]
    best_first = sorted(
        sorted(range(len(keys)), key=row_ids.__getitem__), key=scores.__getitem__, reverse=True
    )
    found: dict[str, list[int]] = defaultdict(list)
    for number in best_first:
        found[keys[number]].append(number)
    totals: dict[str, float] = {}
    for key, numbers in found.items():
        total = 0.0
        for weight, number in zip(FALLING, numbers, strict=False):
            total += weight * scores[number]
        totals[key] = total
    return Groups(matches, sorted(sorted(totals), key=totals.__getitem__, reverse=True), totals, found)


def by_time(hits: Iterable[Hit], *, oldest_first: bool = False) -> list[Group]:
    """Group hits by session, all in the order of time; what has no time counts as old."""
    ordered = sorted(hits, key=lambda hit: (hit.created_at or "", hit.row_id), reverse=not oldest_first)
    return [Group(key, 0.0, found) for key, found in _by_session(ordered).items()]


def one_by_one(groups: Iterable[Group], *, by_score: bool) -> list[Group]:
    """Return each hit as a group of its own, by score, or else in the order of the groups."""
    hits = [hit for group in groups for hit in group.hits]
    if by_score:
        hits.sort(key=lambda hit: (*_best_first(hit), hit.source))
    return [Group(_key(hit), hit.score, [hit]) for hit in hits]


def folded(groups: Iterable[Group], conversations: Mapping[str, str]) -> list[Group]:
    """Return the first group of each conversation (named by any key of its sessions), the rest counted in it."""
    kept: dict[str, Group] = {}
    for group in groups:
        key = conversations.get(group.key, group.key)
        first = kept.get(key)
        kept[key] = group if first is None else first._replace(others=first.others + 1)
    return list(kept.values())


def with_surroundings(
    groups: Sequence[Group], words: Sequence[Word], sessions: Mapping[str, Activity], average_messages: float
) -> Sequence[Group]:
    """Add to the first CANDIDATES groups the scores of their best neighbourhoods and of the sessions as a whole.

    `average_messages`: messages of a session, on average over all sessions.
    """
    near = [_rarity(word.share, NEIGHBOURHOOD) for word in words]
    whole = [_rarity(word.share, average_messages) for word in words]
    scored = []
    for group in groups[:CANDIDATES]:
        session = sessions.get(group.key)
        if session is None:
            scored.append(group)
            continue
        held = [
            (hit.seq, number, word.weights[hit.row_id] * ROLE_WEIGHTS.get(hit.role or "", 1.0))
            for hit in group.hits
            if hit.source == "message" and hit.seq is not None
            for number, word in enumerate(words)
            if hit.row_id in word.weights
        ]
        length = session.messages / average_messages
        score = group.score + _best_neighbourhood(held, near) + _session_as_one(held, whole, length)
        scored.append(group._replace(score=score))
    return Led(_best_groups_first(scored), groups)


def with_times(groups: Sequence[Group], factor: Callable[[str], float]) -> Sequence[Group]:
    """Multiply the scores of the first CANDIDATES groups by what their sessions' times are worth."""
    weighed = [group._replace(score=group.score * factor(group.key)) for group in groups[:CANDIDATES]]
    return Led(_best_groups_first(weighed), groups)


def with_first(groups: Sequence[Group], sure: AbstractSet[tuple[str, int]]) -> list[Group]:
    """Put groups with a hit among the sure ones (source and row id) before all others, by a higher score."""
    is_sure = [any((hit.source, hit.row_id) in sure for hit in group.hits) for group in groups]
    lift = max((group.score for group, first in zip(groups, is_sure, strict=True) if not first), default=0.0)
    lifted = [
        group._replace(score=group.score + lift) if first else group
        for group, first in zip(groups, is_sure, strict=True)
    ]
    return _best_groups_first(lifted)


def recency(moment: str, newest: str) -> float:
    """Return a factor, from 1 for long ago to 1.01 for what was active last: it decides between equals."""
    days = max(_day(newest) - _day(moment), 0)
    return 1 + RECENCY_WEIGHT * math.pow(0.5, days / RECENCY_HALF_LIFE_DAYS)


# Both texts are scored by BM25 as FTS5 would score them, had they been indexed: a neighbourhood is taken for a
# text of average length (1.0), a session by its messages over the average of all sessions.
def _best_neighbourhood(held: Iterable[tuple[int, int, float]], rarity: Sequence[float]) -> float:
    texts: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for seq, word, weight in held:
        for centre in (seq - 1, seq, seq + 1):
            texts[centre][word] += weight
    scores = (
        sum(rarity[word] * _saturated(count, 1.0) for word, count in text.items()) for text in texts.values()
    )
    return max(scores, default=0.0)


def _session_as_one(held: Iterable[tuple[int, int, float]], rarity: Sequence[float], length: float) -> float:
    counts: dict[int, float] = defaultdict(float)
    for _, word, weight in held:
        counts[word] += weight
    return sum(rarity[word] * _saturated(count, length) for word, count in counts.items())


def _saturated(count: float, length: float) -> float:
    return count * (K1 + 1) / (count + K1 * (1 - B + B * length))


# FTS5's own idf is of messages. A text of n messages holds a word by chance in 1 - (1 - share)^n of cases: in a
# session nearly every common word stands somewhere, and says nothing there.
def _rarity(share: float, messages: float) -> float:
    """Return how much a word says: less the log of its share of texts of so many messages, by chance."""
    return -math.log(max(1 - (1 - min(share, 1.0)) ** messages, 1e-9))


def _by_session(hits: Iterable[Hit]) -> dict[str, list[Hit]]:
    members: dict[str, list[Hit]] = {}
    for hit in hits:
        key = hit.session_id or _key(hit)
        if key in members:
            members[key].append(hit)
        else:
            members[key] = [hit]
    return members


def _key(hit: Hit) -> str:
    """Return what a hit is grouped by: the session, or the note itself where it belongs to none."""
    return hit.session_id or f"note {hit.row_id}"


def _best_first(hit: Hit) -> tuple[float, int]:
    return (-hit.score, hit.row_id)


def _best_groups_first(groups: Iterable[Group]) -> list[Group]:
    return sorted(sorted(groups, key=_GROUP_KEY), key=_SCORE, reverse=True)


def _day(moment: str) -> int:
    return day_of(moment).toordinal()
