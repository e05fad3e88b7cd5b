"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass, field

from sessiondb.records.record import Record

FACETS = ("agent", "project", "model", "month", "role")
"""What hits are counted by."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SearchHit(Record):
    """The best match in a session: `snippet` marks the words with «», `more` counts the session's further
    matches.

    `source` is what matched: message, tool_call, note or session (its title). `message_id`, `seq` and `role`
    are None for notes and titles. A greater `score` is a better match. `parent_id` is the session that this one
    comes from; `others` counts the sub-agents and compactions of the same conversation that were folded away.
    `note_id` is that of the note, where one is what matched, and `note_status` its status.
    """

    session_id: str | None
    title: str | None
    agent: str | None
    project: str | None
    message_id: int | None
    seq: int | None
    role: str | None
    created_at: str | None
    snippet: str
    score: float
    more: int = 0
    source: str = "message"
    parent_id: str | None = None
    others: int = 0
    note_id: int | None = None
    note_status: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NewerHit(Record):
    """A later message with the rare words of a hit: where and when it is, and whether in the hit's own session."""

    session_id: str
    seq: int
    created_at: str
    is_same_session: bool


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SearchResult(Record):
    """What a search found.

    `total` counts the hits before `limit`. `relaxed`: too little held all words: some may be missing. `truncated`: of
    very many matches, as of a common word, only the newest were ranked, or the best kept. `pending`: rows that an
    unfinished import has not made searchable yet. `remarks`: what was looked for instead, and where, in sentences.
    `explanation`: in lines, how the text was understood, and what found how much. `facets`: where they were asked for,
    how many hits there are by one of FACETS and its value.
    """

    query: str
    hits: list[SearchHit]
    total: int
    relaxed: bool = False
    truncated: bool = False
    pending: int = 0
    remarks: tuple[str, ...] = ()
    explanation: tuple[str, ...] = field(default=(), compare=False, repr=False)
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
