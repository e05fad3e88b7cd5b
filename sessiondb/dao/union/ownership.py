"""Forks: of two sessions that hold the same messages, which one was there first, and which one copied them.

A fork's log begins with copies of the lines that it goes on from. They are stored once, with the original, whichever
file is read first, so that what an import comes to depends on the files and not on their order. See
sessiondb.dao.forks.originals for how the original is told.

    A's log    1 2 3 4 5           A holds 1 to 5, and is the original of 1 to 3
    B's log    1 2 3 6 7           B holds 6 and 7: forked_at 3, parent A

A session's metadata says at which message it forked (`forked_at`, an external id). Its parent is whoever holds that
message, unless its log names the parent (`forked_from`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from sessiondb.dao.forks import renamed
from sessiondb.dao.forks.anew import MAY_NAME_NONE, lines_anew
from sessiondb.dao.forks.chain import (
    AWAITED,
    FORKED_AT,
    FORKED_FROM,
    Line,
    Originals,
    ancestors,
    link_fork,
    place_fork,
)
from sessiondb.dao.forks.originals import Descent, Pair, descent
from sessiondb.dao.forks.transfer import drop_copies, drop_twins, move, tidy
from sessiondb.dao.union.row_buffer import TOKENS, Count, RowBuffer
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import sound

if TYPE_CHECKING:
    from sessiondb.dao.union.incoming import Incoming

_HELD = """
SELECT id, session_id, seq, created_at, 0, external_id FROM messages
WHERE external_id IN (SELECT value FROM json_each(:ids)) AND session_id <> :session ORDER BY id
"""
# Forks of a session that hold on to messages which are another's now.
_FOLLOW = f"""
UPDATE sessions SET parent_id = :to WHERE parent_id = :from AND id <> :to
  AND {FORKED_AT} IN (SELECT value FROM json_each(:moved)) AND {FORKED_FROM} IS NULL
"""
_FOLLOW_CHILDREN = """
UPDATE sessions SET parent_id = :to
WHERE parent_id = :from AND relation = 'subagent' AND id IN (SELECT value FROM json_each(:children))
"""
# The count of a message, by the id that its session knows it by.
_OF_MESSAGE = (
    "message_id = (SELECT id FROM messages WHERE session_id = :session AND external_id = :external_id)"
)
_SET_ID = "UPDATE messages SET external_id = :own WHERE external_id = :old AND session_id = :session"
_FORKED_AT = f"""
SELECT id, {FORKED_AT} FROM sessions
WHERE (parent_id = :session OR {AWAITED} = :session) AND {FORKED_AT} IN (SELECT value FROM json_each(:moved))
"""
_SET_KEY = f"UPDATE OR IGNORE token_counts SET request_key = :key WHERE {_OF_MESSAGE}"
_COUNTS = f"SELECT {', '.join(TOKENS)} FROM token_counts WHERE {_OF_MESSAGE}"
_OWN_COUNTS = f"""
SELECT m.external_id, m.id, {", ".join(f"t.{name}" for name in TOKENS)} FROM messages AS m
LEFT JOIN token_counts AS t ON t.message_id = m.id
WHERE +m.session_id = :session AND m.external_id IN (SELECT value FROM json_each(:ids))
"""
_IS_FOUND = f"""
s.relation = 'fork' AND json_extract({sound("s.metadata")}, '$.forked_from') IS NULL
AND json_extract({sound("s.metadata")}, '$.forked_at') IS NOT NULL
AND s.agent IN (SELECT value FROM json_each('{json.dumps(sorted(MAY_NAME_NONE))}'))
"""
# After the last line that a session has copied, or that a fork of it has.
_COMMON = f"""
SELECT 0 AS seq FROM sessions AS s WHERE s.id = :session AND {_IS_FOUND}
UNION ALL SELECT m.seq FROM sessions AS s JOIN messages AS m
  ON m.session_id = :session AND m.external_id = json_extract(s.metadata, '$.forked_at')
