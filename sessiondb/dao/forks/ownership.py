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
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sessiondb.dao.forks import renamed
from sessiondb.dao.forks.anew import MAY_NAME_NONE, lines_anew
from sessiondb.dao.forks.chain import AWAITED, FORKED_AT, FORKED_FROM, PLACED, Line, link_fork
from sessiondb.dao.forks.originals import Copy, Descent, Originals
from sessiondb.dao.forks.transfer import Transfer
from sessiondb.dao.values import sound
from sessiondb.storage.connection import Connection, Row

_HOLDER = """
SELECT id, session_id, seq, created_at FROM messages
WHERE external_id = :external_id AND session_id <> :session ORDER BY id LIMIT 1
"""
_ANSWERS = """
SELECT t.call_id, a.id, a.session_id, a.seq, a.created_at
FROM tool_calls AS t JOIN messages AS a ON a.id = t.result_message_id
WHERE t.message_id IN (SELECT value FROM json_each(?)) AND t.call_id IS NOT NULL ORDER BY t.id
"""
_SET_PLACE = f"UPDATE sessions SET metadata = {PLACED} WHERE id = :id"
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
_KEY = f"SELECT request_key FROM token_counts WHERE {_OF_MESSAGE} AND request_key IS NOT NULL"
_SET_ID = "UPDATE messages SET external_id = :own WHERE external_id = :old AND session_id = :session"
_FORKED_AT = f"""
SELECT id, {FORKED_AT} FROM sessions
WHERE (parent_id = :session OR {AWAITED} = :session) AND {FORKED_AT} IN (SELECT value FROM json_each(:moved))
"""
_SET_KEY = f"UPDATE OR IGNORE token_counts SET request_key = :key WHERE {_OF_MESSAGE}"
# The original's own words of a response, unless its log was cut off while that was being told.
_SET_COUNT = f"""
UPDATE token_counts SET {{assignments}} WHERE {_OF_MESSAGE} AND coalesce(output, 0) <= coalesce(:output, 0)
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
_PLACE = ("session_id", "request_key", "message_id")


class Related(NamedTuple):
    """A session that shares messages with others.

    `late` are external ids of messages that it holds although another session does too. `children` are sessions that
    its log names as its sub-agents' and that had a parent before. `counts` are the
    counts that its log has of copies, by their ids: columns of `token_counts`. `is_new`: it was not stored before its
    log was read. `has_gaps`: its messages are numbered as if it held the copies too. `renames`: its agent gives copies
    fresh ids; `unsettled` are sessions that come after it, and are compared with it then. `shares_ids`: its
    agent gives copies the ids of their originals. `went_on_from`: the seq of
    its last message before its log was read, where it ended with what it shares (see Ownership.went_on), else 0.
    """

    id: str
    copies: Sequence[Copy]
    late: Sequence[str]
    children: Sequence[str]
    counts: Sequence[tuple[str, dict[str, Any]]]
    is_new: bool
    has_gaps: bool
    renames: bool
    unsettled: Collection[str]
    shares_ids: bool
    went_on_from: int


class Ownership:
    """Settles who holds what, inside one transaction of the caller; all rows must be written."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._originals = Originals(connection)
        self._transfer = Transfer(connection)

    def shared(self, session_id: str, external_ids: Iterable[str]) -> list[str]:
        """Return those ids of messages that another session holds too."""
        found = self._db.rows(
            "SELECT value FROM json_each(:ids) WHERE EXISTS"
            " (SELECT 1 FROM messages WHERE external_id = value AND session_id <> :session)",
            {"ids": json.dumps(list(external_ids)), "session": session_id},
        )
        return [row[0] for row in found]

    def may_have_gone_on(self, session_id: str) -> bool:
        """Say whether a session shares lines with another one, where no log says whose they are."""
        return self._db.row(f"{_COMMON} LIMIT 1", {"session": session_id}) is not None

    def went_on(self, session_id: str, last: int) -> bool:
        """Say whether a session has gone on after a seq, where it had ended with what another one shares.

        That may tell who of the two is the original, where no log says it.
        """
        return self._db.row(_WENT_ON, {"session": session_id, "last": last}) is not None

    def resolve(self, related: Related) -> tuple[set[str], int]:
        """Give each message that a session shares with others to one of them.

        Return the sessions that changed, and how many messages were dropped that others hold.
        """
        changed: set[str] = set()
        # Four ways in which two sessions come to hold the same, in the order in which they are undone:
        #     twins    the same words under two ids: some releases give each line of a resumed copy a fresh one, and
        #              some agents each message of a fork
        #     late     the same id in both, stored twice, as the copy came after lines of its own
        #     copies   the same id, left out on its way in
        #     lines    all of these, as the messages that the others hold: these may change hands
        keys: dict[str, str] = {}
        twins = self._drop_twins(related, keys)
        late = [copy for copy, _ in twins]
        for external_id in related.late:
            row = self._holder(related.id, external_id)
            if row is not None:
                dropped = self._transfer.drop_copy(related.id, external_id, row[1], row[0])
                late += [Copy(seq, *names) for seq, names in dropped]
                changed.add(related.id)
        lines = self._lines(related.id, sorted([*late, *related.copies], key=lambda copy: copy.after))
        if related.went_on_from and not self.went_on(related.id, related.went_on_from):
            related = related._replace(went_on_from=0)
        if lines or related.went_on_from:
            own_ids = {copy.external_id: own_id for copy, own_id in twins if copy.external_id is not None}
            changed |= self._resolve(related, lines, own_ids)
            self._rename(related.id, own_ids, keys)
        if late or related.has_gaps or not related.is_new:
            self._transfer.tidy(related.id)
        return changed, len(late)

    def _holder(self, session_id: str, external_id: str | None) -> Row | None:
        """Return the message with an id that another session holds: its id, session, seq and time."""
        return self._db.row(_HOLDER, {"external_id": external_id, "session": session_id})

    def _drop_twins(self, related: Related, keys: dict[str, str]) -> list[tuple[Copy, str]]:
        """Remove what a session holds although another one says it too, under another id.

        Return the copies, named by the ids that the other one has, and the session's own ids of them; note the keys of
        its counts by these.
        """
        found: list[tuple[Copy, str]] = []
        for other, twin in self._twins(related):
            key = self._db.value(_KEY, {"session": related.id, "external_id": twin.external_id})
            if key is not None:
                keys[twin.external_id] = key
            dropped = self._transfer.drop_copy(related.id, twin.external_id, other, twin.original)
            for seq, (external_id, call_id) in dropped:
                found.append((Copy(seq, external_id and twin.original_id, call_id), twin.external_id))
        return found

    def _twins(self, related: Related) -> Iterator[tuple[str, renamed.Twin]]:
        """Yield what a session says as one does that it shares lines with, or from whose agent it has fresh ids."""
        shared = dict.fromkeys([*(copy.external_id for copy in related.copies), *related.late])
        holders = [row[1] for id in shared if (row := self._holder(related.id, id)) is not None]
        for other in dict.fromkeys(holders):
            for twin in renamed.prompt_twins(self._db, related.id, other):
                yield other, twin
        if related.renames:
            for other in renamed.relatives(self._db, related.id, related.unsettled):
                for twin in list(renamed.twins(self._db, related.id, other)):
                    yield other, twin

    def _rename(self, session_id: str, own_ids: Mapping[str, str], keys: Mapping[str, str]) -> None:
        """Let messages that have changed hands have the ids, and their counts the keys, of their new holder's log."""
        moved = {
            old: own
            for old, own in own_ids.items()
            if self._db.execute(_SET_ID, {"session": session_id, "old": old, "own": own}).rowcount
        }
        for own in moved.values() & keys.keys():
            self._db.execute(_SET_KEY, {"key": keys[own], "session": session_id, "external_id": own})
        if moved:
            names = {"session": session_id, "moved": json.dumps(list(moved))}
            for fork, old in self._db.rows(_FORKED_AT, names):
                self._db.execute(_SET_PLACE, {"id": fork, "at": moved[old]})

    def _resolve(self, related: Related, lines: list[Line], own_ids: Mapping[str, str]) -> set[str]:
        session = self._originals.descent(related.id)
        ends = _ends(lines)
        # The same copies as at the last import: it was decided then, and the files have not changed that.
        is_known = not (related.is_new or related.went_on_from)
        if is_known and session.forked_at == max(ends.values(), key=lines.index).external_id:
            return set()
        if related.shares_ids and not related.is_new:
            lines = lines_anew(self._db, session.id, lines)
            session, ends = self._originals.descent(session.id), _ends(lines)
        others = {holder: self._originals.descent(holder) for holder in ends}
        # Copies that only their words tell were looked for in those that it comes from.
        is_told = related.shares_ids or related.renames
        above = set[str]() if is_told else self._originals.above(session.id)
        # Who holds lines that are this session's by the rules has copied them, and gives them back (`copiers`); what
        # the others hold stays with them, and this session is a fork of the one that has its last copy.
        copiers = {
            holder: end
            for holder, end in ends.items()
            if holder not in above
            and self._originals.is_original(session, others[holder], lines, end, own_ids)
        }
        changed = set(copiers)
        kept = [line for line in ends.values() if line.holder not in copiers]
        if copiers:
            self._transfer.move([line for line in lines if line.holder in copiers], session.id)
            changed.add(session.id)
        for holder, end in copiers.items():
            self._link(others[holder], session.id, end.external_id)
            self._follow(related, others[holder], lines)
        # Only now are the calls this session's: their answers may stand in forks, and their counts may be those of a
        # copier's log, which is not believed over this one's.
        if copiers:
            self._transfer.drop_twins(session.id, awaited=True)
            for external_id, count in related.counts:
                self._set_count(session.id, external_id, count)
        if kept:
            end = max(kept, key=lines.index)
            changed |= {session.id} if self._link(session, end.holder, end.external_id) else set()
        elif session.parent_id in copiers:
            self._link(session, None, None)
        return changed

    def _set_count(self, session_id: str, external_id: str, count: dict[str, Any]) -> None:
        """Let the count of a message that is the session's own now say what its log says."""
        names = {**count, "session": session_id, "external_id": external_id}
        self._db.execute(_SET_KEY, names | {"key": count["request_key"]})
        assignments = ", ".join(f"{name} = :{name}" for name in count if name not in _PLACE)
        self._db.execute(_SET_COUNT.format(assignments=assignments), names)

    def _follow(self, related: Related, source: Descent, lines: list[Line]) -> None:
        """Take over those forks and sub-agents of a session that hang on what it gave away."""
        # They forked from the copier at a line that it had copied: by that they are forks of the original.
        moved = [
            line.external_id for line in lines if line.holder == source.id and line.external_id is not None
        ]
        names: dict[str, Any] = {"from": source.id, "to": related.id}
        self._db.execute(_FOLLOW, names | {"moved": json.dumps(moved)})
        self._db.execute(_FOLLOW_CHILDREN, names | {"children": json.dumps(list(related.children))})

    def _link(self, session: Descent, parent: str | None, at: str | None) -> bool:
        """Note where a session forked, unless its log says so or has another parent; say whether that is new."""
        if (parent, at) == (session.parent_id, session.forked_at):
            return False
        is_fork = session.relation == "fork" and session.forked_from is None
        if is_fork and parent is not None and session.awaited == parent and session.forked_at is None:
            # It has just come, and is linked at the end of the import.
            self._db.execute(_SET_PLACE, {"id": session.id, "at": at})
            return True
        # A parent that a log names is true even where the messages say less; only the place may be added.
        is_named = is_fork and session.parent_id == parent and session.awaited is None
        if not session.may_be_linked and not (is_named and parent):
            return False
        # Never a circle: views and searches walk up the parents.
        if parent is not None and session.id in self._originals.above(parent):
            return False
        link_fork(self._db, session.id, parent, at)
        return True

    def _lines(self, session_id: str, copies: Iterable[Copy]) -> list[Line]:
        """Return the messages that copies are copies of; an answer is that of a call among them."""
        held: list[tuple[Copy, Row | None]] = [
            (copy, self._holder(session_id, copy.external_id) if copy.external_id is not None else None)
            for copy in copies
        ]
        answers: dict[str, list[Row]] = {}
        ids = [row[0] for _, row in held if row is not None]
        for call_id, *answer in self._db.rows(_ANSWERS, (json.dumps(ids),)):
            answers.setdefault(call_id, []).append(tuple(answer))
        lines: list[Line] = []
        for copy, row in held:
            waiting = answers.get(copy.call_id or "") if copy.external_id is None else None
            place = waiting.pop(0) if waiting else row
            if place is not None:
                id, holder, seq, created_at = place
                lines.append(Line(id, holder, seq, created_at, copy.after, copy.external_id))
        return lines


def _ends(lines: Iterable[Line]) -> dict[str, Line]:
    """Return the last line of each session that holds some.

    A fork of a fork copies from several sessions. Each is judged by the last common line alone: who had that, had all
    before it.
    """
    return {line.holder: line for line in lines if line.external_id is not None}
