"""Hand messages over from one session to another, with their tool calls and token counts.

All inside one transaction of the caller; all rows must be written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from heapq import merge as merged
from operator import itemgetter

from sessiondb.dao import titles
from sessiondb.dao.counters import recount
from sessiondb.dao.forks.chain import AWAITED, Line, Originals
from sessiondb.importers.base import INHERITING
from sessiondb.storage.connection import Connection

_MODEL = """
UPDATE sessions SET model_id = (
  SELECT model_id FROM messages WHERE session_id = :id AND model_id IS NOT NULL ORDER BY seq DESC LIMIT 1
) WHERE id = :id AND model_id IS NULL
"""
_IDS = "(SELECT value FROM json_each(:ids))"
# A call whose answer stays behind: what the answer says, and where it is.
_LEFT_ANSWERS = f"""
SELECT id, session_id, call_id, result_message_id, result, is_error, returned_at FROM tool_calls
WHERE message_id IN {_IDS} AND result_message_id IS NOT NULL AND result_message_id NOT IN {_IDS}
"""
_ADD_ANSWER = """
INSERT INTO tool_calls (session_id, call_id, result_message_id, result, is_error, returned_at) VALUES (?, ?, ?, ?, ?, ?)
"""
_LONE_ANSWERS = f"""
SELECT t.id, a.id, a.result, a.is_error, a.returned_at, a.result_message_id
FROM tool_calls AS t JOIN tool_calls AS a ON a.session_id = :target AND a.call_id = t.call_id AND a.message_id IS NULL
WHERE t.message_id IN {_IDS} AND t.result_message_id IS NULL
GROUP BY t.call_id
"""
# An answer without its call stands in a fork, and its equal with its call in the session that the fork comes from.
# Agents that copy a parent's conversation, for sub-agents too, give the copies times of their own.
_INHERITING = f"(SELECT value FROM json_each('{json.dumps(INHERITING)}'))"
_HAS_COPIES = f"(s.relation = 'fork' OR s.relation = 'subagent' AND s.agent IN {_INHERITING})"
_TWINS = f"""
WITH RECURSIVE below (id, agent) AS (
  SELECT s.id, s.agent FROM sessions AS s WHERE {_HAS_COPIES} AND {{}}
  UNION SELECT s.id, s.agent FROM sessions AS s JOIN below AS b ON s.parent_id = b.id WHERE {_HAS_COPIES}
)
SELECT DISTINCT below.id, a.id, a.result_message_id
FROM below JOIN tool_calls AS a ON a.session_id = below.id AND a.message_id IS NULL
JOIN tool_calls AS t ON t.session_id = :id AND t.call_id = a.call_id
WHERE t.result_message_id IS NOT NULL AND t.message_id IS NOT NULL
  AND t.result IS a.result
  AND (t.returned_at IS a.returned_at OR below.agent IN {_INHERITING})
