"""A stored session whose log has brought further copies: compared with the others anew, as if it came as a whole.

Logs are read while they grow, so which of two sessions is the original may have been decided on parts of them:

    A's log    1 2 | 3 4          read up to the bar, A ends where B goes on from;
    B's log    1 2 3 4 5          when 3 and 4 come, they are B's by then

What had been decided is undone first: what others copied from the session goes to them, as if it were removed (see
handover.py), and what it copied itself is looked up with them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence

from sessiondb.dao.forks.chain import FORKED_FROM, Line, lines_of, link_fork, segments
from sessiondb.dao.forks.handover import Handover
from sessiondb.dao.forks.transfer import drop_twins, tidy
from sessiondb.storage.connection import Connection

_PLACE = "SELECT session_id, seq FROM messages WHERE id = ?"
_ROWS = "SELECT id, seq FROM messages WHERE session_id = ? ORDER BY seq"
_LINKS = f"""
SELECT id, agent, parent_id, relation, metadata, {FORKED_FROM} FROM sessions
WHERE id IN (SELECT value FROM json_each(?))
"""
_RESTORE = "UPDATE sessions SET parent_id = ?, relation = ?, metadata = ? WHERE id = ?"
MAY_NAME_NONE = frozenset(("claude-code",))
"""Agents whose logs need not say what a session was forked from: a link may come from the messages alone."""


def lines_anew(connection: Connection, session_id: str, lines: Sequence[Line]) -> list[Line]:
    """Undo what was decided on a stored session, inside the caller's transaction.

    Return all lines of its log that others hold by now, in order; `lines` are those that have come.
    """
    handover = Handover(connection, {session_id})
    # Answers that have come to its calls: its forks must not have them twice.
    drop_twins(connection, session_id)
    ids = [session_id, *handover.heirs([session_id])]
    links = connection.rows(_LINKS, (json.dumps(ids),))
    before = connection.rows(_ROWS, (session_id,))
    # As if it were removed: its forks take back what their logs hold of it, and what it has left is its own.
    handover.run([session_id])
    for id in ids:
        tidy(connection, id)
    # Places in its log were counted with the lines that it held then: they are counted anew among those left.
    left = {row[0] for row in connection.rows(_ROWS, (session_id,))}
    seqs = [seq for id, seq in before if id in left]
    found = [line for segment in segments(connection, session_id) for line in lines_of(connection, segment)]
    known = {line.id for line in found}
    for line in lines:
        if line.id not in known:
            holder, seq = connection.row(_PLACE, (line.id,)) or (line.holder, line.seq)
            found.append(line._replace(holder=holder, seq=seq, after=bisect_right(seqs, line.after)))
    # They come from where their logs say, and this one from nowhere where its log does not say it.
    for id, agent, parent, relation, metadata, forked_from in links:
        may_be_found = relation in (None, "fork") and forked_from is None and agent in MAY_NAME_NONE
        if not may_be_found:
            connection.execute(_RESTORE, (parent, relation, metadata, id))
        elif id == session_id:
            link_fork(connection, id, None, None)
    return found
