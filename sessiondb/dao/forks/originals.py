"""Which of two sessions with the same messages had them first.

A fork's log begins with copies of the lines that it goes on from. The original is the session

- that is not a sub-agent's, where the other one is;
- that the other one names as its parent;
- whose ids are as old as their messages, where ids tell when they were made;
- whose log does not mark the common lines as copies, where the other's does;
- that has lines of its own before the last common one: a fork copies first, and goes on then;
- that ends with the common lines, or else went on from there at an earlier time;
- at last, that of the two which descends from no other, or has the smaller id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sessiondb.dao.forks.chain import AWAITED, FORKED_AT, FORKED_FROM, Line, ancestors
from sessiondb.importers.fresh_ids import age
from sessiondb.storage.connection import Connection, Row

_SESSION = f"SELECT id, parent_id, relation, {AWAITED}, {FORKED_AT}, {FORKED_FROM} FROM sessions WHERE id = ?"
_ROWS = "SELECT id, seq, created_at FROM messages WHERE session_id = ? AND role <> 'tool' ORDER BY seq"


class Descent(NamedTuple):
    """What is known of where a session comes from.

    `awaited` is a parent that is not there yet. `forked_at` is the last message that it copied; where its log says so,
    it names the session `forked_from` too.
    """

    id: str
    parent_id: str | None
    relation: str | None
    awaited: str | None
    forked_at: str | None
    forked_from: str | None

    @property
    def named_parent(self) -> str | None:
        """Return the parent, whether it is there or not."""
        return self.forked_from or self.parent_id or self.awaited

    @property
    def may_be_linked(self) -> bool:
        """Say whether its parent is not known, or only from the messages that it has copied."""
        if self.forked_from is not None or self.awaited is not None:
            return False
        return self.parent_id is None or self.forked_at is not None


def descent(db: Connection, session_id: str) -> Descent:
    """Return what is known of where a session comes from, which must be there."""
    row = db.row(_SESSION, (session_id,))
    assert row is not None
    return Descent(*row)


class Pair:
    """Two sessions with common lines, of which one has copied the other's, by what is stored of them.

    `lines` are all that the first one has and others hold, in order; `last` is the last that the second one holds.
    `own_ids` are those that the first one's log gives lines which it has under other ids.
    """

    def __init__(
        self,
        db: Connection,
        session: Descent,
        other: Descent,
        lines: Sequence[Line],
        last: Line,
        own_ids: Mapping[str, str],
    ) -> None:
        self._db = db
        self._session, self._other = session, other
        self._lines, self._last = lines, last
        self._own_id = own_ids.get(last.external_id or "")

    def is_firsts(self) -> bool:
        """Say whether the first of the two had their common lines first."""
        # What a log says outright comes first, then what copying cannot forge (the age of ids, marks), then what the
        # order of lines and their times imply, and at last what is merely the same whichever file comes first. Each
        # rule sees the two sessions alike, so that it says the opposite of the two the other way round.
        for rule in (
            self._is_no_subagent,
            self._is_named_as_parent,
            self._has_older_ids,
            self._is_not_marked,
            self._has_lines_before,
            self._went_on_earlier,
            self._descends_from_none,
        ):
            verdict = rule()
            if verdict is not None:
                return verdict
        # No rule tells: any choice will do that is the same whichever file is read first.
        return self._session.id < self._other.id

    # The rules, in their order: True where the first session is the original, None where a rule does not tell.

    def _is_no_subagent(self) -> bool | None:
        # A sub-agent may be given its parent's conversation; a parent never begins with its sub-agent's.
        return _unlike(self._session.relation == "subagent", self._other.relation == "subagent")

    def _is_named_as_parent(self) -> bool | None:
        # What a log says itself is believed before anything that the messages seem to tell.
        session, other = self._session, self._other
        return _unlike(session.named_parent == other.id, other.named_parent == session.id)

    def _has_older_ids(self) -> bool | None:
        if self._own_id is None or self._last.external_id is None:
            return None
        # OpenCode's ids tell when they were made. A copy keeps the time of its message, but has an id of its own:
        # the sooner after that time the id was made, the nearer to the original.
        ours, theirs = (age(id, self._last.created_at) for id in (self._own_id, self._last.external_id))
        return None if ours is None or theirs is None or ours == theirs else ours < theirs

    def _is_not_marked(self) -> bool | None:
        # Logs that say `forked_from` say it of each copied line: where one of the two does, it is the copy. Where both
        # do, both have it from a third session, and this tells nothing.
        return _unlike(self._marks(self._session), self._marks(self._other))

    def _has_lines_before(self) -> bool | None:
        # A fork copies first, and goes on then: lines of its own before the last common one make an original.
        ours = any(seq <= self._last.after for _, seq, _ in self._rows(self._session))
        theirs = any(seq < self._last.seq for _, seq, _ in self._other_rows())
        return None if ours == theirs else ours

    def _went_on_earlier(self) -> bool | None:
        after = [(seq, 1, at) for _, seq, at in self._rows(self._session) if seq > self._last.after]
        # What comes next may be a copy from a third session.
        later = self._lines[self._lines.index(self._last) + 1 :]
        after += [(line.after, 2, line.created_at) for line in later if line.external_id is not None][:1]
        # Who ends with the common lines did not go on at all, which is earliest.
        ours = min(after)[2] or "" if after else ""
        theirs = next((at or "" for _, seq, at in self._other_rows() if seq > self._last.seq), "")
        return None if ours == theirs else ours < theirs

    def _descends_from_none(self) -> bool | None:
        # Siblings descend from a third session alike; of a fork and its fork the one further up is meant.
        return _unlike(self._descends(self._session, self._other), self._descends(self._other, self._session))

    # What the rules ask

    def _rows(self, session: Descent) -> list[Row]:
        return self._db.rows(_ROWS, (session.id,))

    def _other_rows(self) -> list[Row]:
        common = {line.id for line in self._lines}
        return [row for row in self._rows(self._other) if row[0] not in common]

    def _marks(self, session: Descent) -> bool:
        """Say whether a session's log marks the last common line as a copy: all up to the one that it forked at."""
        if session.forked_from is None or session.forked_at is None:
            return False
        later = "SELECT 1 FROM messages WHERE external_id = ? AND created_at >= ?"
        is_later = self._db.row(later, (session.forked_at, self._last.created_at)) is not None
        return is_later or session.forked_at == self._last.external_id

    def _descends(self, session: Descent, other: Descent) -> bool:
        """Say whether a session comes from another one, or from the parent of that one."""
        is_below = not {other.id, other.parent_id}.isdisjoint(ancestors(self._db, session.id))
        return is_below and session.parent_id != other.parent_id


def _unlike(ours: bool, theirs: bool) -> bool | None:
    """Return whether only the other session has what makes a copy, None where both or none have it."""
    return None if ours == theirs else theirs