"""
_OF_SESSION = "s.parent_id = :id"
_OF_SESSION_OR_AWAITED = f"(s.parent_id = :id OR {AWAITED} = :id)"
_WITHOUT_ANSWER = "result = NULL, is_error = NULL, returned_at = NULL, result_message_id = NULL"
_WITHOUT_QUESTION = "message_id = NULL, position = 0, name = NULL, arguments = NULL, called_at = NULL"
# By the ids (hence the +): what has come may be few lines of a long session.
_BY_EXTERNAL_ID = f"""
SELECT id, seq, external_id FROM messages WHERE +session_id = :session AND external_id IN {_IDS} ORDER BY seq
"""
_CALLS = f"""
SELECT t.id, t.message_id, t.call_id, a.id, a.seq FROM tool_calls AS t
LEFT JOIN messages AS a ON a.id = t.result_message_id WHERE t.message_id IN {_IDS} ORDER BY t.id
"""
_ANSWERS = f"""
SELECT t.message_id, t.call_id, a.id, a.session_id, a.seq, a.created_at, 0, NULL
FROM tool_calls AS t JOIN messages AS a ON a.id = t.result_message_id WHERE t.message_id IN {_IDS} ORDER BY t.id
"""
_COUNTS = f"SELECT id, request_key, message_id FROM token_counts WHERE message_id IN {_IDS} AND +session_id = :session"
_SAME_COUNT = """
SELECT 1 FROM token_counts WHERE session_id <> :session AND (request_key = :key OR message_id = :message) LIMIT 1
"""


def move(db: Connection, lines: Sequence[Line], target: str) -> None:
    """Give messages of other sessions to one, at the places that they have in its log."""
    ids = [line.id for line in lines]
    # Answers that stay, messages that go, calls and counts that follow, answers that wait there: in this
    # order, for each step finds its rows by the session that they are in.
    _leave_answers(db, ids)
    order = _order(db, lines, target)
    names = {"ids": json.dumps(ids), "target": target}
    places = {id: seq for seq, id in enumerate(order, start=1)}
    # Negative until the others have made room: see `renumber`.
    db.executemany(
        "UPDATE messages SET session_id = ?, seq = ? WHERE id = ?", [(target, -places[id], id) for id in ids]
    )
    db.execute(f"UPDATE tool_calls SET session_id = :target WHERE message_id IN {_IDS}", names)
    # Where the target has counted the same request already, one count stays: a key is unique in its session.
    db.execute(f"UPDATE OR REPLACE token_counts SET session_id = :target WHERE message_id IN {_IDS}", names)
    _join_answers(db, ids, target)
    _number(db, target, order)
    for session_id in (target, *dict.fromkeys(line.holder for line in lines)):
        tidy(db, session_id)


def drop_twins(db: Connection, session_id: str, *, awaited: bool = False) -> set[str]:
    """Remove answers from a session's forks whose calls, and whose equals, are the session's; return the forks.

    `awaited`: some may be linked to it at the end of the import only.
    """
    found = db.rows(_TWINS.format(_OF_SESSION_OR_AWAITED if awaited else _OF_SESSION), {"id": session_id})
    for _, call, answer in found:
        db.execute("DELETE FROM tool_calls WHERE id = ?", (call,))
        db.execute("DELETE FROM messages WHERE id = ?", (answer,))
    forks = {fork for fork, _, _ in found}
    for fork in forks:
        tidy(db, fork)
    return forks


def drop_copies(db: Connection, session_id: str, originals: Originals) -> list[Line]:
    """Remove messages that other sessions hold too, with their calls and their answers.

    Return what the others hold of them, with the places where they stood. An answer that the other session does not
    have stays.
    """
    found = db.rows(_BY_EXTERNAL_ID, {"session": session_id, "ids": json.dumps(list(originals))})
    like = {id: originals[external_id]._replace(after=seq) for id, seq, external_id in found}
    lines = list(like.values())
    answers: dict[tuple[int, str | None], list[Line]] = {}
    for asked_by, call_id, *answer in db.rows(_ANSWERS, {"ids": json.dumps([line.id for line in lines])}):
        answers.setdefault((asked_by, call_id), []).append(Line(*answer))
    gone, alone, messages = [], [], [(id,) for id in like]
    for call, asked_by, call_id, answer, seq in db.rows(_CALLS, {"ids": json.dumps(list(like))}):
        theirs = answers.get((like[asked_by].id, call_id))
        # Only this session has the answer: it stays, as one whose call is elsewhere.
        if answer is not None and theirs is None:
            alone.append((call,))
            continue
        gone.append((call,))
        if answer is not None:
            messages.append((answer,))
            lines += [theirs.pop(0)._replace(after=seq)] if theirs else []
    db.executemany(f"UPDATE tool_calls SET {_WITHOUT_QUESTION} WHERE id = ?", alone)
    db.executemany("DELETE FROM tool_calls WHERE id = ?", gone)
    # Before the messages go: a count without its message would be nobody's.
    for id, key, message in db.rows(_COUNTS, {"session": session_id, "ids": json.dumps(list(like))}):
        _leave_count(db, id, key, session_id, like[message])
    db.executemany("DELETE FROM messages WHERE id = ?", messages)
    return sorted(lines, key=lambda line: line.after)


def interleave(db: Connection, session_id: str, first: int) -> None:
    """Merge two parts of a session, up to the seq `first` and after it, by time; each keeps its own order."""
    rows = db.rows(
        "SELECT id, seq, created_at FROM messages WHERE session_id = ? ORDER BY seq", (session_id,)
    )
    parts: tuple[list[tuple[str, int, int]], list[tuple[str, int, int]]] = ([], [])
    for id, seq, created_at in rows:
        part = parts[seq > first]
        # A part keeps its own order, whatever its clocks say: a message counts as no earlier than the one
        # before it.
        part.append((max(created_at or "", part[-1][0] if part else ""), len(part), id))
    order = [id for _, _, id in merged(*parts, key=itemgetter(0))]
    if order != [row[0] for row in rows]:
        _number(db, session_id, order)
        tidy(db, session_id)


def tidy(db: Connection, session_id: str) -> None:
    """Make a session true again whose messages have changed: without gaps, with its own title and counts."""
    _number(db, session_id, message_ids(db, session_id))
    recount(db, session_id)
    db.execute(_MODEL, {"id": session_id})
    titles.renew(db, [session_id])


def message_ids(db: Connection, session_id: str) -> list[int]:
    """Return the ids of a session's messages in order."""
    return db.column("SELECT id FROM messages WHERE session_id = ? ORDER BY seq", (session_id,))


