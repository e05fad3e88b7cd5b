"""Copies under ids of their own: told by what they say, when, and by what their responses cost.

A fork of OpenCode names neither its parent nor its originals (see sessiondb.importers.fresh_ids). Two sessions of one
agent come from each other where both have a response of the same model that was begun and completed in the same
milliseconds, says and calls the same, and took as many tokens. That two sessions begin alike does not make them one:
each has been answered at its own time.

Once that is known, each message is a copy that says the same, by the same one, at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sessiondb.dao.forks.chain import Line
from sessiondb.storage.connection import Connection

_CALLS = "(SELECT group_concat(call_id) FROM tool_calls WHERE message_id = {}.id)"
_SAME = f"""
{{0}}.created_at = {{1}}.created_at AND {{0}}.role = {{1}}.role AND {{0}}.content IS {{1}}.content
AND {_CALLS.format("{0}")} IS {_CALLS.format("{1}")}
"""
# One response decides: the same words may be said twice, but no two answers take the same milliseconds and tokens.
_RELATIVES = f"""
SELECT DISTINCT t.session_id FROM token_counts AS o
JOIN messages AS own ON own.id = o.message_id
JOIN token_counts AS t ON t.counted_at = o.counted_at AND t.session_id <> o.session_id
JOIN messages AS their ON their.id = t.message_id
WHERE o.session_id = :session AND o.output > 0
  AND (t.model_id, t.input, t.cache_read, t.cache_write, t.output, t.reasoning)
    IS (o.model_id, o.input, o.cache_read, o.cache_write, o.output, o.reasoning)
  AND own.external_id <> their.external_id AND {_SAME.format("own", "their")}
  AND (SELECT agent FROM sessions WHERE id = t.session_id) = (SELECT agent FROM sessions WHERE id = :session)
ORDER BY t.session_id
"""
_LINES = f"""
SELECT id, session_id, seq, created_at, 0, external_id, role, content, {_CALLS.format("messages")} FROM messages
WHERE session_id = ? AND role <> 'tool' AND external_id IS NOT NULL AND created_at IS NOT NULL ORDER BY seq
"""
# What is typed costs no tokens: the same words, by the same one, at the same time.
_PROMPT_TWINS = """
SELECT o.external_id, t.id, t.session_id, t.seq, t.created_at, 0, t.external_id FROM messages AS o
JOIN messages AS t
  ON t.session_id = :other AND t.created_at = o.created_at AND t.role = o.role AND t.content IS o.content
WHERE o.session_id = :session AND o.role IN ('user', 'system') AND o.external_id IS NOT NULL
  AND t.external_id IS NOT NULL
GROUP BY o.id ORDER BY o.seq
"""

_Said = tuple[str, str | None, str | None, str | None]
"""By whom something is said and when, the text, and the ids of the calls that it asks for."""


def relatives(connection: Connection, session_id: str, but: Collection[str]) -> list[str]:
    """Return the sessions that share a response with one, under other ids; without those in `but`."""
    return [id for id in connection.column(_RELATIVES, {"session": session_id}) if id not in but]


def twins(connection: Connection, session_id: str, other: str) -> list[tuple[str, Line]]:
    """Return the ids of messages of a session that another one has too, in order; each is the like of one."""
    found: list[tuple[str, Line]] = []
    theirs = _by_words(_lines(connection, other))
    for said, own in _lines(connection, session_id):
        waiting = theirs.get(said, [])
        like = next((one for one in waiting if one.external_id != own.external_id), None)
        if like is not None:
            waiting.remove(like)
            found.append((own.external_id or "", like))
    return found


def prompt_twins(connection: Connection, session_id: str, other: str) -> list[tuple[str, Line]]:
    """Return the prompts of a session that one with which it shares answers has too, under other ids.

    Some releases of an agent give each line of a resumed copy a fresh id.
    """
    found = connection.rows(_PROMPT_TWINS, {"session": session_id, "other": other})
    return [(own, Line(*like)) for own, *like in found]


def _lines(connection: Connection, session_id: str) -> list[tuple[_Said, Line]]:
    rows = connection.rows(_LINES, (session_id,))
    return [((role, line[3], content, calls), Line(*line)) for *line, role, content, calls in rows]


def _by_words(lines: Iterable[tuple[_Said, Line]]) -> dict[_Said, list[Line]]:
    found: dict[_Said, list[Line]] = {}
    for said, line in lines:
        found.setdefault(said, []).append(line)
    return found