WHERE s.parent_id = :session AND {_IS_FOUND}
"""
_WENT_ON = f"""
SELECT 1 FROM ({_COMMON}) AS common
WHERE EXISTS (
  SELECT 1 FROM messages AS more WHERE more.session_id = :session AND more.seq > :last AND more.role <> 'tool'
) AND NOT EXISTS (
  SELECT 1 FROM messages AS own
  WHERE own.session_id = :session AND own.seq > common.seq AND own.seq <= :last AND own.role <> 'tool'
)
"""


def may_have_gone_on(db: Connection, session_id: str) -> bool:
    """Say whether a session shares lines with another one, where no log says whose they are."""
    return db.row(f"{_COMMON} LIMIT 1", {"session": session_id}) is not None


def went_on(db: Connection, session_id: str, last: int) -> bool:
    """Say whether a session has gone on after a seq, where it had ended with what another one shares.

    That may tell who of the two is the original, where no log says it.
    """
    return db.row(_WENT_ON, {"session": session_id, "last": last}) is not None


class Ownership:
    """Settles who holds what a session shares with others, inside one transaction of the caller.

    All rows must be written. `copies` are external ids of messages that it has brought although others had them.
    `has_gone_on`: see `went_on`.
    """

    def __init__(
        self,
        connection: Connection,
        rows: RowBuffer,
        session: Incoming,
        copies: list[str],
        *,
        has_gone_on: bool,
    ) -> None:
        self._db = connection
        self._rows = rows
        self.session = session
        self._id = session.id
        self._copies = copies
        self._has_gone_on = has_gone_on
        # What its log calls messages that others hold under other ids.
        self._own_ids: dict[str, str] = {}
        # By the id of a copied message: what its log counts for it, as it may prove to be the original.
        self._counts: dict[str, Count] = {}

    def settle(self, unsettled: Collection[str], children: Iterable[str]) -> set[str]:
        """Give each message that the session shares with others to one of them; return the sessions that changed.

        `unsettled` are sessions that come after it, and are compared with it then; `children` those that its log names
        as its sub-agents' and that had a parent before.
        """
        changed: set[str] = set()
        # Ways in which two sessions come to hold the same, in the order in which they are undone:
        #     copies   the same id in both
        #     twins    the same words under two ids: some releases give each line of a resumed copy a fresh one, and
        #              some agents each message of a fork
        # What the others hold of these (`lines`) may change hands.
        held = self._held()
        lines = self._take_out(held)
        lines += self._take_out(self._twins(held.values(), unsettled))
        lines.sort(key=lambda line: line.after)
        dropped = len(lines)
        self._has_gone_on = self._has_gone_on and went_on(self._db, self._id, self.session.start_seq)
        if lines or self._has_gone_on:
            changed |= self._resolve(lines, children)
        session = self.session
        if lines or session.is_exact or not session.is_new:
            tidy(self._db, self._id)
        session.added -= dropped
        return changed

    def _held(self) -> dict[str, Line]:
        """Return what others hold of the messages that they have too; of several the first."""
        rows = self._db.rows(_HELD, {"ids": json.dumps(self._copies), "session": self._id})
        found = {line[-1]: Line(*line) for line in reversed(rows)}
        return {id: found[id] for id in self._copies if id in found}

    def _twins(self, held: Iterable[Line], unsettled: Collection[str]) -> dict[str, Line]:
        """Return what others say too, under other ids: those it shares lines with, or whose agent gives fresh ids."""
        found: dict[str, Line] = {}
        for other in dict.fromkeys(line.holder for line in held):
            found = {**dict(renamed.twins(self._db, self._id, other, only_prompts=True)), **found}
        if self.session.has_renamed:
            for other in renamed.relatives(self._db, self._id, unsettled):
                found = {**dict(renamed.twins(self._db, self._id, other)), **found}
        self._own_ids = {line.external_id or "": own_id for own_id, line in found.items()}
        return found

    def _take_out(self, originals: Originals) -> list[Line]:
        """Remove what others hold too, and note what the session's log counts for it."""
        names = {"session": self._id, "ids": json.dumps(list(originals))}
        for external_id, id, *values in self._db.rows(_OWN_COUNTS, names):
            own = self.session.counts_elsewhere.get(id) if values[0] is None else Count(values)
            if own is not None:
                self._counts[external_id] = own
        return drop_copies(self._db, self._id, originals)

    def _rename(self) -> None:
        """Let messages that have changed hands have the ids of the session's log."""
        moved = {
            old: own
            for old, own in self._own_ids.items()
            if self._db.execute(_SET_ID, {"session": self._id, "old": old, "own": own}).rowcount
        }
        if moved:
            names = {"session": self._id, "moved": json.dumps(list(moved))}
            for fork, old in self._db.rows(_FORKED_AT, names):
                place_fork(self._db, fork, moved[old])

    def _resolve(self, lines: list[Line], children: Iterable[str]) -> set[str]:
        this, ends = descent(self._db, self._id), _ends(lines)
        is_stored = not self.session.is_new
        # The same copies as at the last import: it was decided then, and the files have not changed that.
        is_known = is_stored and not self._has_gone_on
        if is_known and this.forked_at == max(ends.values(), key=lines.index).external_id:
            return set()
        if is_stored and not self.session.has_renamed:
            lines = lines_anew(self._db, self._id, lines)
            this, ends = descent(self._db, self._id), _ends(lines)
        # The fork's file was read first, and the original's comes now:
        #
        #     B's log   1 2 3 6 7      stored as B: 1 2 3 6 7
        #     A's log   1 2 3 4 5      1 2 3 are taken out again, as B holds them: stored as A: 4 5
        #     here                     by the rules they were A's: moved, A is 1 2 3 4 5, and B is 6 7, a fork of A at 3
        # Who holds lines that are this session's by the rules has copied them, and gives them back (`copiers`); what
        # the others hold stays with them, and this session is a fork of the one that has its last copy.
        others = {holder: descent(self._db, holder) for holder in ends}
        copiers = {
            holder: end
            for holder, end in ends.items()
            if Pair(self._db, this, others[holder], lines, end, self._own_ids).is_firsts()
        }
        changed = set[str]()
        if copiers:
            move(self._db, [line for line in lines if line.holder in copiers], self._id)
            for holder, end in copiers.items():
                self._link(others[holder], self._id, end.external_id)
                self._follow(holder, lines, children)
            # Only now are the calls this session's: their answers may stand in forks, and their counts may be those of
            # a copier's log, which is not believed over this one's.
            drop_twins(self._db, self._id, awaited=True)
            self._rename()
            for external_id, count in self._counts.items():
                self._set_count(external_id, count)
            self._rows.write()
            changed = {self._id, *copiers}
        kept = [line for line in ends.values() if line.holder not in copiers]
        if kept:
            end = max(kept, key=lines.index)
            changed |= {self._id} if self._link(this, end.holder, end.external_id) else set()
        elif this.parent_id in copiers:
            self._link(this, None, None)
        return changed

    def _set_count(self, external_id: str, own: Count) -> None:
        """Let the count of a message that is the session's own now say what its log says."""
        names = {"session": self._id, "external_id": external_id}
        self._db.execute(_SET_KEY, names | {"key": own.key})
        for stored in self._db.rows(_COUNTS, names):
            # Unless its log was cut off while that was being told.
            own.values[:3] = stored[:3]
            self._rows.recount(Count(list(stored)), own.with_further(list(stored)) or own.values)

    def _follow(self, source: str, lines: list[Line], children: Iterable[str]) -> None:
        """Take over those forks and sub-agents of a session that hang on what it gave away."""
        # They forked from the copier at a line that it had copied: by that they are forks of the original.
        moved = [line.external_id for line in lines if line.holder == source and line.external_id is not None]
        names: dict[str, Any] = {"from": source, "to": self._id}
        self._db.execute(_FOLLOW, names | {"moved": json.dumps(moved)})
        self._db.execute(_FOLLOW_CHILDREN, names | {"children": json.dumps(list(children))})

    def _link(self, session: Descent, parent: str | None, at: str | None) -> bool:
        """Note where a session forked, unless its log says so or has another parent; say whether that is new."""
        if (parent, at) == (session.parent_id, session.forked_at):
            return False
        is_fork = session.relation == "fork" and session.forked_from is None
        if is_fork and parent is not None and session.awaited == parent and session.forked_at is None:
            # It has just come, and is linked at the end of the import.
            place_fork(self._db, session.id, at)
            return True
        # A parent that a log names is true even where the messages say less; only the place may be added.
        is_named = is_fork and session.parent_id == parent and session.awaited is None
        if not session.may_be_linked and not (is_named and parent):
            return False
        # Never a circle: views and searches walk up the parents.
        if parent is not None and session.id in ancestors(self._db, parent):
            return False
        link_fork(self._db, session.id, parent, at)
        return True


def _ends(lines: Iterable[Line]) -> dict[str, Line]:
    """Return the last line of each session that holds some.

    A fork of a fork copies from several sessions. Each is judged by the last common line alone: who had that, had all
    before it.
    """
    return {line.holder: line for line in lines if line.external_id is not None}