def renumber(db: Connection, session_id: str, order: Sequence[int]) -> None:
    """Number a session's messages from 1 on, in an order of their ids."""
    # By way of negative numbers: two messages never have the same one.
    db.executemany(
        "UPDATE messages SET seq = ? WHERE id = ? AND seq <> ?",
        [(-seq, id, seq) for seq, id in enumerate(order, start=1)],
    )
    db.execute("UPDATE messages SET seq = -seq WHERE session_id = ? AND seq < 0", (session_id,))


def _number(db: Connection, session_id: str, order: Sequence[int]) -> None:
    """Renumber a session's messages, and let those that are consolidated end where they ended."""
    last = db.value(
        "SELECT m.id FROM messages AS m JOIN sessions AS s ON s.id = m.session_id"
        " WHERE s.id = ? AND m.seq <= s.consolidated ORDER BY m.seq DESC LIMIT 1",
        (session_id,),
    )
    renumber(db, session_id, order)
    db.execute(
        "UPDATE sessions SET consolidated = coalesce((SELECT seq FROM messages WHERE id = :last), 0)"
        " WHERE id = :id AND consolidated > 0",
        {"last": last, "id": session_id},
    )


def _order(db: Connection, lines: Iterable[Line], target: str) -> list[int]:
    """Return the ids of a session's messages with those that it takes, in the order of its log."""
    own = db.rows("SELECT seq, id FROM messages WHERE session_id = ? ORDER BY seq", (target,))
    placed = [((seq, 0, 0), id) for seq, id in own]
    placed += [((line.after, 1, number), line.id) for number, line in enumerate(lines)]
    return [id for _, id in sorted(placed)]


def _leave_answers(db: Connection, ids: list[int]) -> None:
    """Let answers that do not go with their calls be answers to calls that are not known."""
    for id, *answer in db.rows(_LEFT_ANSWERS, {"ids": json.dumps(ids)}):
        db.execute(f"UPDATE tool_calls SET {_WITHOUT_ANSWER} WHERE id = ?", (id,))
        db.execute(_ADD_ANSWER, answer)


def _join_answers(db: Connection, ids: list[int], target: str) -> None:
    """Give calls without an answer those that the target has had without their calls."""
    for call, alone, *answer in db.rows(_LONE_ANSWERS, {"ids": json.dumps(ids), "target": target}):
        db.execute("DELETE FROM tool_calls WHERE id = ?", (alone,))
        db.execute(
            "UPDATE tool_calls SET result = ?, is_error = ?, returned_at = ?, result_message_id = ? WHERE id = ?",
            (*answer, call),
        )


def _leave_count(db: Connection, id: int, key: str | None, session_id: str, original: Line) -> None:
    """Remove the count of a message that is to go, or give it to the one that stays, if that has none."""
    if db.row(_SAME_COUNT, {"session": session_id, "key": key, "message": original.id}):
        db.execute("DELETE FROM token_counts WHERE id = ?", (id,))
    else:
        db.execute(
            "UPDATE token_counts SET session_id = ?, message_id = ? WHERE id = ?",
            (original.holder, original.id, id),
        )
